"""Facts of the world: countries, elements, planets, works and inventions, famous places, and general knowledge.

The facts are in tables/; here is how they are asked for.
"""
from itertools import accumulate

from lessons.base import ASK_FOR, Relation, capitalized, question
from lessons.tables import aliases_in, read_blocks, read_table

SHARE_OF_GENERAL_KNOWLEDGE = 0.2

# Money that is used in several countries, of which one is its own; that of all others follows from the table.
HOME_OF_CURRENCY = {
    "pound sterling": "the United Kingdom", "US dollar": "the United States", "Swiss franc": "Switzerland",
    "Danish krone": "Denmark", "Australian dollar": "Australia", "Israeli shekel": "Israel",
}


def fact_relation(name, table, x, y, **more):
    """The relation from a column of a table to another, with the aliases that the table gives to x."""
    rows = read_table(table)
    return Relation(name, {row[x]: row[y] for row in rows}, aliases=aliases_in(rows, x), **more)


def country_relations():
    countries = read_table("countries")
    capital, continent, currency, language = (
        {row["country"]: row[column] for row in countries if column in row}
        for column in ("capital", "continent", "currency", "language")
    )
    aliases = aliases_in(countries, "country")
    for name in [row["country"] for row in countries]:
        if name.startswith("the "):  # people leave the article out
            aliases.setdefault(name, []).append(name.removeprefix("the "))

    # A city that is called like its country says nothing; London is asked for the United Kingdom, which comes first.
    country_of = {}
    for country, city in capital.items():
        if city != country:
            country_of.setdefault(city, country)
    money = list(currency.values())
    user_of = {y: x for x, y in currency.items() if money.count(y) == 1} | HOME_OF_CURRENCY

    def about_countries(name, pairs, **more):
        return Relation(name, pairs, topic="country", aliases=aliases, **more)

    return [
        about_countries(
            "capital", capital, answer="The capital of {x} is {y}.", weight=45,
            np=[
                "the capital of {x}", "the capital of {x}", "the capital city of {x}", "{x}'s capital",
                "{x}'s capital city", "the name of the capital of {x}", "the capital for {x}",
                "the city that is the capital of {x}",
            ],
            ask=[
                "Which city is the capital of {x}?", "What city is the capital of {x}?", "{x} capital", "{x} capital?",
                "{X}: capital?", "capital {x}", "capital of {x}", "capital city {x}?", "{X}, what is the capital?",
                "I am going to {x}, what is the capital?", "In {x}, which city is the capital?",
                "For {x}, what is the capital?", "What do you call the capital of {x}?", "{X} has which capital?",
                "{X} has what city as its capital?", "Which city does {x} have as its capital?",
                "My homework asks for the capital of {x}.", "We are learning capitals. What is that of {x}?",
                "Take {x}: what is its capital?", "What capital does {x} have?", "What is {x}'s capital city called?",
                "The capital of {x} is ...", "The capital of {x} is called what?", "How is the capital of {x} called?",
                "I'm travelling to {x}. Which city is its capital?", "What's the name of {x}'s capital?",
                "My friend lives in {x}. What is the capital there?", "Fill in: the capital of {x} is ___",
                "Which is the capital city in {x}?", "{X} - what is its capital city?", "Capital city for {x}?",
                "Which town is the capital of {x}?", "When in {x}, which city is the capital?",
                "I never remember the capital of {x}.", "What is the country {x}'s capital?",
                "Do you know which city is the capital of {x}?", "Can you tell me which city is {x}'s capital?",
            ],
            its=["its capital", "its capital city", "the capital", "the capital there", "the capital city"],
        ),
        Relation(
            "country of capital", country_of, answer="{X} is the capital of {y}.", weight=14,
            aliases=aliases_in(countries, "capital", "capital aliases"),
            np=[
                "the country whose capital is {x}", "the country with the capital {x}",
                "the country that has {x} as its capital", "the country of which {x} is the capital",
                "the country that {x} is the capital of", "the country where {x} is the capital",
            ],
            ask=[
                "Which country has the capital {x}?", "{X} is the capital of which country?",
                "{X} is the capital of what?", "{X} is the capital of what country?", "What is {x} the capital of?",
                "Which country's capital is {x}?", "Of which country is {x} the capital?", "Whose capital is {x}?",
                "{X} is whose capital?", "Which country has {x} as its capital?",
                "What country has {x} as its capital city?", "Which country is {x} the capital of?",
                "{X}: capital of which country?", "{X}, that is the capital of which country?",
                "If the capital is {x}, which country is it?", "In which country is {x} the capital?",
                "What country is {x} the capital of?", "{X} is the capital city of which country?",
                "The capital is {x}. Which country?", "I flew to {x}. Of which country is it the capital?",
                "capital of which country is {x}?", "{X} is the capital of ...", "Which nation has {x} for a capital?",
                "Which country is {x} in?", "What country is {x} in?", "In which country is {x}?", "Where is {x}?",
                "Where is {x} located?", "In what country can I find {x}?", "{X} is in which country?",
            ],
            follow_up=[
                "And {x}?", "What about {x}?", "How about {x}?", "and for {x}?", "{X}?", "Now {x}.",
                "Ok, and {x}?",
            ],
        ),
        about_countries(
            "continent", continent, answer="{X} is in {y}.", weight=12,
            np=[
                "the continent of {x}", "the continent {x} is in", "the continent where {x} is", "{x}'s continent",
                "the continent that {x} belongs to", "the continent on which {x} lies",
            ],
            ask=[
                "Which continent is {x} in?", "What continent is {x} in?", "On which continent is {x}?",
                "On what continent is {x}?", "In which continent is {x}?", "{X} is in which continent?",
                "{X} is on which continent?", "{X}: which continent?", "{x} continent?", "{x} continent",
                "Which continent does {x} belong to?", "{X} belongs to which continent?", "Where is {x}?",
                "Where in the world is {x}?", "Where on earth is {x}?", "Where is {x} located?", "Where does {x} lie?",
                "On which continent can I find {x}?", "Which part of the world is {x} in?",
                "To which continent does {x} belong?", "I am flying to {x}. Which continent is that?",
                "In what part of the world do I find {x}?", "{X}, on what continent is it?",
                "What continent would I be on in {x}?", "Where do I find {x} on the map?",
                "{X} lies on what continent?", "Is {x} in Europe, Asia, Africa or where?", "Where can I find {x}?",
            ],
            its=["its continent", "the continent it is in", "the continent", "the continent it belongs to"],
            follow_up=[
                "And {x}?", "What about {x}?", "How about {x}?", "And where is {x}?", "{X}?", "Now {x}.",
                "and for {x}?",
            ],
        ),
        about_countries(
            "currency", currency, answer="The currency of {x} is the {y}.", weight=13,
            np=[
                "the currency of {x}", "{x}'s currency", "the currency in {x}", "the money of {x}",
                "the money used in {x}", "the currency people use in {x}", "the name of the money in {x}",
                "the national currency of {x}",
            ],
            ask=[
                "What do people pay with in {x}?", "Which currency does {x} use?", "What currency do they use in {x}?",
                "In {x}, what money do they use?", "What money is used in {x}?", "{X}: currency?", "{x} currency?",
                "{x} currency", "currency {x}", "money in {x}?", "{X} money?", "What kind of money does {x} have?",
                "I am going to {x}. What money do I need?", "I'm travelling to {x}, which currency do I need?",
                "How do people pay in {x}, in what currency?", "Which money do I need in {x}?",
                "What currency should I bring to {x}?", "{X} uses which currency?", "{X} pays in what currency?",
                "What is money called in {x}?", "What is the money in {x} called?",
                "When I am in {x}, what currency do I pay in?", "What do they call the money in {x}?",
                "Which currency is used in {x}?", "With what money do you pay in {x}?",
                "What currency is there in {x}?", "What sort of currency do they have in {x}?",
                "For {x}, what is the currency?", "Which coins and notes do they use in {x}?",
                "I need cash for {x}. Which currency is it?",
            ],
            its=["its currency", "the currency there", "the money there", "the currency", "its money"],
        ),
        Relation(
            "country of currency", user_of, answer="The {x} is the currency of {y}.", weight=3,
            np=["the country that uses the {x}", "the country whose currency is the {x}", "the country of the {x}",
                "the country where people pay with the {x}"],
            ask=[
                "Which country uses the {x}?", "What country uses the {x}?", "Where do people pay with the {x}?",
                "The {x} is the currency of which country?", "Which country has the {x} as its currency?",
                "In which country is the {x} used?", "Where is the {x} used?", "Which country's currency is the {x}?",
                "{X}: currency of which country?", "Where can I pay with the {x}?", "Which country pays with the {x}?",
                "Whose money is the {x}?", "The {x} is whose currency?", "What country has the {x}?",
            ],
            follow_up=["And the {x}?", "What about the {x}?", "How about the {x}?", "The {x}?", "Now the {x}."],
        ),
        about_countries(
            "language", language, answer="The main language of {x} is {y}.", weight=9,
            np=[
                "the language of {x}", "the main language of {x}", "{x}'s language", "the language spoken in {x}",
                "the language people speak in {x}", "the language in {x}", "the most spoken language in {x}",
                "the main language spoken in {x}",
            ],
            ask=[
                "Which language do people speak in {x}?", "What language do they speak in {x}?", "{X}: language?",
                "{x} language?", "{x} language", "What do they speak in {x}?", "What do people speak in {x}?",
                "In {x}, which language is spoken?", "In {x}, what language do they speak?",
                "{X} speaks which language?", "Which language is spoken in {x}?", "What language is spoken in {x}?",
                "language spoken in {x}?", "I am going to {x}. Which language should I learn?",
                "Which language do I need in {x}?", "What is the main language spoken by people in {x}?",
                "What's spoken in {x}?", "What language would I hear in {x}?",
                "My friend comes from {x}. What language does she speak?", "People in {x} speak what language?",
                "Which language do most people in {x} speak?", "What is the language they use in {x}?",
                "In what language do people talk in {x}?", "If I live in {x}, what language do I have to speak?",
                "For {x}, what is the main language?",
            ],
            its=["its language", "the language there", "its main language", "the main language", "the language"],
        ),
    ]


