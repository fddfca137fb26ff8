"""Answers that are one JSON value: facts, sums, lists and what a sentence says, under the keys asked for.

How JSON is asked for is in tables/json_phrasings.txt.
"""
import json

from lessons import language, world
from lessons.base import Exchange, assistant, capitalized, fill, made_up_name, operation_key, user
from lessons.tables import read_blocks
from lessons.tools import CITIES, COLOURS, ITEMS, PERSONS, SPORTS, WEEKDAYS, and_list, date, time_of_day, without_zeros

PHRASINGS = dict(read_blocks("json_phrasings"))
SYSTEMS = PHRASINGS["systems"]
BEFORE = [  # a question; one of the orders stands before or after it
    "JSON please: ", "As JSON: ", "In JSON: ", "JSON: ", "json, ", "As a JSON object: ", "In JSON format: ",
]
ANSWER_KEYS = ["answer", "answer", "answer", "result", "response", "reply", "output", "value"]

# ---- facts

FACTS = {  # relation: key of its subject, key of its object
    "capital": ("country", "capital"), "continent": ("country", "continent"), "currency": ("country", "currency"),
    "language": ("country", "language"), "symbol": ("element", "symbol"), "atomic number": ("element", "atomic_number"),
    "author": ("work", "author"), "painter": ("painting", "painter"), "composer": ("work", "composer"),
    "inventor": ("invention", "inventor"), "plural": ("word", "plural"), "past tense": ("verb", "past_tense"),
    "opposite": ("word", "opposite"), "comparative": ("word", "comparative"), "superlative": ("word", "superlative"),
    "animal sound": ("animal", "sound"), "colour": ("thing", "colour"), "kind of animal": ("animal", "class"),
    "day after": ("day", "next"), "month after": ("month", "next"), "sides": ("shape", "sides"),
}
RELATIONS = [relation for relation in world.RELATIONS + language.RELATIONS if relation.name in FACTS]
WEIGHTS = [relation.weight for relation in RELATIONS]
CAPITALS = next(relation for relation in RELATIONS if relation.name == "capital").pairs
SYMBOLS = next(relation for relation in RELATIONS if relation.name == "symbol").pairs

# ---- lists

CATEGORIES = dict(read_blocks("categories"))
NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}
THINGS = (
    "apple pear fig cat dog cow house tree river stone bread milk sugar table chair lamp book key door car bus "
    "train hat shoe coat sun moon star rain snow wind king queen ship bell drum rope sand gold iron glass paper "
    "leaf root seed nest wing tail"
).split()

# ---- what a sentence says

JOBS = (
    "teacher doctor baker nurse pilot farmer painter cook driver lawyer singer engineer dentist waiter writer "
    "gardener"
).split()
PRODUCTS = (
    "lamp chair phone bike table book camera guitar jacket tent kettle desk radio mirror clock drill helmet watch"
).split()
ANIMALS = "dog cat horse rabbit parrot hamster goat pony turtle goose".split()
COUNTABLE = (
    "apples eggs lamps chairs books pens cups tickets boxes candles plates roses bottles shirts lemons keys"
).split()
FOODS = "pizza pasta soup rice salad curry fish cake bread cheese pancakes sushi".split()
FIELDS = {  # role: its possible keys, its values
    "name": ("name name name person first_name",
             lambda rng: rng.choice(PERSONS[:-2]) if rng.random() < 0.6 else made_up_name(rng)),
    "age": ("age age age years", lambda rng: rng.randint(2, 99)),
    "city": ("city city town place location",
             lambda rng: rng.choice(CITIES) if rng.random() < 0.7 else made_up_name(rng)),
    "job": ("job job profession occupation", lambda rng: rng.choice(JOBS)),
    "colour": ("colour color", lambda rng: rng.choice(COLOURS)),
    "product": ("product product item thing article", lambda rng: rng.choice(PRODUCTS)),
    "price": ("price price cost",
              lambda rng: without_zeros(round(rng.uniform(1, 300), 2)) if rng.random() < 0.4 else rng.randint(1, 2000)),
    "date": ("date date day when", date),
    "weekday": ("day weekday date", lambda rng: rng.choice(WEEKDAYS)),
    "time": ("time hour when", time_of_day),
    "quantity": ("quantity amount count number", lambda rng: rng.randint(2, 99)),
    "goods": ("item product goods thing", lambda rng: rng.choice(COUNTABLE)),
    "animal": ("animal pet species", lambda rng: rng.choice(ANIMALS)),
    "sport": ("sport hobby activity", lambda rng: rng.choice(SPORTS)),
    "food": ("food dish meal", lambda rng: rng.choice(FOODS)),
    "id": ("id number order_id", lambda rng: rng.randint(1, 99999)),
    "email": ("email mail address",
              lambda rng: f"{rng.choice(PERSONS).lower()}@{rng.choice(('mail.com', 'example.org', 'post.net'))}"),
    "weight": ("weight kg", lambda rng: rng.randint(2, 150)),
}
ROLE_KEYS = {role: keys.split() for role, (keys, _) in FIELDS.items()}
TOLD = dict(read_blocks("json_sentences"))
SENTENCES = TOLD["simple"] + TOLD["more"]
ROLES_IN = {  # sentence: its roles, in their order
    sentence: sorted((role for role in FIELDS if f"{{{role}}}" in sentence), key=lambda r: sentence.index(f"{{{r}}}"))
    for sentence in SENTENCES
}

