"""Relations between the ways to write a number: in words, in digits, in Roman numerals, as an ordinal."""
from lessons.base import Named, Relation

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen").split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth").split()
ORDINALS += ["twenty-" + ordinal for ordinal in ORDINALS[:6]]
ROMAN_LETTERS = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]
ROMAN_NUMBERS = [*range(1, 31), 40, 50, 60, 70, 80, 90, 100, 500, 1000]


def number_word(n):
    if n < 20:
        return ONES[n]
    if n == 100:
        return "one hundred"
    return TENS[n // 10 - 2] + ("-" + ONES[n % 10] if n % 10 else "")


def nth(n):
    ending = "th" if 10 < n < 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def roman(n):
    text = ""
    for value, letters in ROMAN_LETTERS:
        text += letters * (n // value)
        n %= value
    return text


def number_relations():
    words = {str(n): number_word(n) for n in range(101)} | {"1000": "one thousand"}
    in_words = Relation(
        "number in words", words, "{x} is {y} in words.", weight=14,
        np=["{x} in words", "the number {x} in words", "the word for {x}", "the word for the number {x}",
            "{x} as a word", "the name of the number {x}"],
        ask=["{x} in words", "{x} in words?", "How do you write {x} in words?", "How do I write {x} in words?",
             "Write {x} in words.", "Write {x} as a word.", "Write the number {x} in words.", "Write {x} in letters.",
             "How is {x} written in words?", "How is {x} written out?", "Write out {x}.",
             "How do you say {x} in words?", "How do you say {x} in English?", "How do I say the number {x}?",
             "Turn {x} into words.", "Say {x} in words.", "Put {x} into words.", "Convert {x} to words.",
             "What is {x} written out?", "number {x} in words", "How do I write {x} on a check, in words?",
             "I need {x} in words.", "How is the number {x} called?", "How do you read {x}?"])
    in_digits = Relation(
        "number in digits", {y: x for x, y in words.items()}, "{X} is {y} in digits.", weight=12,
        aliases={y: [y.replace("-", " ")] for y in words.values() if "-" in y} | {
            "one hundred": ["a hundred"], "one thousand": ["a thousand"]},
        np=["{x} in digits", "{x} as a number", "the number {x} in digits", "{x} in figures", "the digits of {x}"],
        ask=["{x} in digits", "{x} in digits?", "{x} as a number", "{x} as digits", "{x} in numbers",
             "How do you write {x} in digits?", "How do I write {x} as a number?", "Write {x} in digits.",
             "Write {x} as a number.", "Write {x} with digits.", "Write the number {x} in figures.",
             "Turn {x} into digits.", "Turn the word {x} into a number.", "What is the number {x} in digits?",
             "Which number is {x}?", "Convert {x} to a number.", "How is {x} written in digits?",
             "What number does the word {x} mean?", "Convert {x} to digits.", "I need {x} in digits.",
             "number for {x}"])
    numerals = {str(n): roman(n) for n in ROMAN_NUMBERS}
    to_roman = Relation(
        "Roman numeral", numerals, "{x} is {y} in Roman numerals.", weight=10,
        np=["{x} in Roman numerals", "the Roman numeral for {x}", "the Roman numeral of {x}", "{x} as a Roman numeral",
            "the Roman number for {x}", "the number {x} in Roman numerals"],
        ask=["{x} in Roman numerals", "{x} in roman", "{x} in Roman numerals?", "Roman numeral {x}",
             "roman numeral for {x}", "How do you write {x} in Roman numerals?", "How do I write {x} in Roman numbers?",
             "Write {x} in Roman numerals.", "Write {x} as a Roman numeral.", "Write the number {x} like the Romans.",
             "How did the Romans write {x}?", "Convert {x} to Roman numerals.", "Turn {x} into a Roman numeral.",
             "Which Roman numeral is {x}?", "Which Roman numeral stands for {x}?",
             "How is {x} written in Roman numerals?", "I need {x} in Roman numerals.",
             "What would {x} be in Roman numerals?"])
    from_roman = Relation(
        "number of a Roman numeral", {y: x for x, y in numerals.items()}, "The Roman numeral {x} is {y}.", weight=9,
        np=["the value of the Roman numeral {x}", "the number for the Roman numeral {x}",
            "the Roman numeral {x} as a number", "the Roman numeral {x}", "the Roman number {x} in digits"],
        ask=["What number is the Roman numeral {x}?", "Which number is {x} in Roman numerals?",
             "What does the Roman numeral {x} mean?", "Roman numeral {x}?", "roman {x}", "roman {x} as a number",
             "What is {x} as a normal number?", "Read the Roman numeral {x}.",
             "What number does {x} stand for in Roman numerals?", "How much is {x} in Roman numerals?",
             "Convert the Roman numeral {x} to a number.", "Convert {x} from Roman numerals.", "What is Roman {x}?",
             "Turn the Roman numeral {x} into digits.", "The clock says {x}. Which number is that?",
             "Which number did the Romans write as {x}?", "I see the Roman numeral {x}. What does it mean?"])
    cardinals = {Named(number_word(i + 1), digits=str(i + 1)): word for i, word in enumerate(ORDINALS[:20])}
    ordinal = Relation(
        "ordinal", cardinals, "The ordinal of {x} is {y}.", weight=5,
        np=["the ordinal of {x}", "the ordinal number of {x}", "the ordinal number for {x}", "the ordinal form of {x}",
            "the ordinal of {x.digits}", "the ordinal number for {x.digits}"],
        ask=["ordinal of {x}", "ordinal of {x.digits}", "{x} as an ordinal", "{x.digits} as an ordinal number",
             "Make {x} an ordinal.", "Which ordinal number belongs to {x}?", "Turn {x} into an ordinal number.",
             "I am number {x}, so I am the ... in the row?", "Number {x} in a race is the what?",
             "How do you say the ordinal of {x}?", "If I count to {x}, the last one is the what?",
             "Which ordinal goes with {x.digits}?"])
    short = {word: nth(i + 1) for i, word in enumerate(ORDINALS[:20])}
    short_ordinal = Relation(
        "short ordinal", short, "The short form of {x} is {y}.", weight=4,
        np=["the short form of {x}", "{x} with digits", "the short way to write {x}", "{x} with a number"],
        ask=["How do I write {x} with a number?", "How do you write {x} with digits?", "How do I write {x} in short?",
             "Write {x} in short.", "Write {x} with a number.", "{x} in short?", "short for {x}",
             "How do you abbreviate {x}?", "Abbreviate {x}.", "What is the abbreviation of {x}?",
             "How is {x} shortened?"])
    long_ordinal = Relation(
        "long ordinal", {y: x for x, y in short.items()}, "{x} means {y}.", weight=4,
        np=["{x} in words", "{x} as a word", "the word for {x}", "{x} written out"],
        ask=["What does {x} mean?", "How do you say {x}?", "How do you read {x}?", "{x} in words?",
             "How do I write {x} in words?", "Write {x} in words.", "Write {x} as a word.", "Write out {x}.",
             "{x} stands for what?", "What does {x} stand for?", "How is {x} written in words?", "Which word is {x}?"])
    return [in_words, in_digits, to_roman, from_roman, ordinal, short_ordinal, long_ordinal]