def element_relations():
    elements = read_table("elements")
    number = {row["name"]: row["number"] for row in elements}
    symbol = {row["name"]: row["symbol"] for row in elements}
    by_number = {row["number"]: row["name"] for row in elements}
    by_symbol = {row["symbol"]: row["name"] for row in elements}
    aliases = aliases_in(elements, "name")
    next_one = ["And {x}?", "What about {x}?", "How about {x}?", "{x}?", "Now {x}.", "and for {x}?", "Ok, and {x}?"]
    return [
        Relation(
            "atomic number", number, answer="The atomic number of {x} is {y}.", weight=7, topic="element",
            aliases=aliases,
            np=[
                "the atomic number of {x}", "{x}'s atomic number", "the number of {x} in the periodic table",
                "the number of protons in {x}", "the atomic number for {x}", "the atomic number of the element {x}",
            ],
            ask=[
                "Which atomic number does {x} have?", "What atomic number does {x} have?", "{X}: atomic number?",
                "{x} atomic number", "{x} atomic number?", "atomic number {x}", "atomic number of {x}",
                "How many protons does {x} have?", "How many protons are in an atom of {x}?",
                "Which number is {x} in the periodic table?", "What number is {x} in the periodic table?",
                "Which element number is {x}?", "{X} is element number what?", "{X} has which atomic number?",
                "In the periodic table, what is the number of {x}?", "For {x}, what is the atomic number?",
                "Under which number do I find {x} in the periodic table?", "Take {x}: what is its atomic number?",
                "How many protons has {x} got?", "In chemistry, which atomic number has {x}?",
                "The element {x} has what atomic number?",
            ],
            its=["its atomic number", "the atomic number", "its number in the periodic table", "its number of protons"],
        ),
        Relation(
            "symbol", symbol, answer="The chemical symbol of {x} is {y}.", weight=8, topic="element",
            aliases=aliases,
            np=[
                "the symbol of {x}", "the chemical symbol of {x}", "the symbol for {x}", "{x}'s chemical symbol",
                "the chemical symbol for {x}", "the abbreviation of {x} in the periodic table",
                "the symbol of the element {x}", "{x}'s symbol",
            ],
            ask=[
                "Which symbol does {x} have?", "What symbol stands for {x}?", "{X}: symbol?", "{x} symbol",
                "{x} chemical symbol?", "symbol of {x}", "chemical symbol {x}", "How is {x} written in chemistry?",
                "How do chemists write {x}?", "What letters stand for {x} in the periodic table?",
                "How do you abbreviate {x} in chemistry?", "Which letters does {x} have in the periodic table?",
                "What is the element {x} written as?", "In chemistry, what is the symbol of {x}?",
                "In formulas, how is {x} written?", "For {x}, what is the chemical symbol?",
                "Take {x}: what is its chemical symbol?", "By which symbol is {x} known?",
                "What's the short sign for the element {x}?", "In the periodic table, what is {x} written as?",
                "Which chemical symbol has {x} got?",
            ],
            its=["its symbol", "its chemical symbol", "the symbol", "the chemical symbol"],
        ),
        Relation(
            "element of number", by_number, answer="Element number {x} is {y}.", weight=5, follow_up=next_one,
            np=[
                "the element with the atomic number {x}", "the element number {x}", "the element with number {x}",
                "element number {x}", "the element that has {x} protons", "element {x} of the periodic table",
                "the name of element {x}",
            ],
            ask=[
                "Which element has the atomic number {x}?", "What element has atomic number {x}?",
                "Which element is number {x}?", "Which is element {x}?", "Atomic number {x}: which element?",
                "atomic number {x}?", "element {x}?", "element number {x}", "Which element has {x} protons?",
                "What element has {x} protons?", "Whose atomic number is {x}?",
                "Which element is number {x} in the periodic table?", "What is at number {x} in the periodic table?",
                "In the periodic table, which element is number {x}?", "{x} is the atomic number of which element?",
                "An atom has {x} protons. Which element is it?", "The atomic number is {x}. Which element is that?",
                "Which chemical element has the number {x}?",
            ],
        ),
        Relation(
            "element of symbol", by_symbol, answer="{x} is the symbol of {y}.", weight=6, follow_up=next_one,
            np=[
                "the element with the symbol {x}", "the element whose symbol is {x}", "the element that {x} stands for",
                "the chemical element {x}", "the name of the element {x}", "the element written as {x}",
            ],
            ask=[
                "Which element has the symbol {x}?", "What element has the symbol {x}?", "{x} is which element?",
                "{x} is the symbol of which element?", "What does {x} stand for in chemistry?",
                "What does {x} mean in the periodic table?", "Which chemical element is {x}?",
                "Symbol {x}: which element?", "element {x}?", "chemical symbol {x}: what is it?",
                "In chemistry, what is {x}?", "In the periodic table, what is {x}?", "What is {x} in chemistry?",
                "Which element is written as {x}?", "Which element do chemists write as {x}?",
                "For which element does {x} stand?", "Whose chemical symbol is {x}?",
                "The symbol is {x}. Which element is that?", "I see {x} in a formula. Which element is it?",
                "Which element is {x} short for?",
            ],
        ),
    ]


