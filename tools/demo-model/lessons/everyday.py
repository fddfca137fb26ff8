"""Everyday facts: the colours of things, units and other counts, shapes."""
from lessons.animals import ANIMAL_FOLLOW_UP
from lessons.base import Named, Relation, capitalized
from lessons.tables import read_table
from lessons.numerals import ONES
from lessons.vocabulary import plural_of

# ---- colours


def both_spellings(templates):
    """The templates with "colour", and again with "color"."""
    return list(templates) + [t.replace("olour", "olor") for t in templates if "olour" in t]


def coloured(thing):
    """A thing with its name without the article, and the words of a question for it or for all of its kind."""
    article, _, rest = thing.partition(" ")
    if article in ("a", "an"):
        return Named(thing, bare=rest, are="are " + plural_of(rest), do=f"do {plural_of(rest)}")
    return Named(thing, bare=rest if article == "the" else thing, are="is " + thing, do="does " + thing)


def mixture(one, other):
    return Named(f"{one} and {other}", one=one, other=other)


def colour_relations():
    colour = Relation(
        "colour", {coloured(row["thing"]): row["colour"] for row in read_table("colours")}, "{X} is {y}.", weight=26,
        np=both_spellings(["the colour of {x}", "the colour of {x}", "the usual colour of {x}",
                           "the colour of {x.bare}", "the normal colour of {x}"]),
        ask=both_spellings([
            "What colour is {x}?", "What colour is {x}?", "What colour {x.are}?", "Which colour is {x}?",
            "What colour does {x} have?", "Which colour {x.do} have?", "Which colour has {x}?", "What is {x}'s colour?",
            "colour of {x}", "colour of {x.bare}", "{x.bare} colour", "{x.bare} colour?", "colour {x.bare}",
            "What colour is {x} normally?", "What colour would you paint {x}?", "Which colour do I need to draw {x}?",
            "{X} has which colour?", "{X} is what colour?", "In what colour should I paint {x}?",
            "I want to draw {x}. Which colour do I take?", "Tell me what colour {x} is.",
            "Do you know what colour {x} is?", "Can you tell me what colour {x} is?", "Of what colour is {x}?",
            "Which colour can {x} have?",
        ]) + ["How does {x} look: red, green, blue or what?", "{X} is ...? (a color)"])
    paints = read_table("paints")
    mixed = Relation(
        "mixed colours", {mixture(row["one"], row["other"]): row["mixed"] for row in paints}, "{X} make {y}.", weight=6,
        aliases={mixture(row["one"], row["other"]): [mixture(row["other"], row["one"])] for row in paints},
        ask=both_spellings([
            "What colour do {x} make?", "What do {x} make?", "What do you get if you mix {x}?", "Mix {x}.",
            "{x} mixed?", "What colour do I get from {x}?", "If I mix {x}, what colour do I get?",
            "Which colour do {x} give?", "What is {x.one} mixed with {x.other}?", "What is {x.one} plus {x.other}?",
            "{x.one} + {x.other} = which colour?", "I mix {x.one} paint with {x.other} paint. What colour is it?",
            "What happens if you mix {x}?", "What colour is {x} together?", "Mixing {x} gives what colour?",
            "Which colour is made from {x}?",
        ]))
    return [colour, mixed]


# ---- units and other counts


def american(text):
    return text.replace("metre", "meter").replace("litre", "liter").replace("colour", "color")


def unit_aliases(rows):
    """American spellings, and other names of the whole."""
    aliases = {}
    for row in rows:
        part, place = row["part"], row["place"]
        others = [measure(american(part), american(place))] + [measure(part, p) for p in PLACE_ALIASES.get(place, [])]
        if others := [other for other in others if other != f"{part} {place}"]:
            aliases[f"{part} {place}"] = others
    return aliases


def measure(part, place):
    """"minutes", "in an hour": with the whole, "an hour", and "1 hour"."""
    whole = place.partition(" ")[2]
    article, _, noun = whole.partition(" ")
    single = article in ("a", "an")
    return Named(f"{part} {place}", part=part, Part=capitalized(part), place=place, Place=capitalized(place),
                 whole=whole, Whole=capitalized(whole),
                 one="1 " + noun if single else whole, bare=noun if article in ("a", "an", "the") else whole)


def in_words(number):
    """The number as a count in a sentence is written: up to twelve in words."""
    return ONES[int(number)] if int(number) <= 12 else number


