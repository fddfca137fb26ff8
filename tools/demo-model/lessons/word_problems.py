"""Stories with a calculation in them, in which people have, buy, share and count things."""
from lessons.base import UNKNOWN, capitalized, question
from lessons.calculations import about, calculate, calculation, in_words, keys_of
from lessons.tables import read_blocks

VOCABULARY = dict(read_blocks("word_problems"))
LEGS = {
    "legs": {
        "dogs": 4, "cats": 4, "cows": 4, "horses": 4, "birds": 2, "hens": 2, "ducks": 2, "spiders": 8, "ants": 6,
        "bees": 6, "chairs with four legs": 4, "people": 2, "beetles": 6, "sheep": 4, "elephants": 4,
    },
    "wheels": {"cars": 4, "bicycles": 2, "tricycles": 3, "bikes": 2},
    "fingers": {"hands with five fingers": 5},
}

HAS, YOU = "{n} has {c} {x}.", "You have {c} {x}."  # the endings that can say "1 apple" and "0 apples"
SINGULAR = {
    "tomatoes": "tomato", "cherries": "cherry", "leaves": "leaf", "peaches": "peach", "sandwiches": "sandwich",
}

# The sign, the stories, the questions to each of them and what the answer says after the calculation.
# {n}, {m} people; {p}, {P} the pronoun of {n}; {x} things; {t} containers; {z} animals; {u} money; {g} goods.
STORIES = [
    ("+", [
        "{n} has {a} {x} and gets {b} more.", "{n} has {a} {x}. {P} buys {b} more.",
        "{n} has {a} {x} and finds {b} more.", "{n} had {a} {x} and got {b} more.",
        "{n} has {a} {x}. {m} gives {p2} {b} more.", "{n} owns {a} {x} and buys another {b}.",
        "{n} has {a} {x}, then {p} gets {b} more from {m}.", "Yesterday {n} had {a} {x}. Today {p} got {b} more.",
        "{n} collected {a} {x} and then {b} more.", "If {n} has {a} {x} and gets {b} more,",
        "{n} starts with {a} {x} and wins {b}.", "{n} picked {a} {x} in the morning and {b} in the evening.",
        "{n} has {a} old {x} and {b} new ones.",
    ], [
        "How many {x} does {p} have?", "How many does {p} have?", "How many {x} does {n} have now?",
        "How many {x} is that?", "How many {x} does {p} have now?", "How many {x} does {n} have in total?",
        "How many {x} are there in all?",
    ], HAS),
    ("-", [
        "{n} had {a} {x} and lost {b}.", "{n} has {a} {x} and gives {b} away.",
        "{n} has {a} {x}. {P} gives {b} to {m}.", "{n} had {a} {x} and sold {b} of them.",
        "{n} has {a} {x} and loses {b} of them.", "{m} takes {b} of the {a} {x} of {n}.",
        "{n} bought {a} {x}, but has to throw {b} away.", "{n} had {a} {x} and gave {b} to {m}.",
        "If {n} has {a} {x} and gives away {b},", "There were {a} {x} in the bag of {n}. {P} lost {b}.",
        "From {a} {x}, {n} sells {b}.", "{n} had {a} {x}. {m} took {b} of them.",
    ], [
        "How many {x} does {p} have left?", "How many are left?", "How many {x} does {n} have now?", "How many remain?",
        "How many {x} are left?", "How many does {n} still have?", "How many {x} does {p} still have?",
    ], HAS),
    ("+", [
        "I have {a} {x} and get {b} more.", "I have {a} {x} and buy {b} more.", "I had {a} {x} and found {b} more.",
        "If I have {a} {x} and get {b} more,", "I have {a} {x}. {n} gives me {b} more.",
        "I've got {a} {x} and I buy {b} more.", "I have {a} {x} and add {b}.", "If I have {a} {x} and buy another {b},",
    ], [
        "How many {x} do I have?", "How many do I have now?", "How many {x} do I have now?", "How many {x} is that?",
        "How many do I have in total?",
    ], YOU),
    ("-", [
        "I have {a} {x} and give {b} away.", "I had {a} {x} and lost {b}.", "If I have {a} {x} and give away {b},",
        "I have {a} {x} and {n} takes {b}.", "I have {a} {x}. I sell {b} of them.", "I've got {a} {x} and I lose {b}.",
        "If I have {a} {x} and take away {b},", "I had {a} {x} and gave {b} to {n}.",
        "If you have {a} {x} and I take {b},",
    ], [
        "How many are left?", "How many {x} are left?", "How many remain?", "How many is that?",
    ], YOU),
    ("+", [
        "{n} has {a} {x} and {m} has {b} {x}.", "{n} has {a} {x}. {m} has {b} {x}.", "{n} owns {a} {x} and {m} {b}.",
        "{n} brings {a} {x} and {m} brings {b}.", "{n} found {a} {x}, {m} found {b}.",
        "If {n} has {a} {x} and {m} has {b},",
    ], [
        "How many do they have together?", "How many {x} do they have together?", "How many {x} do {n} and {m} have?",
        "How many {x} is that altogether?", "How many {x} do they have in all?",
    ], "They have {c} {x}."),
    ("-", [
        "{n} has {a} {x} and {m} has {b} {x}.", "{n} has {a} {x}. {m} has only {b}.",
        "{m} has {b} {x} and {n} has {a}.", "{n} counts {a} {x} and {m} counts {b}.",
    ], [
        "How many more {x} does {n} have than {m}?", "How many {x} does {n} have more than {m}?",
        "How many more does {n} have?", "How many fewer does {m} have?",
    ], "{n} has {c} more."),
    ("*", [
        "There are {a} {t} with {b} {x} each.", "There are {a} {t} with {b} {x} in each.",
        "{n} has {a} {t} with {b} {x} each.", "{n} buys {a} {t} of {b} {x}.", "There are {b} {x} in each of {a} {t}.",
        "{n} fills {a} {t}. {P} puts {b} {x} in each.", "We have {a} {t}, each with {b} {x}.",
        "If {a} {t} hold {b} {x} each,", "I have {a} {t} and {b} {x} in each of them.",
    ], [
        "How many {x} are there?", "How many {x} is that?", "How many {x} are there in all?",
        "How many {x} is that altogether?", "What is the total number of {x}?",
    ], "There are {c} {x}."),
    ("*", [
        "{n} eats {b} {x} every day.", "{n} buys {b} {x} a day.", "Each day {n} sells {b} {x}.",
        "{n} finds {b} {x} each day.",
    ], [
        "How many {x} is that in {a} days?", "How many {x} is that after {a} days?", "How many is that in {a} days?",
    ], "That is {c} {x}."),
    ("/", [
        "{n} shares {a} {x} equally among {b} friends.", "{n} has {a} {x} for {b} children.",
        "{a} {x} are shared by {b} children.", "{n} gives {a} {x} to {b} friends, the same number to each.",
        "If {b} children share {a} {x} equally,", "{b} people share {a} {x}.",
    ], [
        "How many {x} does each get?", "How many does each of them get?", "How many {x} are there for each?",
        "How many {x} does everyone get?",
    ], "Each gets {c} {x}."),
    ("/", [
        "{n} puts {a} {x} into {b} {t}, the same number in each.", "{a} {x} are in {b} {t}, the same number in each.",
        "{n} packs {a} {x} equally into {b} {t}.", "There are {a} {x} in {b} equal {t}.",
    ], [
        "How many {x} are in each?", "How many {x} are in one?", "How many are in each of the {t}?",
    ], "There are {c} {x} in each."),
    ("+", [
        "{n} is {a} years old.", "{n} is {a}.", "Today {n} is {a} years old.", "{n} is now {a} years old.",
    ], [
        "How old will {p} be in {b} years?", "How old is {p} in {b} years?", "What age will {p} be in {b} years?",
        "How old will {n} be {b} years from now?",
    ], "{n} will be {c} years old."),
    ("-", [
        "{n} is {a} years old.", "{n} is {a}.", "Today {n} is {a} years old.", "{n} is now {a} years old.",
    ], [
        "How old was {p} {b} years ago?", "How old was {n} {b} years ago?", "What age was {p} {b} years ago?",
    ], "{n} was {c} years old."),
    ("+", [
        "{m} is {a} years old and {n} is {b} years older.", "{m} is {a}. {n} is {b} years older than {m}.",
        "{n} is {b} years older than {m}, who is {a}.",
    ], ["How old is {n}?", "What is the age of {n}?", "How old is {n} then?"], "{n} is {c} years old."),
    ("-", [
        "{m} is {a} years old and {n} is {b} years younger.", "{m} is {a}. {n} is {b} years younger than {m}.",
        "{n} is {b} years younger than {m}, who is {a}.",
    ], ["How old is {n}?", "What is the age of {n}?", "How old is {n} then?"], "{n} is {c} years old."),
    ("-", [
        "{n} is {a} years old and {m} is {b}.", "{n} is {a} and {m} is {b} years old.", "{m} is {b} and {n} is {a}.",
    ], [
        "How much older is {n}?", "How many years older is {n} than {m}?", "How many years is {m} younger than {n}?",
    ], "{n} is {c} years older."),
    ("-", [
        "{n} has {a} {u} and spends {b}.", "{n} has {a} {u}. {P} buys {g} for {b} {u}.",
        "{n} had {a} {u} and paid {b} for {g}.", "{n} has {a} {u} and pays {b} {u}.",
        "If {n} has {a} {u} and spends {b} {u} on {g},", "{G} costs {b} {u} and {n} has {a} {u}. {P} buys it.",
    ], [
        "How much does {p} have left?", "How much money is left?", "How many {u} are left?",
        "How much money does {n} have now?",
    ], "{n} has {c} {u}."),
    ("+", [
        "{n} has {a} {u} and earns {b} more.", "{n} has {a} {u} and gets {b} {u} from {m}.",
        "{n} saved {a} {u} and then {b} more.", "{n} has {a} {u} and finds {b}.",
    ], [
        "How much does {p} have?", "How much money does {p} have now?", "How many {u} does {n} have?",
        "How much is that?",
    ], "{n} has {c} {u}."),
    ("+", [
        "{G} costs {a} {u} and {g2} costs {b} {u}.", "{n} pays {a} {u} for {g} and {b} for {g2}.",
        "{n} buys {g} for {a} {u} and {g2} for {b} {u}.",
    ], [
        "How much is that together?", "What do both cost together?", "How much do they cost in all?",
        "What is the total?",
    ], "That is {c} {u}."),
    ("*", [
        "{G} costs {b} {u}.", "The price of {g} is {b} {u}.", "{n} pays {b} {u} for {g}.",
    ], [
        "How much do {a} of them cost?", "What do {a} of them cost?", "How much do {a} cost?",
        "What is the price of {a}?",
    ], "They cost {c} {u}."),
    ("+", [
        "{n} walks {a} km and then {b} km more.", "{n} drives {a} km in the morning and {b} km in the evening.",
        "{n} rides {a} km on Monday and {b} km on Tuesday.",
        "It is {a} km to the lake and {b} km from there to the town.",
        "A train goes {a} km, stops, and goes on for {b} km.",
    ], ["How far is that?", "How many km is that?", "How far is it in all?", "What is the whole distance?"],
     "That is {c} km."),
    ("-", [
        "The way is {a} km long and {n} has walked {b} km.", "{n} has to drive {a} km and has done {b} km.",
        "A trip is {a} km long. {n} has gone {b} km.",
    ], ["How far is it still?", "How many km are left?", "How much of the way is left?"], "{c} km are left."),
    ("*", [
        "{n} walks {b} km every day.", "{n} runs {b} km a day.", "A boat goes {b} km in a day.",
        "{n} rides {b} km each day.",
    ], [
        "How far is that in {a} days?", "How many km is that in {a} days?", "How many km is that after {a} days?",
    ], "That is {c} km."),
    ("*", [
        "{n} walks {b} km in an hour.", "A boat goes {b} km an hour.", "{n} drives {b} km per hour.",
    ], [
        "How far is that in {a} hours?", "How many km is that in {a} hours?", "How many km is that after {a} hours?",
    ], "That is {c} km."),
    ("-", [
        "A book has {a} pages and {n} has read {b} of them.", "{n} has read {b} of {a} pages.",
        "{n} reads a book of {a} pages. {P} has read {b} pages.",
    ], ["How many pages are left?", "How many pages must {p} still read?", "How many pages are there still?"],
     "{c} pages are left."),
    ("+", [
        "There are {a} {z} in the garden and {b} more come.", "I see {a} {z}. Then {b} more come.",
        "{a} {z} are in a field and {b} join them.", "There are {a} {z} here and {b} {z} there.",
        "A farmer has {a} {z} and buys {b} more.",
    ], ["How many {z} are there?", "How many {z} is that?", "How many {z} are there now?"], "There are {c} {z}."),
    ("-", [
        "There are {a} {z} in the garden and {b} go away.", "I see {a} {z}. Then {b} leave.",
        "A farmer has {a} {z} and sells {b}.", "{b} of {a} {z} run away.",
        "There were {a} {z} in a field. {b} went away.",
    ], ["How many {z} are left?", "How many {z} are there now?", "How many {z} remain?"], "There are {c} {z}."),
    ("+", [
        "A class has {a} boys and {b} girls.", "There are {a} girls and {b} boys in a class.",
        "{a} boys and {b} girls are in a room.",
    ], ["How many children is that?", "How many children are there?", "How many are there in all?"],
     "There are {c} children."),
    ("-", [
        "There are {a} children in a class and {b} are girls.", "A class has {a} children. {b} of them are girls.",
    ], ["How many boys are there?", "How many are boys?", "How many boys is that?"], "There are {c} boys."),
    ("+", [
        "There are {a} people on a bus and {b} get on.", "{a} people sit in a train and {b} more get on.",
        "{a} people are in a shop and {b} come in.",
    ], ["How many people are there now?", "How many people is that?", "How many are there then?"],
     "There are {c} people."),
    ("-", [
        "There are {a} people on a bus and {b} get off.", "{a} people sit in a train and {b} of them get off.",
        "{a} people are in a shop and {b} go home.",
    ], ["How many people are left?", "How many people are there now?", "How many are there then?"],
     "There are {c} people."),
    ("*", [
        "There are {a} rows with {b} seats each.", "A hall has {a} rows of {b} seats.",
        "Each of {a} rows has {b} seats.",
    ], ["How many seats are there?", "How many seats is that?", "How many people can sit down?"],
     "There are {c} seats."),
    ("+", [
        "It is {a} degrees and gets {b} degrees warmer.", "It was {a} degrees. Now it is {b} degrees warmer.",
    ], ["How warm is it?", "How warm is it now?", "What is the temperature now?"], "It is {c} degrees."),
    ("-", [
        "It is {a} degrees and gets {b} degrees colder.", "It was {a} degrees. Now it is {b} degrees colder.",
    ], ["How warm is it?", "How warm is it now?", "What is the temperature now?"], "It is {c} degrees."),
    ("+", [
        "I am {a} years old.", "I am {a}.", "I'm {a} years old.", "Today I am {a}.",
    ], [
        "How old will I be in {b} years?", "How old am I in {b} years?", "What age will I be in {b} years?",
    ], "You will be {c} years old."),
    ("-", [
        "I am {a} years old.", "I am {a}.", "I'm {a} years old.", "Today I am {a}.",
    ], ["How old was I {b} years ago?", "What age was I {b} years ago?"], "You were {c} years old."),
    ("-", [
        "I have {a} {u} and spend {b}.", "I have {a} {u}. I buy {g} for {b} {u}.",
        "If I have {a} {u} and spend {b} {u},", "I had {a} {u} and paid {b} for {g}.",
        "I pay with {a} {u} for {g} that costs {b}.",
    ], ["How much do I have left?", "How much money is left?", "How many {u} are left?", "What do I have then?"],
     "You have {c} {u}."),
    ("*", [
        "I buy {a} {x} for {b} {u} each.", "I want {a} {x} and each costs {b} {u}.",
        "{n} buys {a} {x} for {b} {u} each.", "If I buy {a} {x} at {b} {u} each,",
        "{n} buys {a} {x}. Each costs {b} {u}.",
    ], ["How much is that?", "How much do they cost?", "What do they cost together?", "How many {u} is that?"],
     "They cost {c} {u}."),
    ("+", [
        "How much is {a} {x} plus {b} {x}?", "What is {a} {x} plus {b} {x}?", "What are {a} {x} and {b} {x} together?",
        "Add {a} {x} and {b} {x}.", "How many {x} are {a} {x} and {b} {x}?",
    ], [""], "That is {c} {x}."),
    ("-", [
        "How much is {a} {x} minus {b} {x}?", "What is {a} {x} minus {b} {x}?", "Take {b} {x} from {a} {x}.",
    ], [""], "That is {c} {x}."),
    ("-", [
        "A film takes {a} minutes and {n} has seen {b} minutes.", "The cake needs {a} minutes and {b} have passed.",
    ], ["How many minutes are left?", "How long is it still?", "How many more minutes is that?"],
     "{c} minutes are left."),
]
STORY_WEIGHTS = [len(stories) for _, stories, _, _ in STORIES]
LEG_QUESTIONS = [
    "How many {y} do {a} {z} have?", "How many {y} have {a} {z}?", "{a} {z} have how many {y}?",
    "Count the {y} of {a} {z}.", "What number of {y} do {a} {z} have?", "If I have {a} {z}, how many {y} is that?",
    "I see {a} {z}. How many {y} is that?",
]


