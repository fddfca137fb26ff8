"""Relations of what stands in a series: the days, months and seasons, the letters, and lists to be said in one go."""
from lessons.base import Named, Relation
from lessons.tables import aliases_in, read_table
from lessons.numerals import ORDINALS, nth

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SEASONS = "spring summer autumn winter".split()
LETTERS = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
VOWELS = list("AEIOU")


# ---- days, months and seasons


def neighbours(name, series, thing, where, circle=True, **more):
    """The relations of what comes after and before something in a series."""
    relations = []
    for word, step in [("after", 1), ("before", -1)]:
        pairs = {x: series[(i + step) % len(series)] if circle or 0 <= i + step < len(series) else "no " + thing
                 for i, x in enumerate(series)}
        follows = "follows" if word == "after" else "precedes"
        ask = [f"What {thing} comes {word} {{x}}?", f"Which {thing} comes {word} {{x}}?",
               f"What {thing} is {word} {{x}}?", f"Which {thing} is {word} {{x}}?", f"What comes {word} {{x}}?",
               f"What is the {thing} {word} {{x}}?", f"What's {word} {{x}}?", f"{thing} {word} {{x}}", f"{word} {{x}}?",
               f"{{x}}, what is {word} it?", f"What comes right {word} {{x}}?", f"What comes directly {word} {{x}}?",
               f"Which {thing} {follows} {{x}}?", f"What {follows} {{x}}?", f"{where}, what comes {word} {{x}}?",
               f"What do we have {word} {{x}}?", f"Which is the {thing} just {word} {{x}}?",
               f"Say the {thing} {word} {{x}}.", f"what is {word} {{x}}",
               f"{{X}} comes {'before' if word == 'after' else 'after'} which {thing}?",
               f"Which one comes {word} {{x}}?"]
        ask += more.get(word, [])
        relations.append(Relation(
            f"{name} {word}", pairs, f"{{Y}} comes {word} {{x}}.", ask=ask, weight=more.get("weight", 6), topic=name,
            np=[f"the {thing} {word} {{x}}", f"the {thing} that comes {word} {{x}}", f"the {thing} right {word} {{x}}"],
            its=[f"the {thing} {word} it", f"the {thing} {word} that"],
            follow_up=["And {x}?", "And {word} {x}?", "What about {x}?", "And what comes {word} {x}?", "How about {x}?",
                       "{word} {x}?"]))
        relations[-1].follow_up = [t.replace("{word}", word) for t in relations[-1].follow_up]
    return relations


def positions(name, series, thing, of, weight):
    """What is at a position in a series, and which position something has."""
    names = [Named(nth(i), number=str(i), word=ORDINALS[i - 1]) for i in range(1, len(series) + 1)]
    at = Relation(
        f"{name} at", dict(zip(names, series)), f"The {{x}} {thing} of {of} is {{y}}.", weight=weight,
        follow_up=["And the {x}?", "And the {x.word}?", "What about the {x}?", "What about the {x.word}?",
                   "the {x.word}?", f"And the {{x.word}} {thing}?", f"And {thing} {{x.number}}?", "How about the {x}?"],
        np=[f"the {{x}} {thing} of {of}", f"the {{x.word}} {thing} of {of}", f"the {{x.word}} {thing} in {of}",
            f"the {{x}} {thing}", f"the {{x.word}} {thing}", f"{thing} number {{x.number}}",
            f"the name of the {{x.word}} {thing}"],
        ask=[f"Which {thing} is the {{x}}?", f"Which {thing} is the {{x.word}}?",
             f"Which is the {{x.word}} {thing} of {of}?", f"Which is the {{x}} {thing}?",
             f"Which {thing} is number {{x.number}}?", f"{{x.word}} {thing}", f"{{x}} {thing} of {of}",
             f"{{x}} {thing}?", f"{thing} {{x.number}}", f"{thing} number {{x.number}}?",
             f"Which {thing} comes in place {{x.number}}?", f"What {thing} is {{x.word}}?",
             f"What {thing} is {{x}} in {of}?", f"What {thing} comes {{x.word}}?",
             f"Which {thing} of {of} comes {{x.word}}?", f"Which {thing} has the number {{x.number}}?",
             f"Tell me which {thing} is the {{x.word}}.", f"If I count the {thing}s, which one is the {{x.word}}?"])
    of_it = Relation(
        f"{name} position", {x: str(i) for i, x in zip(names, series)}, f"{{X}} is the {{y}} {thing} of {of}.",
        weight=weight, topic=name, its=["its number", "its position"],
        np=["the position of {x}", f"the number of {{x}} in {of}", f"the position of {{x}} in {of}",
            f"the number of the {thing} {{x}}", f"the place of {{x}} in {of}"],
        ask=[f"Which {thing} of {of} is {{x}}?", f"What number {thing} is {{x}}?", f"{{X}} is which {thing} of {of}?",
             f"What position does {{x}} have in {of}?", f"Which number does {{x}} have in {of}?",
             f"Where in {of} is {{x}}?", f"At which position of {of} is {{x}}?",
             f"At what place in {of} does {{x}} come?", f"Is {{x}} the first, the second or which {thing} of {of}?",
             f"{{x}} is what number {thing}?", f"{{X}} has which place in {of}?",
             f"In which place of {of} does {{x}} stand?"])
    return [at, of_it]


