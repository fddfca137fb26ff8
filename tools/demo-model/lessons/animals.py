"""Relations of animals: their sounds, young, legs, homes and classes."""
from lessons.base import Named, Relation
from lessons.tables import aliases_in, read_table
from lessons.numerals import ONES
from lessons.vocabulary import plural_of

# Young animals that are named for one animal only, so that the name leads back to it.
OWN_YOUNG = "puppy kitten lamb piglet duckling gosling cygnet owlet eaglet fawn tadpole caterpillar hoglet".split()
# Animals whose home leads back to them.
KNOWN_HOMES = ["dog", "horse", "pig", "eagle", "rabbit", "bat", "bee", "spider", "camel", "snail", "mole"]
ANIMAL_FOLLOW_UP = [
    "And {a}?", "And the {x}?", "What about {a}?", "What about the {x}?", "How about {a}?", "and for {a}?", "{A}?",
    "Now the {x}.", "The same for {a}?", "Ok, and {a}?", "What about {x.many}?", "And {x.many}?", "{x}?",
    "and {x.many}",
]


def animal(name):
    return Named(name, many=plural_of(name))


ANIMALS = {row["animal"]: row for row in read_table("animals")}
ANIMAL_NAMES = {name: [animal(alias) for alias in aliases]
                for name, aliases in aliases_in(ANIMALS.values(), "animal").items()}


def animal_relation(column, only=lambda row: True, **more):
    """A relation from animals to what stands in a column of their table."""
    pairs = {animal(name): row[column] for name, row in ANIMALS.items() if column in row and only(row)}
    if column == "legs":
        pairs = {name: ONES[int(number)] for name, number in pairs.items()}
    return Relation(pairs=pairs, follow_up=ANIMAL_FOLLOW_UP, aliases=ANIMAL_NAMES, **more)


def first_of_each(pairs):
    """The pairs as a dict, the first of those with the same subject."""
    found = {}
    for x, y in pairs:
        found.setdefault(x, y)
    return found


