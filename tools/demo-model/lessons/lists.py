"""Lists: counting, sorting, reversing, finding, adding and removing items.

An answer that is a list is written "3, 5, 8", however the question writes it. Words of more than four letters make the
question exact: a typing error in them would change the answer. An exchange about an order has the attribute `about`,
("order", what the items are, the items as given, the items in order), for lessons/thinking.py.
"""
from lessons.base import capitalized, operation_key, question
from lessons.tables import read_blocks

SKILL = "counting and sorting"

# ---- what the lists are made of

ITEMS = dict(read_blocks("list_items"))
SHORT_WORDS, LONG_WORDS, NAMES = ITEMS["short words"], ITEMS["long words"], ITEMS["names"]
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
SUFFIXES = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th"]

# ---- how people ask; {l} is the list, {kind} "numbers", "words" or "names", {one} the same of one of them

# Tasks are put into a request, whole questions stand for themselves.
REQUESTS = [
    "{T}.", "{T}.", "{T}", "{t}", "{T}, please.", "Please {t}.", "Can you {t}?", "Could you {t}?",
    "Can you {t} for me?", "Could you please {t}?", "I want you to {t}.", "I need you to {t}.", "Would you {t}?",
    "Help me {t}.", "Now {t}.", "Your task: {t}.", "Try to {t}.", "Are you able to {t}?", "Do me a favour and {t}.",
    "Let's {t}.",
]
# The list may follow the task after a colon.
LIST_AFTER = [
    "{T}: {l}", "{T}: {l}", "{T}: {l}.", "{t}: {l}", "Please {t}: {l}", "Can you {t}? {l}", "Could you {t}: {l}?",
    "{l}. {T}.", "{l} - {t}", "Here is a list: {l}. {T}.", "Here is my list: {l}. Please {t}.",
    "I have this list: {l}. {T}.", "My list is {l}. Can you {t}?", "{T}, please: {l}", "Given the list {l}, {t}.",
    "List: {l}. {T}.",
]

SORT_TASKS = [
    "sort {l}", "sort {l}", "order {l}", "arrange {l}", "sort the list {l}", "put {l} in order",
    "put {l} into the right order", "bring {l} into order", "sort the {kind} {l}", "order the {kind} {l}",
    "arrange the {kind} {l} in order", "put the {kind} {l} in order",
]
SORT_THESE = [
    "sort these {kind}", "sort the {kind}", "sort the following {kind}", "put these {kind} in order",
    "arrange these {kind}", "sort it", "sort them", "order these {kind}", "sort this list", "sort the list",
    "put them in order", "bring these {kind} into order",
]
UPWARDS = [
    "", "", "", " from small to large", " from smallest to largest", " in ascending order", " ascending", " upwards",
    " from low to high", " from the smallest to the biggest", " starting with the smallest", " by size",
    " in increasing order",
]
DOWNWARDS = [
    " from large to small", " from largest to smallest", " in descending order", " descending", " downwards",
    " from high to low", " from the biggest to the smallest", " starting with the largest", " with the biggest first",
    " in decreasing order",
]
SAID_ONCE = {" in order in ": " in ", " into order in ": " into ", " into the right order in ": " into "}
BY_ALPHABET = [
    "", "", " alphabetically", " alphabetically", " in alphabetical order", " from a to z", " by the alphabet",
    " by their letters", " as in a dictionary", " by their first letter",
]
SORT_QUESTIONS = [
    "What is {l} sorted{how}?", "{l} sorted{how}", "What are {l}{how}?", "How do you sort {l}{how}?",
    "{l} in order{how}, please", "What is the right order of {l}{how}?", "What does {l} look like sorted{how}?",
    "sorted{how}: {l}", "I need {l} sorted{how}.",
]

REVERSE_TASKS = [
    "reverse {l}", "reverse the list {l}", "reverse the order of {l}", "turn {l} around", "write {l} backwards",
    "say {l} backwards", "put {l} in reverse order", "list {l} in reverse", "give me {l} in reverse order",
    "flip the list {l}", "read {l} from the end", "reverse the order of the {kind} {l}", "turn the order of {l} around",
]
REVERSE_THESE = [
    "reverse this list", "reverse these {kind}", "reverse the list", "reverse the order", "write it backwards",
    "reverse it", "put these {kind} in reverse order", "turn the list around", "reverse the order of these {kind}",
    "write the list backwards",
]
REVERSE_QUESTIONS = [
    "What is {l} in reverse order?", "{l} backwards", "What is the list {l} reversed?", "{l} in reverse order, please",
    "What is {l} from the end to the start?", "What do I get if I reverse the list {l}?", "the list {l} reversed",
]

