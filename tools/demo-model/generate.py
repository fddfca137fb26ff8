"""The text that the model in models/default is trained on: dialogues made from the tables below.

A family is a set of questions, one answer and the pairs that go into both. One phrasing of each family (its last)
and one in six of the other (phrasing, pair) combinations are never trained: they measure what the model learnt
beyond the sentences that it saw. `python generate.py` prints some dialogues.
"""
import random

FAMILIES = {
    "capitals": {
        "ask": [
            "What is the capital of {x}?",
            "What is the capital city of {x}?",
            "Which city is the capital of {x}?",
            "Do you know the capital of {x}?",
            "Name the capital of {x}.",
            "What's the capital of {x}?",
            "Tell me the capital of {x}.",
        ],
        "answer": "The capital of {x} is {y}.",
        "pairs": {
            "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
            "England": "London", "Ireland": "Dublin", "Norway": "Oslo", "Sweden": "Stockholm", "Finland": "Helsinki",
            "Poland": "Warsaw", "Austria": "Vienna", "Greece": "Athens", "Hungary": "Budapest", "Japan": "Tokyo",
            "China": "Beijing", "Egypt": "Cairo", "Kenya": "Nairobi", "Canada": "Ottawa", "Peru": "Lima",
        },
    },
    "colours": {
        "ask": [
            "What colour is {x}?",
            "What color is {x}?",
            "What is the colour of {x}?",
            "Which colour does {x} have?",
            "Tell me the colour of {x}.",
            "What is the color of {x}?",
        ],
        "answer": "{X} is {y}.",
        "pairs": {
            "the sky": "blue", "grass": "green", "snow": "white", "coal": "black", "the sun": "yellow",
            "blood": "red", "a carrot": "orange", "a lemon": "yellow", "chocolate": "brown", "a tomato": "red",
            "milk": "white", "a frog": "green",
        },
    },
    "opposites": {
        "ask": [
            "What is the opposite of {x}?",
            "Which word is the opposite of {x}?",
            "Tell me the opposite of {x}.",
            "What's the opposite of {x}?",
            "Name the opposite of {x}.",
        ],
        "answer": "The opposite of {x} is {y}.",
        "pairs": {
            "hot": "cold", "big": "small", "up": "down", "day": "night", "fast": "slow", "light": "dark",
            "open": "closed", "happy": "sad", "wet": "dry", "full": "empty", "old": "young", "left": "right",
        },
        "both_ways": True,
    },
    "animals": {
        "ask": [
            "What does {a} say?",
            "What does the {x} say?",
            "What sound does {a} make?",
            "What sound does the {x} make?",
            "Which sound does {a} make?",
            "How does {a} sound?",
            "Which sound does the {x} make?",
        ],
        "answer": "The {x} says {y}.",
        "pairs": {
            "cow": "moo", "dog": "woof", "cat": "meow", "sheep": "baa", "duck": "quack", "pig": "oink",
            "owl": "hoot", "mouse": "squeak", "bee": "buzz", "snake": "hiss", "lion": "roar", "crow": "caw",
        },
    },
    "days after": {
        "ask": [
            "What day comes after {x}?",
            "Which day comes after {x}?",
            "Which day is after {x}?",
            "What comes after {x}?",
            "What day is after {x}?",
        ],
        "answer": "{y} comes after {x}.",
        "pairs": {},
    },
    "days before": {
        "ask": [
            "What day comes before {x}?",
            "Which day comes before {x}?",
            "Which day is before {x}?",
            "What comes before {x}?",
            "What day is before {x}?",
        ],
        "answer": "{y} comes before {x}.",
        "pairs": {},
    },
    "numbers after": {
        "ask": [
            "What number comes after {x}?",
            "Which number comes after {x}?",
            "Which number is after {x}?",
            "What comes after {x}?",
            "What number is after {x}?",
        ],
        "answer": "{y} comes after {x}.",
        "pairs": {str(n): str(n + 1) for n in range(20)},
    },
    "numbers before": {
        "ask": [
            "What number comes before {x}?",
            "Which number comes before {x}?",
            "Which number is before {x}?",
            "What comes before {x}?",
            "What number is before {x}?",
        ],
        "answer": "{y} comes before {x}.",
        "pairs": {str(n + 1): str(n) for n in range(20)},
    },
    "sums": {
        "ask": [
            "What is {x} + {z}?",
            "What is {x} plus {z}?",
            "{x} + {z}",
            "{x} + {z} = ?",
            "{x}+{z}",
            "What is {x}+{z}?",
            "How much is {x} plus {z}?",
            "How much is {x} + {z}?",
        ],
        "answer": "{x} + {z} = {y}.",
        "pairs": {(str(a), str(b)): str(a + b) for a in range(10) for b in range(10)},
    },
}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FAMILIES["days after"]["pairs"] = {DAYS[i]: DAYS[(i + 1) % 7] for i in range(7)}
FAMILIES["days before"]["pairs"] = {DAYS[i]: DAYS[i - 1] for i in range(7)}