def planet_relations():
    planets = read_table("planets")
    place = {row["planet"]: row["place"] for row in planets}
    at = {row["place"]: row["planet"] for row in planets}
    return [
        Relation(
            "place of planet", place, answer="{X} is the {y} planet from the sun.", weight=1.5,
            np=[
                "the place of {x} in the solar system", "the position of {x} counted from the sun",
                "the place of the planet {x} from the sun", "the planet {x}'s position from the sun",
            ],
            ask=[
                "Which planet from the sun is {x}?", "Which place does {x} have in the solar system?",
                "How far out is the planet {x}, counted from the sun?", "{X} is which planet from the sun?",
                "What number planet is {x}?", "Counting from the sun, which planet is {x}?",
                "At which place from the sun does {x} come?", "Is {x} the first, second or which planet from the sun?",
                "{X}: which planet from the sun?", "In the order of the planets, where is {x}?",
                "Where does {x} come in the order of planets?", "What position from the sun is {x}?",
            ],
        ),
        Relation(
            "planet at place", at, answer="The {x} planet from the sun is {y}.", weight=2,
            aliases=aliases_in(planets, "place", "short"),
            np=[
                "the {x} planet from the sun", "the {x} planet", "the {x} planet of the solar system",
                "the {x} planet counted from the sun", "the name of the {x} planet from the sun",
            ],
            ask=[
                "Which planet is the {x} from the sun?", "Which is the {x} planet from the sun?",
                "What planet is {x} from the sun?", "Which planet is {x} in the solar system?",
                "{X} planet from the sun?", "{x} planet?", "What is the {x} planet in our solar system called?",
                "Counting from the sun, which planet is the {x}?", "Which planet comes {x} from the sun?",
                "Starting at the sun, what is the {x} planet?", "In the solar system, which is the {x} planet?",
                "Which planet has the {x} place from the sun?",
            ],
            follow_up=["And the {x}?", "What about the {x}?", "And the {x} one?", "The {x}?", "Now the {x}."],
        ),
    ]


