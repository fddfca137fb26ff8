"""Calculators: for whole expressions, for two numbers with the name of an operation, and one tool for each sign.

SIGNS says in which order the operations stand everywhere. What is calculated has the keys of `lessons.base`, so that a
calculation that is held out in lessons/numbers.py is not trained here.
"""
import ast
import json
import operator
import re

from lessons.base import operation_key
from lessons.tools.phrasing import ask_to_do, fill, frame, typed
from lessons.tools.results import failure
from lessons.tools.tool import Listed, Parameter, Tool
from lessons.tools.values import without_zeros

SIGNS = "+-*/"

# ---- ways to ask

PHRASES_OF = {
    "+": ["{a} + {b}", "{a} + {b}", "{a}+{b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} and {b} added together"],
    "-": ["{a} - {b}", "{a} - {b}", "{a}-{b}", "{a} minus {b}", "the difference of {a} and {b}", "{a} take away {b}"],
    "*": ["{a} * {b}", "{a} * {b}", "{a}*{b}", "{a} times {b}", "{a} x {b}", "the product of {a} and {b}",
          "{a} multiplied by {b}", "{a}x{b}"],
    "/": ["{a} / {b}", "{a} / {b}", "{a}/{b}", "{a} divided by {b}", "the quotient of {a} and {b}", "{a} over {b}"],
}
CALCULATE = [
    "What is {e}?", "What is {e}?", "What's {e}?", "whats {e}", "Calculate {e}.", "Compute {e}.", "{E}", "{E}?",
    "{E} =", "{E} = ?", "How much is {e}?", "Can you calculate {e}?", "I need {e}.", "Work out {e}.",
    "Please compute {e}.", "Solve {e}.", "Tell me {e}.", "Use the calculator: {e}", "What do I get for {e}?",
    "Result of {e}?", "{E} is what?", "What does {e} make?", "Could you work out {e}?", "Please calculate {e}.",
    "{E} equals?", "Help me with {e}.", "What is the result of {e}?", "Can you tell me {e}?", "calc {e}",
    "Evaluate {e}.", "How much would {e} be?", "My homework is {e}.", "Do you know {e}?", "I want to know {e}.",
    "Quick, {e}?", "Give me the value of {e}.",
]
VERBS_OF = {
    "+": ["add {a} and {b}", "add {a} to {b}", "sum up {a} and {b}", "put {a} and {b} together"],
    "-": ["subtract {b} from {a}", "take {b} away from {a}", "take {b} from {a}", "deduct {b} from {a}"],
    "*": ["multiply {a} by {b}", "multiply {a} and {b}", "multiply {a} with {b}"],
    "/": ["divide {a} by {b}", "split {a} into {b} equal parts", "share {a} equally among {b}"],
}
STORIES_OF = {
    "+": ["I paid {a} and then {b}. How much is that together?",
          "One bag weighs {a} kg, another {b} kg. How heavy are both?",
          "I have {a} points and win {b} more. How many do I have?",
          "A town has {a} women and {b} men. How many people is that?"],
    "-": ["I had {a} coins and spent {b}. How many are left?", "From {a} litres {b} are gone. How many are left?",
          "The road is {a} km long and I drove {b} km. How far is it still?",
          "It costs {a}, I have a discount of {b}. What do I pay?"],
    "*": ["I have {a} boxes with {b} apples each. How many apples?", "One ticket costs {b}. What do {a} tickets cost?",
          "There are {a} rows of {b} seats. How many seats are there?",
          "I earn {b} a day. How much is that in {a} days?"],
    "/": ["{a} sweets for {b} children: how many does each get?",
          "I want to put {a} books on {b} shelves. How many on each?",
          "We share a bill of {a} between {b} people. What does each pay?",
          "{a} km in {b} hours, how many km is that per hour?"],
}
OTHER_CALCULATIONS = [  # what is said, and the expression
    ("{a}% of {b}", "{b} * {a} / 100"), ("{a} percent of {b}", "{b} * {a} / 100"), ("the double of {a}", "{a} * 2"),
    ("half of {a}", "{a} / 2"), ("twice {a}", "{a} * 2"), ("{a} squared", "{a} ** 2"),
    ("the square of {a}", "{a} ** 2"), ("the square root of {a}", "sqrt({a})"),
    ("{a} to the power of {c}", "{a} ** {c}"), ("{a}^{c}", "{a} ** {c}"), ("{a} + {b} + {c}", "{a} + {b} + {c}"),
    ("{a} + {b} * {c}", "{a} + {b} * {c}"), ("{a} * {b} - {c}", "{a} * {b} - {c}"),
    ("({a} + {b}) * {c}", "({a} + {b}) * {c}"), ("{a} plus {b} plus {c}", "{a} + {b} + {c}"),
    ("{a} * ({b} - {c})", "{a} * ({b} - {c})"), ("{a} times {b} plus {c}", "{a} * {b} + {c}"),
    ("a third of {a}", "{a} / 3"), ("{a} plus {b} minus {c}", "{a} + {b} - {c}"), ("{a} cubed", "{a} ** 3"),
    ("a quarter of {a}", "{a} / 4"),
]
NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()

