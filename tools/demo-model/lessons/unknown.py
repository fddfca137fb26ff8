"""Questions that the model was not taught the answer of, which is always UNKNOWN.

A stranger may ask anything, so what counts is variety: many frames times many topics, things that do not exist in the
relations that are taught elsewhere, what is not taught about things that are, other languages, and nonsense. No frame
may ask for a taught fact.
"""
from lessons.base import UNKNOWN, capitalized, made_up_name, question, with_article
from lessons.tables import read_blocks

FRAMES = dict(read_blocks("unknown_frames"))
TOPICS = dict(read_blocks("unknown_topics"))
QUESTIONS = dict(read_blocks("unknown_questions"))
FAMILIES = {  # family of frames and topics: its share
    "thing": 19, "subject": 21, "activity": 12, "person": 7, "known person": 2, "place": 4, "country": 5, "animal": 4,
    "element": 2, "food": 2, "event": 3, "code": 3, "translation": 3,
}
SECOND = {"code": "programming language", "translation": "tongue"}  # topics of {y}, where they are not those of {x}
OPENINGS = [
    "I have a question: ", "My question is this: ", "My friend asked me: ", "I was wondering: ",
    "Somebody wants to know: ", "Could you answer this: ", "Please answer: ", "Be honest: ", "My son asks: ",
    "One more thing: ", "Something else: ", "Think hard: ", "Tell me this: ", "In your opinion: ",
    "You surely know this: ", "For school: ", "Next question: ", "I need an answer: ",
]
STOP_WORDS = (
    "table under seven quickly the banana of without purple running because window not very often shoe upon them river "
    "glass twelve sleepy never carpet inside blue and or walking spoon tomorrow cloud between soft engine again pencil"
).split()
KEYS = "qwertyuiopasdfghjklzxcvbnm"

IRREGULAR = {"mouse": "mice", "goose": "geese", "tooth": "teeth", "wolf": "wolves", "sheep": "sheep",
             "salmon": "salmon"}
SINGULAR_IN_S = (
    "ics", "Facebook", "sis", "ss", "Christmas", "Windows", "Kubernetes", "Thrones", "Star Wars", "diabetes",
    "Atlantis", "illness", "flu", "virus", "calculus", "Jobs", "Bezos", "Williams", "Aristotle", "Socrates",
    "Confucius", "Holmes", "Texas", "Paris", "Athens", "Marx", "Hanks", "Churchill", "cross", "glass", "dress",
    "compass", "bus", "King Charles", "Los Angeles",
)


def is_plural(topic):
    return topic.endswith("s") and not topic.endswith(SINGULAR_IN_S)


def plural(noun):
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else IRREGULAR.get(noun, noun + "s")


def agreeing(frame):
    """The frame for a topic in the plural."""
    for one, many in [("Is {x}", "Are {x}"), (" is {x}", " are {x}"), (" does {x}", " do {x}"),
                      (" has {x}", " have {x}"), ("{x} is", "{x} are"), ("Does {x}", "Do {x}"),
                      ("Was {x}", "Were {x}")]:
        frame = frame.replace(one, many)
    return frame


def framed(rng):
    """A frame of a family with one of its topics."""
    family = rng.choices(list(FAMILIES), weights=list(FAMILIES.values()))[0]
    topics = TOPICS[family]
    frame, x = rng.choice(FRAMES[family]), rng.choice(topics)
    y = rng.choice(TOPICS[SECOND.get(family, family)])
    while y == x:
        y = rng.choice(topics)
    ask = (agreeing(frame) if family in ("subject", "food") and is_plural(x) else frame).format(
        x=x, y=y, xs=plural(x), a=with_article(x), b=with_article(y), verb=rng.choice(TOPICS["verb"]),
        past=rng.choice(TOPICS["past"]), adj=rng.choice(TOPICS["adjective"]), text=rng.choice(TOPICS["text"]),
    )
    if rng.random() < 0.08:
        ask = rng.choice(OPENINGS) + ask
    return ask, f"{family} {frame}", x


def made_up(rng):
    """A frame of a taught relation with what does not exist."""
    frame = rng.choice(FRAMES["made up"])
    x, z = made_up_name(rng), made_up_name(rng)
    ask = frame.replace("a {l}", with_article(x.lower())).format(x=x, z=z, l=x.lower(), m=z.lower())
    return ask, frame, x


def nonsense(rng):
    """Keys hit at random, or words in no order."""
    if rng.random() < 0.5:
        words = ["".join(rng.choices(KEYS, k=rng.randint(3, 8))) for _ in range(rng.choice([1, 1, 2, 3, 4]))]
    else:
        words = rng.sample(STOP_WORDS, rng.randint(3, 7))
    text = " ".join(words)
    return capitalized(text) + rng.choice(["?", ".", ""]) if rng.random() < 0.5 else text


def sample(rng):
    draw = rng.random()
    if draw < 0.62:
        ask, phrasing, x = framed(rng)
    elif draw < 0.81:
        ask, phrasing, x = made_up(rng)
    elif draw < 0.91:
        ask = phrasing = x = rng.choice(QUESTIONS["English"])
    elif draw < 0.95:
        ask = phrasing = x = rng.choice(QUESTIONS["other languages"])
    else:
        ask = x = nonsense(rng)
        phrasing = "nonsense"
    if phrasing == "nonsense":
        keys = [f"combination unknown {ask}"]
    elif phrasing == ask:
        keys = [f"phrasing unknown {ask}"]
    else:
        keys = [f"phrasing unknown {phrasing}", f"combination unknown {phrasing} {x}"]
    return question("unknown", capitalized(ask) if ask[:1].islower() and draw < 0.62 else ask, UNKNOWN, *keys)
