"""Calculations beyond what is taught: numbers that are too large, decimals, roots, percent, several signs."""
from lessons.base import UNKNOWN, capitalized, question
from lessons.calculations import ADDENDS, SIGNS, SPOKEN, about, ask, framed, keys_of
from lessons.word_problems import unknown_story

ROOTS = [
    "the square root of {a}", "the root of {a}", "sqrt({a})", "the cube root of {a}", "square root of {a}", "sqrt {a}",
]
POWERS = [
    "{a}^{n}", "{a} to the power of {n}", "{a} ** {n}", "{a} raised to the power of {n}", "{a} to the power {n}",
]
PERCENTS = [
    "{b} percent of {a}", "{b}% of {a}", "{b} % of {a}", "{b} per cent of {a}", "{a} plus {b} percent",
    "{a} minus {b}%",
]
MIXED = [
    "{a} + {b} * {c}", "{a} * {b} + {c}", "{a} * {b} - {c}", "({a} + {b}) * {c}", "{a} - {b} + {c}",
    "{a} plus {b} times {c}", "{a} times {b} plus {c}", "{a} + {b} - {c}", "({a} - {b}) / {c}", "{a} * {b} * {c}",
    "{a} times {b} times {c}",
]
HARD = [
    "the factorial of {a}", "{a}!", "the logarithm of {a}", "log({a})", "sin({a})", "the cosine of {a}", "cos({a})",
    "the sine of {a} degrees", "pi times {a}", "{a} million plus {b}", "{a} thousand times {b}", "{a} cubed",
    "the cube of {a}", "1/{a} + 1/{b}", "a billion divided by {a}", "x if x + {a} = {b}", "x if {a}x = {b}",
    "the tangent of {a}", "e to the {a}", "the integral of {a}x", "the derivative of {a}x",
    "the square root of minus {a}", "infinity minus {a}", "pi + {a}", "the prime factors of {a}",
    "the greatest common divisor of {a} and {b}", "the least common multiple of {a} and {b}",
    "the average of {a} and {b}", "the mean of {a} and {b}", "-{a} + {b}", "-{a} * {b}", "-{a} - {b}", "{a} in binary",
]


def too_large(rng):
    """A calculation with an operand of three digits or more, or of two factors that are beyond the tables."""
    sign = rng.choice("++--*/")
    large = rng.randint(101, 999) if rng.random() < 0.6 else rng.randint(1000, 10 ** rng.randint(4, 6))
    other = rng.choice([rng.randint(2, 99), rng.randint(100, 999), rng.randint(2, large)])
    a, b = (large, other) if sign in "-/" or rng.random() < 0.5 else (other, large)
    if sign == "*" and rng.random() < 0.5:
        a, b = rng.randint(11, 99), rng.randint(13, 99)
    if sign == "/":
        a += 200
    text, phrasing = ask(rng, sign, a, b)
    exchange = question("unknown", text, UNKNOWN, *keys_of(phrasing, (sign, a, b)))
    return about(exchange, "calculation", sign, a, b)


def with_decimals(rng):
    sign = rng.choice("+-*/")
    a, b = (f"{rng.randint(0, 99)}.{rng.choice([1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 25, 75])}" for _ in range(2))
    if rng.random() < 0.5:
        b = rng.randint(1, 20)
    with_signs = rng.random() < 0.6
    template, phrasing = framed(rng, rng.choice((SIGNS if with_signs else SPOKEN)[sign]), with_signs)
    return template.format(a=a, b=b), phrasing, f"{a} {b}"


def other_unknown(rng):
    """Roots, powers, percent, several signs and what else is not taught."""
    kind = rng.choice([ROOTS, POWERS, PERCENTS, MIXED, HARD, HARD, ADDENDS, SIGNS["/"] + SPOKEN["/"]])
    expression = rng.choice(kind)
    a, b, c, n = rng.randint(2, 100), rng.randint(2, 100), rng.randint(2, 20), rng.randint(3, 12)
    if kind is POWERS and rng.random() < 0.5:
        a, n = rng.randint(13, 99), 2
    elif kind is POWERS:
        a = rng.randint(2, 20)
    elif kind is PERCENTS:
        a, b = rng.choice([a, 10 * a]), rng.choice([5, 10, 15, 20, 25, 30, 50, 75, b])
    elif kind is ADDENDS:
        a = rng.randint(10, 99)
    elif kind is MIXED and rng.random() < 0.5:
        a, b, c = rng.randint(2, 10), rng.randint(2, 10), rng.randint(2, 10)
    elif "{a} : {b}" in kind:
        a, b = rng.randint(1, 9), rng.randint(10, 99)
    template, phrasing = framed(rng, expression, any(sign in expression for sign in "+-*/^"))
    return capitalized(template.format(a=a, b=b, c=c, n=n)), phrasing, f"{a} {b} {c} {n}"


def never_taught(rng):
    """A calculation that is beyond what is taught, with or without thinking."""
    text, phrasing, values = with_decimals(rng) if rng.random() < 0.2 else other_unknown(rng)
    return question("unknown", text, UNKNOWN, f"phrasing {phrasing}", f"unknown {phrasing} {values}")


def unknown_calculation(rng):
    draw = rng.random()
    if draw < 0.06:
        return unknown_story(rng)
    if draw < 0.5:
        return never_taught(rng)
    return too_large(rng)