MOST = {
    "largest": ["largest", "biggest", "greatest", "highest", "maximum"],
    "smallest": ["smallest", "lowest", "least", "minimum", "smallest"],
}
MOST_QUESTIONS = [
    "What is the {most} of {l}?", "Which is the {most} of {l}?", "Which number is the {most}: {l}?",
    "the {most} of {l}", "What is the {most} number in {l}?", "Which number in {l} is the {most}?",
    "{l}: which is the {most}?", "Find the {most} of {l}.", "Find the {most} number in {l}.",
    "Which of {l} is the {most}?", "Which of these is the {most}: {l}?", "Name the {most} of {l}.",
    "Tell me the {most} number: {l}", "What's the {most} in the list {l}?",
    "Here are numbers: {l}. Which is the {most}?", "I have {l}. What is the {most}?", "Of {l}, which is the {most}?",
    "Show me the {most} of {l}.", "Pick the {most}: {l}", "Can you find the {most} number in {l}?",
    "Which one is the {most}, {l}?", "{l} - what is the {most}?", "{most} of {l}?", "Among {l}, which is the {most}?",
    "What is the {most} of these numbers: {l}?", "Give me the {most} of {l}.",
]
MOST_ADJECTIVES = ("largest", "biggest", "greatest", "highest", "smallest", "lowest")

NTH_QUESTIONS = [
    "What is the {nth} {one} in {l}?", "Which is the {nth} of {l}?", "What is the {nth} of {l}?",
    "What's the {nth} {one} of {l}?", "Which {one} is {nth} in {l}?", "{l}: what is the {nth}?",
    "{l}: which is the {nth} {one}?", "the {nth} of {l}", "Tell me the {nth} {one} of {l}.",
    "Name the {nth} {one} in {l}.", "Give me the {nth} item of {l}.", "The {nth} item in {l}?",
    "What is the {nth} item of the list {l}?", "What comes {nth} in {l}?", "Which one comes {nth} in the list {l}?",
    "Here is a list: {l}. What is the {nth} {one}?", "My list is {l}. Which is the {nth}?",
    "Find the {nth} {one} of {l}.", "What is the {nth} element of {l}?", "Can you tell me the {nth} {one} in {l}?",
    "In the list {l}, what is {nth}?", "What stands {nth} in the list {l}?", "Say the {nth} {one} of {l}.",
    "Which item is {nth} in {l}?",
]

HOW_MANY = [
    "How many {items} are in the list {l}?", "How many {items} are in {l}?", "How many {items} are there: {l}?",
    "How many {items} do you see: {l}?", "Count the {items}: {l}", "Count the {items} in {l}.",
    "{l}: how many {items} are there?", "How many {items} does the list {l} have?", "{l} - how many {items} is that?",
    "How many {items} are these: {l}?", "Tell me how many {items} are in {l}.", "What is the number of {items} in {l}?",
    "how many {items} {l}", "Can you count the {items} in {l}?", "Here is a list: {l}. How many {items} are in it?",
    "How many {items} has the list {l}?", "Please count the {items} in the list {l}.",
    "I wrote {l}. How many {items} is that?", "Number of {items} in {l}?",
    "My list is {l}. How many {items} does it have?",
]
LENGTH_QUESTIONS = [
    "How long is the list {l}?", "What is the length of the list {l}?", "length of the list {l}", "Count the list {l}.",
    "How many things are in the list {l}?", "How many entries does the list {l} have?", "How many elements are in {l}?",
]

