"""Thinking before the answer: calculations column by column, comparisons by their digits, lists in their order.

Only with thinking are sums and differences of numbers of up to four digits taught. What an exchange is about stands in
its attribute `about`, which the lessons about numbers and lists set.
"""
import copy

from lessons import beyond, calculations, comparisons, lists, numbers, word_problems
from lessons.base import UNKNOWN, question

DIRECTLY = "I can answer this directly."
NOT_LEARNT = "I have not learnt that."
TASKS = {
    "+": "I have to add {a} and {b}.", "-": "I have to subtract {b} from {a}.", "*": "I have to multiply {a} and {b}.",
    "/": "I have to divide {a} by {b}.",
}
PLACES = ["ones", "tens", "hundreds", "thousands"]


# ---- calculations


def digits_of(n, places):
    """The digits from the right, with zeros up to the number of places."""
    return [int(digit) for digit in reversed(str(n).rjust(places, "0"))]


def columns(sign, a, b):
    """A sum or a difference (a >= b), digit by digit from the right."""
    places = len(str(max(a, b)))
    lines, written, carry = [], [], 0
    for x, y in zip(digits_of(a, places), digits_of(b, places)):
        if sign == "+":
            carried, digit = divmod(x + y + carry, 10)
            result, word = x + y + carry, "carry"
        else:
            carried = 1 if x - y - carry < 0 else 0
            x += 10 * carried
            digit = result = x - y - carry
            word = "borrow"
        line = f"{x} {sign} {y}" + (f" {sign} 1" if carry else "") + f" = {result}, write {digit}"
        lines.append(line + (f", {word} 1." if carried else "."))
        written.append(digit)
        carry = carried
    if carry:
        lines.append("The carry is 1, write 1.")
        written.append(1)
    return "\n".join(lines + [read_off(reversed(written))])


def digit_times(number, factor):
    """A number of two digits times one digit: the ones, then the tens."""
    tens, ones = divmod(number, 10)
    carry, digit = divmod(ones * factor, 10)
    first = f"{ones} * {factor} = {ones * factor}, write {digit}" + (f", carry {carry}." if carry else ".")
    result = tens * factor + carry
    second = f"{tens} * {factor}" + (f" + {carry}" if carry else "") + f" = {result}, write {result}."
    return "\n".join([first, second, read_off(str(result) + str(digit))])


def read_off(digits):
    digits = [str(digit) for digit in digits]
    return f"The digits are {' '.join(digits)}, so {int(''.join(digits))}."


def steps(sign, a, b):
    """The written calculation; None where there is nothing to write, or more than is taught."""
    if sign in "+-" and 10 <= max(a, b) <= 9999 and (sign == "+" or a >= b):
        return columns(sign, a, b)
    if sign == "*" and 13 <= max(a, b) <= 99 and 2 <= min(a, b) <= 9:
        return digit_times(max(a, b), min(a, b))
    return None


def large_operands(rng):
    """A sign and operands of two to four digits, mostly three."""
    a, b = (rng.randint(10 ** (n - 1), 10**n - 1) for n in rng.choices([2, 3, 4], [3, 6, 1], k=2))
    sign = rng.choice("+-")
    return (sign, max(a, b), min(a, b)) if sign == "-" else (sign, a, b)


def calculation(rng):
    sign, a, b = large_operands(rng)
    text, phrasing = calculations.ask(rng, sign, a, b)
    keys = calculations.keys_of(phrasing, (sign, a, b))
    exchange = question("thinking", text, calculations.calculation(sign, a, b), *keys)
    return calculations.about(exchange, "calculation", sign, a, b)


def two_digits(rng):
    sign = rng.choice("++---**")
    while True:
        exchange = calculations.operation(rng, sign)
        if steps(*exchange.about[1:]):
            return exchange


# ---- comparisons and lists


def about_digits(a, b):
    """What tells which of two numbers is bigger."""
    x, y = str(a), str(b)
    if len(x) != len(y):
        return f"{a} has {len(x)} digit{'s' * (len(x) > 1)} and {b} has {len(y)}."
    for place, (digit, other) in zip(reversed(PLACES[: len(x)]), zip(x, y)):
        if digit != other:
            return f"The {place} are {digit} and {other}."
    return "All digits are the same."


def listed(values):
    return f"{', '.join(values[:-1])} and {values[-1]}"


def about_order(kind, values, in_order):
    return f"The {kind} are {listed(values)}. The order is {', then '.join(in_order)}."


# ---- any exchange


def thought(exchange):
    """What is thought before the last answer of the exchange, and the answer with it."""
    answer = exchange.messages[-1]["content"]
    kind, *subject = exchange.about or ("",)
    if kind == "calculation":
        sign, a, b = subject
        lines = [TASKS[sign].format(a=a, b=b)] if exchange.skill == "word problems" else []
        written = steps(sign, a, b)
        if written:
            return "\n".join(lines + [written]), calculations.calculation(sign, a, b) if answer == UNKNOWN else answer
        if lines:
            return lines[0], answer
    elif kind == "comparison":
        return about_digits(*subject), answer
    elif kind == "last digit":
        return f"The last digit is {subject[0] % 10}.", answer
    elif kind == "order":
        return about_order(*subject), answer
    return NOT_LEARNT if answer == UNKNOWN else DIRECTLY, answer


def direct(exchange):
    """A copy of an exchange, with what there is to think, or a short remark, before its last answer."""
    text, answer = thought(exchange)
    thoughtful = copy.copy(exchange)
    thoughtful.skill, thoughtful.thinking = "thinking", True
    thoughtful.messages = exchange.messages[:-1] + [{**exchange.messages[-1], "content": answer, "thinking": text}]
    return thoughtful


KINDS = {
    calculation: 40, two_digits: 26, word_problems.word_problem: 8, comparisons.comparison: 9, lists.sorting: 8,
    beyond.never_taught: 3, numbers.sample: 3, lists.sample: 3,
}
DRAWN, WEIGHTS = list(KINDS), list(KINDS.values())


def sample(rng):
    return direct(rng.choices(DRAWN, WEIGHTS)[0](rng))