# ---- keys and values

PAIR_KEYS = {  # key: its values, None for a number, True for true or false
    "colour": COLOURS, "color": COLOURS, "size": None, "name": PERSONS[:-2], "age": None, "city": CITIES,
    "shape": "round flat square long oval".split(), "material": "wood steel glass cotton paper stone".split(),
    "weight": None, "height": None, "width": None, "length": None, "price": None,
    "brand": "Vento Lumix Orbis Kora Zett Nimbus".split(), "model": "A1 X200 Z5 mini pro basic".split(),
    "status": "open closed new sold free".split(), "title": "Sunrise Harbour Winter Echo Atlas".split(),
    "author": PERSONS[:-2], "year": None, "pages": None, "level": None, "score": None,
    "team": "red blue north south alpha".split(), "country": "France Spain Japan Peru Kenya Norway India".split(),
    "type": "car book fruit tool toy".split(), "animal": ANIMALS, "food": FOODS, "job": JOBS, "day": WEEKDAYS,
    "item": ITEMS[:12], "count": None, "id": None, "speed": None, "x": None, "y": None,
    "mode": "auto manual fast slow".split(), "unit": "kg cm km g".split(), "taste": "sweet sour bitter salty".split(),
    "temperature": None, "active": True, "paid": True, "sold": True, "hot": True, "done": True,
}
PAIRS = [
    "Convert to JSON: {p}", "{p} as JSON", "Write this as JSON: {p}", "Turn this into a JSON object: {p}",
    "JSON for {p}", "As JSON: {p}", "Make a JSON object: {p}", "Make a JSON object with {p}", "Put this into JSON: {p}",
    "to json: {p}", "{p}. Please as JSON.", "Please convert {p} to JSON.", "Give me this as a JSON object: {p}",
    "Format as JSON: {p}", "I have {p}. Make JSON of it.", "Can you write {p} as JSON?",
    "Create a JSON object with {p}", "Return JSON for: {p}", "Represent this in JSON: {p}", "{p} -> JSON",
    "Only JSON, please: {p}", "What is the JSON for {p}?", "{p}\nAs JSON, please.", "Output as valid JSON: {p}",
    "Convert {p} into a JSON object.",
]

# ---- exchanges


def made(form, ask, value, keys, system=None, exact=True):
    exchange = Exchange("JSON", [user(ask), assistant(json.dumps(value))], [f"phrasing JSON {form}", *keys],
                        system=system, expect={"json": value})
    exchange.exact_question = exact
    return exchange


def typed(rng, template):
    """The words around the values, as somebody types them."""
    if rng.random() < 0.15:
        template = template.lower()
    return template


def with_keys(rng, template, keys):
    """The request with the keys in it."""
    if len(keys) == 1:
        template = template.replace("the keys {ks}", "the key {ks}").replace("keys: {ks}", "key: {ks}")
        template = template.replace("Keys: {ks}", "Key: {ks}")
    return template.replace("{ks}", key_list(rng, keys))


