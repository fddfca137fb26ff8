"""Teaches calls of tools: which of the listed tools serves a request and with which arguments, how its result is told,
and that a question which no listed tool serves is answered without one.

Here are the kinds of exchange. The rest is in the other files, each of which builds on those before it: values, sources
and phrasing; tool and results; weather, calculators, catalogue and made_of_parts; listing.
"""
import copy

from lessons.base import UNKNOWN, Exchange, assistant, user
from lessons.tools.calculators import CALCULATOR, CALCULATORS, Calculation, list_calculator, operations
from lessons.tools.catalogue import BY_KIND, TOOLS
from lessons.tools.listing import choose, distractors
from lessons.tools.made_of_parts import some_parts
from lessons.tools.phrasing import and_list, fill, typed
from lessons.tools.results import result
from lessons.tools.tool import Listed
from lessons.tools.values import (
    CITIES, COLOURS, ITEMS, PERSONS, SPORTS, WEEKDAYS, date, time_of_day, without_zeros,
)
from lessons.tools.weather import WEATHER

__all__ = [
    "sample", "with_tools",
    # for other lessons
    "CITIES", "COLOURS", "ITEMS", "PERSONS", "SPORTS", "WEEKDAYS", "and_list", "date", "time_of_day", "without_zeros",
]


def calls(*made):
    """The message of the assistant that makes these calls."""
    return assistant("") | {"tool_calls": list(made)}


def expected(call):
    return {"call": call["function"]}


def answer_of_tool(listed, content):
    return {"role": "tool", "name": listed.name, "content": content}


def finish(skill, messages, keys, listed, expect=None):
    """The exchange with these tools listed; its question is already as somebody types it."""
    schemas = [one.schema for one in listed]
    return Exchange(skill, messages, keys, tools=schemas, expect=expect, exact_question=True)


def keys_of(tool, template, values):
    phrasing = f"tool {tool.kind}" if tool.made_of_parts else f"phrasing tool {tool.kind}: {template}"
    return [phrasing, f"combination tool {tool.kind}: {template} {values}"]


def calculation_exchange(rng):
    """One calculation, or two, the second after the result of the first."""
    listed = list_calculator(rng)
    wanted = rng.choice(listed)
    calculation = Calculation(rng, wanted)
    everything = distractors(rng, CALCULATOR, rng.choice((0, 0, 1, 1, 2, 3)), list(listed))
    keys = [f"phrasing calculator: {calculation.template}",
            f"combination calculator: {calculation.template} {calculation.said}"]
    call = wanted.call(calculation.values)
    messages = [user(calculation.text), calls(call)]
    if rng.random() < 0.5:
        return finish("tool calls", messages, keys + operations(messages), everything, expected(call))
    content, answer, essential = calculation.result(rng)
    messages += [answer_of_tool(wanted, content), assistant(answer)]
    keys[1:] = operations(messages) or keys[1:]
    if rng.random() < 0.2 and len(listed) == 1:
        second = Calculation(rng, wanted)
        call = wanted.call(second.values)
        messages += [user(second.text), calls(call)]
        keys = [f"phrasing calculator: {second.template}", *operations(messages)]
        return finish("tool calls", messages, keys, everything, expected(call))
    return finish("tool results", messages, keys, everything, {"contains": essential})


def two_calls(rng):
    """One request for two things at once."""
    tool = WEATHER if rng.random() < 0.7 else rng.choice([t for t in TOOLS if t.both])
    wanted = Listed(rng, tool)
    role = tool.required[0]
    parameter, _ = wanted.parameters[role]
    template = rng.choice(tool.both)
    text, lower = typed(rng, template)
    (typed_1, said_1, value_1), (typed_2, said_2, value_2) = parameter.source(rng, lower), parameter.source(rng, lower)
    while value_2 == value_1:
        typed_2, said_2, value_2 = parameter.source(rng, lower)
    text = fill(text, {"1": typed_1, "2": typed_2})
    both = wanted.call({role: value_1}), wanted.call({role: value_2})
    listed = distractors(rng, tool, rng.choice((0, 1, 1, 2)), [wanted])
    keys = [f"phrasing tool {tool.kind}: {template}", f"combination tool {tool.kind}: {template} {value_1} {value_2}"]
    messages = [user(text), calls(*both)]
    if rng.random() < 0.5:
        return finish("tool calls", messages, keys, listed, expected(both[0]))
    first = result(rng, wanted, {role: said_1}, {role: value_1})
    second = result(rng, wanted, {role: said_2}, {role: value_2})
    messages += [answer_of_tool(wanted, first[0]), answer_of_tool(wanted, second[0]),
                 assistant(f"{first[1]} {second[1]}")]
    return finish("tool results", messages, keys, listed, {"contains": first[2] + second[2]})


