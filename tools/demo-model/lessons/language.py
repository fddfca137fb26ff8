"""Words and everyday facts: the relations of vocabulary, animals, everyday, series and numerals, and checks of them."""
from lessons.animals import animal_relations
from lessons.base import fill, question
from lessons.everyday import colour_relations, shape_relations, units_relations
from lessons.numerals import number_relations
from lessons.series import calendar_relations, letter_relations, list_relations
from lessons.vocabulary import word_relations

RELATIONS = [
    *word_relations(), *animal_relations(), *colour_relations(), *units_relations(), *shape_relations(),
    *calendar_relations(), *letter_relations(), *number_relations(), *list_relations(),
]
WEIGHTS = [relation.weight for relation in RELATIONS]

# Questions for yes or no, with a right or a wrong object.
CHECKS = {
    "kind of animal": ["Is {a} {b}?", "Is the {x} {b}?", "Is it true that {a} is {b}?", "{A} is {b}, right?",
                       "Would you call {a} {b}?", "Can you say that {a} is {b}?", "{A} is {b}, is it not?",
                       "Do you think {a} is {b}?"],
    "colour": ["Is {x} {y}?", "Is it true that {x} is {y}?", "{X} is {y}, right?", "Would you say {x} is {y}?",
               "Is the colour of {x} {y}?", "Is {x} normally {y}?", "I think {x} is {y}. Is that right?",
               "{X} is {y}. True or false?"],
    "opposite": ["Is {y} the opposite of {x}?", "Is the opposite of {x} {y}?", "Is {y} an antonym of {x}?",
                 "The opposite of {x} is {y}, right?", "Is it true that {y} is the opposite of {x}?",
                 "Does {y} mean the opposite of {x}?"],
    "animal sound": ["Does {a} say {y}?", "Does the {x} say {y}?", "{A} says {y}, right?", "Is {y} the sound of {a}?",
                     "Do {x.many} say {y}?"],
    "legs": ["Does {a} have {y} legs?", "Do {x.many} have {y} legs?", "{A} has {y} legs, right?",
             "Has {a} got {y} legs?", "Is it true that {a} has {y} legs?"],
    "units": ["Are there {y} {x}?", "Is it true that there are {y} {x}?", "Does {x.whole} have {y} {x.part}?",
              "There are {y} {x}, right?", "Are {y} {x.part} {x.place}?"],
    "sides": ["Does {a} have {y} sides?", "{A} has {y} sides, right?", "Is it true that {a} has {y} sides?",
              "Has {a} got {y} sides?"],
    "days in month": ["Does {x} have {y}?", "Are there {y} in {x}?", "{X} has {y}, right?", "Has {x} {y}?"],
    "day after": ["Does {y} come right after {x}?", "Is {y} the day after {x}?", "{Y} is the day after {x}, right?",
                  "Is {y} the next day after {x}?"],
    "month after": ["Does {y} come right after {x}?", "Is {y} the month after {x}?",
                    "{Y} is the month after {x}, right?", "Is {y} the next month after {x}?"],
}
CHECKED = [relation for relation in RELATIONS if relation.name in CHECKS]


def yes_or_no(rng):
    """A guess, and whether it is right."""
    relation = rng.choice(CHECKED)
    x = relation.subject(rng)
    true = relation.pairs[x]
    guess = true if rng.random() < 0.5 else rng.choice(list(relation.pairs.values()))
    if any(word in text.split() for text in (true, guess) for word in ("or", "and", "about", "to")):
        guess = true
    template = rng.choice(CHECKS[relation.name])
    clause = relation.answer
    clause = "{" + clause[1].lower() + clause[2:] if clause[0] == "{" else clause[0].lower() + clause[1:]
    answer = ("Yes, " if guess == true else "No, ") + fill(clause, x, true)
    phrasing = f"yes or no, {relation.name}: {template}"
    return question("facts", fill(template, x, guess), answer, "phrasing " + phrasing,
                    f"combination {phrasing} {x} {guess}")


def sample(rng):
    if rng.random() < 0.04:
        return yes_or_no(rng)
    return rng.choices(RELATIONS, weights=WEIGHTS)[0].exchange(rng)
