"""Calculations with the four operations up to 100, squares, sums of three digits, and how people ask for them.

The answer always states the whole calculation ("47 + 38 = 85."). Every calculation that a question or an answer shows
gives its `operation_key`, so that held-out operands stay out of training wherever they occur. An exchange's attribute
`about` says what there is to think about: ("calculation", sign, a, b), ("comparison", a, b) or ("last digit", a).

    + and -   operands to 100; the result may be negative
    *         the tables to 12, and one digit (or 10) times two digits
    /         exact ones to 144 / 12 and halves to 198; with a remainder to 99 / 10
"""
from lessons.base import capitalized, operation_key, question

SKILLS = {"+": "addition", "-": "subtraction", "*": "multiplication", "/": "division"}

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

# Expressions: with signs, as they are spoken, and as noun phrases.
SIGNS = {
    "+": ["{a}+{b}", "{a} + {b}", "{a} + {b}", "{a} +{b}"],
    "-": ["{a}-{b}", "{a} - {b}", "{a} - {b}", "{a} -{b}"],
    "*": ["{a}*{b}", "{a} * {b}", "{a} * {b}", "{a}x{b}", "{a} x {b}", "{a} X {b}"],
    "/": ["{a}/{b}", "{a} / {b}", "{a} / {b}", "{a}:{b}", "{a} : {b}"],
}
SPOKEN = {
    "+": ["{a} plus {b}", "{a} plus {b}", "{a} added to {b}", "{a} and {b} together", "{a} with {b} added"],
    "-": ["{a} minus {b}", "{a} minus {b}", "{a} less {b}", "{a} take away {b}"],
    "*": ["{a} times {b}", "{a} times {b}", "{a} multiplied by {b}", "{a} multiplied with {b}"],
    "/": ["{a} divided by {b}", "{a} divided by {b}", "{a} over {b}"],
}
NOUNS = {
    "+": ["the sum of {a} and {b}", "the total of {a} and {b}", "{b} more than {a}", "the sum {a} plus {b}"],
    "-": [
        "the difference between {a} and {b}", "the difference of {a} and {b}", "the difference between {b} and {a}",
        "{b} less than {a}", "{a} without {b}", "{a} reduced by {b}", "{b} subtracted from {a}",
    ],
    "*": ["the product of {a} and {b}", "the product of {a} times {b}", "{a} lots of {b}"],
    "/": ["the quotient of {a} and {b}", "the result of {a} divided by {b}"],
}
SIGN_FRAMES = [
    "{e}", "{e}", "{e}", "{e}?", "{e} = ?", "{e} =", "{e}=", "{e}=?", "{e} = what?", "{e} = ", "Fill in: {e} = ...",
    "Complete: {e} =", "calc {e}", "? = {e}",
]
FRAMES = [
    "What is {e}?", "What is {e}?", "What is {e}?", "What's {e}?", "whats {e}", "what is {e}", "How much is {e}?",
    "How much is {e}?", "how much is {e}", "Calculate {e}.", "Calculate {e}", "Compute {e}.", "Tell me {e}.",
    "What does {e} equal?", "What does {e} make?", "{e} is?", "{e} equals?", "{e} equals what?", "{e} is what?",
    "{e} makes?", "{e}?", "{e}", "{e}, please", "What do you get for {e}?", "What is the result of {e}?",
    "Work out {e}.", "Solve {e}.", "Please calculate {e}.", "Please work out {e}.", "Can you calculate {e}?",
    "Can you work out {e} for me?", "Could you calculate {e} for me, please?", "Could you tell me what {e} is?",
    "Can you tell me how much {e} is?", "Do you know what {e} is?", "Do you know how much {e} is?",
    "I need to know what {e} is.", "I want to know how much {e} is.", "I need the result of {e}.",
    "Give me the answer to {e}.", "Evaluate {e}.", "What would {e} be?", "How much would {e} be?", "Find {e}.",
    "Do the math: {e}", "Quick: {e}?", "Help me with my homework: {e}.", "What is the answer to {e}?",
    "Tell me how much {e} is.", "Tell me what {e} is.", "I can't work out {e}.", "What number is {e}?",
    "Math question: {e}", "Maths question: {e}?", "A question about numbers: how much is {e}?",
    "What comes out for {e}?", "My teacher asks what {e} is.", "What is the value of {e}?", "Any idea what {e} is?",
    "So what is {e}?", "And what is {e}?", "Then how much is {e}?", "I have to calculate {e}.", "I forgot what {e} is.",
    "Let me know what {e} is.", "You surely know what {e} is.", "Can you do {e}?", "Do {e}.", "Try {e}.",
    "What do I get if I calculate {e}?", "What is {e} equal to?", "Say what {e} is.",
    "Explain to me how much {e} is.", "Check my homework. What is {e}?", "I wonder how much {e} is.",
]
# Whole questions.
WHOLE = {
    "+": [
        "Add {b} to {a}.", "add {b} to {a}", "Add {a} and {b}.", "add {a} and {b}", "Add up {a} and {b}.",
        "whats {a} and {b} together", "What are {a} and {b} together?", "How much are {a} and {b} together?",
        "What do {a} and {b} make?", "What do {a} and {b} add up to?", "What do you get if you add {a} and {b}?",
        "What do you get when you add {b} to {a}?", "If I add {b} to {a}, what do I get?", "Put {a} and {b} together.",
        "Can you add {a} and {b}?", "Can you add {b} to {a} for me?", "Please add {a} and {b}.", "Sum {a} and {b}.",
        "Sum up {a} and {b}.", "I have {a} and get {b} more. How much is that?", "How many are {a} and {b}?",
        "What number is {b} more than {a}?", "Increase {a} by {b}.", "What is {a} increased by {b}?",
        "I want to add {a} and {b}.", "Adding {a} and {b} gives what?", "{a} and {b} is how much?",
        "Sum of {a} and {b}?", "sum of {a} and {b}", "Start with {a} and add {b}.", "Total of {a} and {b}?",
        "Count {a} and {b} together.", "What is the sum if I add {b} to {a}?",
        "Which number do I get from {a} plus {b}?", "Could you add the numbers {a} and {b}?",
        "Do an addition: {a} and {b}.", "Let's add {a} and {b}.",
    ],
    "-": [
        "Take {b} from {a}.", "take {b} from {a}", "Subtract {b} from {a}.", "subtract {b} from {a}",
        "Take {b} away from {a}.", "Take away {b} from {a}.", "What is left if I take {b} from {a}?",
        "What remains when you subtract {b} from {a}?", "How much is left of {a} without {b}?", "Deduct {b} from {a}.",
        "What do you get if you subtract {b} from {a}?", "If I take {b} from {a}, what is left?",
        "How much more is {a} than {b}?", "By how much is {a} more than {b}?", "How much less is {b} than {a}?",
        "What number is {b} less than {a}?", "Can you subtract {b} from {a}?", "Please subtract {b} from {a}.",
        "Can you take {b} from {a} for me?", "Reduce {a} by {b}.", "Decrease {a} by {b}.", "Lower {a} by {b}.",
        "What must I add to {b} to get {a}?", "What do I have to add to {b} to get {a}?", "What plus {b} is {a}?",
        "{b} plus what is {a}?", "How much is missing from {b} to {a}?", "How far is it from {b} to {a}?",
        "Start with {a} and take away {b}.", "I have {a} and lose {b}. How much is left?", "Remove {b} from {a}.",
        "What is the difference if I take {b} from {a}?", "Subtracting {b} from {a} gives what?",
        "difference between {a} and {b}", "Difference of {a} and {b}?", "I want to subtract {b} from {a}.",
        "How many are left of {a} if {b} go away?", "Do a subtraction: {b} from {a}.", "Let's take {b} from {a}.",
    ],
    "*": [
        "Multiply {a} by {b}.", "multiply {a} by {b}", "Multiply {a} and {b}.", "Multiply {a} with {b}.",
        "What do you get if you multiply {a} by {b}?", "What do I get when I multiply {a} and {b}?",
        "Can you multiply {a} by {b}?", "Please multiply {a} by {b}.", "Could you multiply {a} and {b} for me?",
        "product of {a} and {b}", "Product of {a} and {b}?", "If I multiply {a} by {b}, what do I get?",
        "How many are {a} times {b}?", "I want to multiply {a} by {b}.", "Take {a} times {b}.",
        "What makes {a} times {b}?", "Multiplying {a} by {b} gives what?", "Take {b} {a} times.",
        "How many are {a} groups of {b}?", "What do {a} groups of {b} make?", "Do a multiplication: {a} by {b}.",
        "Let's multiply {a} and {b}.", "{a} by {b} is how much?", "From the times tables: {a} times {b}?",
        "What is {a} by {b} multiplied?",
    ],
    "/": [
        "Divide {a} by {b}.", "divide {a} by {b}", "How many times does {b} go into {a}?",
        "How often does {b} go into {a}?", "How many times does {b} fit into {a}?", "Split {a} into {b} equal parts.",
        "Divide {a} into {b} equal parts.", "What do you get if you divide {a} by {b}?", "Can you divide {a} by {b}?",
        "Please divide {a} by {b}.", "Could you divide {a} by {b} for me?", "If I divide {a} by {b}, what do I get?",
        "Share {a} among {b}.", "quotient of {a} and {b}", "What times {b} is {a}?", "{b} times what is {a}?",
        "I want to divide {a} by {b}.", "Dividing {a} by {b} gives what?",
        "How much is each part if I split {a} into {b} equal parts?", "Do a division: {a} by {b}.",
        "Let's divide {a} by {b}.", "How often is {b} in {a}?", "Split {a} by {b}.",
    ],
}
# What can be said of a subtraction below zero too.
WHOLE_BELOW_ZERO = WHOLE["-"][:6]

