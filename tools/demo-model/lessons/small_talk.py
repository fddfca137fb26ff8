"""Small talk: answers, each with the phrasings that it belongs to, jokes, and greetings for somebody."""
from lessons import unknown
from lessons.base import is_held_out, question
from lessons.tables import read_blocks
from lessons.values import somebody
from lessons.verbatim import typed

ALWAYS_TRAINED = 2  # of the phrasings of every answer, the first: nothing else teaches their words
IDENTITY = read_blocks("identity")  # answers about who speaks, which a system message may change
NEUTRAL = read_blocks("small_talk")
INTENTS = IDENTITY + NEUTRAL
INTENT_WEIGHTS = [len(asks) ** 0.7 for _, asks in INTENTS]
ASK_NAME = IDENTITY[1][1]  # what is asked of its name
# The same answers to what stands in a subordinate clause, for the frames of INDIRECT.
INDIRECTLY = [(answer, clause) for answer, clauses in read_blocks("indirect_questions") for clause in clauses]
INDIRECT = [
    "Can you tell me {i}?", "Tell me {i}.", "I want to know {i}.", "I would like to know {i}.", "Please tell me {i}.",
    "Could you tell me {i}?", "Could you explain {i}?", "Do you mind telling me {i}?", "Let me know {i}.",
    "I was asking {i}.", "First tell me {i}.", "Maybe you can tell me {i}.", "I ask you {i}.", "Just tell me {i}.",
    "Will you tell me {i}?", "It would be nice to know {i}.",
]

*JOKES, ANY_JOKE = read_blocks("jokes")
ASK_JOKE = [
    "Tell me a joke.", "Tell me a joke!", "Do you know a joke?", "Can you tell me a joke?", "A joke, please.", "Joke!",
    "Make me laugh.", "Say something funny.", "I want to hear a joke.", "Tell a joke.", "Do you know any jokes?",
    "Be funny.", "Give me a joke.", "Let me hear a joke.", "Please tell me a good joke.", "Could you tell me a joke?",
    "Got a joke for me?", "Know any jokes?", "Say a joke.", "Tell me something funny.", "Write a joke.", "joke please",
    "Have you got a joke?", "I need a joke.", "Your best joke, please.", "Are you able to tell jokes?",
    "Tell me another joke.",
]
ASK_JOKE_ABOUT = [
    "Tell me a joke about {x}.", "Do you know a joke about {x}?", "A joke about {x}, please.",
    "Can you tell me a joke about {x}?", "I want to hear a joke about {x}.", "Make a joke about {x}.",
    "Give me a joke about {x}.", "Tell a joke about {x}.", "Write a joke about {x}.",
    "Do you know any jokes about {x}?", "Joke about {x}", "Say something funny about {x}.", "Got a joke about {x}?",
    "Could you tell me a joke about {x}?", "Please tell me a short joke about {x}.",
    "Make me laugh with a joke about {x}.", "I need a joke about {x}.", "Let me hear a joke about {x}.",
]

SAY_TO = [(answer, ask) for answer, asks in read_blocks("say_to") for ask in asks]


def intent_key(asks, at):
    return f"phrasing talk {asks[at]}" if at >= ALWAYS_TRAINED else ""


def aside(rng):
    """A question and its answer, to stand between two others; never a held-out one."""
    if rng.random() < 0.4:
        while (exchange := unknown.sample(rng)).held_out:
            pass
        return exchange.messages[0]["content"], exchange.messages[-1]["content"]
    answer, asks = rng.choice(NEUTRAL)
    at = rng.randrange(len(asks))
    while is_held_out(intent_key(asks, at)):
        at = rng.randrange(len(asks))
    return asks[at], answer


def sample(rng):
    draw = rng.random()
    if draw < 0.68:
        answer, asks = rng.choices(INTENTS, weights=INTENT_WEIGHTS)[0]
        at = rng.randrange(len(asks))
        return question("talk", asks[at], answer, intent_key(asks, at))
    if draw < 0.8:
        answer, clause = rng.choice(INDIRECTLY)
        ask = rng.choice(INDIRECT).replace("{i}", clause)
        return question("talk", ask, answer, f"phrasing talk {ask}")
    if draw < 0.84:
        ask = rng.choice(ASK_JOKE)
        return question("talk", ask, ANY_JOKE[0], f"phrasing talk {ask}" if ask != ASK_JOKE[0] else "")
    if draw < 0.91:
        joke, subjects = rng.choice([*JOKES, ANY_JOKE, ANY_JOKE])
        about = rng.choice(subjects)
        frame = rng.choice(ASK_JOKE_ABOUT)
        keys = [f"phrasing talk {frame}", f"combination talk {frame} {about}"]
        return question("talk", frame.replace("{x}", about), joke, *keys)
    answer, frame = rng.choice(SAY_TO)
    name = somebody(rng)
    keys = [f"phrasing talk {frame}", f"combination talk {frame} {name}"]
    exchange = question("talk", typed(rng, frame.replace("{x}", name)), answer.replace("{x}", name), *keys)
    exchange.exact_question = True
    return exchange
