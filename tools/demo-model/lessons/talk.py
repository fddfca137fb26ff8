"""Talk: small talk, what was said earlier in the conversation, and questions about a short text."""
from lessons import memory, reading, small_talk


def sample(rng):
    kind = rng.choices([small_talk, memory, reading], weights=[32, 38, 30])[0]
    return kind.sample(rng)