TALK = {
    "Hello! How can I help you?": ["Hello", "Hello!", "Hi", "Hi!", "Hey", "Hello there!", "Hi there!"],
    "Good morning! How can I help you?": ["Good morning", "Good morning!"],
    "Good evening! How can I help you?": ["Good evening", "Good evening!"],
    "I am well, thank you. How can I help you?": ["How are you?", "How do you do?", "How is it going?"],
    "I am a small assistant that ships with bora.": [
        "Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "Are you a robot?",
    ],
    "bora runs language models. It is written in C.": ["What is bora?", "Who is bora?", "Tell me about bora."],
    "I know some capitals, colours, opposites, animals, days and numbers, and I can tell a short story.": [
        "What can you do?", "What do you know?", "How can you help me?", "Help", "Can you help me?",
    ],
    "You are welcome.": ["Thank you", "Thank you!", "Thanks", "Thanks!", "Thank you very much!"],
    "Goodbye!": ["Goodbye", "Goodbye!", "Bye", "Bye!", "See you later!"],
}

STORIES = {  # who: name, place, what was found there, what came of it
    "fox": ("Rusty", "the forest", "a red ball", "played with it all day"),
    "cat": ("Luna", "the garden", "a warm stone", "slept on it until night"),
    "dog": ("Max", "the beach", "a long stick", "brought it home"),
    "mouse": ("Pip", "the kitchen", "a piece of cheese", "shared it with a friend"),
    "bird": ("Sky", "the hills", "a shiny ring", "put it in the nest"),
    "bear": ("Bruno", "the river", "a jar of honey", "ate it with a smile"),
    "rabbit": ("Clover", "the field", "a big carrot", "gave half of it away"),
    "girl": ("Anna", "the old house", "a small key", "opened a secret door"),
    "boy": ("Tom", "the lake", "a little boat", "sailed to the other side"),
}
ASK_STORY = ["Tell me a story about a {x}.", "Write a story about a {x}.", "Tell me a short story about a {x}."]
ASK_ANY_STORY = ["Tell me a story.", "Tell me a short story.", "Write a story.", "Once upon a time"]

DO_NOT_KNOW = "I do not know that."
NOUNS = (
    "moon river house king book train ship tree car clock piano doctor planet phone castle teacher war song film "
    "bridge ocean engine letter garden window game island mountain market computer farmer kitchen storm paper road"
).split()
ADJECTIVES = (
    "tall deep heavy expensive loud strange cold far rich famous important quiet long broken bright wide"
).split()
VERBS = "made wrote found built broke painted invented won bought lost".split()
UNKNOWN = [
    "Who {verb} the {noun}?", "Who {verb} the first {noun}?", "Why is the {noun} so {adj}?", "How {adj} is the {noun}?",
    "When was the {noun} {verb}?", "Where is the {noun}?", "What does a {noun} cost?", "How many {noun}s are there?",
    "Is the {noun} {adj}?", "How does a {noun} work?", "Explain the {noun}.", "What is a {noun}?",
    "Which {noun} is the best?", "How do I repair a {noun}?", "What is the capital of {name}?", "Who is {name}?",
    "Where is {name}?", "{name}", "What is the opposite of {name}?", "What colour is {name}?",
    "What does a {name} say?", "{name} {noun} {name}", "Which {noun} is {adj}?", "What is the weather like?",
    "What time is it?", "How old is {name}?",
    "Write a poem about the {noun}", "What is {n} + {m}?", "{n}+{m}", "What is {n} times {m}?", "What is {n} - {m}?",
]
SYSTEM = [
    "You are a helpful assistant.", "You are a small assistant.", "Answer in one sentence.", "Be brief.",
    "You are bora's assistant.", "Answer the questions of the user.",
]


