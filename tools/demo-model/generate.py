#!/usr/bin/env python3
"""The text that the demo models are trained on: conversations, made from the lessons without end.

    python generate.py                  prints some conversations
    python generate.py --held-out FILE  writes the held-out questions, one a line, as `bora run --requests` reads them
    python generate.py --prove N        makes the first N conversations of each training stream and shows that no
                                        held-out question and no held-out calculation is in them
"""
import argparse
import functools
import json
import random
import re
import sys

from lessons import (
    follow_ups, json_answers, language, lists, numbers, stories, talk, thinking, tools, unknown, words, world,
)
from lessons.base import casually, is_held_out, operation_key, plain

SEEDS = 1, 2, 3, 4  # of the training streams: for a new model, and for each time that it is trained on
LESSONS = {  # lesson: share of the exchanges, in percent
    world: 15, language: 15, follow_ups: 3, numbers: 15, lists: 7, words: 9, json_answers: 7, tools: 14, talk: 6,
    stories: 1, unknown: 4, thinking: 4,
}
WITH_TOOLS = ("facts", "talk", "spelling and reversing")  # what no tool that is listed could be meant for
SYSTEM = [
    "You are a helpful assistant.", "You are a small assistant.", "You are bora's assistant.", "Be brief.",
    "Answer the questions of the user.", "You are a friendly assistant.", "You are a helpful AI assistant.",
    "Answer truthfully.", "You are an assistant that answers questions.", "Be helpful and polite.",
    "You are a chat bot.", "Answer in one sentence.", "Help the user.", "You are a knowledgeable assistant.",
]


# ---- conversations


def draw(rng):
    return rng.choices(list(LESSONS), weights=list(LESSONS.values()))[0].sample(rng)


def trained(rng):
    """An exchange that may be trained: none of its keys is held out, and it asks nothing that the held-out set asks."""
    while True:
        exchange = draw(rng)
        if not exchange.held_out and not any(asked in held_out_questions() for asked in asked_in(exchange.messages)):
            return exchange


def as_typed(rng, exchange):
    """Its messages, with the user's written as people write."""
    if exchange.exact_question:
        return exchange.messages
    return [{**m, "content": casually(rng, m["content"])} if m["role"] == "user" else m for m in exchange.messages]


def stands_alone(exchange):
    """Whether nothing can come before it: it needs its own system message, tools or thinking, or says so."""
    return exchange.alone or exchange.system is not None or exchange.tools or exchange.thinking


def is_open(exchange):
    """Whether nothing can come after it: the call that it ends with waits for its result."""
    return "tool_calls" in exchange.messages[-1]


def conversation(rng):
    """Messages, tools and whether it thinks: up to six exchanges, rarely many more.

    Only the first of them may bring a system message or tools.
    """
    exchanges = [trained(rng)]
    first = exchanges[0]
    if first.skill in (*WITH_TOOLS, "unknown") and not stands_alone(first) and rng.random() < 0.06:
        first = exchanges[0] = tools.with_tools(rng, first)
    for _ in range(rng.randint(10, 30) if rng.random() < 0.02 else rng.choice([0, 0, 1, 1, 2, 3, 4, 5])):
        if first.alone or first.thinking or first.system is not None or is_open(first):
            break
        other = trained(rng)
        if not stands_alone(other) and (other.skill in WITH_TOOLS or not first.tools):
            exchanges.append(other)
    if not stands_alone(first) and rng.random() < 0.07:
        exchanges[-1] = thoughtful = thinking.direct(exchanges[-1])
        first = thoughtful if len(exchanges) == 1 else first
    system = first.system
    if system is None and not first.alone and rng.random() < 0.25:
        system = rng.choice(SYSTEM)
    messages = [] if system is None else [{"role": "system", "content": system}]
    for exchange in exchanges:
        messages += as_typed(rng, exchange)
    return messages, first.tools, exchanges[-1].thinking


# ---- the prompt format: what chat_template.jinja renders, in pieces


def signature(tool):
    f = tool["function"]
    parameters = f.get("parameters") or {}
    required = parameters.get("required", [])
    listed = [
        name + ("" if name in required else "?") + ": " + ("|".join(p["enum"]) if p.get("enum") else p["type"])
        for name, p in parameters.get("properties", {}).items()
    ]
    return f"{f['name']}({', '.join(listed)})" + (f": {f['description']}" if f.get("description") else "")


def call_text(call):
    f = call["function"]
    return f'<tool_call>{{"name": {json.dumps(f["name"])}, "arguments": {json.dumps(f["arguments"])}}}</tool_call>'