# ---- the tools

CALCULATOR_WORDS = (
    r"\d|plus|minus|times|sum|divid|multipl|add|subtract|calculat|product|half|double|twice|square|difference|"
    r"how many|how much|percent|count|total|\b(" + "|".join(NUMBER_WORDS)
    + r"|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)\b"
)
NAMES_OF_SIGNS = [  # in the order of SIGNS
    ["add", "subtract", "multiply", "divide"], ["+", "-", "*", "/"], ["plus", "minus", "times", "divide"],
    ["addition", "subtraction", "multiplication", "division"],
]
EXPRESSION = Parameter("expression expression expression expr formula calculation", None,
                       describe=["The expression", "A calculation such as 2 + 3", "What to calculate",
                                 "The expression to evaluate", "e.g. 2 * 3"])
CALCULATOR = Tool(
    "calculator calculator calculator calculate calc math compute evaluate eval_expression do_math "
    "calculate_expression",
    ["Calculate an expression", "Evaluates a mathematical expression", "A calculator", "Does arithmetic",
     "Compute the result", "Perform a calculation", "Calculates", "Evaluate math", "For all calculations"],
    {"expression": EXPRESSION},
    words=CALCULATOR_WORDS,
)
TWO_NUMBERS = {
    "a": Parameter("a x first number1 left", None, "number", describe=["The first number"]),
    "b": Parameter("b y second number2 right", None, "number", describe=["The second number"]),
}
BY_PARTS = [
    Tool("calculator calculate math arithmetic compute operate",
         ["Calculate with two numbers", "Basic arithmetic", "A calculator"],
         TWO_NUMBERS | {"operation": Parameter("operation operator op", None, enum=enum, describe=["What to do"])},
         words=CALCULATOR_WORDS)
    for enum in NAMES_OF_SIGNS
]
ONE_SIGN = {
    "+": Tool("add add_numbers sum plus", ["Add two numbers", "The sum of two numbers"],
              TWO_NUMBERS, words=CALCULATOR_WORDS),
    "-": Tool("subtract subtract_numbers minus", ["Subtract the second number from the first", "Subtract two numbers"],
              TWO_NUMBERS, words=CALCULATOR_WORDS),
    "*": Tool("multiply multiply_numbers times product", ["Multiply two numbers", "The product of two numbers"],
              TWO_NUMBERS, words=CALCULATOR_WORDS),
    "/": Tool("divide divide_numbers quotient", ["Divide the first number by the second", "Divide two numbers"],
              TWO_NUMBERS, words=CALCULATOR_WORDS),
}
CALCULATORS = [CALCULATOR, *BY_PARTS, *ONE_SIGN.values()]


def list_calculator(rng):
    """A calculator and the tools that belong to it."""
    draw = rng.random()
    if draw < 0.65:
        return [Listed(rng, CALCULATOR)]
    if draw < 0.85:
        return [Listed(rng, rng.choice(BY_PARTS))]
    signs = rng.sample(SIGNS, rng.randint(1, 4))
    return [Listed(rng, ONE_SIGN[sign]) for sign in signs]


# ---- numbers and results