def some_system(rng):
    return rng.choice(SYSTEMS) if rng.random() < 0.06 else None


def bare(name):
    """Without its article."""
    first, _, rest = name.partition(" ")
    return rest if rest and first in ("a", "an", "the") else name


def key_list(rng, keys):
    """The keys as a request names them."""
    draw = rng.random()
    if draw < 0.5:
        return and_list(keys)
    if draw < 0.8:
        return ", ".join(keys)
    quoted = [f'"{key}"' for key in keys]
    return and_list(quoted) if draw < 0.9 else ", ".join(quoted)


def ordered(rng, question):
    """A question and the order to answer in JSON, and the order as the key of its phrasing."""
    order = rng.choice(PHRASINGS["orders"]) if rng.random() < 0.8 else rng.choice(BEFORE)
    if order in BEFORE:
        return order + question, order
    if order[0] != "(" and rng.random() < 0.25:
        return f"{order} {question}", order + " first"
    return f"{question} {order}", order


def number(text):
    return int(text) if text.isdigit() else text


def fact(rng):
    relation = rng.choices(RELATIONS, weights=WEIGHTS)[0]
    subject_key, object_key = FACTS[relation.name]
    x = relation.subject(rng)
    y = number(relation.pairs[x])
    if subject_key == "country" and rng.random() < 0.08:
        x, y = made_up_name(rng), None
    value = {subject_key: number(bare(x)), object_key: y}
    draw = rng.random()
    if draw < 0.3 and relation.np:
        template = rng.choice(PHRASINGS["requests"])
        np = fill(rng.choice(relation.np), x)
        words = rng.choice(PHRASINGS["in JSON"])
        form = f"{template} {words}"
        ask = template.replace("{np}", np).replace("{Np}", capitalized(np)).replace("{in}", words)
        return made(f"{relation.name}: {form}", ask, value, [f"combination JSON {template} {relation.name} {x}"],
                    exact=False)
    template, _ = relation.template(rng)
    question = fill(template, x)
    if question[-1] not in ".?!":
        question += rng.choice(".?")
    if draw < 0.55:
        ask, form = ordered(rng, question)
        return made(f"{relation.name}: {form}", ask, value, [f"combination JSON {form} {relation.name} {x}"],
                    exact=False)
    if draw < 0.75:
        if rng.random() < 0.5:
            form, key = rng.choice(SYSTEMS), "answer"
            system = form
        else:
            form, key = rng.choice(PHRASINGS["systems with a key"]), rng.choice(ANSWER_KEYS)
            system = form.format(k=key)
        return made(f"{relation.name}: {form}", question, {key: y}, [f"combination JSON {form} {relation.name} {x}"],
                    system, False)
    if draw < 0.9:
        key = rng.choice(ANSWER_KEYS + [object_key] * 6)
        form = rng.choice(PHRASINGS["orders with a key"])
        ask = f"{question} {form.format(k=key)}" if rng.random() < 0.7 else f"{form.format(k=key)} {question}"
        return made(f"{relation.name}: {form}", ask, {key: y}, [f"combination JSON {form} {relation.name} {x}"])
    form, swapped = rng.choice(PHRASINGS["orders with keys"]), rng.random() < 0.4
    keys = [object_key, subject_key] if swapped else [subject_key, object_key]
    order = form.format(ks=key_list(rng, keys))
    ask = f"{question} {order}" if rng.random() < 0.7 else f"{order} {question}"
    return made(f"{relation.name}: {form}", ask, {key: value[key] for key in keys},
                [f"combination JSON {form} {relation.name} {x}"])


def told(rng, roles):
    """A value for each role, and their keys: all different."""
    values, keys = {}, {}
    for role in roles:
        values[role] = FIELDS[role][1](rng)
        key = rng.choice(ROLE_KEYS[role])
        keys[role] = key if key not in keys.values() else role
    return values, keys


