"""Comparisons of two numbers, whether a number is even, and which number comes before or after it."""
from lessons.base import question
from lessons.calculations import about

BIGGER = [
    "Which is bigger, {a} or {b}?", "Which is larger, {a} or {b}?", "Which is greater, {a} or {b}?",
    "What is more, {a} or {b}?", "Which number is bigger, {a} or {b}?", "What's bigger: {a} or {b}?",
    "what is bigger {a} or {b}", "bigger: {a} or {b}?", "Which number is larger: {a} or {b}?",
    "Which of {a} and {b} is bigger?", "Which of the numbers {a} and {b} is greater?",
    "Tell me the bigger number: {a} or {b}.", "Name the larger of {a} and {b}.", "Is {a} or {b} bigger?",
    "Is {a} or {b} more?", "Compare {a} and {b}.", "{a} or {b}, which is bigger?", "{a} or {b}: which one is more?",
    "The bigger one of {a} and {b}?", "Which is the higher number, {a} or {b}?",
    "Do you know which is bigger, {a} or {b}?", "which one is larger {a} or {b}",
    "Can you tell me which is more, {a} or {b}?", "I have {a} and {b}. Which is bigger?",
    "Give me the greater of {a} and {b}.", "What is the maximum of {a} and {b}?", "Which would be more, {a} or {b}?",
    "Compare the numbers {a} and {b}.",
]
SMALLER = [
    "Which is smaller, {a} or {b}?", "Which is less, {a} or {b}?", "What is less, {a} or {b}?",
    "Is {a} or {b} smaller?", "Which number is smaller, {a} or {b}?", "What's smaller: {a} or {b}?",
    "what is smaller {a} or {b}", "Which of {a} and {b} is smaller?", "Name the smaller of {a} and {b}.",
    "Which number is lower, {a} or {b}?", "Tell me the smaller number: {a} or {b}.", "{a} or {b}, which is smaller?",
    "The smaller one of {a} and {b}?", "Which is the lower number, {a} or {b}?",
    "Do you know which is smaller, {a} or {b}?", "Is {a} or {b} less?", "I have {a} and {b}. Which is smaller?",
    "What is the minimum of {a} and {b}?", "Give me the lesser of {a} and {b}.", "Which one is smaller: {a} or {b}?",
]
IS_MORE = [
    "Is {a} bigger than {b}?", "Is {a} more than {b}?", "Is {a} greater than {b}?", "Is {a} larger than {b}?",
    "{a} > {b}?", "Is {a} > {b}?", "Is the number {a} bigger than {b}?", "Would you say {a} is more than {b}?",
    "Is {a} above {b}?", "Is it true that {a} is more than {b}?", "{a} is bigger than {b}, right?",
    "Does {a} exceed {b}?", "Is {a} higher than {b}?", "is {a} bigger then {b}", "Tell me if {a} is bigger than {b}.",
    "Can you tell me if {a} is more than {b}?", "I think {a} is more than {b}. Is that right?",
]
IS_LESS = [
    "Is {a} less than {b}?", "Is {a} smaller than {b}?", "Is {a} < {b}?", "{a} < {b}?", "Is {a} lower than {b}?",
    "Is the number {a} smaller than {b}?", "Is {a} below {b}?", "Is {a} under {b}?",
    "Is it true that {a} is less than {b}?", "{a} is smaller than {b}, right?", "Tell me if {a} is less than {b}.",
    "is {a} smaller then {b}", "Is {a} fewer than {b}?", "Would you say {a} is less than {b}?",
    "I think {a} is less than {b}. Is that right?",
]
IS_EQUAL = [
    "Is {a} equal to {b}?", "Are {a} and {b} equal?", "Is {a} the same as {b}?", "Are {a} and {b} the same?",
    "Is {a} = {b}?", "Are {a} and {b} the same number?", "Does {a} equal {b}?", "{a} = {b}?",
]
EVEN_OR_ODD = [
    "Is {a} even or odd?", "Is {a} odd or even?", "Is the number {a} even or odd?", "{a}: even or odd?",
    "even or odd: {a}", "Tell me if {a} is even or odd.", "Is {a} an even or an odd number?",
    "Do you know if {a} is odd or even?", "What kind of number is {a}, even or odd?", "Would you call {a} even or odd?",
    "Say if {a} is even or odd.", "I want to know if {a} is even or odd.",
    "Can you tell me whether {a} is even or odd?", "{a} even or odd",
]
IS_EVEN = [
    "Is {a} even?", "Is {a} an even number?", "Is the number {a} even?", "{a} is even, right?",
    "Is it true that {a} is even?", "Can {a} be divided by 2?", "Is {a} divisible by 2?", "Tell me if {a} is even.",
    "Would you call {a} even?",
]
IS_ODD = [
    "Is {a} odd?", "Is {a} an odd number?", "Is the number {a} odd?", "{a} is odd, right?",
    "Is it true that {a} is odd?", "Tell me if {a} is odd.", "Would you call {a} odd?",
]
AFTER = [
    "What number comes after {a}?", "What comes after {a}?", "Which number comes after {a}?",
    "What is the number after {a}?", "What's the next number after {a}?", "Which number is next after {a}?",
    "Which number follows {a}?", "What follows {a}?", "number after {a}", "The number after {a}?",
    "Tell me the number after {a}.", "Name the number that comes after {a}.", "Name the number right after {a}.",
    "When I count, what comes after {a}?", "What do I say after {a} when I count?",
    "Which number comes directly after {a}?", "what number is after {a}", "What is the successor of {a}?",
    "I counted to {a}. What comes next?", "{a} and then?",
]
BEFORE = [
    "What number comes before {a}?", "What comes before {a}?", "Which number comes before {a}?",
    "Which number is before {a}?", "What is the number before {a}?", "number before {a}", "The number before {a}?",
    "Tell me the number before {a}.", "Name the number that comes before {a}.", "Name the number right before {a}.",
    "When I count, what comes before {a}?", "Which number comes directly before {a}?", "what number is before {a}",
    "What is the predecessor of {a}?", "Which number is just before {a}?",
]
BETWEEN = [
    "What number is between {a} and {b}?", "Which number is between {a} and {b}?", "What is between {a} and {b}?",
    "What comes between {a} and {b}?", "Which number lies between {a} and {b}?", "number between {a} and {b}",
    "Tell me the number between {a} and {b}.", "Name the number between {a} and {b}.",
    "The number between {a} and {b}?", "What is the number between {a} and {b}?",
    "Which whole number is between {a} and {b}?", "What stands between {a} and {b}?",
    "What number is in the middle of {a} and {b}?",
]