IS_IN = [
    "Is {x} in {l}?", "Is {x} in the list {l}?", "Is {x} one of {l}?", "Does {l} contain {x}?",
    "Does the list {l} contain {x}?", "{l}: is {x} in it?", "Is {x} among {l}?", "Is {x} part of the list {l}?",
    "Can you find {x} in {l}?", "is {x} in {l}", "Here is a list: {l}. Is {x} in it?", "Does {x} occur in {l}?",
    "Is there {a} {x} in {l}?", "My list is {l}. Does it have {x}?", "Do you see {x} in {l}?",
    "Tell me if {x} is in {l}.", "Check if {x} is in {l}.", "Does the list {l} have {x} in it?",
    "I have {l}. Is {x} there?", "Look at {l}. Is {x} in the list?",
]
REMOVE = [
    "Remove {x} from {l}.", "Remove {x} from the list {l}.", "Delete {x} from {l}.", "Delete {x} from the list {l}.",
    "Take {x} out of {l}.", "Take {x} out of the list {l}.", "{l} without {x}", "What is the list {l} without {x}?",
    "Here is a list: {l}. Remove {x}.", "Strike {x} from the list {l}.", "Please remove {x} from {l}.",
    "{l}: remove {x}", "Can you remove {x} from the list {l}?", "Drop {x} from the list {l}.",
    "What is left of {l} without {x}?", "My list is {l}. Please delete {x}.", "Leave {x} out of {l}.",
    "remove {x} from {l}", "I don't want {x} in my list {l}.",
]
APPEND = [
    "Add {x} to the list {l}.", "Add {x} at the end of {l}.", "Append {x} to {l}.", "Append {x} to the list {l}.",
    "Put {x} at the end of {l}.", "Put {x} at the end of the list {l}.", "Here is a list: {l}. Add {x}.",
    "{l}: append {x}", "Please add {x} to the list {l}.", "Can you add {x} to the list {l}?",
    "My list is {l}. Add {x} to it.", "What is the list {l} with {x} added?", "I want {x} in my list {l} too.",
    "append {x} to {l}", "Write {x} behind {l}.", "Extend the list {l} with {x}.", "Include {x} in the list {l}.",
]

COUNT_TASKS = [
    "count from {a} to {b}", "count from {a} to {b}", "count from {a} up to {b}", "list the numbers from {a} to {b}",
    "write the numbers from {a} to {b}", "say the numbers from {a} to {b}", "name all numbers from {a} to {b}",
    "give me the numbers from {a} to {b}", "show me the numbers {a} to {b}", "count {a} to {b}",
    "start at {a} and count to {b}", "print the numbers {a} to {b}", "tell me the numbers from {a} to {b}",
]
COUNT_QUESTIONS = [
    "What are the numbers from {a} to {b}?", "Which numbers are there from {a} to {b}?", "the numbers {a} to {b}",
    "numbers from {a} to {b}", "How do you count from {a} to {b}?", "Which numbers come from {a} to {b}?",
    "{a} to {b}, count!",
]
COUNT_TO_TASKS = [
    "count to {b}", "count to {b}", "count up to {b}", "count until {b}", "count as far as {b}",
    "list the first {b} numbers", "count from one to {b}", "say the numbers up to {b}",
]
COUNT_DOWN_TASKS = [
    "count down from {a} to {b}", "count from {a} down to {b}", "count backwards from {a} to {b}",
    "count back from {a} to {b}", "go down from {a} to {b}", "list the numbers from {a} down to {b}",
    "write the numbers from {a} back to {b}", "count in reverse from {a} to {b}", "do a countdown from {a} to {b}",
    "count from {a} backwards to {b}", "say the numbers from {a} down to {b}", "start at {a} and count down to {b}",
]
COUNT_DOWN_FROM_TASKS = [
    "count down from {a}", "count backwards from {a}", "do a countdown from {a}", "count back from {a}",
]
STEPS = {
    2: [" in steps of 2", " by twos", " in twos", " by 2", " in steps of two"],
    5: [" in steps of 5", " by fives", " in fives", " by 5", " in steps of five"],
    10: [" in steps of 10", " by tens", " in tens", " by 10", " in steps of ten"],
    3: [" in steps of 3", " by threes", " by 3"],
}
NEXT_NUMBERS = [
    "What are the next {n} numbers after {a}?", "Which {n} numbers come after {a}?", "Name the {n} numbers after {a}.",
    "Give me the next {n} numbers after {a}.", "What {n} numbers follow {a}?",
    "List the {n} numbers that come after {a}.", "Tell me the next {n} numbers after {a}.",
    "Continue counting from {a} with {n} more numbers.", "next {n} numbers after {a}",
    "I counted to {a}. What are the next {n} numbers?", "The {n} numbers after {a}?",
    "Can you say the next {n} numbers after {a}?",
]
EVEN_ODD_TASKS = [
    "list the {kind} numbers from {a} to {b}", "name the {kind} numbers from {a} to {b}",
    "give me all {kind} numbers from {a} to {b}", "write the {kind} numbers from {a} to {b}",
    "tell me the {kind} numbers from {a} to {b}", "show me every {kind} number from {a} to {b}",
    "say all {kind} numbers from {a} to {b}",
]
EVEN_ODD_QUESTIONS = [
    "What are the {kind} numbers from {a} to {b}?", "Which numbers from {a} to {b} are {kind}?",
    "{kind} numbers from {a} to {b}", "Which are the {kind} numbers from {a} to {b}?",
]
MULTIPLES = [
    "What are the first {n} multiples of {a}?", "List the first {n} multiples of {a}.",
    "Give me the first {n} multiples of {a}.", "Name {n} multiples of {a}.", "first {n} multiples of {a}",
    "Tell me the first {n} multiples of {a}.", "Which are the first {n} multiples of {a}?",
    "Can you list the first {n} multiples of {a}?", "The first {n} multiples of {a}?",
    "Write down the first {n} multiples of {a}.", "I need {n} multiples of {a}.", "Count {n} multiples of {a}.",
]
CONTINUE = [
    "What comes next: {l}?", "What comes next? {l}", "What is the next number: {l}?", "Continue: {l}",
    "Which number is next: {l}?", "{l}, what comes next?", "{l}, ...?", "Continue the sequence {l}.",
    "What is the next number in {l}?", "{l}: and then?", "Which number follows {l}?", "What number continues {l}?",
    "Complete the sequence: {l}", "next number: {l}", "What comes after {l} in this sequence?",
    "Find the next number: {l}", "Here is a sequence: {l}. What is the next number?", "Guess the next number: {l}",
    "The sequence is {l}. What comes next?",
]
SUM = [
    "What is the sum of {l}?", "Add {l}.", "Add up {l}.", "Sum up the list {l}.", "What is the sum of the numbers {l}?",
    "What is the total of {l}?", "How much are {l} together?", "sum of the list {l}", "Calculate the sum of {l}.",
    "Add all numbers in the list {l}.", "Find the sum of {l}.", "What do {l} add up to?", "Total the list {l}.",
]

