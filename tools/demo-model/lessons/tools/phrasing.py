"""How people ask for something to be done or to be told, and how they type it."""
from lessons.base import capitalized

# For what is to be done ("set an alarm for {time}").
DO = [
    "{Do}.", "{Do}.", "{Do}", "{Do}", "Please {do}.", "Please {do}", "Can you {do}?", "Could you {do}?",
    "Would you {do}?", "Could you please {do}?", "Can you please {do}?", "Will you {do}?", "I want you to {do}.",
    "I need you to {do}.", "I'd like you to {do}.", "I would like you to {do}.", "Go ahead and {do}.",
    "You should {do}.", "Now {do}.", "It would be nice if you could {do}.", "Would you be so kind and {do}?",
    "Can u {do}", "Time to {do}.", "Hey, {do}.", "Your task: {do}", "Let's {do}.", "Would you please {do}?",
    "You have to {do}.", "Help me to {do}.",
]
DO_AND_MORE = ["{Do}, please.", "{Do} please", "{Do} for me.", "{Do} now.", "Can you {do} for me?", "{Do}, thanks."]
# For what is to be told ("the weather in {city}").
LOOK = [
    "What is {np}?", "What is {np}?", "What's {np}?", "whats {np}", "Tell me {np}.", "Show me {np}.", "Check {np}.",
    "Get {np}.", "Get me {np}.", "Give me {np}.", "Find out {np}.", "Look up {np}.", "I want to know {np}.",
    "I need {np}.", "I need to know {np}.", "I would like to know {np}.", "{Np}?", "{Np}", "{Np}, please.",
    "Can you check {np}?", "Can you tell me {np}?", "Could you tell me {np}?", "Could you look up {np}?",
    "Please check {np}.", "Please tell me {np}.", "Do you know {np}?", "Can you find out {np}?", "Let me know {np}.",
    "I wonder what {np} is.", "Could you find {np} for me?", "Can you give me {np}?", "Please look up {np}.",
    "Do you happen to know {np}?", "I'd like to see {np}.", "I am interested in {np}.", "Any idea what {np} is?",
    "What would be {np}?", "I have to know {np}.", "Please get {np}.", "Can I see {np}?",
]
OPENINGS = ["Hey, ", "Hi, ", "Hello, ", "Ok, ", "So, ", "Hi! ", "Hello! ", "Now, ", "And "]


def frame(template, slot, core):
    """The template with `core` in its {slot}, or with a capital in its {Slot}."""
    return template.replace("{" + slot + "}", core).replace("{" + slot.capitalize() + "}", capitalized(core))


def fill(template, said):
    """The template with what is said for each role in its braces."""
    for role, text in said.items():
        template = template.replace("{" + role + "}", text)
    return template


def ask_to_do(rng, core, more=True):
    """A request to do what `core` says; with `more`, words may follow it."""
    return frame(rng.choice(DO_AND_MORE if more and rng.random() < 0.2 else DO), "do", core)


def ask_to_tell(rng, core):
    return frame(rng.choice(LOOK), "np", core)


def typed(rng, template):
    """The template as somebody types it, and whether that is in lower case."""
    lower = rng.random() < 0.2
    if rng.random() < 0.05 and not template.startswith(("Hey", "Hi", "{")):
        opening = rng.choice(OPENINGS)
        keep = opening.endswith("! ") or template.startswith(("I ", "I'"))
        template = opening + (template if keep else template[:1].lower() + template[1:])
    if lower:
        template = template.lower()
    if rng.random() < 0.25:
        template = template.rstrip("?.!= ")
    return template, lower


def and_list(items):
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
