"""Conversations in which a question leans on the one before: "And of Italy?", "And its currency?", "and plus 5?"."""
from lessons import calculation_steps, language, world
from lessons.base import Exchange, assistant, user

RELATIONS = world.RELATIONS + language.RELATIONS
WEIGHTS = [relation.weight for relation in RELATIONS]
BY_TOPIC = {}
for _relation in RELATIONS:
    if _relation.topic and _relation.its:
        BY_TOPIC.setdefault(_relation.topic, []).append(_relation)


def about_facts(rng):
    """One question about a fact, and one to three that follow; the keys are those of all of them."""
    relation = rng.choices(RELATIONS, weights=WEIGHTS)[0]
    if rng.random() < 0.4:
        relation = rng.choice(BY_TOPIC[rng.choice(list(BY_TOPIC))])
    x = relation.subject(rng)
    exchange = relation.exchange(rng, x)
    messages, keys = [exchange.messages[0], assistant(relation.answer_to(x))], list(exchange.keys)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        others = [r for r in BY_TOPIC.get(relation.topic, []) if r is not relation and x in r.pairs]
        if others and rng.random() < 0.5:
            relation = rng.choice(others)
            x, ask, answer, key = relation.after_its(rng, x)
        elif relation.follow_up:
            x, ask, answer, key = relation.after(rng, x)
        else:
            break
        messages += [user(ask), assistant(answer)]
        keys.append(key)
    return Exchange("follow-ups", messages, keys) if len(messages) > 2 else None


def sample(rng):
    if rng.random() < 0.3:
        return calculation_steps.follow_up(rng)
    while (exchange := about_facts(rng)) is None:
        pass
    return exchange