# ---- building blocks


def joined(values):
    return ", ".join(str(value) for value in values)


def written(rng, values):
    """The list as a question writes it."""
    items = [str(value) for value in values]
    draw = rng.random()
    if draw < 0.6:
        return ", ".join(items)
    if draw < 0.72:
        return " ".join(items)
    if draw < 0.9:
        return ", ".join(items[:-1]) + " and " + items[-1]
    if draw < 0.95:
        return ",".join(items)
    return rng.choice(["[{}]", "({})"]).format(", ".join(items))


def some_numbers(rng, smallest, largest):
    """Different numbers, mostly below 100."""
    limit = rng.choice([9, 20, 99, 99, 99, 999])
    return rng.sample(range(limit + 1), rng.randint(smallest, min(largest, 4) if limit == 999 else largest))


def some_words(rng, smallest, largest):
    words = SHORT_WORDS if rng.random() < 0.5 else SHORT_WORDS + LONG_WORDS
    return rng.sample(words, rng.randint(smallest, largest))


def words_to_sort(rng):
    """Words whose first letters mostly differ."""
    words = rng.choice([SHORT_WORDS, LONG_WORDS, SHORT_WORDS + LONG_WORDS, NAMES])
    count, found = rng.randint(3, 6), []
    while len(found) < count:
        word = rng.choice(words)
        if word not in found and (rng.random() < 0.1 or all(word[0] != other[0] for other in found)):
            found.append(word)
    return found


def some_items(rng, smallest, largest):
    """Numbers or words, what they are called, and what one of them is called."""
    if rng.random() < 0.55:
        return some_numbers(rng, smallest, largest), "numbers", "number"
    return some_words(rng, smallest, min(largest, 6)), "words", "word"


def exchange(text, answer, *keys, values=()):
    """A question whose text must stay as it is if one of the values is a word that a typing error could change."""
    made = question(SKILL, text, answer, *keys)
    if any(isinstance(value, str) and (len(value) > 4 or value[0].isupper()) for value in values):
        made.exact_question = True
    return made


def request(rng, task, frames=REQUESTS):
    """A request to do a task, and its frame."""
    frame = rng.choice(frames)
    return frame.replace("{T}", capitalized(task) if task[0] != "{" else task).replace("{t}", task), frame


def about_list(rng, tasks, these, questions, how=""):
    """A question about a list {l}: a task, a task with the list beside it, or a whole question; and its phrasing."""
    draw = rng.random()
    if draw < 0.45:
        task = rng.choice(tasks)
        text, frame = request(rng, task + how)
    elif draw < 0.8:
        task = rng.choice(these)
        text, frame = request(rng, task + how, LIST_AFTER)
    else:
        task = frame = rng.choice(questions)
        text = task.replace("{how}", how)
    for doubled, once in SAID_ONCE.items():
        text = text.replace(doubled, once)
    return text, f"{frame} {task}{how}"


