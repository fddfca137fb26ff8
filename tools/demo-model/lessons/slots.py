"""What a user tells and asks for later, in all the ways in which it is told and asked for."""
from lessons.base import capitalized, is_held_out
from lessons.values import VALUES, age, day_or_hour, number, one_of, pet, somebody, town, word


class Slot:
    """Something that the user says and asks for later.

    say     how it is said, with {v}
    recall  how it is repeated: "You live in {v}."
    missing what is answered when it was never said
    np      noun phrases for it ("my age"), asked for in the ways of ASK_MINE; ask: whole questions
    told    the answer to what was said; by default "I will remember that ..."
    """

    def __init__(self, name, values, say, recall, missing, np=(), ask=(), told=None):
        self.name, self.values, self.say, self.recall, self.missing = name, values, say, recall, missing
        self.told = told or "I will remember that " + recall[0].lower() + recall[1:]
        self.asks = list(ask) + [
            frame.replace("{np}", phrase).replace("{Np}", capitalized(phrase)) for phrase in np for frame in ASK_MINE
        ]
        self.say_keys = [f"phrasing memory says {s}" for s in self.say]
        self.ask_keys = [f"phrasing memory asks {a}" for a in self.asks]
        self.trained_say = [s for s, key in zip(self.say, self.say_keys) if not is_held_out(key)]
        self.trained_asks = [a for a, key in zip(self.asks, self.ask_keys) if not is_held_out(key)]