def extraction(rng):
    sentence = rng.choice(SENTENCES)
    roles = list(ROLES_IN[sentence])
    values, keys = told(rng, roles)
    text = sentence.format(**values)
    if rng.random() < 0.12:
        if rng.random() < 0.5:
            rng.shuffle(roles)
        template = rng.choice(PHRASINGS["extract"])
        missing = rng.choice([role for role in ("age", "city", "job", "price", "email", "colour") if role not in roles])
        value = {keys[role]: values[role] for role in roles[:2]} | {missing: None}
    else:
        roles = rng.sample(roles, rng.randint(1, len(roles)))
        if rng.random() < 0.6:
            roles.sort(key=ROLES_IN[sentence].index)
        template = rng.choice(PHRASINGS["extract"])
        value = {keys[role]: values[role] for role in roles}
    named = list(value)
    combination = [f"combination JSON {sentence} {' '.join(value)} {template}"]
    if rng.random() < 0.12:
        form = rng.choice(PHRASINGS["systems to extract"])
        return made(f"system {form} {sentence}", text, value, combination, with_keys(rng, form, named))
    ask = with_keys(rng, typed(rng, template), named).replace("{s}", text)
    return made(template, ask, value, combination, some_system(rng))


def all_of_it(rng):
    """A sentence as JSON without keys that are asked for: the names of the roles, in the order of the sentence."""
    sentence = rng.choice(TOLD["simple"])
    values = {role: FIELDS[role][1](rng) for role in ROLES_IN[sentence]}
    template = rng.choice(PHRASINGS["everything"])
    ask = typed(rng, template).replace("{s}", sentence.format(**values))
    value = {"item" if role == "goods" else role: values[role] for role in ROLES_IN[sentence]}
    return made(f"{template} {sentence}", ask, value, [f"combination JSON {template} {values}"])


def first_of_category(rng):
    category = rng.choice(list(CATEGORIES))
    members = CATEGORIES[category]
    n = rng.randint(2, min(5, len(members)))
    template = rng.choice(PHRASINGS["categories"])
    shown = NUMBER_WORDS[n] if rng.random() < 0.35 else str(n)
    ask = template.replace("{n}", shown).replace("{N}", capitalized(shown)).replace("{c}", category)
    value = [number(member) for member in members[:n]]
    return made(f"{template} {category}", ask, value, [f"combination JSON {template} {category} {n}"], exact=False)


def array(rng):
    n, draw = rng.randint(2, 5), rng.random()
    if draw < 0.35:
        items = [rng.randint(0, 99) if rng.random() < 0.85 else rng.randint(100, 9999) for _ in range(n)]
    elif draw < 0.6:
        items = rng.sample(THINGS, n)
    elif draw < 0.75:
        items = rng.sample(rng.choice((COLOURS, PERSONS[:-2], CITIES, ITEMS)), n)
    elif draw < 0.9:
        items = [made_up_name(rng) for _ in range(n)]
    else:
        items = [made_up_name(rng).lower() for _ in range(n)]
    texts = [str(item) for item in items]
    listed = and_list(texts) if rng.random() < 0.55 else (", " if rng.random() < 0.7 else " ").join(texts)
    if len(items) != listed.count(" ") + 1 and "," not in listed and " and " not in listed:
        listed = ", ".join(texts)
    template = rng.choice(PHRASINGS["arrays"])
    return made(f"array {template}", typed(rng, template).replace("{l}", listed), items, [f"combination JSON {listed}"])


SUMS = {
    "+": ["{a} + {b}", "{a} + {b}", "{a} plus {b}", "{a}+{b}", "the sum of {a} and {b}"],
    "-": ["{a} - {b}", "{a} - {b}", "{a} minus {b}", "{a}-{b}"],
    "*": ["{a} * {b}", "{a} times {b}", "{a} x {b}", "{a} multiplied by {b}"],
}
ASK_SUM = ["What is {e}?", "{e}", "{e} = ?", "Calculate {e}.", "How much is {e}?", "Compute {e}.", "What's {e}?",
           "Tell me {e}."]