def with_list(rng, task, template, phrasing, values, answer, **more):
    """The exchange of a template about a list; its keys are the phrasing and the values."""
    text = template.format(l=written(rng, values), **more)
    details = " ".join(str(value) for value in more.values())
    return exchange(text, answer, "phrasing " + phrasing, f"{task} {joined(values)} {details}", values=values)


# ---- the tasks


def sorting(rng):
    if rng.random() < 0.6:
        values, kind = some_numbers(rng, 3, 7), "numbers"
        down = rng.random() < 0.35
        how = rng.choice(DOWNWARDS if down else UPWARDS)
    else:
        values = words_to_sort(rng)
        kind = "names" if values[0][0].isupper() else "words"
        down, how = False, rng.choice(BY_ALPHABET)
    in_order = sorted(values, reverse=down)
    template, phrasing = about_list(rng, SORT_TASKS, SORT_THESE, SORT_QUESTIONS if how else SORT_QUESTIONS[:2], how)
    made = with_list(rng, "sort", template, phrasing, values, joined(in_order), kind=kind)
    made.about = ("order", kind, [str(value) for value in values], [str(value) for value in in_order])
    return made


def reversing(rng):
    values, kind, _ = some_items(rng, 3, 7)
    template, phrasing = about_list(rng, REVERSE_TASKS, REVERSE_THESE, REVERSE_QUESTIONS)
    return with_list(rng, "reverse", template, phrasing, values, joined(values[::-1]), kind=kind)


def most(rng):
    which = rng.choice(list(MOST))
    adjective, template = rng.choice(MOST[which]), rng.choice(MOST_QUESTIONS)
    while adjective not in MOST_ADJECTIVES and ("Which" in template or "which" in template or "number" in template):
        template = rng.choice(MOST_QUESTIONS)
    values = some_numbers(rng, 3, 7)
    found = max(values) if which == "largest" else min(values)
    answer = f"The {which} is {found}."
    return with_list(rng, "most", template, f"{template} {adjective}", values, answer, most=adjective)


def nth(rng):
    values, _, one = some_items(rng, 3, 7)
    at = rng.choice([0, 0, len(values) - 1, rng.randrange(len(values)), rng.randrange(len(values))])
    name = ORDINALS[at]
    if at == len(values) - 1 and rng.random() < 0.7:
        name = "last"
    asked = SUFFIXES[at] if name != "last" and rng.random() < 0.2 else name
    template = rng.choice(NTH_QUESTIONS)
    answer = f"The {name} is {values[at]}."
    return with_list(rng, "nth", template, f"{template} {asked}", values, answer, nth=asked, one=one)


def how_many(rng):
    values, kind, _ = some_items(rng, 2, 9)
    template, items = rng.choice(HOW_MANY), rng.choice(["items", kind])
    if rng.random() < 0.2:
        template, items = rng.choice(LENGTH_QUESTIONS), "items"
    answer = f"There are {len(values)} {items}."
    return with_list(rng, "how many", template, f"{template} {items}", values, answer, items=items)


def membership(rng):
    values, _, _ = some_items(rng, 3, 7)
    x = rng.choice(values)
    if rng.random() < 0.5:
        values.remove(x)
    answer = f"Yes, {x} is in the list." if x in values else f"No, {x} is not in the list."
    article = "an" if str(x)[0] in "aeiou" or str(x).startswith("8") or x in (11, 18) else "a"
    template = rng.choice(IS_IN)
    made = with_list(rng, "in", template, template, values, answer, x=x, a=article)
    made.exact_question = made.exact_question or len(str(x)) > 4
    return made


def removing(rng):
    values, _, _ = some_items(rng, 3, 6)
    x, template = rng.choice(values), rng.choice(REMOVE)
    return with_list(rng, "remove", template, template, values, joined(v for v in values if v != x), x=x)


def appending(rng):
    *values, x = some_items(rng, 3, 6)[0]
    template = rng.choice(APPEND)
    made = with_list(rng, "append", template, template, values, joined([*values, x]), x=x)
    made.exact_question = made.exact_question or len(str(x)) > 4
    return made


