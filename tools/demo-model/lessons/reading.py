"""Reading: questions about facts that stand in a short text, about persons or about things."""
from lessons.base import assistant, made_up_name, user, with_article
from lessons.values import VALUES, age, number, number_between, one_of, pet, somebody, town
from lessons.verbatim import conversation, put, small_first

# Of a person: what stands in the text after the name, the values of {v}, questions, the answer.
PERSON = [
    ("lives in {v}", town, [
        "Where does {x} live?", "In which city does {x} live?", "What city does {x} live in?", "Where is {x}'s home?",
        "Tell me where {x} lives.",
    ], "{x} lives in {v}."),
    ("works as a {v}", one_of("jobs"), [
        "What does {x} do?", "What is {x}'s job?", "What does {x} work as?", "What does {x} do for a living?",
        "Which job does {x} have?",
    ], "{x} works as a {v}."),
    ("is {v} years old", age, [
        "How old is {x}?", "What is {x}'s age?", "What age is {x}?", "Tell me how old {x} is.",
        "How many years old is {x}?",
    ], "{x} is {v} years old."),
    ("comes from {v}", one_of("countries"), [
        "Where does {x} come from?", "Which country does {x} come from?", "Where is {x} from?",
        "What is {x}'s home country?",
    ], "{x} comes from {v}."),
    ("likes {v}", one_of("foods"), [
        "What does {x} like?", "What does {x} like to eat?", "Which food does {x} like?", "Tell me what {x} likes.",
    ], "{x} likes {v}."),
    ("hates {v}", one_of("foods"), [
        "What does {x} hate?", "What does {x} not like at all?", "Which food does {x} hate?",
    ], "{x} hates {v}."),
    ("drinks {v} every morning", one_of("drinks"), [
        "What does {x} drink every morning?", "What does {x} drink?", "What does {x} drink in the morning?",
    ], "{x} drinks {v}."),
    ("plays the {v}", one_of("instruments"), [
        "Which instrument does {x} play?", "What instrument does {x} play?", "What does {x} play?",
    ], "{x} plays the {v}."),
    ("speaks {v}", one_of("languages"), [
        "Which language does {x} speak?", "What language does {x} speak?", "What does {x} speak?",
    ], "{x} speaks {v}."),
    ("studies {v}", one_of("subjects"), [
        "What does {x} study?", "Which subject does {x} study?", "What is {x} studying?",
    ], "{x} studies {v}."),
    ("goes to work {v}", one_of("ways to travel"), [
        "How does {x} go to work?", "How does {x} get to work?", "How does {x} travel to work?",
    ], "{x} goes to work {v}."),
    ("drives a {v} car", one_of("colours", 12), [
        "What colour is {x}'s car?", "What kind of car does {x} drive?", "Which colour does the car of {x} have?",
        "What does {x} drive?",
    ], "{x} drives a {v} car."),
    ("has {v} brothers", number_between(2, 9), [
        "How many brothers does {x} have?", "Tell me how many brothers {x} has.",
    ], "{x} has {v} brothers."),
    ("has {v} books", number_between(2, 99), ["How many books does {x} have?", "How many books does {x} own?"],
     "{x} has {v} books."),
    ("gets up at {v}", number_between(4, 10), [
        "When does {x} get up?", "At what time does {x} get up?", "What time does {x} get up?",
    ], "{x} gets up at {v}."),
    ("goes to bed at {v}", number_between(8, 12), [
        "When does {x} go to bed?", "At what time does {x} go to bed?", "What time does {x} go to bed?",
    ], "{x} goes to bed at {v}."),
    ("bought a {v}", one_of("things"), ["What did {x} buy?", "Which thing did {x} buy?", "What has {x} bought?"],
     "{x} bought a {v}."),
    ("lost a {v}", one_of("things"), ["What did {x} lose?", "What has {x} lost?", "Which thing did {x} lose?"],
     "{x} lost a {v}."),
    ("found a {v}", one_of("things"), ["What did {x} find?", "What has {x} found?", "Which thing did {x} find?"],
     "{x} found a {v}."),
    ("wants to visit {v}", town, [
        "What does {x} want to visit?", "Which city does {x} want to visit?", "Where does {x} want to go?",
    ], "{x} wants to visit {v}."),
    ("was born in {v}", town, [
        "Where was {x} born?", "In which city was {x} born?", "Where is the birthplace of {x}?",
    ], "{x} was born in {v}."),
    ("is married to {v}", somebody, ["Who is {x} married to?", "To whom is {x} married?", "Who is married to {x}?"],
     "{x} is married to {v}."),
    ("has a dog called {v}", pet, [
        "What is {x}'s dog called?", "What is the name of {x}'s dog?", "How is {x}'s dog called?",
    ], "{x}'s dog is called {v}."),
    ("has a cat called {v}", pet, [
        "What is {x}'s cat called?", "What is the name of {x}'s cat?", "How is {x}'s cat called?",
    ], "{x}'s cat is called {v}."),
    ("wears a {v} hat", one_of("colours", 12), [
        "What colour is {x}'s hat?", "Which hat does {x} wear?", "What kind of hat does {x} wear?",
    ], "{x} wears a {v} hat."),
    ("arrived on {v}", one_of("days"), [
        "When did {x} arrive?", "On which day did {x} arrive?", "What day did {x} arrive?",
    ], "{x} arrived on {v}."),
    ("plays {v}", one_of("sports", 6), [
        "Which sport does {x} play?", "What sport does {x} play?", "What does {x} play?",
    ], "{x} plays {v}."),
    ("has a birthday in {v}", one_of("months"), [
        "When is {x}'s birthday?", "In which month is {x}'s birthday?", "When does {x} have a birthday?",
    ], "{x}'s birthday is in {v}."),
    ("is sitting in the {v}", one_of("rooms"), ["Where is {x}?", "Where is {x} sitting?", "In which room is {x}?"],
     "{x} is sitting in the {v}."),
    ("loves {v}", one_of("hobbies", 14), [
        "What does {x} love?", "What does {x} love to do?", "Which hobby does {x} love?",
    ], "{x} loves {v}."),
    ("teaches {v} at a school", one_of("subjects"), ["What does {x} teach?", "Which subject does {x} teach?"],
     "{x} teaches {v}."),
    ("wrote a letter to {v}", somebody, [
        "Who did {x} write to?", "To whom did {x} write a letter?", "Who got a letter from {x}?",
    ], "{x} wrote to {v}."),
]
# Of things, as whole sentences: text, values of {v}, {w}, {u}, {t}, [(questions, answer)]; {a} is {u} with an article.
SCENES = [
    ("The train to {v} leaves at {w} from platform {u}.", (town, number_between(5, 23), number_between(1, 12)), [
        (["When does the train leave?", "At what time does the train leave?", "What time does the train go?"],
         "The train leaves at {w}."),
        (["Where does the train go?", "Where does the train go to?", "Which city does the train go to?"],
         "The train goes to {v}."),
        ([
            "From which platform does the train leave?", "Which platform does the train leave from?",
            "What is the platform?",
        ], "The train leaves from platform {u}."),
    ]),
    ("The shop opens at {v} and closes at {w}.", (number_between(6, 10), number_between(4, 9)), [
        (["When does the shop open?", "At what time does the shop open?", "What time does the shop open?"],
         "The shop opens at {v}."),
        (["When does the shop close?", "At what time does the shop close?", "Until when is the shop open?"],
         "The shop closes at {w}."),
    ]),
    ("The {v} costs {w} euros and the {u} costs {t} euros.", (one_of("things"), age, one_of("things"), age), [
        ([
            "How much is the {v}?", "What does the {v} cost?", "What is the price of the {v}?",
            "How much does the {v} cost?",
        ], "The {v} costs {w} euros."),
        ([
            "How much is the {u}?", "What does the {u} cost?", "What is the price of the {u}?",
            "How much does the {u} cost?",
        ], "The {u} costs {t} euros."),
    ]),
    ("The {v} is {w}. The {u} is {t}.", (
        one_of("small things"), one_of("places"), one_of("small things"), one_of("places"),
    ), [
        (["Where is the {v}?", "Where can I find the {v}?", "Tell me where the {v} is."], "The {v} is {w}."),
        (["Where is the {u}?", "Where can I find the {u}?", "Tell me where the {u} is."], "The {u} is {t}."),
    ]),
    ("The {v} is {w} and the {u} is {t}.", (one_of("things"), one_of("colours"), one_of("things"), one_of("colours")), [
        (["What colour is the {v}?", "What color is the {v}?", "Which colour does the {v} have?"], "The {v} is {w}."),
        (["What colour is the {u}?", "What color is the {u}?", "Which colour does the {u} have?"], "The {u} is {t}."),
    ]),
    ("The meeting is on {v} at {w} in room {u}.", (one_of("days"), number_between(1, 12), number), [
        (["On which day is the meeting?", "What day is the meeting?", "Which day is the meeting on?"],
         "The meeting is on {v}."),
        (["At what time is the meeting?", "What time is the meeting?"], "The meeting is at {w}."),
        (["Where is the meeting?", "In which room is the meeting?", "What room is the meeting in?"],
         "The meeting is in room {u}."),
    ]),
    ("{v} is taller than {w}.", (somebody, somebody), [
        (["Who is taller?", "Which of the two is taller?", "Who is the taller one?"], "{v} is taller."),
        (["Who is smaller?", "Who is shorter?", "Which of the two is smaller?"], "{w} is smaller."),
    ]),
    ("{v} is older than {w}.", (somebody, somebody), [
        (["Who is older?", "Which of the two is older?", "Who is the older one?"], "{v} is older."),
        (["Who is younger?", "Which of the two is younger?", "Who is the younger one?"], "{w} is younger."),
    ]),
    ("{v} gave {w} {a}.", (somebody, somebody, one_of("things")), [
        (["What did {w} get?", "What did {v} give to {w}?", "Which present did {w} get?"], "{w} got {a}."),
        (["Who gave {w} the {u}?", "From whom did {w} get the {u}?"], "{v} gave {w} the {u}."),
        (["Who got the {u}?", "To whom did {v} give the {u}?"], "{w} got the {u}."),
    ]),
    ("{v} won the race. {w} came second and {u} came third.", (somebody, somebody, somebody), [
        (["Who won?", "Who won the race?", "Who was the winner?", "Who came first?"], "{v} won the race."),
        (["Who came second?", "Who was second?"], "{w} came second."),
        (["Who came third?", "Who was third?"], "{u} came third."),
    ]),
    ("{v} sits between {w} and {u}.", (somebody, somebody, somebody), [
        (["Who sits in the middle?", "Who is in the middle?", "Who sits between {w} and {u}?"],
         "{v} sits in the middle."),
    ]),
    ("{v} is the {w} of {u}.", (somebody, one_of("acquaintances"), somebody), [
        (["Who is the {w} of {u}?", "Who is {u}'s {w}?", "What is the name of {u}'s {w}?"], "{v} is the {w} of {u}."),
    ]),
    ("The film starts at {v} and is {w} minutes long.", (number_between(1, 12), number_between(60, 180)), [
        (["When does the film start?", "At what time does the film start?", "What time does the film begin?"],
         "The film starts at {v}."),
        (["How long is the film?", "How many minutes is the film?", "How long does the film take?"],
         "The film is {w} minutes long."),
    ]),
    ("In the basket there are {v} apples and {w} pears.", (age, age), [
        (["How many apples are there?", "How many apples are in the basket?"], "There are {v} apples."),
        (["How many pears are there?", "How many pears are in the basket?"], "There are {w} pears."),
    ]),
    ("Flight {v} goes to {w} and lands at {u}.", (number, town, number_between(1, 12)), [
        (["Where does the flight go?", "Where does flight {v} go?", "What is the destination of the flight?"],
         "The flight goes to {w}."),
        (["When does the flight land?", "At what time does the flight land?"], "The flight lands at {u}."),
        (["What is the number of the flight?", "Which flight is it?"], "It is flight {v}."),
    ]),
    ("The {v} was stolen on {w}. The thief was {u}.", (one_of("things"), one_of("days"), somebody), [
        (["What was stolen?", "Which thing was stolen?"], "The {v} was stolen."),
        (["When was the {v} stolen?", "On which day was the {v} stolen?"], "The {v} was stolen on {w}."),
        (["Who was the thief?", "Who stole the {v}?"], "The thief was {u}."),
    ]),
    ("Because of {v}, the {w} was late.", (one_of("reasons to be late"), one_of("who is late")), [
        (["Why was the {w} late?", "What is the reason that the {w} was late?"], "The {w} was late because of {v}."),
        (["Who or what was late?", "What was late?"], "The {w} was late."),
    ]),
    ("The {v} in the {w} is broken.", (one_of("things"), one_of("rooms")), [
        (["What is broken?", "Which thing is broken?"], "The {v} is broken."),
        (["Where is the broken {v}?", "In which room is the broken {v}?"], "The broken {v} is in the {w}."),
    ]),
]
TOGETHER = [
    "{text} {ask}", "{text} {ask}", "{text} {ask}", "{text}\n{ask}", "{text}\n\n{ask}", "{ask} {text}",
    "Text: {text} Question: {ask}", "Read this: {text} {ask}", "Here is a text: {text} {ask}",
    "{text} Now tell me: {ask}", "{text} Question: {ask}", "I have a short text. {text} {ask}", "Given: {text} {ask}",
    "Read the text and answer the question. {text} {ask}", "Text:\n{text}\n\nQuestion:\n{ask}", "{text} So {small}",
    "{ask}\n{text}", 'The text is: "{text}" {ask}', "Answer from the text. {text} {ask}", "Please read: {text} {ask}",
    "Context: {text} Question: {ask}", "Use this text to answer: {text} {ask}",
]
NOT_SAID = "The text does not say that."


