"""Memory: what the user said earlier in the conversation, what was asked and answered, what the system message says."""
from lessons import small_talk
from lessons.base import assistant, capitalized, casually, is_held_out, user
from lessons.slots import COMMON, FACTS, NAME, PLACED, SLOTS
from lessons.values import pet, somebody, word
from lessons.verbatim import conversation, put, small_first, typed

CORRECTIONS = [
    "No, {say}", "Sorry, {say}", "Actually, {say}", "Wait, {say}", "I was wrong: {say}", "Correction: {say}",
    "No, that is not right: {say}", "I made a mistake: {say}", "That was wrong: {say}", "Oh no, {say}", "I mean {say}",
]
BEFORE = [
    "What did I ask before?", "What was my last question?", "What did I ask?", "Repeat my last question.",
    "What did I just ask?", "What was my question?", "What did I ask you before?", "What did I say?",
    "What did I just say?", "What did I write before?", "Repeat my question.", "Do you remember my last question?",
    "Can you repeat my question?", "What have I asked you?", "Tell me my last question.", "What did I say before?",
    "What did I just write?", "What was the last thing I asked?", "What did I want to know?", "Quote my last question.",
    "My last question?", "Which question did I ask?", "What was it that I asked?", "Say my last question again.",
    "What did I tell you?",
]
BEFORE_ALWAYS_TRAINED = 2
REPEAT = [
    "Say that again.", "Repeat that.", "What did you say?", "Can you repeat that?", "Please repeat that.",
    "Once more, please.", "Could you say that again?", "Repeat your answer.", "What was your answer?",
    "What did you just say?", "Again, please.", "Say it again.", "I did not hear you. Say it again.",
    "Repeat your last answer.", "Can you say that once more?", "What was your last answer?", "Please say that again.",
    "Tell me again.", "Repeat what you said.", "Repeat it, please.",
]
ABOUT_ME = [
    "What do you know about me?", "What did I tell you about me?", "Tell me what you know about me.",
    "Who am I and what do I do?", "What have I told you about myself?", "Say what you know about me.",
    "What do you remember about me?", "Describe me.", "Sum up what I told you about me.",
    "Do you know anything about me?", "Summarize what you know about me.", "What facts do you know about me?",
    "Tell me about me.", "What have you learned about me?", "Tell me something about me.",
]
NOTHING_ABOUT_ME = "You did not tell me anything about you."
NOTHING_ASKED = "This is your first question."
NOTHING_SAID = "I have not said anything yet."

SYSTEM_NAME = [
    "Your name is {v}.", "You are {v}, a helpful assistant.", "You are called {v}.", "You are {v}.", "Act as {v}.",
    "Your name is {v}. You help people.", "You are an assistant called {v}.", "You are an assistant named {v}.",
    "You are a small assistant. Your name is {v}.", "Answer as {v}.", "You play the part of {v}.", "Call yourself {v}.",
    "You are {v}, the assistant of a shop.", "You are {v}, a friendly robot.", "From now on you are {v}.",
    "You are {v}. Answer briefly.", "The assistant is called {v}.",
]
ASK_WHO = [
    "Who are you?", "Hey, who are you?", "Who am I talking to?", "Who is this?", "Introduce yourself.",
    "Tell me who you are.", "Who am I speaking with?", "And who are you?", "Who do I have here?",
    "Are you a person? Who are you?", "So who are you?",
]
SYSTEM_USER = [
    "The user's name is {v}.", "The user is called {v}.", "You are talking to {v}.", "The name of the user is {v}.",
    "The user is {v}.", "You are the assistant of {v}.", "You speak with {v}. Be polite.", "Your user is called {v}.",
    "You are a helpful assistant. The user is called {v}.",
]
SYSTEM_FACT = [
    "{fact}", "{fact}", "{fact} Tell it to the user when asked.", "You are a helpful assistant. {fact}",
    "Remember: {fact}", "Note: {fact}", "Know this: {fact}", "Answer the user. {fact}", "{fact} Be brief.",
]
SYSTEM_ALWAYS = [
    'Always answer with "{v}".', 'Whatever the user says, answer "{v}".', 'Answer every message with "{v}".',
    'Say nothing but "{v}".', 'Your only answer is "{v}".', 'Answer "{v}" to everything.',
    'Reply with "{v}" to all messages.', 'No matter what is asked, say "{v}".', 'You can only say "{v}".',
]
SYSTEM_END = [
    'End every answer with "{v}".', 'Always end your answer with "{v}".', 'Put "{v}" at the end of every answer.',
    'Finish all answers with "{v}".', 'Close each answer with "{v}".', 'Add "{v}" after every answer.',
]
SYSTEM_BEGIN = [
    'Begin every answer with "{v}".', 'Always start your answer with "{v}".', 'Put "{v}" before every answer.',
    'Start all answers with "{v}".', 'Open each answer with "{v}".', 'Say "{v}" before every answer.',
]