def story_numbers(rng, sign, ending):
    """Operands and a result, of 2 or more, so that every noun is in the plural, unless the ending can do without."""
    if ending in (HAS, YOU) and rng.random() < 0.2:
        rest, b = rng.randint(0, 5), rng.randint(1, 5)
        return (rest + 2, b) if sign == "+" else (max(rest + b, 2), b)
    if sign == "+":
        limit = rng.choice([12, 50])
        return rng.randint(2, limit), rng.randint(2, limit)
    if sign == "-":
        rest, b = rng.randint(2, rng.choice([10, 50])), rng.randint(2, rng.choice([10, 45]))
        return rest + b, b
    if sign == "*":
        return rng.randint(2, 12), rng.randint(2, 12)
    b, quotient = rng.randint(2, 12), rng.randint(2, 12)
    return b * quotient, b


def tell(rng, sign, stories, tails, a, b):
    """A story with its question, the phrasing of the two, and what the names in its templates stand for."""
    story, tail = rng.choice(stories), rng.choice(tails)
    she = rng.random() < 0.5
    name = rng.choice(VOCABULARY["she" if she else "he"])
    other = rng.choice(VOCABULARY["he" if she else "she"])
    goods, more_goods = rng.sample(VOCABULARY["goods"], 2)
    meaning = {
        "n": name, "m": other, "p": "she" if she else "he", "P": "She" if she else "He", "p2": "her" if she else "him",
        "x": rng.choice(VOCABULARY["things"]), "t": rng.choice(VOCABULARY["containers"]),
        "z": rng.choice(VOCABULARY["animals"]), "u": rng.choice(VOCABULARY["money"]),
        "g": goods, "G": capitalized(goods), "g2": more_goods, "c": calculate(sign, a, b),
    }
    if story.endswith(","):
        tail = tail[:1].lower() + tail[1:]
    template = f"{story} {tail}".rstrip()
    numbers = {"a": a, "b": b}
    if max(a, b) <= 100 and rng.random() < 0.06:
        numbers = {"a": in_words(rng, a), "b": in_words(rng, b)}
    return capitalized(template.format(**meaning, **numbers)), f"story: {template}", meaning