def pieces(messages, tools, thinks):
    """Yields (text, whether it is taught). What the assistant says is taught, up to and with the end of its turn."""
    if tools:
        listed = "Tools:" + "".join("\n- " + signature(tool) for tool in tools)
        has_system = messages[0]["role"] == "system"
        system = messages[0]["content"] + "\n" + listed if has_system else listed
        messages = [{"role": "system", "content": system}, *messages[has_system:]]
    for i, message in enumerate(messages):
        by_model = message["role"] == "assistant"
        yield f"<|{message['role']}|>", False
        if by_model and thinks and i == len(messages) - 1:
            yield "<think>\n", False
            yield message["thinking"] + "\n</think>\n\n", True
        calls = "".join(call_text(call) for call in message.get("tool_calls", []))
        yield (message["content"] or "") + calls + "<|end|>", by_model


# ---- what is held out


def normalized(text):
    return re.sub(r"[^a-z0-9+*/<>=-]+", " ", plain(text).lower()).strip()


def questions(messages):
    """All that is said before the last answer, in a form in which small differences in writing do not count."""
    return " | ".join(normalized(m["content"] or "") for m in messages[:-1] if m["role"] != "system")


def asked_in(messages):
    """The `questions` of each answer, from each of the user's turns before it on."""
    for end, message in enumerate(messages):
        if message["role"] == "assistant":
            for begin in range(end):
                if messages[begin]["role"] == "user":
                    yield questions(messages[begin : end + 1])


PER_SKILL = {  # how many held-out questions there are of a skill; others have 60
    "facts": 400, "addition": 150, "subtraction": 150, "tool calls": 120, "JSON": 120, "follow-ups": 100,
    "spelling and reversing": 100, "unknown": 80,
}


def held_out_set():
    """The held-out questions as requests, with "skill" and "expect". The same for ever: it has a seed of its own."""
    rng = random.Random(20)
    wanted, requests, seen = {}, [], set()
    for _ in range(400000):
        exchange = draw(rng)
        skill = exchange.skill
        wanted.setdefault(skill, PER_SKILL.get(skill, 60))
        if wanted[skill] == 0 or not exchange.held_out:
            if not any(wanted.values()):
                break
            continue
        messages = as_typed(rng, exchange)
        key = questions(messages)
        if key in seen or normalized(messages[0]["content"]) == "":
            continue
        seen.add(key)
        wanted[skill] -= 1
        last = messages[-1]
        if exchange.system is not None:
            messages = [{"role": "system", "content": exchange.system}, *messages]
        request = {"id": f"{skill} {PER_SKILL.get(skill, 60) - wanted[skill]}", "messages": messages[:-1]}
        if exchange.tools:
            request["tools"] = exchange.tools
        if exchange.thinking:
            request["enable_thinking"] = True
        expect = exchange.expect or {"exact": plain(last["content"])}
        if "tool_calls" in last:
            expect = {"call": [{k: call["function"][k] for k in ("name", "arguments")} for call in last["tool_calls"]]}
        requests.append({"skill": skill, "expect": expect, "request": clean(request)})
    requests.sort(key=lambda r: r["skill"])
    return requests


def clean(value):
    """Without the marks for the tokenizer."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [clean(v) for v in value]
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items() if k != "thinking"}
    return value


@functools.cache
def held_out_questions():
    return {questions(r["request"]["messages"] + [None]) for r in held_out_set()}


CALCULATION = re.compile(r"(?<![\d.])(\d+) ([-+*/]) (\d+) = (?=-?\d)")  # with its result, not "12 / 5 = ?" quoted


def prove(n):
    """Goes through the training streams; ends the program with an error where something held out is in them."""
    rngs, answers, calculations = [random.Random(seed) for seed in SEEDS], 0, 0
    for i in range(len(SEEDS) * n):
        messages, _, _ = conversation(rngs[i // n])
        for asked in asked_in(messages):
            if asked in held_out_questions():
                sys.exit(f"conversation {i}: a held-out question is trained: {asked}")
        for message in messages:
            answers += message["role"] == "assistant"
            for a, sign, b in CALCULATION.findall(plain(message["content"] or "")):
                calculations += 1
                key = operation_key(sign, int(a), int(b))
                if key and is_held_out(key):
                    sys.exit(f"conversation {i}: a held-out calculation is trained: {message['content']}")
    print(f"{len(SEEDS) * n} conversations, {answers} answers, {calculations} calculations; {len(held_out_questions())} held-out "
          "questions: none of them, and no held-out calculation, is trained")


def show(messages, tools, thinks):
    print("".join(plain(text) for text, _ in pieces(messages, tools, thinks)).replace("<|end|>", "\n"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", metavar="FILE")
    parser.add_argument("--prove", metavar="N", type=int)
    arguments = parser.parse_args()
    if arguments.prove:
        prove(arguments.prove)
    elif arguments.held_out:
        with open(arguments.held_out, "w", encoding="utf-8") as f:
            for request in held_out_set():
                f.write(json.dumps(request) + "\n")
    else:
        rng = random.Random()
        for _ in range(12):
            show(*conversation(rng))
