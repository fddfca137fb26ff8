"""Tools made of parts, so that there are more of them than anybody could learn by heart.

An action does something with a thing ("lock the garage"); a lookup tells an attribute of a subject ("the salary of the
employee Anna").
"""
from lessons.base import capitalized, made_up_name, with_article
from lessons.tables import read_table
from lessons.tools.sources import (
    CITY, CODE, COMPANY, DATE, DURATION, PERSON, ROOM, SONG, TIME, WEEKDAY, decimal, made, some, whole,
)
from lessons.tools.tool import Parameter, Tool
from lessons.tools.values import COLOURS, SPORTS, VALUES, email_address

# ---- actions

ACTIONS = {row["verb"]: row["done"] for row in read_table("tool_actions")}
THINGS = VALUES["things"]
DETAILS = {  # role: possible names, how it is said, where the values come from, type
    "room": ("room area where", ["in the {v}"], ROOM, "string"),
    "id": ("id number {thing}_id {thing}_number", ["number {v}", "with the id {v}", "{v}", "with number {v}"],
           whole(1, 9999), "integer"),
    "person": ("person user for_whom customer name", ["for {v}"], PERSON, "string"),
    "time": ("time at when start_time", ["at {v}"], TIME, "string"),
    "day": ("day date when", ["on {v}"], WEEKDAY, "string"),
    "minutes": ("minutes duration_minutes length", ["for {v} minutes"], whole(2, 90), "integer"),
    "level": ("level power intensity", ["at level {v}", "with level {v}"], whole(1, 10), "integer"),
    "colour": ("color colour paint_color", ["in {v}", "with the colour {v}"], some(COLOURS), "string"),
    "city": ("city location site", ["in {v}"], CITY, "string"),
    "percent": ("percent percentage amount", ["to {v} percent"], whole(1, 100), "integer"),
    "name": ("name title label", ["called {v}", "named {v}"], made(made_up_name), "string"),
    "code": ("code serial {thing}_code pin", ["with the code {v}", "with code {v}"], CODE, "string"),
    "mode": ("mode type setting", ["in {v} mode"], some(["eco", "fast", "silent", "night", "safe", "auto"]), "string"),
    "price": ("price cost limit", ["for {v} euros", "at a price of {v}"], decimal(1, 500, 2), "number"),
    "speed": ("speed rate velocity", ["with speed {v}", "at speed {v}"], decimal(1, 90), "number"),
    "reason": ("reason comment note", ["because of {v}"],
               some(["rain", "noise", "a leak", "holidays", "a mistake", "the cold", "repairs", "an error"]), "string"),
}
# Only one role of each group is in a tool.
CLASHES = [{"room", "city", "colour", "mode"}, {"id", "name", "code"}, {"level", "percent", "speed"},
           {"person", "minutes", "price"}, {"time", "level", "speed", "price"}]


def clash(role, roles):
    """Whether the role cannot stand beside one of these."""
    return any(role in group and any(other in group for other in roles) for group in CLASHES)


def action(rng, verb, thing):
    """A tool that does something with a thing."""
    roles = []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        role = rng.choice(list(DETAILS))
        if role not in roles and not clash(role, roles):
            roles.append(role)
    roles.sort(key=list(DETAILS).index)
    roles.sort(key=lambda role: role not in ("id", "name", "code"))
    optional = roles[-1] if len(roles) > 1 and rng.random() < 0.35 else None
    parameters, core = {}, f"{verb} the {thing}"
    said_in_full = core
    for role in roles:
        names, phrases, source, type_ = DETAILS[role]
        parameters[role] = Parameter(names.replace("{thing}", thing), source, type_, optional=role == optional,
                                     describe=[f"The {role}"])
        phrase = " " + rng.choice(phrases).replace("{v}", "{" + role + "}")
        said_in_full += phrase
        if role != optional:
            core += phrase
    name = rng.choice((f"{verb}_{thing}", f"{verb}_{thing}", f"{verb}_the_{thing}", f"{thing}_{verb}"))
    return Tool(name, [f"{capitalized(verb)} {with_article(thing)}", f"{capitalized(verb)} the {thing}"], parameters,
                do=[core, said_in_full], done=core.replace(verb, "I " + ACTIONS[verb], 1) + ".",
                words=f"{verb}|{thing}", parts=f"{verb} {thing}")


# ---- lookups

