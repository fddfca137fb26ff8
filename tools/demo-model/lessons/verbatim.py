"""Exchanges whose answers repeat words of the user: those words must be spelled right, however they are typed."""
from lessons.base import Exchange, with_article

# First words that are written small after a comma.
SMALL_WITHIN = (
    "What Where Who How Which When In Why To On At From Tell By My The Of Remember Call Please You Hello People Keep "
    "Can Note"
).split()


def typed(rng, text):
    """As somebody in a hurry types it, but without mistakes: what is to be repeated has to be spelled right."""
    draw = rng.random()
    if draw < 0.15:
        text = text.lower()
    elif draw < 0.2:
        text = text[:1].lower() + text[1:]
    if rng.random() < 0.2:
        text = text.rstrip("?.!")
    return text


def small_first(text):
    """The sentence as it stands after a comma."""
    return text[0].lower() + text[1:] if text.split()[0].rstrip(",") in SMALL_WITHIN else text


def conversation(skill, rng, messages, keys, system=None, as_written=False):
    """Its questions stay as they are, and no other exchange may stand in the same conversation: `alone` says so."""
    if not as_written:
        for message in messages:
            if message["role"] == "user":
                message["content"] = typed(rng, message["content"])
    return Exchange(skill, messages, keys, system=system, exact_question=True, alone=True)


def put(template, value):
    """The template with the value for {v}; "a {v}" becomes "an apple"."""
    return template.replace("a {v}", with_article(value)).replace("{v}", value)