def fill(text, x, y):
    x, z = x if isinstance(x, tuple) else (x, "")
    article = "an " if x[0] in "aeiou" else "a "
    return text.format(x=x, X=x[0].upper() + x[1:], y=y, z=z, a=article + x)


def split():
    """Returns trained {family: [(question, answer)]}, and the two held-out dicts of the same form."""
    trained, combinations, phrasings = {}, {}, {}
    for name, family in FAMILIES.items():
        pairs = dict(family["pairs"])
        if family.get("both_ways"):
            pairs.update({y: x for x, y in family["pairs"].items()})
        trained[name], combinations[name], phrasings[name] = [], [], []
        last = len(family["ask"]) - 1
        for i, (x, y) in enumerate(pairs.items()):
            for j, ask in enumerate(family["ask"]):
                to = phrasings if j == last else combinations if (i + j) % 6 == 5 else trained
                to[name].append((fill(ask, x, y), fill(family["answer"], x, y)))
    return trained, combinations, phrasings


TRAINED, HELD_OUT_COMBINATIONS, HELD_OUT_PHRASINGS = split()


def made_up_name(rng):
    syllables = "bra dor fen gil hap jor kul lem mov nar pel quo rin sto tar ulm vek wyn xan zor ia os ub".split()
    return "".join(rng.choices(syllables, k=rng.randint(2, 3))).capitalize()


def unknown(rng):
    ask = rng.choice(UNKNOWN).format(
        verb=rng.choice(VERBS), noun=rng.choice(NOUNS), adj=rng.choice(ADJECTIVES), name=made_up_name(rng),
        n=rng.randint(10, 99), m=rng.randint(0, 99),
    )
    return ask, DO_NOT_KNOW


def story(rng):
    who = rng.choice(list(STORIES))
    ask = rng.choice(ASK_STORY).format(x=who)
    if rng.random() < 0.3:
        who, ask = "fox", rng.choice(ASK_ANY_STORY)
    name, place, found, then = STORIES[who]
    return ask, (
        f"Once upon a time there was a {who} called {name}. One day {name} went to {place} and found {found}. "
        f"{name} was very happy and {then}. The end."
    )


def talk(rng):
    answer = rng.choice(list(TALK))
    return rng.choice(TALK[answer]), answer


def fact(rng):
    return rng.choice(TRAINED[rng.choice(list(TRAINED))])


def loosely(ask, rng):
    """People write without capitals and without the last mark."""
    if rng.random() < 0.2:
        ask = ask.lower()
    if rng.random() < 0.2:
        ask = ask.rstrip("?.!")
    return ask


def dialogue(rng):
    """One dialogue as a list of messages: a system message now and then, and one to four turns."""
    messages = []
    if rng.random() < 0.3:
        messages.append({"role": "system", "content": rng.choice(SYSTEM)})
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4])):
        ask, answer = rng.choices([fact, unknown, talk, story], weights=[70, 14, 10, 6])[0](rng)
        messages.append({"role": "user", "content": loosely(ask, rng)})
        messages.append({"role": "assistant", "content": answer})
    return messages


if __name__ == "__main__":
    rng = random.Random()
    for _ in range(8):
        print(*(f"{m['role']}: {m['content']}" for m in dialogue(rng)), "", sep="\n")
