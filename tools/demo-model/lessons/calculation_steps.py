"""Calculations that go on in the next turn, with the result before them: "47 + 38", "and minus 5?", "double that"."""
from lessons.base import Exchange, assistant, is_held_out, user
from lessons.calculations import SIGNS, SPOKEN, about, ask, calculate, calculation, keys_of

STEPS = {
    "+": [
        "and plus {y}?", "plus {y}", "plus {y}?", "Add {y}.", "now add {y}", "Add {y} to that.", "Add {y} to it.",
        "and {y} more?", "And if I add {y}?", "What is that plus {y}?", "Now plus {y}.", "+ {y}", "+{y}",
        "Increase that by {y}.", "then plus {y}", "And with {y} more?", "Ok, add {y}.", "and + {y}?",
        "How much is that plus {y}?", "And when {y} is added?", "Can you add {y} to that?", "Now add another {y}.",
        "What if I add {y} to the result?", "that plus {y}",
    ],
    "-": [
        "minus {y}", "minus {y}?", "and minus {y}?", "Subtract {y}.", "now subtract {y}", "Take away {y}.",
        "Take {y} from that.", "Now minus {y}.", "What is that minus {y}?", "- {y}", "-{y}", "And {y} less?",
        "And if I take {y} away?", "then minus {y}", "Subtract {y} from that.", "Subtract {y} from the result.",
        "and - {y}?", "Reduce that by {y}.", "Ok, take away {y}.", "How much is that minus {y}?", "And without {y}?",
        "that minus {y}", "Can you take {y} from it?", "less {y}?",
    ],
    "*": [
        "times {y}", "times {y}?", "and times {y}?", "now times {y}", "Multiply that by {y}.", "Multiply it by {y}.",
        "* {y}", "Now multiply by {y}.", "What is that times {y}?", "and * {y}?", "x {y}", "then times {y}",
        "How much is that times {y}?", "And if I multiply that by {y}?", "that times {y}",
        "Can you multiply the result by {y}?", "Ok, times {y}.",
    ],
    "double": [
        "double that", "Double it.", "Now double that.", "and twice that?", "And the double?", "What is twice that?",
        "doubled?", "And double that?", "Can you double it?", "Double the result.", "now twice that",
    ],
    "/": [
        "divided by {y}", "divided by {y}?", "and divided by {y}?", "Divide that by {y}.", "Divide it by {y}.", "/ {y}",
        "Now divide by {y}.", "What is that divided by {y}?", "now divided by {y}", "And if I divide that by {y}?",
        "Can you divide the result by {y}?", "Ok, divide by {y}.", "that divided by {y}",
    ],
    "half": [
        "half of that", "And half of that?", "Now half of it.", "Halve it.", "What is half of that?", "and the half?",
        "Now halve that.", "Half of the result?", "and half?",
    ],
    "new": [
        "and {e}?", "And {e}?", "What about {e}?", "How about {e}?", "Now {e}.", "and what is {e}?",
        "And how much is {e}?", "{e}?", "{e}", "Next: {e}", "Ok, and {e}?", "Another one: {e}.", "Then what is {e}?",
        "also {e}", "And now {e}.", "One more: {e}?",
    ],
}


def first_operation(rng):
    """A calculation whose result is from 0 to 99."""
    sign = rng.choice("+++--**/")
    if sign in "+-":
        limit = rng.choice([10, 50])
        a, b = rng.randint(1, limit), rng.randint(1, limit)
        return (sign, a, b) if sign == "+" else (sign, max(a, b), min(a, b))
    a, b = rng.randint(2, 10), rng.randint(2, 9)
    return (sign, a, b) if sign == "*" else (sign, a * b, b)


def next_operation(rng, result):
    """A kind of step and its operation; None where the drawn one would lead out of 0 to 198 or of what is taught."""
    kind = rng.choice(["+", "+", "+", "-", "-", "-", "*", "double", "/", "half", "new", "new"])
    small = rng.randint(1, rng.choice([10, 10, 50]))
    if kind == "+" and result + small <= 198:
        return kind, (kind, result, small)
    if kind == "-" and result >= small:
        return kind, (kind, result, small)
    if kind == "double" and result <= 99:
        return kind, ("*", 2, result)
    if kind == "half" and result % 2 == 0:
        return kind, ("/", result, 2)
    if kind == "new":
        return kind, first_operation(rng)
    factor = rng.randint(2, 10)
    if kind == "*" and result <= 99 and result * factor <= 198:
        return kind, (kind, result, factor)
    if kind == "/" and result <= 144 and result % factor == 0:
        return kind, (kind, result, factor)
    return None


def step(rng, kind, operands):
    """How a step is asked for, and its phrasing."""
    template = rng.choice(STEPS[kind])
    phrasing = f"step {template}"
    if kind == "new":
        sign, a, b = operands
        expression = rng.choice(SIGNS[sign] + SPOKEN[sign])
        phrasing = f"step {template} {expression}"
        return template.format(e=expression.format(a=a, b=b)), phrasing
    return template.format(y=operands[2]), phrasing


def trained(rng, draw, *arguments):
    """A question in a phrasing that is trained: what comes before the last question is not what is tested."""
    while True:
        text, phrasing = draw(rng, *arguments)
        if not is_held_out("phrasing " + phrasing):
            return text


def follow_up(rng):
    """Two or three turns, each about the result before it or a calculation of its own."""
    turns = 2 if rng.random() < 0.7 else 3
    operations = [first_operation(rng)]
    messages = [user(trained(rng, ask, *operations[0])), assistant(calculation(*operations[0]))]
    while len(operations) < turns:
        following = next_operation(rng, calculate(*operations[-1]))
        if following is None:
            continue
        kind, operands = following
        operations.append(operands)
        if len(operations) < turns:
            text = trained(rng, step, kind, operands)
        else:
            text, phrasing = step(rng, kind, operands)
        messages += [user(text), assistant(calculation(*operands))]
    return about(Exchange("follow-ups", messages, keys_of(phrasing, *operations)), "calculation", *operations[-1])