def counting(rng):
    draw = rng.random()
    if draw < 0.25:
        length = rng.randint(3, 15)
        a = rng.randint(0, rng.choice([1, 10, 90]))
        values, tasks, how = range(a, a + length), COUNT_TASKS, ""
        if rng.random() < 0.2:
            template = phrasing = rng.choice(COUNT_QUESTIONS)
            return counted(template, phrasing, values)
    elif draw < 0.4:
        values, tasks, how = range(1, rng.randint(3, 15) + 1), COUNT_TO_TASKS, ""
    elif draw < 0.6:
        b = rng.choice([0, 1, 1, rng.randint(0, 80)])
        values, tasks, how = range(b + rng.randint(2, 14), b - 1, -1), COUNT_DOWN_TASKS, ""
    elif draw < 0.68:
        values, tasks, how = range(rng.randint(3, 15), 0, -1), COUNT_DOWN_FROM_TASKS, ""
    else:
        size = rng.choice([2, 2, 5, 5, 10, 10, 3])
        a = rng.choice([0, size, size * rng.randint(0, 5)])
        length = rng.randint(3, 11)
        values, tasks, how = range(a, a + size * (length - 1) + 1, size), COUNT_TASKS[:4], rng.choice(STEPS[size])
        if rng.random() < 0.3:
            values, tasks = values[::-1], COUNT_DOWN_TASKS[:4]
        elif a == size and rng.random() < 0.6:
            tasks = COUNT_TO_TASKS[:3]
    task = rng.choice(tasks)
    template, frame = request(rng, task + how)
    return counted(template, f"{frame} {task}{how}", values)


def counted(template, phrasing, values):
    text = template.format(a=values[0], b=values[-1])
    return exchange(text, joined(values), "phrasing " + phrasing, f"count {joined(values)}")


def next_numbers(rng):
    a, n, template = rng.randint(0, 99), rng.randint(2, 5), rng.choice(NEXT_NUMBERS)
    values = joined(range(a + 1, a + n + 1))
    return exchange(template.format(a=a, n=n), values, "phrasing " + template, f"next {a} {n}")


def even_or_odd_numbers(rng):
    kind = rng.choice(["even", "odd"])
    a = rng.choice([0, 1, rng.randint(0, 50)])
    b = a + rng.randint(4, 20)
    if rng.random() < 0.7:
        task = rng.choice(EVEN_ODD_TASKS)
        template, phrasing = request(rng, task)
        phrasing = f"{phrasing} {task}"
    else:
        template = phrasing = rng.choice(EVEN_ODD_QUESTIONS)
    values = joined(n for n in range(a, b + 1) if n % 2 == (kind == "odd"))
    return exchange(template.format(a=a, b=b, kind=kind), values, "phrasing " + phrasing, f"{kind} {a} {b}")


def multiples(rng):
    a, n, template = rng.randint(2, 12), rng.randint(3, 10), rng.choice(MULTIPLES)
    values = joined(a * i for i in range(1, n + 1))
    return exchange(template.format(a=a, n=n), values, "phrasing " + template, f"multiples {template} {a} {n}")


def continuing(rng):
    size = rng.choice([1, 2, 2, 3, 5, 10, 10, -1, -2])
    a, length = rng.randint(0, 9) * (abs(size) if rng.random() < 0.7 else 1), rng.randint(3, 5)
    if size < 0:
        a += 12
    values = [a + size * i for i in range(length)]
    template = rng.choice(CONTINUE)
    text = template.format(l=joined(values) if rng.random() < 0.8 else " ".join(str(value) for value in values))
    answer = f"The next number is {a + size * length}."
    return exchange(text, answer, "phrasing " + template, f"continue {joined(values)}")


def total(rng):
    """The sum of three numbers of one digit, as lessons/calculations.py writes it."""
    values, template = [rng.randint(1, 9) for _ in range(3)], rng.choice(SUM)
    answer = f"{' + '.join(str(value) for value in values)} = {sum(values)}."
    made = with_list(rng, "sum", template, template, values, answer)
    partial = operation_key("+", values[0] + values[1], values[2])
    made.keys += [partial] if partial else []
    return made


KINDS = {
    counting: 20, sorting: 24, reversing: 9, most: 9, nth: 10, how_many: 7, membership: 6, removing: 4, appending: 4,
    next_numbers: 2, even_or_odd_numbers: 2, multiples: 2, continuing: 3, total: 1,
}
DRAWN, WEIGHTS = list(KINDS), list(KINDS.values())


def sample(rng):
    return rng.choices(DRAWN, WEIGHTS)[0](rng)
