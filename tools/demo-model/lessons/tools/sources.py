"""Where the values of parameters and results come from.

A source is called with (rng, lower) and returns what is typed, what the answer says, and the argument or the value of
the result; `lower` is true where somebody types in lower case.
"""
from lessons.base import made_up_name
from lessons.tools.values import (
    CITIES, PERSONS, VALUES, WEEKDAYS, chore, code, date, duration, message, query, time_of_day, without_zeros,
)


def some(values, proper=False, invented=None):
    """A source of the values of a list, or of a dict from what is said to the argument.

    Proper names may be typed in lower case and are capitalized in the argument nevertheless; what invented(rng) makes
    is kept as it is.
    """
    pairs = list(values.items()) if isinstance(values, dict) else [(value, value) for value in values]

    def draw(rng, lower):
        if invented and rng.random() < 0.25:
            value = invented(rng)
            return value, value, value
        said, value = rng.choice(pairs)
        return (said.lower() if proper and lower else said), said, value

    return draw


def made(function):
    """A source of the texts that function(rng) makes, which are kept as they are."""
    def draw(rng, lower):
        text = function(rng)
        return text, text, text

    return draw


def either(one, other):
    return lambda rng, lower: (one if rng.random() < 0.5 else other)(rng, lower)


def whole(low, high, words=""):
    """A source of whole numbers, said with `words` after them."""
    def draw(rng, lower):
        number = rng.randint(low, high)
        said = str(number) + words
        return said, said, number

    return draw


def decimal(low, high, digits=1):
    """A source of numbers of which half have a fraction."""
    def draw(rng, lower):
        number = without_zeros(round(rng.uniform(low, high), digits) if rng.random() < 0.5 else rng.randint(low, high))
        return str(number), str(number), number

    return draw


CITY = some(CITIES, proper=True, invented=made_up_name)
PERSON = some(PERSONS, proper=True, invented=made_up_name)
COMPANY = some(VALUES["companies"], proper=True, invented=made_up_name)
SONG = some(VALUES["songs"], invented=made_up_name)
WEEKDAY = some(WEEKDAYS, proper=True)
NOT_TODAY = some(["tomorrow"] + WEEKDAYS, proper=True)
DAY = some(["tomorrow", "today"] + WEEKDAYS, proper=True)
ROOM = some(VALUES["rooms"])
TIME, DURATION, DATE, CODE = made(time_of_day), made(duration), made(date), made(code)
MESSAGE, CHORE, QUERY = made(message), made(chore), made(query)


def place(rng, lower):
    """A source of cities, some of them with their state or country."""
    if rng.random() < 0.05:
        value = rng.choice(VALUES["cities in states"])
        return value, value, value
    return CITY(rng, lower)
