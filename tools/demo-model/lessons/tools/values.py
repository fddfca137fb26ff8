"""What stands in requests and results: the lists of tables/tool_values.txt, and texts that are made up from them.

A function that takes the random stream returns a text.
"""
from lessons.base import capitalized, made_up_name
from lessons.tables import read_blocks

VALUES = dict(read_blocks("tool_values"))
CITIES, PERSONS, WEEKDAYS, MONTHS = VALUES["cities"], VALUES["persons"], VALUES["weekdays"], VALUES["months"]
COLOURS, ITEMS, SPORTS = VALUES["colours"], VALUES["items"], VALUES["sports"]
NOUNS, STATES, CHORES = VALUES["nouns"], VALUES["states"], VALUES["chores"]


def without_zeros(number):
    """2 for 2.0."""
    return int(number) if number == int(number) else number


# ---- times


def time_of_day(rng):
    draw = rng.random()
    if draw < 0.5:
        return f"{rng.randrange(24)}:{rng.choice(('00', '15', '30', '45', str(rng.randint(10, 59))))}"
    if draw < 0.8:
        return f"{rng.randint(1, 12)} {rng.choice(('am', 'pm'))}"
    if draw < 0.95:
        return f"{rng.randint(1, 12)}:{rng.choice((15, 30, 45, rng.randint(10, 59)))} {rng.choice(('am', 'pm'))}"
    return rng.choice(("noon", "midnight"))


def duration(rng):
    amount = rng.randint(2, 90)
    return f"{amount} {rng.choice(('minutes', 'minutes', 'seconds', 'hours'))}"


def date(rng):
    draw = rng.random()
    if draw < 0.3:
        return f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"
    if draw < 0.6:
        return f"{rng.choice(MONTHS)} {rng.randint(1, 28)}"
    return f"20{rng.randint(24, 31)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


# ---- what people write


def message(rng):
    """What somebody writes to another, without a full stop."""
    noun, draw = rng.choice(NOUNS), rng.random()
    if draw < 0.25:
        return f"the {noun} is {rng.choice(STATES)}"
    if draw < 0.4:
        return f"I am {rng.choice(('late', 'at home', 'on my way', 'sick today', 'in the office', 'almost there'))}"
    if draw < 0.55:
        return f"meet me at {time_of_day(rng)}"
    if draw < 0.7:
        return f"please {rng.choice(CHORES)} the {noun}"
    if draw < 0.85:
        return f"I {rng.choice(('found', 'lost', 'sold', 'need', 'bought', 'like'))} the {noun}"
    return rng.choice((
        "happy birthday", "call me back", "see you soon", "dinner is ready", "good luck", "thanks for the help",
        "the meeting is over", "we won", "I miss you", "no milk left", "let's go hiking", "the code is 4711",
    ))


def chore(rng):
    draw = rng.random()
    if draw < 0.6:
        return f"{rng.choice(CHORES)} the {rng.choice(NOUNS)}"
    if draw < 0.8:
        return f"call {rng.choice(PERSONS)}"
    return f"buy {rng.choice(ITEMS)}"


def query(rng):
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(VALUES["queries"])
    if draw < 0.7:
        return f"{rng.choice(STATES)} {rng.choice(NOUNS)}s"
    return f"{rng.choice(('best', 'cheap', 'old', 'nice'))} {rng.choice(NOUNS)}s in {rng.choice(CITIES)}"


# ---- what only a tool can know


def code(rng):
    return "".join(rng.choices("ABCDEFGHKLMNPRSTUVWXYZ", k=rng.randint(1, 3))) + str(rng.randint(10, 99999))


def foreign_words(rng):
    return " ".join(made_up_name(rng).lower() for _ in range(rng.choice((1, 1, 2))))


def headline(rng):
    happened = rng.choice(("wins", "returns", "sold", "found", "on tour", "saved", "for free", "in danger"))
    return f"{capitalized(rng.choice(STATES))} {rng.choice(NOUNS)} {happened}"


def email_address(rng):
    return f"{rng.choice(PERSONS).lower()}@{rng.choice(('example.com', 'mail.com', 'post.org', 'work.net'))}"
