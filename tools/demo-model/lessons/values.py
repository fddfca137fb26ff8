"""What people tell about themselves and what texts are about: names, places, things, and how one of them is drawn.

What the user said is copied, whatever it was, so the values come from long lists (tables/values.txt) and from made-up
names.
"""
from lessons.base import made_up_name
from lessons.tables import read_blocks

VALUES = dict(read_blocks("values"))


def one_of(name, first=None):
    """Draws from one of the lists, or from its first few."""
    values = VALUES[name][:first]
    return lambda rng: rng.choice(values)


def number_between(low, high):
    return lambda rng: str(rng.randint(low, high))


def day_or_hour(rng):
    return "on " + rng.choice(VALUES["days"]) if rng.random() < 0.5 else f"at {rng.randint(1, 12)}"


def somebody(rng):
    return made_up_name(rng) if rng.random() < 0.35 else rng.choice(VALUES[rng.choice(["women", "men"])])


def town(rng):
    return made_up_name(rng) if rng.random() < 0.25 else rng.choice(VALUES["cities"])


def pet(rng):
    return made_up_name(rng) if rng.random() < 0.35 else rng.choice(VALUES["pets"])


def word(rng):
    if (draw := rng.random()) < 0.25:
        return made_up_name(rng).lower()
    return rng.choice(VALUES["animals" if draw < 0.35 else "words"])


def number(rng):
    return str(rng.choice([rng.randint(0, 99), rng.randint(0, 99), rng.randint(100, 999), rng.randint(1000, 9999)]))


def age(rng):
    return str(rng.randint(4, 99))