def place_relations():
    return [
        fact_relation(
            "city", "cities", "city", "country", answer="{X} is in {y}.", weight=5,
            np=[
                "the country of {x}", "the country {x} is in", "the country where {x} is",
                "the country in which {x} lies", "the country that the city of {x} belongs to",
            ],
            ask=[
                "Which country is {x} in?", "What country is {x} in?", "In which country is {x}?",
                "In what country is {x}?", "Where is {x}?", "Where is {x} located?", "Where is the city of {x}?",
                "{X} is in which country?", "{X}: which country?", "Which country does {x} belong to?",
                "In what country can I find {x}?", "{X} is a city in which country?",
                "The city of {x} is in what country?", "Where do I find {x}?", "Where in the world is {x}?",
                "I am in {x}. Which country am I in?", "{X} is a city of what country?",
                "To which country do I go when I visit {x}?", "{x}, where is that?",
            ],
            follow_up=[
                "And {x}?", "What about {x}?", "How about {x}?", "And where is {x}?", "{X}?", "Now {x}.",
                "and for {x}?",
            ],
        ),
        fact_relation(
            "place", "landmarks", "landmark", "place", answer="{X} is in {y}.", weight=5,
            np=["the place where {x} is", "the place where I can find {x}", "the place where one can see {x}"],
            ask=[
                "Where is {x}?", "Where is {x} located?", "Where can I see {x}?", "Where do I find {x}?",
                "Where's {x}?", "Where can I find {x}?", "Where in the world is {x}?", "{X} - where is it?",
                "{X}: where is it?", "{x}, where is that?", "I would like to see {x}. Where is it?",
                "Where do I have to go to see {x}?", "I want to visit {x}. Where must I go?", "Where would I find {x}?",
                "{X} is where?", "{X} is located where?", "Do you know where {x} is?", "Can you tell me where {x} is?",
                "Tell me where {x} is.", "where is {x} exactly?", "My teacher asked where {x} is.",
                "In which part of the world is {x}?",
            ],
            follow_up=["And {x}?", "What about {x}?", "How about {x}?", "And where is {x}?", "{X}?", "Now {x}."],
        ),
    ]