ASK_MINE = [
    "What is {np}?", "What is {np}?", "What's {np}?", "Do you remember {np}?", "Do you know {np}?",
    "What was {np} again?", "Tell me {np}.", "Can you tell me {np}?", "What did I say {np} was?", "{Np}?",
    "Remind me of {np}.", "I forgot {np}. What is it?", "Do you still know {np}?", "Please tell me {np}.",
    "Say {np} again.", "What was {np}?", "Could you repeat {np}?", "I told you {np}. What is it?", "So what is {np}?",
    "Earlier I told you {np}. What was it?", "Now tell me {np}.", "Can you remember {np}?", "Do you know what {np} is?",
    "Tell me what {np} is.", "{Np} is?", "Did I tell you {np}?", "Have you forgotten {np}?", "Repeat {np}.",
    "Let us see if you remember {np}.", "{Np}, please.",
]
NAME = Slot("name", somebody, [
    "My name is {v}.", "My name is {v}.", "I am {v}.", "I'm {v}.", "Call me {v}.", "My name's {v}.",
    "You can call me {v}.", "I am called {v}.", "Hello, my name is {v}.", "Hi, I'm {v}.", "Hello, I am {v}.",
    "People call me {v}.", "{v} is my name.", "Please call me {v}.", "The name is {v}.", "This is {v}.", "{v} here.",
    "Remember that my name is {v}.", "Let me introduce myself: my name is {v}.", "I am {v}, by the way.",
    "Just so you know, my name is {v}.", "You are talking to {v}.", "My first name is {v}.",
    "Hi! My name is {v}. Remember it.", "My friends call me {v}.",
], "Your name is {v}.", "You did not tell me your name.", ["my name"], [
    "Who am I?", "What did I say my name was?", "What am I called?", "How am I called?", "Do you know who I am?",
    "Do you remember who I am?", "What should you call me?", "Say my name.", "Can you say my name?", "And my name is?",
    "Which name did I tell you?", "Who are you talking to?", "How do you call me?", "What do people call me?",
    "What name did I give you?", "Tell me who I am.", "Whom are you talking to?", "Did I tell you who I am?",
    "whats my name again", "You know my name, right?", "Guess my name.",
], told="Nice to meet you, {v}!")
PERSONAL = [
    NAME,
    Slot("age", age, [
        "I am {v} years old.", "I am {v} years old.", "I am {v}.", "I'm {v} years old.", "My age is {v}.", "I'm {v}.",
        "I turned {v} this year.", "I am {v} years of age.", "Remember that I am {v} years old.",
        "I have just turned {v}.", "I am {v} now.", "I became {v} yesterday.", "By the way, I am {v} years old.",
    ], "You are {v} years old.", "You did not tell me your age.", ["my age"], [
        "How old am I?", "How old am I?", "How old did I say I am?", "Do you know how old I am?",
        "How many years old am I?", "Tell me how old I am.", "Do you remember how old I am?",
        "Can you tell me how old I am?", "I am how old?", "What age am I?", "And how old am I?", "How old am I again?",
        "How old was I?",
    ]),
    Slot("city", town, [
        "I live in {v}.", "I live in {v}.", "My home is in {v}.", "I am living in {v}.", "I'm living in {v}.",
        "My city is {v}.", "I moved to {v}.", "I have a flat in {v}.", "My home town is {v}.", "My house is in {v}.",
        "Remember that I live in {v}.", "By the way, I live in {v}.", "I have lived in {v} for years.",
    ], "You live in {v}.", "You did not tell me where you live.", ["my city", "my home town"], [
        "Where do I live?", "Where do I live?", "In which city do I live?", "Which city do I live in?",
        "Where is my home?", "Do you remember where I live?", "Tell me where I live.", "Do you know where I live?",
        "Where did I say I live?", "What city am I living in?", "Where is my house?", "Can you tell me where I live?",
        "Where am I living?", "In what city is my home?", "And where do I live?",
    ]),
    Slot("country", one_of("countries"), [
        "I come from {v}.", "I am from {v}.", "I'm from {v}.", "My home country is {v}.", "My country is {v}.",
        "The country that I come from is {v}.", "Remember that I come from {v}.",
    ], "You come from {v}.", "You did not tell me where you come from.", ["my home country", "my country"], [
        "Where do I come from?", "Where am I from?", "Which country do I come from?", "Which country am I from?",
        "Do you remember where I come from?", "Where did I say I come from?", "Tell me where I am from.",
        "What country am I from?", "Do you know where I am from?",
    ]),
    Slot("job", one_of("jobs"), [
        "I work as a {v}.", "I work as a {v}.", "My job is {v}.", "I am a {v}.", "I'm a {v}.", "I am working as a {v}.",
        "I earn my money as a {v}.", "My profession is {v}.", "Remember that I work as a {v}.",
        "I am a {v} by profession.",
    ], "You work as a {v}.", "You did not tell me your job.", ["my job", "my profession"], [
        "What do I do for a living?", "What do I work as?", "What is my work?", "How do I earn my money?",
        "What do I do for work?", "What did I say I work as?", "Do you remember what I do?", "Tell me what I work as.",
        "As what do I work?", "What kind of work do I do?",
    ]),
    Slot("hobby", one_of("hobbies"), [
        "My hobby is {v}.", "My hobby is {v}.", "I like {v} in my free time.", "In my free time I enjoy {v}.",
        "I have a hobby: {v}.", "As a hobby I do {v}.", "Remember that my hobby is {v}.", "{v} is my hobby.",
    ], "Your hobby is {v}.", "You did not tell me your hobby.", ["my hobby"], [
        "What do I do in my free time?", "Which hobby do I have?", "What hobby did I tell you about?",
        "What do I like to do in my free time?", "What hobby do I have?", "How do I spend my free time?",
    ]),
    Slot("number", number, [
        "Remember the number {v}.", "Remember the number {v}.", "Remember {v}.", "Please remember the number {v}.",
        "The number is {v}.", "Keep the number {v} in mind.", "Can you remember the number {v}?",
        "Note the number {v}.", "Memorize the number {v}.", "Don't forget the number {v}.", "Store the number {v}.",
        "Save the number {v} for me.", "I want you to remember {v}.", "Could you remember {v} for me?",
        "Here is a number: {v}. Remember it.", "Remember this number: {v}", "Please keep in mind: {v}",
        "Hold on to the number {v}.",
    ], "The number is {v}.", "You did not tell me a number.", ["the number"], [
        "Which number did I tell you?", "What number should you remember?", "Which number was it?",
        "What number was it?", "Which number did I ask you to remember?", "What number did I say?",
        "Which number did you remember?", "What number did I give you?", "Which number did I want you to remember?",
        "Which number is it?",
    ], told="I will remember {v}."),
    Slot("word", word, [
        "Remember the word {v}.", "Remember the word {v}.", "Please remember the word {v}.",
        "Keep the word {v} in mind.", "Can you remember the word {v}?", "Note the word {v}.", "Memorize the word {v}.",
        "Don't forget the word {v}.", "The word is {v}.", "Here is a word: {v}. Remember it.",
        "Remember this word: {v}", "Could you remember the word {v}?", "I want you to remember the word {v}.",
        "Save the word {v} for me.",
    ], "The word is {v}.", "You did not tell me a word.", ["the word"], [
        "Which word did I tell you?", "What word should you remember?", "Which word was it?", "What word was it?",
        "Which word did I ask you to remember?", "What word did I say?", "Which word did you remember?",
        "What word did I give you?", "Which word is it?",
    ], told="I will remember {v}."),
]