def word_problem(rng):
    if rng.random() < 0.04:
        return legs(rng)
    sign, stories, tails, ending = rng.choices(STORIES, STORY_WEIGHTS)[0]
    a, b = story_numbers(rng, sign, ending)
    text, phrasing, meaning = tell(rng, sign, stories, tails, a, b)
    if meaning["c"] == 1:
        meaning["x"] = SINGULAR.get(meaning["x"], meaning["x"][:-1])
    answer = calculation(sign, a, b) + " " + ending.format(**meaning)
    exchange = question("word problems", text, answer, *keys_of(phrasing, (sign, a, b)))
    return about(exchange, "calculation", sign, a, b)


def legs(rng):
    part = rng.choice(["legs", "legs", "legs", "wheels", "fingers"])
    things, each = rng.choice(list(LEGS[part].items()))
    a = rng.randint(2, 12)
    template = rng.choice(LEG_QUESTIONS)
    meaning = {"a": a, "y": part, "z": things}
    answer = f"{calculation('*', a, each)} {a} {things.split(' with ')[0]} have {a * each} {part}."
    exchange = question("word problems", template.format(**meaning), answer, *keys_of(template, ("*", a, each)))
    return about(exchange, "calculation", "*", a, each)


def unknown_story(rng):
    """A story with numbers that are too large."""
    sign, stories, tails, _ = rng.choice(STORIES)
    small, large = rng.randint(101, 999), rng.randint(1000, 9999)
    a, b = (large, small) if rng.random() < 0.5 else (small + 100, rng.randint(13, 100))
    text, phrasing, _ = tell(rng, sign, stories, tails, a, b)
    return question("unknown", text, UNKNOWN, *keys_of(phrasing, (sign, a, b)))