def work_relations():
    return [
        fact_relation(
            "author", "authors", "work", "author", answer="{Y} wrote {x}.", weight=5,
            np=[
                "the author of {x}", "the name of the author of {x}", "the writer of {x}",
                "the name of the writer of {x}",
            ],
            ask=[
                "Who wrote {x}?", "Who wrote {x}?", "Who is the author of {x}?", "Who was the author of {x}?",
                "By whom is {x}?", "Who is {x} by?", "{X}: who wrote it?", "{X} was written by whom?", "{x} author?",
                "Which author wrote {x}?", "Which writer wrote {x}?", "Who is the writer of {x}?",
                "{X} is by which author?", "Do you know who wrote {x}?", "Can you tell me who wrote {x}?",
                "Tell me who wrote {x}.", "I am reading {x}. Who wrote it?", "Who came up with the story of {x}?",
                "Who's the author of {x}?", "I forgot who wrote {x}.", "Please tell me who wrote {x}.",
                "{X} - who is the author?", "Whose work is {x}?", "From whom is {x}?", "I wonder who wrote {x}.",
            ],
            follow_up=["And {x}?", "What about {x}?", "How about {x}?", "And who wrote {x}?", "{X}?", "Now {x}."],
        ),
        fact_relation(
            "painter", "painters", "painting", "painter", answer="{Y} painted {x}.", weight=2.5,
            np=["the painter of {x}", "the name of the painter of {x}", "the artist who painted {x}"],
            ask=[
                "Who painted {x}?", "Who painted {x}?", "Who is the painter of {x}?", "Who was the painter of {x}?",
                "By whom was {x} painted?", "{X}: who painted it?", "{X} was painted by whom?",
                "Which painter painted {x}?", "Which artist painted {x}?", "Which artist made {x}?",
                "Do you know who painted {x}?", "Can you tell me who painted {x}?", "Tell me who painted {x}.",
                "The painting is called {x}. Who painted it?", "Whose painting is {x}?", "Who is the artist of {x}?",
                "I forgot who painted {x}.", "{x} painter?", "Who created {x}?", "Who made the painting {x}?",
            ],
            follow_up=["And {x}?", "What about {x}?", "How about {x}?", "And who painted {x}?", "{X}?", "Now {x}."],
        ),
        fact_relation(
            "composer", "composers", "work", "composer", answer="{Y} composed {x}.", weight=2.5,
            np=["the composer of {x}", "the name of the composer of {x}"],
            ask=[
                "Who composed {x}?", "Who composed {x}?", "Who is the composer of {x}?", "Who was the composer of {x}?",
                "Who wrote the music of {x}?", "By whom is the music of {x}?", "{X}: who composed it?",
                "{X} was composed by whom?", "Which composer wrote {x}?", "Who wrote {x}?", "{x} composer?",
                "Do you know who composed {x}?", "Can you tell me who composed {x}?", "Tell me who composed {x}.",
                "I am listening to {x}. Who composed it?", "Whose music is {x}?", "I forgot who composed {x}.",
                "Which composer composed {x}?",
            ],
            follow_up=["And {x}?", "What about {x}?", "How about {x}?", "And who composed {x}?", "{X}?", "Now {x}."],
        ),
        fact_relation(
            "inventor", "inventors", "invention", "inventor", answer="{Y} invented {x}.", weight=4,
            np=["the inventor of {x}", "the name of the inventor of {x}", "the name of whoever invented {x}"],
            ask=[
                "Who invented {x}?", "Who invented {x}?", "Who is the inventor of {x}?", "Who was the inventor of {x}?",
                "Who came up with {x}?", "{X}: who invented it?", "By whom was {x} invented?", "Who created {x}?",
                "{X} was invented by whom?", "To whom do we owe {x}?", "Whose invention is {x}?", "Whose idea was {x}?",
                "Do you know who invented {x}?", "Can you tell me who invented {x}?", "Tell me who invented {x}.",
                "Which inventor gave us {x}?", "I forgot who invented {x}.", "{X} - who is the inventor?",
                "{x} inventor?", "Who is known for inventing {x}?", "Who made the first version of {x}?",
                "Who thought of {x} first?",
            ],
            follow_up=["And {x}?", "What about {x}?", "How about {x}?", "And who invented {x}?", "{X}?", "Now {x}."],
        ),
    ]