def person_text(rng):
    """The text, [(question, answer, its phrasing)] and a question that it does not answer: one or two persons."""
    people, facts, sentences, asks = [], rng.sample(PERSON, 7), [], []
    for _ in range(rng.choice([1, 1, 2])):
        women = rng.random() < 0.5
        name = made_up_name(rng) if rng.random() < 0.3 else rng.choice(VALUES["women" if women else "men"])
        people.append((name, "She" if women else "He"))
    same = len(people) == 2 and rng.random() < 0.6
    for i, (name, pronoun) in enumerate(people):
        count = rng.choice([1, 2]) if len(people) == 2 else rng.choice([2, 2, 3])
        mine = facts[:count] if same else facts[3 * i : 3 * i + count]
        clauses = []
        for clause, values, questions, answer in mine:
            value = values(rng)
            clauses.append(put(clause, value))
            at = rng.randrange(len(questions))
            asks.append((questions[at].replace("{x}", name), put(answer.replace("{x}", name), value), questions[at]))
        if len(clauses) == 1:
            sentences.append(f"{name} {clauses[0]}.")
        elif len(clauses) == 2 and rng.random() < 0.6:
            sentences.append(f"{name} {clauses[0]} and {clauses[1]}.")
        else:
            sentences.append(f"{name} {clauses[0]}. " + " ".join(f"{pronoun} {clause}." for clause in clauses[1:]))
    if len(people) == 2 and people[0][0] == people[1][0]:
        return person_text(rng)
    template = rng.choice(facts[6][2])
    return " ".join(sentences), asks, template.replace("{x}", people[0][0])