def calculation(rng):
    sign = rng.choice("++--*")
    least, most = (1, 12) if sign == "*" or rng.random() < 0.3 else (0, 99)
    a, b = rng.randint(least, most), rng.randint(least, most)
    if sign == "-" and b > a:
        a, b = b, a
    result = a + b if sign == "+" else a - b if sign == "-" else a * b
    expression, frame = rng.choice(SUMS[sign]), rng.choice(ASK_SUM)
    numbers = expression.replace("{a}", str(a)).replace("{b}", str(b))
    question, draw, system, key = frame.replace("{e}", numbers), rng.random(), None, "result"
    if draw < 0.35:
        ask, form = ordered(rng, question)
    elif draw < 0.6:
        template, words = rng.choice(PHRASINGS["requests"]), rng.choice(PHRASINGS["in JSON"])
        ask = template.replace("{np}", numbers).replace("{Np}", numbers).replace("{in}", words)
        form = f"{template} {words}"
    elif draw < 0.75:
        ask, form, key = question, rng.choice(SYSTEMS), "answer"
        system = form
    elif draw < 0.87:
        form, key = rng.choice(PHRASINGS["systems with a key"]), rng.choice(ANSWER_KEYS + ["sum", "number"])
        ask, system = question, form.format(k=key)
    else:
        form, key = rng.choice(PHRASINGS["orders with a key"]), rng.choice(ANSWER_KEYS + ["sum", "number"])
        ask = f"{question} {form.format(k=key)}"
    return made(f"{sign} {form} {expression}", ask, {key: result}, [operation_key(sign, a, b)], system)


def true_or_false(rng):
    draw = rng.random()
    if draw < 0.35:
        table, templates = rng.choice((
            (CAPITALS, ["Is {y} the capital of {x}?", "{y} is the capital of {x}.", "Is the capital of {x} {y}?"]),
            (SYMBOLS, ["Is {y} the symbol of {x}?", "{y} is the chemical symbol of {x}.", "Is the symbol of {x} {y}?"]),
        ))
        x = rng.choice(list(table))
        y = table[x] if rng.random() < 0.5 else table[rng.choice(list(table))]
        template, truth, subject = rng.choice(templates), y == table[x], x
        question = template.replace("{x}", x).replace("{y}", y)
    elif draw < 0.8:
        a, b = rng.randint(0, 99), rng.randint(0, 99)
        template, truth = rng.choice((
            ("Is {a} greater than {b}?", a > b), ("Is {a} less than {b}?", a < b), ("Is {a} bigger than {b}?", a > b),
            ("{a} > {b}?", a > b), ("Is {a} smaller than {b}?", a < b), ("{a} < {b}?", a < b),
            ("{a} is greater than {b}.", a > b), ("{a} is smaller than {b}.", a < b),
        ))
        question, subject = template.replace("{a}", str(a)).replace("{b}", str(b)), f"{a} {b}"
    else:
        a = rng.randint(0, 199)
        template, truth = rng.choice((
            ("Is {a} even?", a % 2 == 0), ("Is {a} odd?", a % 2 == 1), ("Is {a} an even number?", a % 2 == 0),
            ("{a} is an odd number.", a % 2 == 1), ("{a} is even.", a % 2 == 0),
        ))
        question, subject = template.replace("{a}", str(a)), str(a)
    value, keys, draw = {"answer": truth}, [f"combination JSON {template} {subject}"], rng.random()
    if draw < 0.15:
        order = rng.choice(SYSTEMS)
        return made(f"{template} {order}", question, value, keys, order)
    if draw < 0.4:
        ask, order = ordered(rng, question)
    else:
        order = rng.choice(PHRASINGS["true or false"])
        ask = f"{question} {order}"
    return made(f"{template} {order}", ask, value, keys)


NESTED = [
    ("{name} is {age} and likes {h}.", "with name, age and hobbies"),
    ("{name} is {age} years old. {name} likes {h}.", "with the keys name, age and hobbies"),
    ("My name is {name}, I am {age} and I like {h}.", "with name, age, hobbies"),
    ("{name}, {age}, hobbies: {h}", "with name, age and a list of hobbies"),
    ("{name} likes {h}.", "with name and hobbies"),
    ("The hobbies of {name} are {h}.", "with the keys name and hobbies"),
    ("{name} is a person of {age} years who does {h}.", "with name, age and hobbies"),
]
PERSON_REQUESTS = [
    "a person called {name} of age {age} from {city}", "the person {name}, {age} years old, living in {city}",
    "a person named {name}, age {age}, in {city}",
]


