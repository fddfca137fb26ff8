"""What tools return, and how it is told.

Each function returns the content of the tool's message, the answer after it, and a list of what has to be in the
answer. What was said stands in `said`, by role.
"""
import json

from lessons.base import capitalized
from lessons.tools.phrasing import and_list, fill
from lessons.tools.values import VALUES

# Names of parameters that do not stand as a noun in "unknown …"
NOT_NOUNS = set("when where to from at by for a b x y q on what text body".split()) | {"for whom", "in color"}


def result(rng, listed, said, values):
    """What a call with these values returns; how, the `Tool` says."""
    if rng.random() < 0.08:
        return failure(rng, listed, said)
    tool = listed.tool
    if callable(tool.tells):
        return tool.tells(rng, said, values)
    if tool.done:
        return confirmation(rng, tool, said)
    if tool.record:
        return record(rng, tool.record)
    if tool.finds:
        return findings(rng, *tool.finds)
    return one_value(rng, listed.arguments(values), said, *tool.tells)


def failure(rng, listed, said):
    error = rng.choice(VALUES["errors"])
    if said and rng.random() < 0.5:
        role = rng.choice(list(said))
        name = listed.parameters[role][1].replace("_", " ")
        name = "value" if name in NOT_NOUNS else name
        error = rng.choice((f"{name} not found", f"unknown {name}", f"invalid {name}", f"no data for {said[role]}",
                            f"{said[role]} not found"))
    draw = rng.random()
    if draw < 0.6:
        content = json.dumps({"error": error})
    elif draw < 0.75:
        content = json.dumps({"status": "error", "message": error})
    elif draw < 0.85:
        content = json.dumps({"error": {"message": error}})
    else:
        content = rng.choice(("Error: ", "error: ")) + error
    return content, f"The tool failed: {error}.", [error]


def confirmation(rng, tool, said):
    content = rng.choice(VALUES["ok results"])
    if rng.random() < 0.15:
        content = json.dumps({"status": rng.choice(("ok", "created", "done")), "id": rng.randint(1, 9999)})
    essential = [said[role] for role in tool.required if "{" + role + "}" in tool.done]
    return content, capitalized(fill(tool.done, said)), essential


def record(rng, sources):
    """Some of the fields of a record."""
    keys = rng.sample(list(sources), rng.randint(2, min(3, len(sources))))
    shown, values = {}, {}
    for key in keys:
        _, shown[key], values[key] = sources[key](rng, False)
    answer = and_list([f"the {key.replace('_', ' ')} is {shown[key]}" for key in keys])
    return json.dumps(values), capitalized(answer) + ".", list(shown.values())


def findings(rng, keys, source):
    """None to three things that were found."""
    found = []
    for _ in range(rng.choice((0, 1, 2, 2, 3, 3))):
        item = source(rng, False)[1]
        if item not in found:
            found.append(item)
    content = json.dumps(found) if rng.random() < 0.2 else json.dumps({rng.choice(keys): found})
    return content, f"I found {and_list(found)}." if found else "I found nothing.", found or ["nothing"]


def one_value(rng, arguments, said, keys, source, answer):
    _, shown, value = source(rng, False)
    key, draw = rng.choice(keys), rng.random()
    if draw < 0.5:
        content = json.dumps({key: value})
    elif draw < 0.7:
        content = json.dumps(arguments | {key: value})
    elif draw < 0.82:
        content = json.dumps({"result": value})
    elif draw < 0.9:
        content = json.dumps({"status": "ok", key: value})
    else:
        content = shown
    return content, capitalized(fill(answer, said | {"result": shown})), [shown]