WORD = some("good bad new open closed active blocked broken free busy ready late empty full".split())
PRICE, COUNT = decimal(1, 900, 2), whole(1, 999)
ATTRIBUTES = {  # of what, how it is named in a call, where that comes from: what can be asked about it
    ("user", "name", PERSON): {
        "email": made(email_address), "phone number": whole(10000, 9999999), "age": whole(5, 95), "balance": PRICE,
        "role": some(["admin", "guest", "editor"]), "city": CITY,
    },
    ("employee", "name", PERSON): {
        "salary": whole(900, 9000), "office": whole(1, 400), "boss": PERSON, "birthday": DATE,
        "team": some(["sales", "design", "support"]),
    },
    ("student", "name", PERSON): {
        "grade": whole(1, 6), "teacher": PERSON, "class": some(["4a", "5b", "6c"]), "age": whole(6, 25),
        "hobby": some(SPORTS),
    },
    ("product", "name",
     some("lamp chair sofa tent kettle phone bike camera desk helmet jacket watch drill mixer backpack".split(),
          invented=made_up_name)): {
        "price": PRICE, "weight": made(lambda rng: f"{rng.randint(1, 40)} kg"), "stock": COUNT, "colour": some(COLOURS),
        "rating": decimal(1, 5),
    },
    ("invoice", "id", whole(1, 99999)): {
        "amount": PRICE, "due date": DATE, "status": some(["paid", "open", "late"]), "customer": PERSON,
    },
    ("ticket", "id", whole(1, 99999)): {
        "status": some(["open", "closed", "waiting"]), "owner": PERSON, "priority": some(["low", "high", "normal"]),
        "deadline": DATE,
    },
    ("flight", "code", CODE): {
        "gate": whole(1, 80), "status": some(["on time", "late", "boarding", "cancelled"]), "departure time": TIME,
        "arrival time": TIME, "terminal": whole(1, 6),
    },
    ("train", "code", CODE): {
        "platform": whole(1, 30), "delay": DURATION, "destination": CITY, "arrival time": TIME,
    },
    ("company", "name", COMPANY): {
        "revenue": made(lambda rng: f"{rng.randint(1, 900)} million"), "boss": PERSON, "address": CITY,
        "rating": decimal(1, 5),
    },
    ("server", "name", made(lambda rng: f"{rng.choice(('web', 'db', 'mail', 'node'))}{rng.randint(1, 40)}")): {
        "status": some(["up", "down", "restarting"]), "load": whole(1, 100), "uptime": DURATION,
        "version": decimal(1, 9),
    },
    ("room", "number", whole(1, 900)): {
        "temperature": whole(10, 30), "size": COUNT, "price": PRICE, "status": WORD,
    },
    ("project", "name", made(made_up_name)): {
        "deadline": DATE, "budget": whole(100, 90000), "owner": PERSON, "status": WORD,
    },
    ("car", "plate", CODE): {
        "owner": PERSON, "colour": some(COLOURS), "speed": whole(10, 180), "fuel level": whole(1, 100),
    },
    ("city", "name", CITY): {
        "mayor": PERSON, "air quality": WORD, "tax rate": decimal(1, 30), "bus fare": decimal(1, 9, 2),
        "humidity": whole(10, 99),
    },
    ("sensor", "id", whole(1, 500)): {
        "value": decimal(1, 99), "status": WORD, "temperature": whole(-20, 60), "battery": whole(1, 100),
    },
    ("animal", "name", made(made_up_name)): {
        "weight": whole(1, 900), "age": whole(1, 30), "keeper": PERSON, "food": some(["hay", "fish", "fruit", "seeds"]),
    },
    ("song", "title", SONG): {
        "length": DURATION, "singer": PERSON, "year": whole(1950, 2024), "rating": decimal(1, 10),
    },
    ("museum", "name", made(made_up_name)): {
        "opening time": TIME, "ticket price": PRICE, "phone number": whole(10000, 9999999),
    },
}
SUBJECTS = list(ATTRIBUTES)
# Of these a name is enough: "Anna" for "the user Anna".
NAMED_ALONE = {"user", "employee", "student", "company", "city"}


def a_or_an(noun):
    return "a user" if noun == "user" else with_article(noun)


def lookup(rng, subject, attribute):
    """A tool that tells an attribute of a subject."""
    what, called, source = subject
    snake = attribute.replace(" ", "_")
    names = {
        "name": f"name {what} {what}_name", "id": f"id {what}_id {what} number",
        "number": f"number {what} {what}_number", "code": f"code {what} {what}_code", "plate": "plate car number",
        "title": f"title {what} name",
    }[called]
    the = "{x}" if what in NAMED_ALONE and rng.random() < 0.7 else rng.choice((f"{what} {{x}}", f"the {what} {{x}}"))
    type_ = "integer" if called in ("id", "number") else "string"
    return Tool(f"get_{what}_{snake} get_{snake} {what}_{snake} lookup_{snake} {snake}_of_{what} fetch_{snake} "
                f"find_{snake}",
                [f"Get the {attribute} of {a_or_an(what)}", f"The {attribute} of {a_or_an(what)}",
                 f"Look up the {attribute} of {a_or_an(what)}"],
                {"x": Parameter(names, source, type_, describe=[f"The {called} of the {what}"])},
                np=[f"the {attribute} of {the}", f"{the}'s {attribute}"],
                ask=[f"{attribute} of {the}?", f"Which {attribute} does {the} have?", f"{the} {attribute}",
                     f"Do you have the {attribute} of {the}?"],
                tells=([snake, "value", snake], ATTRIBUTES[subject][attribute],
                       f"the {attribute} of {the} is {{result}}."),
                again=["And of {x}?", "And {x}?", "What about {x}?", "And for {x}?"], words=f"{what}|{attribute}",
                knows=True, parts=f"{what} {attribute}")


# ---- either


def some_parts(rng):
    """A tool made of parts, and others that differ from it in one part."""
    if rng.random() < 0.55:
        verb, thing = rng.choice(list(ACTIONS)), rng.choice(THINGS)
        tool = action(rng, verb, thing)
        others = []
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            if rng.random() < 0.5:
                other = rng.choice([v for v in ("open", "start", "inspect", "sell", "paint", "move") if v != verb])
                others.append(action(rng, other, thing))
            else:
                other = rng.choice([t for t in rng.sample(THINGS, 2) if t != thing])
                others.append(action(rng, verb, other))
        return tool, others
    subject = rng.choice(SUBJECTS)
    attributes = list(ATTRIBUTES[subject])
    rng.shuffle(attributes)
    tool, *others = [lookup(rng, subject, attribute) for attribute in attributes[: rng.choice((1, 1, 2, 2, 3))]]
    return tool, others