def no_tool_for_it(rng):
    """A request for something that only a tool could know, and that none of the listed ones knows."""
    others = ("get_time", "get_stock_price", "get_news", "get_score", "get_battery")
    tool = WEATHER if rng.random() < 0.6 else BY_KIND[rng.choice(others)]
    wanted = Listed(rng, tool)
    text, template, _, values = wanted.request_without_name(rng)
    listed = distractors(rng, tool, rng.choice((1, 2, 2, 3)) + 1, [])
    listed = [one for one in listed if not one.tool.knows]
    if not listed:
        listed = [Listed(rng, BY_KIND["send_email"])]
    keys = keys_of(tool, "no tool " + template, values)
    return finish("unknown", [user(text), assistant(UNKNOWN)], keys, listed)


def one_call(rng):
    """A request that one call serves; its result may be told, and then another request may follow."""
    wanted, listed = choose(rng)
    tool = wanted.tool
    text, template, said, values = wanted.request(rng)
    keys = keys_of(tool, template, values)
    call = wanted.call(values)
    messages = [user(text), calls(call)]
    draw = rng.random()
    if draw < 0.52:
        return finish("tool calls", messages, keys, listed, expected(call))
    content, answer, essential = result(rng, wanted, said, values)
    messages += [answer_of_tool(wanted, content), assistant(answer)]
    if draw < 0.85:
        return finish("tool results", messages, keys, listed, {"contains": essential})
    follow_up(rng, wanted, listed, messages, keys, values)
    return finish("tool calls", messages, keys, listed, expected(messages[-1]["tool_calls"][0]))


def follow_up(rng, wanted, listed, messages, keys, values):
    """Adds a second request: the same for another value, or something else."""
    tool = wanted.tool
    if tool.again and rng.random() < 0.7:
        template = rng.choice(tool.again)
        text, lower = typed(rng, template)
        role = next(r for r in tool.required if "{" + r + "}" in template)
        as_typed, _, value = wanted.parameters[role][0].source(rng, lower)
        messages += [user(text.replace("{" + role + "}", as_typed)), calls(wanted.call(values | {role: value}))]
        keys[1] = f"follow-up tool {tool.kind}: {template} {value}"
        return
    second = rng.choice([one for one in listed if one.tool not in CALCULATORS])
    text, template, _, values = second.request(rng)
    messages += [user(text), calls(second.call(values))]
    keys[1] = keys_of(second.tool, template, values)[0]


def with_tools(rng, exchange):
    """A copy of an exchange in which tools are listed that its question does not need."""
    if exchange.tools:
        return exchange
    asked = " ".join(m["content"] for m in exchange.messages if m["role"] == "user").lower()
    unknown = exchange.messages[-1]["content"] == UNKNOWN
    listed, names = [], set()
    wanted = rng.choice((1, 1, 2, 2, 3, 4))
    for _ in range(3 * wanted):
        draw = rng.random()
        if draw < 0.2:
            tool = WEATHER
        elif draw < 0.35:
            tool = CALCULATOR if rng.random() < 0.7 else rng.choice(CALCULATORS)
        elif draw < 0.8:
            tool = rng.choice(TOOLS)
        else:
            tool = some_parts(rng)[0]
        if unknown and tool.knows or tool.could_serve(asked):
            continue
        one = Listed(rng, tool)
        if one.name not in names:
            names.add(one.name)
            listed.append(one)
        if len(listed) == wanted:
            break
    if not listed:
        return exchange
    changed = copy.copy(exchange)
    changed.tools = [one.schema for one in listed]
    return changed


def sample(rng):
    draw = rng.random()
    if draw < 0.2:
        return calculation_exchange(rng)
    if draw < 0.25:
        return two_calls(rng)
    if draw < 0.31:
        return no_tool_for_it(rng)
    return one_call(rng)
