"""Relations between words: plurals, the forms of verbs and adjectives, opposites, synonyms."""
from lessons.base import Named, Relation
from lessons.tables import read_table

PLURALS = {row["singular"]: row["plural"] for row in read_table("nouns")}
VERBS = read_table("verbs")
ADJECTIVES = read_table("adjectives")


def plural_of(noun):
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else noun + "s"


def opposites():
    pairs = {}
    for row in read_table("opposites"):
        pairs[row["word"]] = row["opposite"]
        if row.get("way") != "one way":
            pairs[row["opposite"]] = row["word"]
    return pairs


def base_forms():
    """Past forms that lead back to one verb: not "lay", which is a verb itself, nor "put", which is its own past."""
    verbs = {row["base"] for row in VERBS}
    return {row["past"]: row["base"] for row in VERBS
            if row["past"] not in verbs and " " not in row["past"] and row["past"] not in ("was", "were", "born")}


def word_relations():
    plural = Relation(
        "plural", PLURALS, "The plural of {x} is {y}.", weight=40, topic="word", its=["its plural", "the plural of it"],
        np=["the plural of {x}", "the plural form of {x}", 'the plural of "{x}"', "the plural of the word {x}",
            "the plural of the noun {x}", "the plural for {x}", "{x} in the plural", "the plural form of the word {x}"],
        ask=["plural of {x}", "{x} plural?", "{x} plural", "{x}, plural", "Plural: {x}", "plural {x}",
             "One {x}, two what?", "one {x}, two ...", "One {x}, many what?", "one {x}, two ___", "1 {x}, 2 what?",
             "What is more than one {x} called?", "What do you call more than one {x}?",
             "If there is one {x}, there are two what?", "I have one {x} and you have two. Two what?",
             "How do you say {x} in the plural?", "How do I write {x} if there are many?",
             "How do you make {x} plural?", "How do you pluralize {x}?", "Pluralize {x}.", "Make {x} plural.",
             "Make the word {x} plural.", "Put {x} in the plural.", "Put {x} into the plural.",
             "Turn {x} into its plural.", "Change {x} to its plural form.", "Write the plural of {x}.",
             "Write {x} in its plural form.", "What does {x} become in the plural?",
             "What does {x} become when there are two?", "Form the plural of {x}.",
             "What is the correct plural for {x}?", "Which form does {x} have in the plural?", "one {x}, several what?",
             "{X} is singular. What is the plural?", "The noun is {x}. Give me its plural.", "Singular: {x}. Plural?",
             "singular {x}, plural what?", "I saw one {x}. Then I saw two what?", "How do I say more than one {x}?",
             "If I have more than one {x}, what do I have?", "What is the right word for two of {x}?",
             "What do we say for many: one {x}, many ...?", "How do you write the plural of {x}?",
             "I have one {x}. My friend has three ..."])
    singular = Relation(
        "singular", {y: x for x, y in PLURALS.items()}, "The singular of {x} is {y}.", weight=12,
        np=["the singular of {x}", "the singular form of {x}", 'the singular of "{x}"', "the singular of the word {x}",
            "{x} in the singular", "the singular for {x}"],
        ask=["singular of {x}", "{x} singular?", "{x}, singular", "Singular: {x}", "Two {x}, one what?",
             "two {x}, one ...", "Many {x}, but one what?", "What do you call only one of the {x}?",
             "How do you say {x} in the singular?", "Make {x} singular.", "Put {x} in the singular.",
             "Turn {x} into the singular.", "What does {x} become if there is only one?",
             "{X} is plural. What is the singular?", "Plural: {x}. Singular?", "{X} is the plural of what?",
             "{X} is the plural of which word?", "What is {x} the plural of?", "Which noun has the plural {x}?",
             "There are three {x}. One runs away. One what?", "Form the singular of {x}.",
             "Write {x} in the singular."])
    past = Relation(
        "past tense", {row["base"]: row["past"] for row in VERBS}, "The past tense of {x} is {y}.", weight=40,
        topic="word", its=["its past tense", "its past form", "the past tense of it"],
        np=["the past tense of {x}", "the past tense of {x}", "the past form of {x}", "the past of {x}",
            "the simple past of {x}", "the past tense of the verb {x}", "the past tense of to {x}",
            'the past tense of "{x}"', "the past tense form of {x}", "{x} in the past tense", "the past simple of {x}",
            "the second form of {x}", "{x} in the past"],
        ask=["past tense of {x}", "past of {x}", "{x} past tense", "{x} past tense?", "{x} in the past", "{x}, past",
             "Past tense: {x}", "past tense {x}", "simple past {x}", "Put {x} in the past tense.",
             "Put {x} into the past.", "Turn {x} into the past tense.", "Change {x} to the past tense.",
             "Make {x} past tense.", "Write {x} in the past tense.", "Write the past tense of {x}.",
             "Yesterday I ({x})", "Yesterday I ({x}) ... Which form is right?", "Yesterday I ... ({x})",
             "I ___ ({x}) yesterday.", "She ___ ({x}) last week.", "What is the past of I {x}?",
             "How do you say {x} in the past tense?", "How do you say {x} in the past?",
             "How do I use {x} in the past?", "What does {x} become in the past tense?",
             "What does {x} become when it was yesterday?", "Today I {x}, yesterday I ...?",
             "Today I {x}. Yesterday I what?", "I {x} now. Yesterday I ___", "today {x}, yesterday what?",
             "If I {x} today, what did I do yesterday?", "They {x} today. Yesterday they ...?",
             "The verb is {x}. What is its past tense?", "Present: {x}. Past?", "present {x}, past what?",
             "Which form of {x} do I use for yesterday?", "What form of {x} do I need for the past?",
             "What is {x} if it happened last week?", "Form the past tense of {x}.", "V2 of {x}", "What is V2 of {x}?",
             "Last year we ({x})", "How do you write {x} in the past?"])
    participle = Relation(
        "past participle", {row["base"]: row["participle"] for row in VERBS if "participle" in row},
        "The past participle of {x} is {y}.", weight=20, topic="word",
        its=["its past participle", "its participle", "the past participle of it"],
        np=["the past participle of {x}", "the past participle of {x}", "the past participle form of {x}",
            "the participle of {x}", "the past participle of the verb {x}", "the past participle of to {x}",
            'the past participle of "{x}"', "the third form of {x}", "the perfect participle of {x}"],
        ask=["past participle of {x}", "{x} past participle", "{x} past participle?", "Past participle: {x}",
             "past participle {x}", "I have ({x})", "I have often ({x})", "I have never ... ({x})",
             "They have already ({x})", "She has ... ({x}). Which participle?", "Which form of {x} comes after have?",
             "Which form of {x} do I use after has?", "What do I say after I have, with the verb {x}?", "V3 of {x}",
             "What is V3 of {x}?", "Write the past participle of {x}.", "Form the past participle of {x}.",
             "The verb is {x}. What is its past participle?", "What does {x} become in the present perfect?",
             "Turn {x} into a past participle.", "Which past participle does {x} have?",
             "How do you form the past participle of {x}?", "How do you use {x} in the perfect tense?"])
    forms = Relation(
        "verb forms", {row["base"]: f"{row['base']}, {row['past']}, {row['participle']}" for row in VERBS
                       if "participle" in row and row["base"] not in ("is", "am", "are")},
        "The forms of {x} are {y}.", weight=6,
        ask=["What are the three forms of {x}?", "What are the forms of {x}?", "three forms of {x}",
             "verb forms of {x}", "Give me the three forms of {x}.", "Tell me the forms of the verb {x}.",
             "List the forms of {x}.", "What are the principal parts of {x}?",
             "What are the main forms of the verb {x}?", "V1 V2 V3 of {x}",
             "Give me base form, past and participle of {x}.", "What are the verb forms of {x}?",
             "Write down all three forms of {x}.", "{x}, past tense and past participle?",
             "What are the past tense and the past participle of {x}?"])
    base = Relation(
        "base form", base_forms(), "The base form of {x} is {y}.", weight=7,
        np=["the base form of {x}", "the infinitive of {x}", "the present tense of {x}", "the basic form of {x}",
            "the verb that {x} comes from"],
        ask=["{X} is the past tense of what?", "{X} is the past tense of which verb?", "What is {x} the past tense of?",
             "Which verb has the past tense {x}?", "Put {x} in the present tense.", "present tense of {x}",
             "base form of {x}", "infinitive of {x}", "Yesterday I {x}, today I ...?", "Which verb is {x} a form of?",
             "What is the present form of {x}?", "{x} in the present tense?"])
    opposite = Relation(
        "opposite", opposites(), "The opposite of {x} is {y}.", weight=44, topic="word",
        its=["its opposite", "the opposite of it", "the opposite"],
        np=["the opposite of {x}", "the opposite of {x}", "the opposite of the word {x}", 'the opposite of "{x}"',
            "the antonym of {x}", "the opposite word of {x}", "the contrary of {x}", "the reverse of {x}",
            "an antonym for {x}", "the opposite to {x}"],
        ask=["opposite of {x}", "opposite {x}", "{x} opposite", "{x} opposite?", "opposite: {x}", "antonym of {x}",
             "antonym {x}", "What is opposite to {x}?", "Which word is the opposite of {x}?",
             "Which word means not {x}?", "What word means the opposite of {x}?",
             "Which word has the opposite meaning of {x}?", "not {x} but ...?", "If it is not {x}, what is it?",
             "If something is not {x}, it is ...", "It is not {x}. So it is what?",
             "How do I say {x} the other way round?", "What is the other side of {x}?",
             "What do you call the opposite of {x}?", "What would you say is the opposite of {x}?",
             "{X} is the opposite of what?", "{X} is the opposite of which word?", "{X} and its opposite?",
             "{X} and ... what is its opposite?", "What is not {x}?", "Write the opposite of {x}.",
             "Turn {x} into its opposite.", "Which word is the contrary of {x}?",
             "What is the complete opposite of {x}?", "What is the exact opposite of {x}?", "Give an antonym for {x}.",
             "Find a word with the opposite meaning to {x}.", "The word is {x}. What is the opposite?",
             "I say {x}, you say the opposite.", "What is the word that means the contrary of {x}?",
             "What contrasts with {x}?"])
    comparatives = {row["base"]: row["comparative"] for row in ADJECTIVES}
    comparative = Relation(
        "comparative", comparatives, "The comparative of {x} is {y}.", weight=12, topic="word",
        its=["its comparative", "its comparative form"],
        np=["the comparative of {x}", "the comparative form of {x}", "the comparative of the adjective {x}",
            'the comparative of "{x}"', "the comparative of the word {x}", "the comparative for {x}"],
        ask=["comparative of {x}", "{x} comparative", "{x} comparative?", "Comparative: {x}",
             "How do you compare with {x}?", "Today is {x}, but tomorrow will be even what?",
             "This one is {x}, that one is even ...", "{x}, then what?", "Tom is {x}, but Ann is even ...?",
             "How do you say that something is more {x}?", "Put {x} in the comparative.", "Make {x} comparative.",
             "Turn {x} into a comparative.", "What does {x} become before than?", "My house is {x}. Yours is even ___",
             "Which form of {x} do I use with than?", "How do I say more {x}?", "Form the comparative of {x}.",
             "Write the comparative of {x}.", "Which comparative does {x} have?"])
    superlative = Relation(
        "superlative", {Named(row["base"], comparative=row["comparative"]): row["superlative"] for row in ADJECTIVES},
        "The superlative of {x} is {y}.", weight=12, topic="word", its=["its superlative", "its superlative form"],
        np=["the superlative of {x}", "the superlative form of {x}", "the superlative of the adjective {x}",
            'the superlative of "{x}"', "the superlative of the word {x}", "the superlative for {x}"],
        ask=["superlative of {x}", "{x} superlative", "{x} superlative?", "Superlative: {x}",
             "{x}, {x.comparative}, what?", "{x}, {x.comparative}, ...", "{X}, {x.comparative} and then?",
             "This one is {x}, and that one is the ... of all?", "How do you say that nothing is more {x}?",
             "Put {x} in the superlative.", "Make {x} superlative.", "Turn {x} into a superlative.",
             "Tom is {x}, Ann is {x.comparative}, and Sue is the ...?",
             "One is {x}, one is {x.comparative}, and one is the ...?", "Form the superlative of {x}.",
             "Write the superlative of {x}.", "Which superlative does {x} have?", "What is the highest degree of {x}?"])
    synonym = Relation(
        "synonym", {row["word"]: row["synonym"] for row in read_table("synonyms")}, "Another word for {x} is {y}.",
        weight=14, topic="word", its=["another word for it", "a synonym for it", "a word that means the same"],
        np=["another word for {x}", "a synonym for {x}", "a synonym of {x}", "a different word for {x}",
            "a word that means the same as {x}", 'another word for "{x}"', "a word with the same meaning as {x}"],
        ask=["synonym of {x}", "synonym for {x}", "{x} synonym", "{x} synonym?", "Synonym: {x}", "another word for {x}",
             "Which word means the same as {x}?", "How else can I say {x}?", "What else can I say for {x}?",
             "What can I say instead of {x}?", "What can I write instead of {x}?", "What other word is there for {x}?",
             "I do not want to write {x} again. What else?", "Say {x} with another word.",
             "Replace {x} with a synonym.", "Which word is similar to {x}?", "What word is like {x}?",
             "What has the same meaning as {x}?", "Find a synonym for {x}.", "Is there another word for {x}?",
             "Are there synonyms for {x}?", "Give me a word that means {x}."])
    return [plural, singular, past, participle, forms, base, opposite, comparative, superlative, synonym]