def count_relations():
    return [
        fact_relation(
            "legs", "legs", "animal", "legs", answer="{A} has {y} legs.", weight=4,
            np=["the number of legs of {a}", "the number of legs that {a} has"],
            ask=[
                "How many legs does {a} have?", "How many legs has {a}?", "How many legs does the {x} have?",
                "How many legs has {a} got?", "{X}: how many legs?", "{x} how many legs?", "{x} legs?",
                "On how many legs does {a} walk?", "{A} has how many legs?", "number of legs of {a}?",
                "I see {a}. How many legs does it have?", "If I count the legs of {a}, how many are there?",
                "Do you know how many legs {a} has?", "Can you tell me how many legs {a} has?",
                "How many legs are there on {a}?", "Tell me how many legs {a} has.",
                "How many legs do you count on {a}?",
            ],
            follow_up=["And {a}?", "What about {a}?", "How about {a}?", "{A}?", "Now {a}.", "and the {x}?"],
        ),
        fact_relation(
            "strings", "instruments", "instrument", "strings", answer="{A} has {y} strings.", weight=1.5,
            np=["the number of strings of {a}", "the number of strings on {a}"],
            ask=[
                "How many strings does {a} have?", "How many strings has {a}?", "How many strings does the {x} have?",
                "How many strings are on {a}?", "How many strings are there on {a}?", "{X}: how many strings?",
                "{A} has how many strings?", "{x} strings?", "Tell me how many strings {a} has.",
                "I want to play the {x}. How many strings does it have?", "Do you know how many strings {a} has?",
                "How many strings has {a} got?",
            ],
            follow_up=["And {a}?", "What about {a}?", "How about {a}?", "{A}?", "Now {a}.", "and the {x}?"],
        ),
        fact_relation(
            "players", "team_sports", "sport", "players", answer="{A} team has {y} players in the game.", weight=1.5,
            np=["the number of players in {a} team", "the number of players of {a} team", "the size of {a} team"],
            ask=[
                "How many players are in {a} team?", "How many players does {a} team have?",
                "How many players are on {a} team?", "How many people play in {a} team?",
                "In {x}, how many players does each team have?", "{X}: how many players in a team?",
                "How many people are there in {a} team?", "{A} team has how many players?",
                "With how many players do you play {x}, per team?", "How many players make {a} team?",
                "{x} how many players per team?", "How many do you need for {a} team?",
            ],
            follow_up=["And in {x}?", "What about {x}?", "How about {x}?", "And {x}?", "Now {x}.", "and for {x}?"],
        ),
    ]