def about_me(name, values):
    """A slot about "my NAME", whatever that is."""
    return Slot(name, values, [
        f"My {name} is {{v}}.", f"My {name} is {{v}}.", f"Remember that my {name} is {{v}}.", f"{{v}} is my {name}.",
        f"By the way, my {name} is {{v}}.", f"I want to tell you my {name}. It is {{v}}.",
        f"Please remember my {name}: {{v}}.", f"My {name}: {{v}}", f"You should know that my {name} is {{v}}.",
        f"Keep in mind that my {name} is {{v}}.",
    ], f"Your {name} is {{v}}.", f"You did not tell me your {name}.", [f"my {name}"])


FAVOURITES = "colour food animal drink sport season day month city country word subject instrument language".split()


def favourite(thing):
    """A slot about "my favourite THING", in British and American spelling."""
    american = "color" if thing == "colour" else thing
    plural = "countries" if thing == "country" else "cities" if thing == "city" else thing + "s"
    return Slot(f"favourite {thing}", one_of(plural), [
        f"My favourite {thing} is {{v}}.", f"My favorite {american} is {{v}}.", f"The {thing} I like best is {{v}}.",
        f"Of all {plural} I like {{v}} best.", f"Remember that my favourite {thing} is {{v}}.",
        f"{{v}} is my favourite {thing}.", f"My favourite {thing}: {{v}}", f"I like {{v}} best of all {plural}.",
    ], f"Your favourite {thing} is {{v}}.", f"You did not tell me your favourite {thing}.", [
        f"my favourite {thing}", f"my favorite {american}",
    ], [
        f"Which {thing} do I like best?", f"What {thing} do I like most?", f"Which {thing} is my favourite?",
        f"Which {american} is my favorite?", f"Do you remember which {thing} I like best?",
    ])


def named(kind, values, have):
    """A slot about the name of somebody who belongs to the user; what one can `have` is a pet."""
    say = [
        f"My {kind}'s name is {{v}}.", f"My {kind} is called {{v}}.", f"The name of my {kind} is {{v}}.",
        f"I call my {kind} {{v}}.", f"Remember that my {kind} is called {{v}}.", f"My {kind} has the name {{v}}.",
        f"{{v}} is the name of my {kind}.",
    ]
    if have:
        say += [
            f"I have a {kind} called {{v}}.", f"I have a {kind}. Its name is {{v}}.", f"I have a {kind} named {{v}}.",
            f"I own a {kind} named {{v}}.",
        ]
    else:
        say += [f"{{v}} is my {kind}.", f"My {kind} is {{v}}."]
    recall, missing = f"Your {kind}'s name is {{v}}.", f"You did not tell me your {kind}'s name."
    return Slot(f"{kind}'s name", values, say, recall, missing, [f"my {kind}'s name", f"the name of my {kind}"], [
        f"What is my {kind} called?", f"How is my {kind} called?", f"What did I say my {kind} is called?",
        f"Do you remember what my {kind} is called?", f"Who is my {kind}?", f"Which name does my {kind} have?",
        f"What do I call my {kind}?",
    ])