def scene_text(rng):
    text, values, asks = rng.choice(SCENES)
    given = {}
    for letter, draw in zip("vwut", values):
        value = draw(rng)
        while value in given.values():
            value = draw(rng)
        given[letter] = value
    given["a"] = with_article(given["u"]) if "u" in given else ""
    out = []
    for questions, answer in asks:
        ask = rng.choice(questions)
        out.append((ask.format(**given), answer.format(**given), ask))
    return text.format(**given), out, None


def sample(rng):
    text, asks, absent = (person_text if rng.random() < 0.65 else scene_text)(rng)
    ask, answer, phrasing = rng.choice(asks)
    if absent and rng.random() < 0.12:
        ask, answer, phrasing = absent, NOT_SAID, "not said"
    frame = rng.choice(TOGETHER)
    content = frame.replace("{text}", text).replace("{ask}", ask).replace("{small}", small_first(ask))
    keys = [f"phrasing reading {frame} {phrasing}", f"combination reading {text} {ask}"]
    messages = [user(content), assistant(answer)]
    if rng.random() < 0.25 and len(asks) > 1:
        more, its_answer, _ = rng.choice(asks)
        if more != ask:
            messages += [user(rng.choice(["", "", "And ", "Ok. "]) + more), assistant(its_answer)]
            if messages[2]["content"].startswith("And "):
                messages[2]["content"] = "And " + small_first(more)
    return conversation("reading", rng, messages, keys)
