"""What all lessons share: the exchange, the split into trained and held out, relations between facts, how people write.

An exchange is the smallest thing that is taught: a question and its answer, with the turns in between where a tool is
called, or with the turns before that it refers to. A lesson is a module with `sample(rng)`, which returns one exchange
at random, trained or held out alike; which of the two it is follows from its keys alone. So nothing has to be listed:
the training stream drops what is held out, and the held-out set is drawn from the same lessons by dropping the rest.
Modules without `sample` hold relations, which a lesson gathers; the facts themselves are in tables/.
"""
import hashlib
from dataclasses import dataclass, field

HELD_OUT_SHARE = 0.1
UNKNOWN = "I do not know that."

# Text between these two is tokenized character by character, so that the letters of a word that is reversed or spelled
# are tokens of their own. They are never part of what the model sees.
LETTERS_BEGIN, LETTERS_END = "\ue000", "\ue001"


def letter_by_letter(text):
    return LETTERS_BEGIN + text + LETTERS_END


def plain(text):
    """The text as the model says it and people read it."""
    return text.replace(LETTERS_BEGIN, "").replace(LETTERS_END, "")


@dataclass
class Exchange:
    """From the first message of the user to the last of the assistant; all that the assistant says is taught.

    `messages` are those of a chat completion request: role, content, and for a call of tools `tool_calls` (their
    arguments as objects); "thinking" in a message of the assistant is what stands between the think tags.
    `expect` is how an answer is judged: {"exact": text} (the default: the last message), {"json": value},
    {"call": {"name": …, "arguments": …}} or {"contains": [text, …]}.
    """

    skill: str
    messages: list
    keys: list = field(default_factory=list)
    system: str | None = None
    tools: list | None = None
    thinking: bool = False
    expect: dict | None = None
    exact_question: bool = False  # every character of the question counts: it is not rewritten by `casually`
    alone: bool = False  # nothing may stand before or after it in a conversation
    about: tuple | None = None  # what it calculates, for lessons.thinking

    @property
    def held_out(self):
        return any(is_held_out(key) for key in self.keys)


def user(content):
    return {"role": "user", "content": content}


def assistant(content, thinking=None):
    message = {"role": "assistant", "content": content}
    if thinking is not None:
        message["thinking"] = thinking
    return message


def question(skill, ask, answer, *keys, **more):
    """The exchange of one question and one answer."""
    return Exchange(skill, [user(ask), assistant(answer)], list(keys), **more)


def is_held_out(key):
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT_SHARE * 2**64


def operation_key(sign, a, b):
    """The key of a calculation, wherever it occurs: in a sum, a story about apples, a tool's argument or a thought.

    Sums up to 19 and what undoes them, and the times tables to 12, are facts to be learnt by heart: never held out.
    """
    if sign == "+":
        return f"{min(a, b)} + {max(a, b)}" if a + b >= 20 else ""
    if sign == "-":
        return f"{a} - {b}" if max(a, b) >= 20 else ""
    if sign == "*":
        return f"{min(a, b)} * {max(a, b)}" if max(a, b) > 12 else ""
    return f"{a} / {b}" if a > 144 or b > 12 else ""


# ---- relations


def with_article(noun):
    return ("an " if noun[0] in "aeiouAEIOU" else "a ") + noun


def capitalized(text):
    return text[:1].upper() + text[1:]


def fill(template, x, y=""):
    """{x} the subject, {X} with a capital, {a} and {A} with an article; {y}, {Y}, {b}, {B} the same of the object."""
    return template.format(
        x=x, X=capitalized(x), a=with_article(x), A=capitalized(with_article(x)),
        y=y, Y=capitalized(y), b=with_article(y) if y else "", B=capitalized(with_article(y)) if y else "",
    )


# Ways to ask for what a noun phrase names ("the capital of France").
ASK_FOR = [
    "What is {np}?", "What is {np}?", "What's {np}?", "whats {np}", "Tell me {np}.", "Name {np}.", "Give me {np}.",
    "Do you know {np}?", "Can you tell me {np}?", "Could you tell me {np}?", "Please tell me {np}.",
    "I want to know {np}.", "I need to know {np}.", "I would like to know {np}.", "{Np}?", "{Np}", "{Np} is?",
    "{Np} is what?", "What would {np} be?", "Say {np}.", "I forgot {np}. What is it?", "Remind me of {np}.",
    "Any idea what {np} is?", "Do you happen to know {np}?", "Can you name {np}?", "Please name {np}.",
    "Can you give me {np}?", "I am looking for {np}.", "What exactly is {np}?", "Let me know {np}.",
    "Could you give me {np}, please?", "Find {np}.", "Which is {np}?", "Do you know what {np} is?",
    "Can you tell me what {np} is?", "Tell me what {np} is.", "I wonder what {np} is.", "Please, what is {np}?",
    "So what is {np}?", "And what is {np}?", "Would you tell me {np}?", "My question is: what is {np}?",
    "Complete: {np} is", "Quiz: {np}?", "How do you call {np}?", "Help me with {np}.",
]
FOLLOW_UP = [
    "And of {x}?", "And {x}?", "What about {x}?", "How about {x}?", "and for {x}?", "And what about {x}?", "{X}?",
    "Now {x}.", "The same for {x}?", "And that of {x}?", "Ok, and {x}?", "What about that of {x}?", "also {x}",
]
ITS_FOLLOW_UP = [
    "And {its}?", "What is {its}?", "And what is {its}?", "What about {its}?", "Tell me {its}.", "And {its}, please?",
    "What's {its}?", "{Its}?", "Do you know {its}?", "Can you tell me {its} too?",
]
JUST_THE_ANSWER = [
    "Answer in one word.", "Just the answer.", "Only the answer, please.", "Answer briefly.", "Keep it short.",
    "No full sentence.", "One word only.", "Short answer.",
]