def nested(rng):
    name, age = FIELDS["name"][1](rng), rng.randint(2, 99)
    draw = rng.random()
    if draw < 0.6:
        sentence, keys = rng.choice(NESTED)
        hobbies = rng.sample(SPORTS + ["chess", "music", "reading", "painting", "cooking", "football", "fishing",
                                       "singing"], rng.choice((2, 2, 3)))
        template = rng.choice(PHRASINGS["nested"])
        text = sentence.replace("{name}", name).replace("{age}", str(age)).replace("{h}", and_list(hobbies))
        ask = template.replace("{k}", keys).replace("{s}", text)
        value = {"name": name} | ({"age": age} if "age" in keys else {}) | {"hobbies": hobbies}
        return made(f"{template} {sentence}", ask, value, [f"combination JSON {sentence} {name} {hobbies}"],
                    some_system(rng))
    if draw < 0.8:
        words = rng.choice(PHRASINGS["in JSON"])
        form, city = rng.choice(PERSON_REQUESTS), FIELDS["city"][1](rng)
        np = form.replace("{name}", name).replace("{age}", str(age)).replace("{city}", city)
        template = rng.choice(("Make JSON with the key person for {np}.", "Write {np} {in} with the key person.",
                               "Give me {np} {in} under the key person.", "With the key person, {np} {in}, please."))
        ask = template.replace("{np}", np).replace("{in}", words)
        value = {"person": {"name": name, "age": age, "city": city}}
        return made(f"{template} {words} {form}", ask, value, [f"combination JSON {form} {name} {age}"])
    products = rng.sample(PRODUCTS, 2)
    prices = [rng.randint(1, 99), rng.randint(1, 99)]
    sentence = rng.choice((
        "{0} for {2} and {1} for {3}", "the {0} costs {2}, the {1} costs {3}", "{0}: {2}, {1}: {3}",
        "{0} {2} euros, {1} {3} euros",
    ))
    form = rng.choice(("As a JSON array of objects with name and price: {s}",
                       "{s}. JSON array of objects with the keys name and price, please.",
                       "Make a JSON list of objects with name and price: {s}",
                       "List as JSON objects with name and price: {s}",
                       "Turn this into a JSON array with name and price for each: {s}"))
    value = [{"name": product, "price": price} for product, price in zip(products, prices)]
    return made(f"{form} {sentence}", form.replace("{s}", sentence.format(*products, *prices)), value,
                [f"combination JSON {sentence} {products}"])


def pairs(rng):
    keys = rng.sample(list(PAIR_KEYS), rng.choice((1, 2, 2, 2, 3, 3, 4)))
    value = {}
    for key in keys:
        values = PAIR_KEYS[key]
        if values is None:
            value[key] = rng.randint(0, 500) if rng.random() < 0.85 else without_zeros(round(rng.uniform(0, 99), 1))
        elif values is True:
            value[key] = rng.random() < 0.5
        else:
            value[key] = made_up_name(rng) if rng.random() < 0.15 else rng.choice(values)
    between, after = rng.choice(((" ", ", "), (" ", ", "), (": ", "; "), (": ", ", "), ("=", ", "), (" = ", ", "),
                                 (": ", "\n"), (" is ", ", "), ("=", " ")))
    shown = [f"{key}{between}{json.dumps(v) if isinstance(v, bool) else v}" for key, v in value.items()]
    listed = and_list(shown) if after == ", " and rng.random() < 0.3 else after.join(shown)
    if after == " " and any(" " in text for text in shown):
        listed = ", ".join(shown)
    template = rng.choice(PAIRS)
    ask = typed(rng, template).replace("{p}", listed)
    return made(f"{template} {between}{after}", ask, value, [f"combination JSON {listed}"], some_system(rng))


KINDS = {fact: 27, extraction: 26, all_of_it: 5, first_of_category: 8, array: 9, calculation: 8, true_or_false: 5,
         nested: 5, pairs: 12}


def sample(rng):
    return rng.choices(list(KINDS), weights=list(KINDS.values()))[0](rng)