def operand(rng, sign):
    """A number of one to six digits, or one with a fraction."""
    if rng.random() < 0.06:
        return without_zeros(round(rng.uniform(0.1, 99), rng.choice((1, 1, 2))))
    digits = rng.choice((1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6) if sign in "+-" else (1, 1, 2, 2, 2, 2, 3, 3, 3, 4))
    return rng.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)


def operands(rng, sign):
    a, b = operand(rng, sign), operand(rng, sign)
    if sign == "/":
        b = b or 7
        if isinstance(a, int) and isinstance(b, int) and rng.random() < 0.7:
            a *= b
    if sign == "-" and b > a and rng.random() < 0.8:
        a, b = b, a
    return a, b


def shown_number(rng, number):
    """The number as somebody writes it, sometimes as a word or with commas."""
    if isinstance(number, int):
        if number <= 20 and rng.random() < 0.06:
            return NUMBER_WORDS[number]
        if number >= 1000 and rng.random() < 0.06:
            return f"{number:,}"
    return str(number)


OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def evaluated(expression):
    """What an expression of numbers, the signs + - * / **, brackets and sqrt() comes to, with up to four decimals."""
    def value(node):
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Call):
            return value(node.args[0]) ** 0.5
        return node.value

    return without_zeros(round(value(ast.parse(expression, mode="eval").body), 4))


class Calculation:
    """A request to calculate: its text and template, what it says, and what the tool gets and returns."""

    def __init__(self, rng, listed):
        self.listed = listed
        tool = listed.tool
        if tool is CALCULATOR and rng.random() < 0.1:
            self.other(rng)
            return
        sign = next((sign for sign, one in ONE_SIGN.items() if one is tool), None) or rng.choice(SIGNS)
        a, b = operands(rng, sign)
        draw = rng.random()
        if draw < 0.72:
            core = rng.choice(PHRASES_OF[sign])
            template = frame(rng.choice(CALCULATE), "e", core)
        elif draw < 0.92:
            template = ask_to_do(rng, rng.choice(VERBS_OF[sign]))
        else:
            template = rng.choice(STORIES_OF[sign])
        text, _ = typed(rng, template)
        self.text = fill(text, {"a": shown_number(rng, a), "b": shown_number(rng, b)})
        self.template, self.said = template, (sign, a, b)
        self.expression, self.value = f"{a} {sign} {b}", evaluated(f"{a} {sign} {b}")
        if tool is CALCULATOR:
            values = {"expression": self.expression}
        else:
            values = {"a": a, "b": b}
            if "operation" in listed.parameters:
                values["operation"] = listed.parameters["operation"][0].enum[SIGNS.index(sign)]
        self.values = values

    def other(self, rng):
        """A calculation that is not of two numbers with a sign between them."""
        core, expression = rng.choice(OTHER_CALCULATIONS)
        template = frame(rng.choice(CALCULATE), "e", core)
        a = rng.randint(2, 30) ** 2 if "sqrt" in expression else rng.randint(2, 99)
        b, c = rng.randint(2, 500), rng.randint(2, 9)
        text, _ = typed(rng, template)
        numbers = {"a": str(a), "b": str(b), "c": str(c)}
        self.text, self.template, self.said = fill(text, numbers), template, (expression, a, b, c)
        self.expression = fill(expression, numbers)
        self.value = evaluated(self.expression)
        self.values = {"expression": self.expression}

    def result(self, rng):
        """The same as `lessons.tools.results.result` for the other tools."""
        if rng.random() < 0.05:
            return failure(rng, self.listed, {})
        draw, value = rng.random(), self.value
        if draw < 0.6:
            content = json.dumps({rng.choice(("result", "result", "value", "answer", "output")): value})
        elif draw < 0.7:
            content = json.dumps(self.listed.arguments(self.values) | {"result": value})
        else:
            content = str(value)
        return content, f"{self.expression} = {value}.", [str(value)]


SHOWN = re.compile(r"(?<![\d.])(\d+) ([-+*/]) (\d+) = ")


def operations(messages):
    """The keys of the calculations of which a message shows the result."""
    shown = [found for message in messages for found in SHOWN.findall(message["content"])]
    keys = [operation_key(sign, int(a), int(b)) for a, sign, b in shown]
    return [key for key in dict.fromkeys(keys) if key]