def any_number(rng):
    return rng.randint(0, rng.choice([20, 99, 99, 99, 99, 999, 999, 9999]))


def two_numbers(rng):
    """Two numbers that differ; often they are near to each other or have the same digits."""
    a, draw = any_number(rng), rng.random()
    if draw < 0.2:
        b = abs(a + rng.choice([-10, -2, -1, 1, 2, 10]))
    elif draw < 0.3:
        b = int(str(a)[::-1])
    else:
        b = any_number(rng)
    return (a, b) if a != b else (a, a + 3)


def compared(rng, name, templates, answer, a, b=None):
    template = rng.choice(templates)
    values = f"{a}" if b is None else f"{a} {b}"
    return question("comparison", template.format(a=a, b=b), answer, "phrasing " + template, f"{name} {values}")


def bigger(rng, a, b):
    answer = f"{a} and {b} are equal." if a == b else f"{max(a, b)} is bigger than {min(a, b)}."
    return about(compared(rng, "bigger", BIGGER, answer, a, b), "comparison", a, b)


def smaller(rng, a, b):
    answer = f"{a} and {b} are equal." if a == b else f"{min(a, b)} is smaller than {max(a, b)}."
    return about(compared(rng, "smaller", SMALLER, answer, a, b), "comparison", a, b)


def yes_or_no(rng, a, b):
    truth = "more" if a > b else "less" if a < b else "equal"
    asked, templates = rng.choices([("more", IS_MORE), ("less", IS_LESS), ("equal", IS_EQUAL)], [2, 2, 1])[0]
    fact = f"{a} and {b} are equal." if a == b else f"{a} is {truth} than {b}."
    answer = ("Yes, " if truth == asked else "No, ") + fact
    return about(compared(rng, f"is {asked}", templates, answer, a, b), "comparison", a, b)


def parity(rng):
    a = any_number(rng)
    truth = "odd" if a % 2 else "even"
    draw = rng.random()
    if draw < 0.5:
        return about(compared(rng, "parity", EVEN_OR_ODD, f"{a} is {truth}.", a), "last digit", a)
    asked, templates = ("even", IS_EVEN) if draw < 0.77 else ("odd", IS_ODD)
    answer = f"{'Yes' if asked == truth else 'No'}, {a} is {truth}."
    return about(compared(rng, f"is {asked}", templates, answer, a), "last digit", a)


def neighbour(rng):
    a, draw = any_number(rng), rng.random()
    if draw < 0.45:
        return compared(rng, "after", AFTER, f"{a + 1} comes after {a}.", a)
    if draw < 0.8:
        return compared(rng, "before", BEFORE, f"{a} comes before {a + 1}.", a + 1)
    return compared(rng, "between", BETWEEN, f"{a + 1} is between {a} and {a + 2}.", a, a + 2)


def comparison(rng):
    draw = rng.random()
    if draw < 0.22:
        return parity(rng)
    if draw < 0.45:
        return neighbour(rng)
    a, b = two_numbers(rng)
    if rng.random() < 0.03:
        b = a
    if draw < 0.63:
        return bigger(rng, a, b)
    if draw < 0.77:
        return smaller(rng, a, b)
    return yes_or_no(rng, a, b)