NAMED_FACTORS = {
    2: ["double {b}", "twice {b}", "the double of {b}", "two times {b}", "{b} doubled", "twice the number {b}"],
    3: ["triple {b}", "three times {b}", "{b} tripled"],
    4: ["four times {b}"],
    10: ["ten times {b}"],
}
WHOLE_DOUBLE = [
    "Double {b}.", "double {b}", "Can you double {b}?", "Please double {b}.", "If I double {b}, what do I get?",
    "What do you get if you double {b}?", "Twice {b} is?", "Double the number {b}.",
]
FRACTIONS = {
    2: ["half of {a}", "half of {a}", "a half of {a}", "the half of {a}", "one half of {a}", "half {a}"],
    3: ["a third of {a}", "one third of {a}", "the third part of {a}"],
    4: ["a quarter of {a}", "one quarter of {a}", "a fourth of {a}", "one fourth of {a}"],
    5: ["a fifth of {a}", "one fifth of {a}"],
    10: ["a tenth of {a}", "one tenth of {a}"],
}
WHOLE_HALF = [
    "Halve {a}.", "Can you halve {a}?", "Divide {a} in half.", "Split {a} in half.", "halve {a}", "Half of {a}?",
]

REMAINDERS = [
    "{a} divided by {b} with remainder", "the remainder of {a} divided by {b}", "{a} mod {b}", "{a} modulo {b}",
    "the remainder of {a} / {b}",
]
WHOLE_REMAINDER = [
    "What remains if I divide {a} by {b}?", "What is left over when you divide {a} by {b}?",
    "Divide {a} by {b} with remainder.", "How often does {b} go into {a}, and what is left?",
    "What is the remainder when {a} is divided by {b}?",
]
DIVISION_BY_ZERO = "Nothing can be divided by 0."
ABOUT_ZERO = [
    "Can I divide by 0?", "Can you divide by zero?", "Is it possible to divide by zero?",
    "What happens if I divide by 0?", "Can a number be divided by 0?", "May I divide by zero?",
    "Is division by zero allowed?", "What is division by zero?", "Can anything be divided by 0?",
    "Why can't I divide by zero?", "divide by zero", "What can be divided by 0?",
]