def calendar_relations():
    table = read_table("months")
    month_names = [row["month"] for row in table]
    days = neighbours(
        "day", DAYS, "day", "In the week", weight=9,
        after=["If today is {x}, what day is tomorrow?", "Today is {x}. What day is tomorrow?",
               "If today is {x}, what is tomorrow?", "If yesterday was {x}, what day is today?",
               "Yesterday was {x}. What is today?", "{X} is today, and tomorrow is?",
               "What is tomorrow if today is {x}?", "It is {x} today. What is it tomorrow?", "{X}, and then?",
               "What is the next day after {x}?"],
        before=["If today is {x}, what day was yesterday?", "Today is {x}. What day was yesterday?",
                "What was yesterday if today is {x}?", "If tomorrow is {x}, what day is today?",
                "Tomorrow is {x}. What is today?", "It is {x} today. What was it yesterday?",
                "If today is {x}, what was yesterday?", "{X} is tomorrow, so what is today?",
                "What is the previous day to {x}?"])
    months = neighbours(
        "month", month_names, "month", "In the year", weight=7,
        after=["It is {x} now. What is next month?", "If this month is {x}, what is the next?",
               "What is the next month after {x}?", "{X} is over. Which month begins?", "What month is next after {x}?",
               "If it is {x}, what month comes next?"],
        before=["It is {x} now. What was last month?", "If this month is {x}, what was the last?",
                "What is the previous month to {x}?", "{X} begins. Which month is over?",
                "If it is {x}, what month was before?"])
    seasons = neighbours(
        "season", SEASONS, "season", "In the year", weight=3,
        after=["It is {x} now. What is the next season?", "{X} is over. Which season begins?"],
        before=["It is {x} now. What was the season before?", "{X} begins. Which season is over?"])
    length = Relation(
        "days in month", {row["month"]: row["length"] for row in table}, "{X} has {y}.", weight=14, topic="month",
        its=["its number of days", "the number of its days", "its length in days"],
        np=["the number of days in {x}", "the length of {x} in days", "the number of days of {x}",
            "the number of days that {x} has"],
        ask=["How many days does {x} have?", "How many days are in {x}?", "How many days are there in {x}?",
             "How many days has {x}?", "How many days in {x}?", "days in {x}", "days in {x}?", "how many days {x}",
             "{X} has how many days?", "{x} days", "How long is {x}?", "How many days long is {x}?",
             "How many days are in the month of {x}?", "Does {x} have 30 or 31 days?", "{X}: 30 or 31 days?",
             "What is the last day of {x}: the 30th or the 31st?", "Tell me how many days {x} has.",
             "Do you know how many days {x} has?", "Can you tell me how many days are in {x}?",
             "How many days does the month of {x} have?", "How many days do we have in {x}?",
             "{X} is how many days long?", "number of days in {x}",
             "How many days must I wait for {x} to end, from its first day?"])
    season = Relation(
        "season of month", {row["month"]: row["season"] for row in table},
        "In the northern half of the world, {x} is in {y}.", weight=6, topic="month",
        its=["its season", "the season of it"], np=["the season of {x}", "the season in {x}"],
        ask=["What season is {x}?", "What season is {x} in?", "Which season is {x} in?", "In which season is {x}?",
             "{X} is in which season?", "season of {x}", "{x} season?", "Which season do we have in {x}?",
             "Is {x} in spring, summer, autumn or winter?", "What season do we have in {x}?",
             "To which season does {x} belong?", "Does {x} belong to summer or to winter?",
             "Is it summer or winter in {x}?", "What season is it in {x}?"])
    return [*days, *months, *seasons, length, season, *positions("month", month_names, "month", "the year", 7),
            *positions("day", DAYS, "day", "the week", 5)]


# ---- letters