ABOUT_ME = [
    about_me("last name", somebody), about_me("phone number", number), about_me("lucky number", number),
    about_me("favourite number", number), about_me("room number", number), about_me("house number", number),
    about_me("nickname", pet), about_me("code", number), about_me("password", word),
    about_me("birthday month", one_of("months")), about_me("order number", number), about_me("seat number", number),
    about_me("first language", one_of("languages")),
]


def fact_of(name, values):
    """A slot about "the NAME", which is no matter of the user: a code, a place, a day."""
    return Slot(f"the {name}", values, [
        f"The {name} is {{v}}.", f"The {name} is {{v}}.", f"Remember that the {name} is {{v}}.",
        f"{{v}} is the {name}.", f"Please remember: the {name} is {{v}}.", f"You should know that the {name} is {{v}}.",
        f"Keep in mind that the {name} is {{v}}.", f"Note that the {name} is {{v}}.",
    ], f"The {name} is {{v}}.", f"You did not tell me the {name}.", [f"the {name}"])


FACTS = [
    fact_of("secret word", word), fact_of("password", word), fact_of("magic word", word), fact_of("code", number),
    fact_of("code word", word), fact_of("secret number", number), fact_of("secret code", number),
    fact_of("winner", somebody), fact_of("name of the project", word), fact_of("room number", number),
    fact_of("wifi password", word), fact_of("ticket number", number), fact_of("name of the boss", somebody),
    fact_of("day of the party", one_of("days")), fact_of("colour of the door", one_of("colours")),
    fact_of("name of the ship", pet), fact_of("name of the team", word), fact_of("guest of honour", somebody),
    fact_of("price of the ticket", number),
]


def placed(thing):
    """A slot about where a thing is."""
    return Slot(f"where the {thing} is", one_of("places"), [
        f"The {thing} is {{v}}.", f"I put the {thing} {{v}}.", f"Remember that the {thing} is {{v}}.",
        f"The {thing} lies {{v}}.", f"I left the {thing} {{v}}.", f"Please remember that the {thing} is {{v}}.",
        f"I have put the {thing} {{v}}.",
    ], f"The {thing} is {{v}}.", f"You did not tell me where the {thing} is.", [], [
        f"Where is the {thing}?", f"Where is the {thing}?", f"Where did I put the {thing}?",
        f"Where did I leave the {thing}?", f"Do you remember where the {thing} is?",
        f"Do you know where the {thing} is?", f"Tell me where the {thing} is.", f"I am looking for the {thing}.",
        f"I can't find the {thing}.", f"Where's the {thing}?", f"Where was the {thing}?",
    ])


def when(event):
    """A slot about when something happens."""
    return Slot(f"when the {event} is", day_or_hour, [
        f"The {event} is {{v}}.", f"Remember that the {event} is {{v}}.", f"The {event} will be {{v}}.",
        f"Please remember that the {event} is {{v}}.", f"Don't forget: the {event} is {{v}}.",
        f"There is the {event} {{v}}.",
    ], f"The {event} is {{v}}.", f"You did not tell me when the {event} is.", [], [
        f"When is the {event}?", f"When is the {event}?", f"When was the {event} again?",
        f"Tell me when the {event} is.", f"Do you remember when the {event} is?", f"Do you know when the {event} is?",
        f"When does the {event} take place?", f"When will the {event} be?",
    ])


PLACED = [placed(thing) for thing in VALUES["small things"]]
SLOTS = [
    *PERSONAL,
    *(favourite(thing) for thing in FAVOURITES),
    *(named(kind, pet, True) for kind in VALUES["kinds of pets"]),
    *(named(kind, somebody, False) for kind in VALUES["relatives"]),
    *ABOUT_ME, *FACTS, *PLACED,
    *(when(event) for event in VALUES["events"]),
]
COMMON = SLOTS[:9]  # name, age, city, ... are drawn more often than the many others