SQUARES = [
    "{a} squared", "{a} squared", "the square of {a}", "{a}^2", "{a} to the power of 2", "{a} to the power of two",
    "{a} to the second power", "{a} ** 2", "the square of the number {a}", "{a} raised to the power of 2",
]
WHOLE_SQUARE = ["Square {a}.", "square {a}", "Can you square {a}?", "If I square {a}, what do I get?", "Square of {a}?"]

ADDENDS = ["{a} + {b} + {c}", "{a}+{b}+{c}", "{a} plus {b} plus {c}", "the sum of {a}, {b} and {c}"]
WHOLE_ADDENDS = [
    "Add {a}, {b} and {c}.", "Add up {a}, {b} and {c}.", "What do {a}, {b} and {c} make?",
    "How much are {a}, {b} and {c} together?", "Can you add {a}, {b} and {c}?", "What do {a}, {b} and {c} add up to?",
]

CHECKS = [
    "Is {e} {c}?", "Is {e} = {c}?", "Is {e} equal to {c}?", "Does {e} equal {c}?", "Is it true that {e} is {c}?",
    "Is it right that {e} = {c}?", "{e} = {c}, right?", "{e} = {c}. Is that right?", "{e} = {c}. Correct?",
    "Is {e} really {c}?", "I think {e} is {c}. Is that right?", "{e} is {c}, isn't it?", "Does {e} make {c}?",
    "My friend says {e} is {c}. Is that true?", "True or false: {e} = {c}", "Check this: {e} = {c}",
    "Am I right that {e} is {c}?", "Isn't {e} {c}?",
]