class Named(str):
    """A subject with more fields than its text, for templates such as "How many {x.part} does {x.whole} have?"."""

    def __new__(cls, text, **fields):
        self = super().__new__(cls, text)
        self.__dict__.update(fields)
        return self


class Relation:
    """One kind of fact: from a subject x to an object y.

    name      "capital"; names the rows of a report and the keys
    pairs     {x: y}, as they stand in the middle of a sentence ("the Netherlands")
    answer    "The capital of {x} is {y}."
    np        noun phrases for y: "the capital of {x}"; asked for in every way of ASK_FOR
    ask       whole questions: "Which city is the capital of {x}?"
    its       the same with x said before: "its capital"; relations whose `topic` is the same can follow each other so
    topic     what kind of thing x is ("country"), or None
    follow_up how to ask for another x after one was answered; by default FOLLOW_UP
    aliases   {x: [other names that people use for it]}
    """

    def __init__(
        self, name, pairs, answer, np=(), ask=(), its=(), topic=None, follow_up=None, aliases=None, weight=None
    ):
        self.name, self.pairs, self.answer = name, dict(pairs), answer
        self.np, self.ask, self.its, self.topic = list(np), list(ask), list(its), topic
        self.follow_up = FOLLOW_UP if follow_up is None else list(follow_up)
        self.aliases = aliases or {}
        self.weight = len(self.pairs) ** 0.7 if weight is None else weight
        self.subjects = list(self.pairs)

    def subject(self, rng):
        return rng.choice(self.subjects)

    def called(self, rng, x):
        """A name of the subject."""
        return rng.choice(self.aliases[x]) if x in self.aliases and rng.random() < 0.4 else x

    def answer_to(self, x):
        return fill(self.answer, x, self.pairs[x])

    def template(self, rng):
        """A question with {x} in it, and the key of its phrasing."""
        if self.np and (not self.ask or rng.random() < 0.5):
            np, ask = rng.choice(self.np), rng.choice(ASK_FOR)
            capital = capitalized(np) if np[0] != "{" else np.replace("{x}", "{X}", 1)
            template = ask.replace("{np}", np).replace("{Np}", capital)
            return template, f"{self.name}: {ask} {np}"
        template = rng.choice(self.ask)
        return template, f"{self.name}: {template}"

    def exchange(self, rng, x=None):
        x = x or self.subject(rng)
        template, phrasing = self.template(rng)
        keys = ["phrasing " + phrasing, f"combination {phrasing} {x}"]
        ask = fill(template, self.called(rng, x))
        if rng.random() < 0.06:
            short = rng.choice(JUST_THE_ANSWER)
            ask = f"{ask} {short}" if rng.random() < 0.7 else f"{short} {ask}"
            return question("facts", ask, capitalized(self.pairs[x]), *keys, f"short {short} {self.name}")
        return question("facts", ask, self.answer_to(x), *keys)

    def after(self, rng, x):
        """A follow-up about another subject; what came before is a question of the same relation about `x`."""
        other = self.subject(rng)
        template = rng.choice(self.follow_up)
        ask = fill(template, self.called(rng, other))
        return other, ask, self.answer_to(other), f"follow-up {self.name}: {template} {other}"

    def after_its(self, rng, x):
        """A follow-up about the same subject, of which another relation was asked before."""
        template, its = rng.choice(ITS_FOLLOW_UP), rng.choice(self.its)
        ask = template.replace("{its}", its).replace("{Its}", capitalized(its))
        return x, ask, self.answer_to(x), f"follow-up {self.name}: {template} {its} {x}"


# ---- how people write

OPENINGS = [
    "Hey, ", "Hi, ", "Hello, ", "Hi! ", "Hello! ", "Please: ", "Quick question: ", "Ok, ", "So, ", "Well, ", "Now, ",
    "Um, ",
]
CLOSINGS = [" Thanks!", " Thank you.", " please", " Please.", ", please"]


def casually(rng, text):
    """The text as somebody in a hurry types it. Not for text in which every character counts."""
    if rng.random() < 0.06:
        opening = rng.choice(OPENINGS)
        keep = text[:2].isupper() or text.startswith("I ")
        text = opening + (text if opening.endswith(("! ", ": ")) or keep else text[:1].lower() + text[1:])
    if rng.random() < 0.05:
        closing = rng.choice(CLOSINGS)
        if closing[0] == ",":
            text = text.rstrip("?.!") + closing + ("?" if text.endswith("?") else "")
        else:
            text += closing
    draw = rng.random()
    if draw < 0.2:
        text = text.lower()
    elif draw < 0.25:
        text = text[:1].lower() + text[1:]
    elif draw < 0.26:
        text = text.upper()
    if rng.random() < 0.25:
        text = text.rstrip("?.!")
    if rng.random() < 0.1:
        text = text.replace("'", "")
    if rng.random() < 0.03:
        text = with_typo(rng, text)
    return text


def with_typo(rng, text):
    """Two letters swapped, one dropped or one doubled, in a longer word."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    i = rng.choice(long)
    word, at, kind = words[i], rng.randrange(1, len(words[i]) - 1), rng.random()
    if kind < 0.4:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind < 0.75:
        word = word[:at] + word[at + 1 :]
    else:
        word = word[:at] + word[at] + word[at:]
    words[i] = word
    return " ".join(words)


def made_up_name(rng):
    syllables = "bra dor fen gil hap jor kul lem mov nar pel quo rin sto tar ulm vek wyn xan zor ia os ub".split()
    return "".join(rng.choices(syllables, k=rng.randint(2, 3))).capitalize()