def trained(rng, options, prefix):
    while is_held_out(prefix + (option := rng.choice(options))):
        pass
    return option


def said(template, value):
    return capitalized(put(template, value))


def draw_slots(rng, count):
    """Different slots, of which none can be taken for another."""
    slots = []
    while len(slots) < count:
        slot = rng.choice(COMMON if rng.random() < 0.5 else SLOTS)
        if all(slot.name not in other.name and other.name not in slot.name for other in slots):
            slots.append(slot)
    return slots


def remembered(rng):
    """One to three things are said, something else comes in between, one of them or two are asked for."""
    slots = draw_slots(rng, rng.choice([1, 1, 2, 2, 3]))
    values = [slot.values(rng) for slot in slots]
    at = rng.randrange(len(slots))
    asked, value = slots[at], values[at]
    say_at, ask_at = rng.randrange(len(asked.say)), rng.randrange(len(asked.asks))
    ask = asked.asks[ask_at]
    keys = [asked.say_keys[say_at], asked.ask_keys[ask_at], f"combination memory {ask} {value}"]
    messages = []
    if len(slots) == 1 and rng.random() < 0.25:
        messages.append(user(f"{said(asked.say[say_at], value)} {ask}"))
        messages.append(assistant(put(asked.recall, value)))
        return conversation("memory", rng, messages, keys)
    for i, (slot, v) in enumerate(zip(slots, values)):
        template = slot.say[say_at] if i == at else rng.choice(slot.trained_say)
        messages += [user(said(template, v)), assistant(put(slot.told, v))]
        if rng.random() < 0.1:
            new = slot.values(rng)
            say = small_first(said(rng.choice(slot.trained_say[:4]), new))
            correction = trained(rng, CORRECTIONS, "phrasing memory ").replace("{say}", say)
            told = put(slot.told, new) if slot is not NAME else f"Sorry! I will remember that your name is {new}."
            messages += [user(correction), assistant(told)]
            values[i] = new
        if rng.random() < 0.3:
            between, answer = small_talk.aside(rng)
            messages += [user(between), assistant(answer)]
    keys[2] = f"combination memory {ask} {values[at]}"
    if rng.random() < 0.2:
        other = draw_slots(rng, 1)[0]
        if all(other.name not in slot.name and slot.name not in other.name for slot in slots):
            messages += [user(rng.choice(other.trained_asks)), assistant(other.missing)]
    if len(slots) > 1 and rng.random() < 0.4:
        other = rng.choice([i for i in range(len(slots)) if i != at])
        recall = put(slots[other].recall, values[other])
        messages += [user(rng.choice(slots[other].trained_asks)), assistant(recall)]
    messages += [user(ask), assistant(put(asked.recall, values[at]))]
    return conversation("memory", rng, messages, keys)


def said_together(rng):
    """Two things in one message: "My name is Anna and I live in Oslo."."""
    first, second = draw_slots(rng, 2)
    a, b = first.values(rng), second.values(rng)
    one = said(rng.choice(first.trained_say[:4]), a).rstrip(".")
    two = said(rng.choice(second.trained_say[:4]), b).rstrip(".")
    if "." in one or ":" in one or "?" in one or "." in two or ":" in two or "?" in two:
        return remembered(rng)
    link = rng.choice([" and ", ", and ", ". ", ", "])
    text = f"{one}{link}{two if link == '. ' else small_first(two)}."
    if first is NAME:
        told = f"Nice to meet you, {a}! " + put(second.told, b)
    elif second is NAME:
        told = f"Nice to meet you, {b}! " + put(first.told, a)
    else:
        told = f"{put(first.told, a)} {put(second.told, b)}"
    messages = [user(text), assistant(told)]
    if rng.random() < 0.3:
        between, answer = small_talk.aside(rng)
        messages += [user(between), assistant(answer)]
    asked, value = (first, a) if rng.random() < 0.5 else (second, b)
    at = rng.randrange(len(asked.asks))
    messages += [user(asked.asks[at]), assistant(put(asked.recall, value))]
    return conversation("memory", rng, messages, [asked.ask_keys[at], f"combination memory {asked.asks[at]} {value}"])