def animal_relations():
    sound = animal_relation(
        "sound", name="animal sound", answer="{A} says {y}.", weight=18, topic="animal",
        its=["its sound", "the sound it makes"],
        np=["the sound of {a}", "the sound that {a} makes", "the noise of {a}", "the sound of the {x}",
            "the sound {x.many} make"],
        ask=["What does {a} say?", "What does the {x} say?", "What sound does {a} make?",
             "What sound does the {x} make?", "What noise does {a} make?", "What noise does the {x} make?",
             "Which sound does {a} make?", "How does {a} sound?", "How does {a} go?", "What sound do {x.many} make?",
             "What do {x.many} say?", "What noise do {x.many} make?", "How do {x.many} talk?", "sound of {a}",
             "{x} sound", "{x} sound?", "{x} noise?", "what says the {x}", "Make the sound of {a}.",
             "Make a sound like {a}.", "Sound like {a}.", "Talk like {a}.", "If I were {a}, what would I say?",
             "What would {a} say?", "What do you hear from {a}?", "You are {a}. Say something.",
             "Old MacDonald had {a}. What did it say?", "What is {a} saying?"])
    says = Relation(
        "animal that says", first_of_each((row["sound"], name) for name, row in ANIMALS.items() if "sound" in row),
        "{B} says {x}.", weight=6, follow_up=["And {x}?", "What about {x}?", "And which animal says {x}?",
                                              "And who says {x}?"],
        np=["the animal that says {x}", "an animal that says {x}"],
        ask=["Which animal says {x}?", "What animal says {x}?", "Who says {x}?", "What says {x}?",
             "{X}, says which animal?", "Which animal goes {x}?", "What animal makes the sound {x}?",
             "Which animal makes {x}?", "I hear {x}. What is it?", "I hear a loud {x}. Which animal is that?",
             "An animal says {x}. Which one?", "{x}: which animal is it?", "What kind of animal makes the sound {x}?",
             "Which animal do I hear when it goes {x}?"])
    young = animal_relation(
        "young", name="young animal", answer="A young {x} is called {b}.", weight=14, topic="animal",
        its=["the name of its young", "the name of its baby", "the word for its young"],
        np=["the name of a young {x}", "the name for a baby {x}", "the young of {a}", "the baby of {a}",
            "the word for a baby {x}", "the word for a young {x}"],
        ask=["What is a baby {x} called?", "What is a young {x} called?", "What do you call a baby {x}?",
             "What do you call a young {x}?", "What are baby {x.many} called?", "What are young {x.many} called?",
             "What is the child of {a} called?", "baby {x}", "baby {x}?", "young {x}?", "baby {x} name",
             "What is {a} called when it is young?", "What is a little {x} called?", "What does one call a baby {x}?",
             "How is a baby {x} called?", "How do you say baby {x}?", "What do we call the baby of {a}?",
             "{A} has a baby. What is it called?", "What was {a} before it grew up?", "What is a newborn {x} called?",
             "{A} is born. What is it called then?", "What name does a young {x} have?"])
    young.aliases = {}
    own = first_of_each((row["young"], name) for name, row in ANIMALS.items() if row.get("young") in OWN_YOUNG)
    grown = Relation(
        "grown animal", own, "{A} is a young {y}.", weight=5,
        follow_up=[t for t in ANIMAL_FOLLOW_UP if ".many" not in t],
        ask=["What is {a}?", "What's {a}?", "What animal is {a}?", "Which animal is {a}?", "{A} is the baby of what?",
             "{A} is a young what?", "Which animal has a baby called {x}?", "What will {a} be when it is big?",
             "Who is the mother of {a}?", "What kind of baby animal is {a}?", "A baby of which animal is called {x}?",
             "What does the word {x} mean?"])
    legs_np = ["the number of legs of {a}", "the number of legs on {a}", "the number of legs that {a} has"]
    legs_ask = [
        "How many legs does {a} have?", "How many legs has {a} got?", "How many legs do {x.many} have?",
        "How many legs are on {a}?", "How many legs does the {x} have?", "how many legs {x}", "legs of {a}", "{x} legs",
        "{x} legs?", "Number of legs of {a}?", "{A} has how many legs?", "{x.many} have how many legs",
        "On how many legs does {a} walk?", "How many legs would {a} have?", "How many feet does {a} walk on?",
        "I drew {a}. How many legs do I need?", "Count the legs of {a}.", "Do you know how many legs {a} has?",
        "Tell me how many legs {a} has.", "Can you tell me how many legs {x.many} have?", "{x} number of legs",
        "What number of legs does {a} have?", "Does {a} have legs?", "Do {x.many} have legs?",
    ]
    legs = animal_relation(
        "legs", lambda row: row["legs"] != "0", name="legs", answer="{A} has {y} legs.", weight=12, topic="animal",
        its=["its number of legs", "the number of its legs"], np=legs_np, ask=legs_ask)
    no_legs = Relation("no legs", {x: "none" for x in map(animal, ANIMALS) if ANIMALS[x].get("legs") == "0"},
                       "{A} has no legs.", np=legs_np, ask=legs_ask, follow_up=ANIMAL_FOLLOW_UP, weight=4)
    home = animal_relation(
        "home", name="animal home", answer="{A} lives {y}.", weight=9, topic="animal",
        its=["its home", "the place where it lives"],
        np=["the home of {a}", "the place where {a} lives", "the place where {x.many} live", "the habitat of {a}"],
        ask=["Where does {a} live?", "Where do {x.many} live?", "Where does the {x} live?", "where {x} live",
             "{x} home", "{x} habitat?", "home of {a}", "Where is the home of {a}?", "Where can I find {a}?",
             "Where do you find {x.many}?", "In what place does {a} live?", "Where would I see {a}?",
             "In which place do {x.many} live?", "Where is {a} at home?", "Where does {a} have its home?",
             "What does {a} live in?", "I am looking for {a}. Where should I look?",
             "Where should I look for {x.many}?", "Tell me where {x.many} live.", "Do you know where {a} lives?",
             "Can you tell me where {x.many} live?"])
    lives = Relation(
        "animal that lives", {ANIMALS[name]["home"]: name for name in KNOWN_HOMES}, "{B} lives {x}.", weight=4,
        follow_up=["And {x}?", "And what lives {x}?", "And who lives {x}?", "What about the one {x}?"],
        ask=["Which animal lives {x}?", "What animal lives {x}?", "Who lives {x}?", "What lives {x}?",
             "Which animals live {x}?", "Which animal has its home {x}?", "Name an animal that lives {x}.",
             "Which animal do you find {x}?", "Tell me an animal that lives {x}.", "An animal lives {x}. Which one?"])
    kind = animal_relation(
        "class", name="kind of animal", answer="{A} is {b}.", weight=12, topic="animal",
        its=["its class", "the class of it", "its animal group"],
        np=["the class of {a}", "the animal class of {a}", "the animal group of {x.many}",
            "the class that {x.many} belong to"],
        ask=["What kind of animal is {a}?", "What type of animal is {a}?", "What sort of animal is {a}?",
             "What kind of animal are {x.many}?", "Which class of animals does {a} belong to?", "class of {a}",
             "{x} class?", "To which group of animals does {a} belong?",
             "Is {a} a mammal, a bird, a fish or an insect?", "Are {x.many} mammals, birds, fish or what?",
             "{A} is what kind of animal?", "{x}: mammal, bird or fish?", "What animal group is {a} in?",
             "How is {a} classified?", "Tell me what kind of animal {a} is.",
             "Mammal, bird, reptile or insect: what is {a}?", "Which type of animal is the {x}?",
             "What are {x.many}: mammals or something else?", "Do you know what kind of animal {a} is?",
             "What family of animals does {a} belong to?"])
    return [sound, says, young, grown, legs, no_legs, home, lives, kind]