PLACE_ALIASES = {
    "in the English alphabet": ["in the alphabet", "in the ABC"], "in a rainbow": ["in the rainbow"],
    "in a deck of cards": ["in a deck", "in a pack of cards"], "on a bicycle": ["on a bike"],
}
UNITS_ASK = [
    "How many {x}?", "How many {x}?", "How many {x.part} are {x.place}?", "How many {x.part} are {x.place}?",
    "How many {x.part} are there {x.place}?", "How many {x.part} does {x.whole} have?",
    "How many {x.part} has {x.whole}?", "{x}", "{x}?", "{x.Whole} has how many {x.part}?",
    "{x.Part} {x.place}: how many?", "There are how many {x}?", "how much {x}",
    "{x.Place} there are how many {x.part}?", "Tell me how many {x.part} are {x.place}.",
    "Can you tell me how many {x.part} there are {x.place}?", "Do you know how many {x.part} are {x.place}?",
    "I want to know how many {x.part} there are {x.place}.", "How many {x.part} do you find {x.place}?",
    "how many {x.part} {x.bare}", "{x.whole} how many {x.part}", "What number of {x.part} is {x.place}?",
    "Do you remember how many {x.part} are {x.place}?", "I forgot how many {x.part} are {x.place}.",
    "How many {x.part} do we have {x.place}?", "How many {x.part} would there be {x.place}?", "number of {x}",
]
MEASURE_ASK = [
    "How many {x.part} make {x.whole}?", "How many {x.part} make up {x.whole}?", "How many {x.part} is {x.whole}?",
    "How many {x.part} is {x.one}?", "How many {x.part} are in {x.one}?", "{x.one} in {x.part}", "{x.one} in {x.part}?",
    "{x.Whole} is how many {x.part}?", "{x.one} = how many {x.part}?", "{x.one} to {x.part}", "{x.one} = ? {x.part}",
    "Convert {x.one} to {x.part}.", "Convert {x.whole} into {x.part}.", "How many {x.part} do I need for {x.whole}?",
    "{x.Whole} equals how many {x.part}?", "How many {x.part} does {x.whole} contain?",
    "What is {x.whole} in {x.part}?", "What is {x.one} in {x.part}?", "{x.bare} in {x.part}?",
    "Express {x.whole} in {x.part}.", "How many {x.part} go into {x.whole}?",
    "If I have {x.whole}, how many {x.part} is that?", "How many {x.part} equal {x.whole}?",
    "How many {x.part} per {x.bare}?",
]
UNITS_FOLLOW_UP = [
    "And how many {x}?", "What about {x}?", "And {x}?", "How about {x}?", "How many {x.part} {x.place}?", "and {x}",
    "And how many {x.part} are {x.place}?", "Now {x}.", "Ok, and {x}?", "{x}?",
]
UNITS_NP = ["the number of {x}", "the number of {x}", "the count of {x}"]


def units_relations():
    rows = {kind: [row for row in read_table("units") if row["kind"] == kind] for kind in ("measure", "count")}
    units = Relation(
        "units", {measure(row["part"], row["place"]): row["number"] for row in rows["measure"]}, "There are {y} {x}.",
        weight=40, np=UNITS_NP, ask=UNITS_ASK + MEASURE_ASK, follow_up=UNITS_FOLLOW_UP,
        aliases=unit_aliases(rows["measure"]))
    counts = Relation(
        "counts", {measure(row["part"], row["place"]): in_words(row["number"]) for row in rows["count"]},
        "{x.Whole} has {y} {x.part}.", weight=16, np=UNITS_NP, ask=UNITS_ASK, follow_up=UNITS_FOLLOW_UP,
        aliases=unit_aliases(rows["count"]))
    groups = Relation(
        "groups", {row["group"]: row["number"] for row in read_table("groups")}, "{X} is {y}.", weight=4,
        np=["the number of things in {x}", "the number that {x} stands for"],
        ask=["How many is {x}?", "What is {x}?", "How many are {x}?", "How much is {x}?", "What number is {x}?",
             "How many things are in {x}?", "How many things are there in {x}?", "How many pieces is {x}?",
             "{x} is how many?", "{X} means how many?", "What does {x} mean?", "{x}?", "{x} in numbers",
             "I bought {x}. How many do I have?", "How many things make {x}?"])
    return [units, counts, groups]


# ---- shapes


def shape_relations():
    sides_of = {row["shape"]: row["sides"] for row in read_table("shapes")}
    sides_ask = [
        "How many sides does {a} have?", "How many sides has {a}?", "How many sides are on {a}?", "sides of {a}",
        "{x} sides", "{x} sides?", "how many sides {x}", "{A} has how many sides?", "Number of sides of {a}?",
        "How many sides do {x}s have?", "How many sides are there in {a}?", "Tell me how many sides {a} has.",
        "I draw {a}. How many sides do I draw?", "Count the sides of {a}.", "Do you know how many sides {a} has?",
        "What number of sides does {a} have?",
    ]
    shape_follow_up = [t for t in ANIMAL_FOLLOW_UP if ".many" not in t]
    sides = Relation("sides", sides_of, "{A} has {y} sides.",
                     np=["the number of sides of {a}", "the number of sides in {a}"],
                     ask=sides_ask, follow_up=shape_follow_up, topic="shape", its=["its number of sides"], weight=9)
    corners = Relation(
        "corners", sides_of, "{A} has {y} corners.",
        np=["the number of corners of {a}", "the number of corners in {a}"],
        ask=[t.replace("sides", "corners") for t in sides_ask] + ["How many angles does {a} have?"],
        follow_up=shape_follow_up, topic="shape", its=["its number of corners"], weight=4)
    shape_of = {number: shape for shape, number in sides_of.items() if number != "4"} | {"4": "quadrilateral"}
    shape = Relation(
        "shape", {Named(n, word=ONES[int(n)]): name for n, name in shape_of.items()},
        "A shape with {x} sides is called {b}.", weight=5,
        follow_up=["And with {x} sides?", "With {x} sides?", "What about {x} sides?", "And {x}?", "and with {x.word}?"],
        np=["the name of a shape with {x} sides", "the shape with {x} sides",
            "the name of a shape with {x.word} sides"],
        ask=["Which shape has {x} sides?", "What shape has {x} sides?", "What do you call a shape with {x} sides?",
             "Which shape has {x.word} sides?", "What has {x.word} sides?", "What is a polygon with {x} sides called?",
             "What is a figure with {x.word} sides called?", "shape with {x} sides", "{x} sided shape",
             "{x}-sided shape?", "What do you call a polygon with {x.word} sides?",
             "A shape has {x} sides. What is it?", "How is a shape with {x} sides called?",
             "I drew a shape with {x.word} sides. What is it?"])
    return [sides, corners, shape]