def number_words(n):
    """An integer from 0 to 100 in words, without a hyphen."""
    if n < 20:
        return ONES[n]
    if n == 100:
        return "one hundred"
    tens, ones = TENS[n // 10 - 2], n % 10
    return f"{tens} {ONES[ones]}" if ones else tens


def in_words(rng, n):
    words = number_words(n)
    return words.replace(" ", "-") if n != 100 and rng.random() < 0.6 else words


def calculate(sign, a, b):
    return {"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else None}[sign]


def calculation(sign, a, b):
    """The whole calculation, as an answer states it."""
    if sign == "/" and b == 0:
        return DIVISION_BY_ZERO
    if sign == "/" and a % b:
        return f"{a} / {b} = {a // b}, remainder {a % b}."
    return f"{a} {sign} {b} = {calculate(sign, a, b)}."


def keys_of(phrasing, *operations):
    """The phrasing and the operations (sign, a, b); where none can be held out, the first one in this phrasing."""
    found = list(dict.fromkeys(key for key in (operation_key(*operation) for operation in operations) if key))
    if not found and operations:
        found = ["combination {} {} {} {}".format(phrasing, *operations[0])]
    return ["phrasing " + phrasing] + found


def about(exchange, *subject):
    exchange.about = subject
    return exchange


def framed(rng, expression, with_signs=False):
    """A template that asks for an expression, and its phrasing."""
    frame = rng.choice(SIGN_FRAMES) if with_signs and rng.random() < 0.45 else rng.choice(FRAMES)
    return frame.replace("{e}", expression), f"{frame} {expression}"


def written(rng, template, a, b=0):
    """The template with its numbers: digits, or now and then words where no sign stands beside them."""
    if max(a, b) <= 100 and rng.random() < 0.1 and not any(sign in template for sign in "+-*/:=^%"):
        a, b = in_words(rng, a), in_words(rng, b)
    text = template.format(a=a, b=b)
    return capitalized(text) if template[0] == "{" else text


def expression_template(rng, sign, a, b):
    """A template of an expression, and whether it is written with signs."""
    named = NAMED_FACTORS.get(a) if sign == "*" else FRACTIONS.get(b) if sign == "/" and a % b == 0 else None
    if named and rng.random() < (0.5 if 2 in (a, b) else 0.2):
        return rng.choice(named), False
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(SIGNS[sign]), True
    if draw < 0.85 or (sign == "-" and a < b):
        return rng.choice(SPOKEN[sign]), False
    return rng.choice(NOUNS[sign]), False


def ask(rng, sign, a, b):
    """A question for a calculation, in any wording, and its phrasing."""
    if rng.random() < 0.3:
        whole = WHOLE_BELOW_ZERO if sign == "-" and a < b else WHOLE[sign]
        if sign == "*" and a == 2 and rng.random() < 0.4:
            whole = WHOLE_DOUBLE
        if sign == "/" and b == 2 and a % b == 0 and rng.random() < 0.4:
            whole = WHOLE_HALF
        template = phrasing = rng.choice(whole)
    else:
        template, phrasing = framed(rng, *expression_template(rng, sign, a, b))
    return written(rng, template, a, b), phrasing


def addends(rng):
    draw = rng.random()
    if draw < 0.1:
        return rng.randint(0, 9), rng.randint(0, 9)
    if draw < 0.24:
        a, b = rng.randint(0, 9), rng.randint(10, 99)
    elif draw < 0.27:
        a, b = rng.randint(0, 100), 100
    else:
        a, b = rng.randint(10, 99), rng.randint(10, 99)
    return (a, b) if rng.random() < 0.5 else (b, a)


def subtraction(rng):
    a, b = sorted(addends(rng), reverse=True)
    if rng.random() < 0.1 and b < 90:
        b = min(a, rng.randint(0, 20))
    return (b, a) if a != b and rng.random() < 0.06 else (a, b)


def factors(rng):
    draw = rng.random()
    if draw < 0.68:
        a, b = rng.randint(2, 12), rng.randint(2, 12)
    elif draw < 0.74:
        a, b = rng.randint(0, 1), rng.randint(0, 12)
    elif draw < 0.8:
        return 2, rng.randint(2, 99)
    elif draw < 0.83:
        a, b = 10, rng.randint(13, 99)
    else:
        a, b = rng.randint(2, 9), rng.randint(13, 99)
    return (a, b) if rng.random() < 0.5 else (b, a)


def exact_division(rng):
    draw = rng.random()
    if draw < 0.6:
        divisor, quotient = rng.randint(2, 12), rng.randint(1, 12)
    elif draw < 0.65:
        divisor, quotient = rng.randint(1, 12), rng.randint(0, 1)
    elif draw < 0.8:
        divisor, quotient = 2, rng.randint(2, 99)
    else:
        divisor = rng.randint(2, 12)
        quotient = rng.randint(2, 144 // divisor)
    return divisor * quotient, divisor


OPERANDS = {"+": addends, "-": subtraction, "*": factors, "/": exact_division}


def operation(rng, sign):
    """A question for a calculation, and the calculation."""
    a, b = OPERANDS[sign](rng)
    text, phrasing = ask(rng, sign, a, b)
    exchange = question(SKILLS[sign], text, calculation(sign, a, b), *keys_of(phrasing, (sign, a, b)))
    return about(exchange, "calculation", sign, a, b)


def addition_exchange(rng):
    return operation(rng, "+")


def subtraction_exchange(rng):
    return operation(rng, "-")


def multiplication_exchange(rng):
    return operation(rng, "*")


def division_exchange(rng):
    return operation(rng, "/")


def remainder_exchange(rng):
    b = rng.randint(2, 10)
    a = rng.randint(b + 1, 99)
    if a % b == 0:
        a += 1
    draw = rng.random()
    if draw < 0.2:
        template = phrasing = rng.choice(WHOLE_REMAINDER)
    elif draw < 0.4:
        template, phrasing = framed(rng, rng.choice(REMAINDERS))
    else:
        template, phrasing = framed(rng, rng.choice((SIGNS if draw < 0.75 else SPOKEN)["/"]), draw < 0.75)
    text = written(rng, template, a, b)
    return question("division with remainder", text, calculation("/", a, b), *keys_of(phrasing, ("/", a, b)))


def division_by_zero(rng):
    if rng.random() < 0.35:
        text = phrasing = rng.choice(ABOUT_ZERO)
        return question("division", text, DIVISION_BY_ZERO, "phrasing " + phrasing)
    a = rng.choice([rng.randint(0, 12), rng.randint(0, 99), rng.randint(100, 1000)])
    with_signs = rng.random() < 0.6
    template, phrasing = framed(rng, rng.choice((SIGNS if with_signs else SPOKEN)["/"]), with_signs)
    if rng.random() < 0.2:
        template = phrasing = rng.choice(WHOLE["/"][:2])
    keys = [f"phrasing {phrasing}", f"combination {phrasing} {a} 0"]
    return question("division", written(rng, template, a, 0), DIVISION_BY_ZERO, *keys)


def square(rng):
    a = rng.randint(1, 12)
    template = phrasing = rng.choice(WHOLE_SQUARE)
    if rng.random() < 0.8:
        template, phrasing = framed(rng, rng.choice(SQUARES))
    answer = f"{a} squared is {a * a}."
    return question("multiplication", written(rng, template, a), answer, *keys_of(phrasing, ("*", a, a)))


def addends_of_one_digit(rng):
    a, b, c = (rng.randint(1, 9) for _ in range(3))
    template = phrasing = rng.choice(WHOLE_ADDENDS)
    if rng.random() < 0.75:
        expression = rng.choice(ADDENDS)
        template, phrasing = framed(rng, expression, "+" in expression)
    text = template.format(a=a, b=b, c=c)
    answer = f"{a} + {b} + {c} = {a + b + c}."
    return question("addition", capitalized(text), answer, *keys_of(phrasing, ("+", a, b), ("+", a + b, c)))


def check(rng):
    """Whether a calculation is right; the answer calculates first and judges then."""
    sign = rng.choice("++-*")
    a, b = OPERANDS[sign](rng)
    right = calculate(sign, a, b)
    claimed = right
    if rng.random() < 0.5:
        claimed = rng.choice([right + 1, right + 2, right + 10, abs(right - 1), abs(right - 10)])
    frame = rng.choice(CHECKS)
    expression = rng.choice((SIGNS if rng.random() < 0.7 else SPOKEN)[sign][:2])
    text = frame.replace("{e}", expression).format(a=a, b=b, c=claimed)
    answer = calculation(sign, a, b)[:-1] + (", so yes." if claimed == right else ", so no.")
    exchange = question("checking", text, answer, *keys_of(f"{frame} {expression}", (sign, a, b)))
    return about(exchange, "calculation", sign, a, b)