def letter_relations():
    vowel_ask = ["Is {x} a vowel?", "Is the letter {x} a vowel?", "Is {x} one of the vowels?", "{x}: a vowel?",
                 "Would you say that {x} is a vowel?", "Does {x} count as a vowel?", "is {x} vowel",
                 "Can we call {x} a vowel?", "Is it true that {x} is a vowel?", "Tell me if {x} is a vowel.",
                 "Do you know if {x} is a vowel?"]
    kind_ask = ["Is {x} a vowel or a consonant?", "Is the letter {x} a vowel or a consonant?",
                "{x}: vowel or consonant?", "What kind of letter is {x}?", "What is {x}, a vowel or a consonant?",
                "vowel or consonant: {x}", "Tell me if {x} is a vowel or a consonant.", "What type of letter is {x}?",
                "Does {x} belong to the vowels or to the consonants?"]
    consonants = [x for x in LETTERS if x not in VOWELS + ["Y"]]  # Y is sometimes the one and sometimes the other
    follow_up = ["And {x}?", "What about {x}?", "How about {x}?", "and the letter {x}?", "{x}?"]
    yes = Relation("vowel, yes", dict.fromkeys(VOWELS, "yes"), "Yes, {x} is a vowel.", ask=vowel_ask, follow_up=[],
                   weight=3)
    no = Relation("vowel, no", dict.fromkeys(consonants, "no"), "No, {x} is a consonant.", ask=vowel_ask, follow_up=[],
                  weight=4)
    kind = Relation("kind of letter", dict.fromkeys(VOWELS, "vowel") | dict.fromkeys(consonants, "consonant"),
                    "{x} is a {y}.", ask=kind_ask, follow_up=follow_up, weight=4)
    sometimes = Relation("vowel, sometimes", {"Y": "sometimes"}, "{x} is sometimes a vowel.", ask=vowel_ask + kind_ask,
                         follow_up=[], weight=1)
    after = neighbours(
        "letter", LETTERS, "letter", "In the alphabet", circle=False, weight=9,
        after=["Which letter of the alphabet comes after {x}?", "What letter of the alphabet follows {x}?",
               "The letter after {x} is?", "What is the next letter after {x}?", "{x}, and then which letter?",
               "What comes after the letter {x}?"],
        before=["Which letter of the alphabet comes before {x}?", "What letter of the alphabet is before {x}?",
                "The letter before {x} is?", "What is the previous letter to {x}?",
                "What comes before the letter {x}?"])
    last = Relation(
        "last", {"letter of the alphabet": "Z", "month of the year": "December", "day of the week": "Sunday"},
        "The last {x} is {y}.", weight=2, follow_up=["And the last {x}?", "What about the last {x}?"],
        np=["the last {x}", "the final {x}"],
        ask=["Which is the last {x}?", "Which {x} comes last?", "What {x} is the last?", "last {x}",
             "Which {x} is at the end?", "With which {x} does it end?", "Which {x} has no other after it?",
             "the very last {x}?"])
    return [yes, no, sometimes, kind, *after, *positions("letter", LETTERS, "letter", "the alphabet", 6), last]


# ---- lists


def list_relations():
    rows = read_table("lists")
    lists = Relation(
        "list", {row["list"]: row["members"] for row in rows}, "{X} are {y}.", weight=10,
        aliases=aliases_in(rows, "list"),
        ask=["What are {x}?", "What are {x}?", "Name {x}.", "List {x}.", "Tell me {x}.", "Say {x}.", "Give me {x}.",
             "Which are {x}?", "Can you name {x}?", "Can you list {x}?", "Could you tell me {x}?",
             "What are the names of {x}?", "Please name {x}.", "Do you know {x}?", "Write down {x}.",
             "I need a list of {x}.", "Show me {x}.", "Count up {x}.", "{X}?", "{X} are?", "I want to know {x}.",
             "Recite {x}.", "Remind me of {x}.", "Can you tell me what {x} are?", "I forgot {x}."],
        follow_up=["And {x}?", "What about {x}?", "How about {x}?", "Now {x}.", "And what are {x}?"])
    alphabet = Relation(
        "alphabet", {"alphabet": " ".join(LETTERS)}, "The {x} is {y}.", weight=2, follow_up=[],
        ask=["Say the {x}.", "What is the {x}?", "Write the {x}.", "Recite the {x}.", "Write down the {x}.",
             "Can you say the {x}?", "Do you know the {x}?", "Tell me the {x}.", "List the letters of the {x}.",
             "What are the letters of the {x}?", "Name all letters of the {x}.", "Give me the whole {x}.",
             "Write the {x} from A to Z.", "the {x} please", "{x}", "Say all the letters from A to Z.", "Say your ABC.",
             "Write the English {x}.", "Show me the {x}."])
    return [lists, alphabet]
