"""Numbers: calculations, stories with a calculation in them, comparisons, and the limits of all this."""
from lessons.beyond import unknown_calculation
from lessons.calculations import (
    addends_of_one_digit, addition_exchange, check, division_by_zero, division_exchange, multiplication_exchange,
    remainder_exchange, square, subtraction_exchange,
)
from lessons.comparisons import comparison
from lessons.word_problems import word_problem

KINDS = {
    addition_exchange: 25, subtraction_exchange: 23, multiplication_exchange: 13, division_exchange: 8,
    word_problem: 12, comparison: 10, unknown_calculation: 6, remainder_exchange: 6, square: 1.5,
    addends_of_one_digit: 1.5, check: 5, division_by_zero: 1,
}
DRAWN, WEIGHTS = list(KINDS), list(KINDS.values())


def sample(rng):
    return rng.choices(DRAWN, WEIGHTS)[0](rng)