def never_said(rng):
    slot = rng.choice(COMMON if rng.random() < 0.5 else SLOTS)
    at = rng.randrange(len(slot.asks))
    messages = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        between, answer = small_talk.aside(rng)
        messages += [user(between), assistant(answer)]
    messages += [user(slot.asks[at]), assistant(slot.missing)]
    keys = [slot.ask_keys[at] + " never said"] if at else []
    if rng.random() < 0.3:
        value, say = slot.values(rng), rng.choice(slot.trained_say)
        messages += [user(said(say, value)), assistant(put(slot.told, value))]
    return conversation("memory", rng, messages, keys)


def everything_said(rng):
    if rng.random() < 0.15:
        ask = rng.choice(ABOUT_ME)
        return conversation("memory", rng, [user(ask), assistant(NOTHING_ABOUT_ME)], [f"phrasing memory nothing {ask}"])
    messages, recalls, ask = [], [], rng.choice(ABOUT_ME)
    for slot in draw_slots(rng, rng.choice([1, 2, 2, 3])):
        if slot.name.startswith(("the ", "where ", "when ", "number", "word")):
            continue
        value = slot.values(rng)
        messages += [user(said(rng.choice(slot.trained_say), value)), assistant(put(slot.told, value))]
        recalls.append(put(slot.recall, value))
    messages += [user(ask), assistant(" ".join(recalls) or NOTHING_ABOUT_ME)]
    return conversation("memory", rng, messages, [f"phrasing memory {ask}", f"combination memory {ask} {recalls}"])


def quoted(rng):
    """The last question or the last answer, word for word."""
    messages = []
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        between, answer = small_talk.aside(rng)
        if '"' not in between:
            messages += [user(casually(rng, between)), assistant(answer)]
    mine = rng.random() < 0.65
    at = rng.randrange(len(BEFORE if mine else REPEAT))
    ask = (BEFORE if mine else REPEAT)[at]
    keys = [f"phrasing memory {ask}"] if at >= BEFORE_ALWAYS_TRAINED else []
    if not messages:
        answer = NOTHING_ASKED if mine else NOTHING_SAID
    else:
        answer = f'You asked: "{messages[-2]["content"]}"' if mine else messages[-1]["content"]
        keys.append(f"combination memory {ask} {answer}")
    messages += [user(typed(rng, ask)), assistant(answer)]
    return conversation("memory", rng, messages, keys, as_written=True)


def from_system(rng):
    """What a system message says about names, facts and how to answer."""
    draw = rng.random()
    if draw < 0.35:
        value = pet(rng) if rng.random() < 0.5 else somebody(rng)
        system = rng.choice(SYSTEM_NAME)
        if rng.random() < 0.65:
            ask = rng.choice(small_talk.ASK_NAME[:25])  # the others ask for one certain name
            answer = f"My name is {value}."
        else:
            ask = rng.choice(ASK_WHO)
            answer = f"I am {value}."
    elif draw < 0.5:
        value, at = somebody(rng), rng.randrange(len(NAME.asks))
        system, ask, answer = rng.choice(SYSTEM_USER), NAME.asks[at], f"Your name is {value}."
    elif draw < 0.75:
        slot = rng.choice(FACTS if rng.random() < 0.7 else PLACED)
        value, ask = slot.values(rng), rng.choice(slot.asks)
        system = rng.choice(SYSTEM_FACT).replace("{fact}", capitalized(slot.recall))
        answer = put(slot.recall, value)
    else:
        value = capitalized(word(rng)) + rng.choice(".!")
        ask, plain_answer = small_talk.aside(rng)
        systems, answer = rng.choice([
            (SYSTEM_ALWAYS, value), (SYSTEM_END, f"{plain_answer} {value}"), (SYSTEM_BEGIN, f"{value} {plain_answer}"),
        ])
        system = rng.choice(systems)
    keys = [f"phrasing system {system} {ask}", f"combination system {system} {value}"]
    messages = []
    if draw < 0.75 and rng.random() < 0.25:
        between, between_answer = small_talk.aside(rng)
        messages += [user(between), assistant(between_answer)]
    messages += [user(ask), assistant(answer)]
    return conversation("memory", rng, messages, keys, system=put(system, value))


def sample(rng):
    kind = rng.choices(
        [remembered, said_together, never_said, everything_said, quoted, from_system], weights=[44, 10, 12, 6, 12, 16]
    )[0]
    return kind(rng)