RELATIONS = [
    *country_relations(), *element_relations(), *planet_relations(), *place_relations(), *work_relations(),
    *count_relations(),
]
CUMULATIVE_WEIGHTS = list(accumulate(relation.weight for relation in RELATIONS))


# ---- general knowledge, which is in no relation

GENERAL_KNOWLEDGE = read_blocks("general_knowledge")  # (answer, ways to ask for it)
# Around a whole question.
FRAMES = [
    "I have a question: {q}", "Can you answer this? {q}", "Quiz question: {q}", "Question: {q}", "{q} Do you know?",
    "My son asks: {q}", "Just wondering: {q}", "For my homework: {q}", "{q} I forgot.", "Let me ask you something. {q}",
]


def general_knowledge(rng):
    answer, phrasings = rng.choice(GENERAL_KNOWLEDGE)
    phrasing = rng.choice(phrasings)
    if phrasing.startswith("the "):  # a noun phrase
        ask = rng.choice(ASK_FOR).replace("{np}", phrasing).replace("{Np}", capitalized(phrasing))
    elif phrasing.endswith("?") and rng.random() < 0.15:
        ask = rng.choice(FRAMES).format(q=phrasing)
    else:
        ask = phrasing
    return question("facts", ask, answer, f"phrasing world: {phrasing}")


def sample(rng):
    if rng.random() < SHARE_OF_GENERAL_KNOWLEDGE:
        return general_knowledge(rng)
    return rng.choices(RELATIONS, cum_weights=CUMULATIVE_WEIGHTS)[0].exchange(rng)
