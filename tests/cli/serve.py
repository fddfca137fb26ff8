"""A client of `bora serve` with nothing but the standard library. serve.py URL FOLDER; FOLDER/terminal is the answer
that the terminal gave. What the server said goes to FOLDER/said."""

import json
import math
import struct
import base64
import sys
import threading
import urllib.error
import urllib.request

url, folder = sys.argv[1], sys.argv[2]
terminal = open(folder + "/terminal", encoding="utf-8").read()[:-1]
terminal_raw = open(folder + "/terminal-raw", encoding="utf-8").read()
said = open(folder + "/said", "wb")
lock = threading.Lock()


def send(path, body=None, method=None):
    """Status, headers, bytes."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            status, headers, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read()
    with lock:
        said.write(text)
    return status, headers, text


def ask(path, body=None, **more):
    status, _, text = send(path, None if body is None else {**body, **more})
    assert status == 200, (path, body, status, text)
    return json.loads(text)


def stream(path, body, **more):
    """The chunks of a stream."""
    status, headers, text = send(path, {**body, **more, "stream": True})
    assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), (status, text)
    events = [event for event in text.decode().split("\n\n") if event and not event.startswith(":")]
    assert events[-1] == "data: [DONE]" and all(event.startswith("data: ") for event in events), events
    return [json.loads(event[6:]) for event in events[:-1]]


def wrong(path, body, status, param=None, word="", code=None):
    got, headers, text = send(path, body)
    assert got == status, (path, body, got, text)
    assert headers["Content-Type"].startswith("application/json")
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert param is None or error["param"] == param, error
    assert word in error["message"], error
    assert code is None or error["code"] == code, error
    return error


hello = {"messages": [{"role": "user", "content": "Hello there"}], "temperature": 0, "max_tokens": 12}
chat, complete = "/v1/chat/completions", "/v1/completions"

# ---- chat
a = ask(chat, hello)
assert a["object"] == "chat.completion" and a["id"].startswith("chatcmpl-") and a["model"] == "tiny-llama", a
assert a["system_fingerprint"].startswith("fp_") and a["created"] > 1e9
c = a["choices"][0]
assert len(a["choices"]) == 1 and c["index"] == 0 and c["logprobs"] is None and c["finish_reason"] == "length", c
assert c["message"]["role"] == "assistant" and c["message"]["content"] == terminal, c
u = a["usage"]
assert u["completion_tokens"] == 12 and u["total_tokens"] == u["prompt_tokens"] + 12, u
assert u["prompt_tokens_details"]["cached_tokens"] >= 0 and u["completion_tokens_details"]["reasoning_tokens"] == 0
assert ask(chat, hello, model="default")["choices"] == a["choices"]
assert ask(chat, hello, max_completion_tokens=12, max_tokens=None, user="x", metadata={}, nonsense=1)["choices"] == a["choices"]
parts = [{"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]
assert ask(chat, hello, messages=parts)["choices"] == a["choices"]

# ---- streams
chunks = stream(chat, hello)
assert all(x["object"] == "chat.completion.chunk" and x["id"] == chunks[0]["id"] for x in chunks)
assert all(set(x["choices"][0]) == {"index", "delta", "logprobs", "finish_reason"} and "usage" not in x for x in chunks)
assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
assert "".join(x["choices"][0]["delta"].get("content", "") for x in chunks) == terminal
assert [x["choices"][0]["finish_reason"] for x in chunks] == [None] * (len(chunks) - 1) + ["length"]
chunks = stream(chat, hello, stream_options={"include_usage": True})
assert chunks[-1]["choices"] == [] and all(x["usage"] is None for x in chunks[:-1])
assert {k: v for k, v in chunks[-1]["usage"].items() if k != "prompt_tokens_details"} == {
    k: v for k, v in u.items() if k != "prompt_tokens_details"}

# ---- several choices, seeds
warm = {**hello, "temperature": 1, "seed": 7, "n": 3}
three = ask(chat, warm)
texts = [x["message"]["content"] for x in three["choices"]]
assert [x["index"] for x in three["choices"]] == [0, 1, 2] and len(set(texts)) > 1
assert three["usage"]["completion_tokens"] == 36 and three["usage"]["prompt_tokens"] == u["prompt_tokens"]
assert [x["message"]["content"] for x in ask(chat, warm)["choices"]] == texts
together = ["", "", ""]
for x in stream(chat, warm):
    together[x["choices"][0]["index"]] += x["choices"][0]["delta"].get("content", "")
assert together == texts
assert ask(chat, warm, n=1)["choices"][0]["message"]["content"] == texts[0]

# ---- stop strings
stop = next(x for x in terminal[3:] if x.isprintable())
for form in (stop, [stop], ["nowhere", stop, ""]):
    x = ask(chat, hello, stop=form)["choices"][0]
    assert x["finish_reason"] == "stop" and x["message"]["content"] == terminal[: terminal.index(stop)], x
assert "".join(x["choices"][0]["delta"].get("content", "") for x in stream(chat, hello, stop=stop)) == terminal[: terminal.index(stop)]

# ---- probabilities
x = ask(chat, hello, logprobs=True, top_logprobs=3)["choices"][0]["logprobs"]
assert len(x["content"]) == 12 and x["refusal"] is None
for token in x["content"]:
    assert token["logprob"] <= 0 and len(token["top_logprobs"]) == 3
    assert token["top_logprobs"][0]["logprob"] == token["logprob"] and token["top_logprobs"][0]["bytes"] == token["bytes"]
    tops = [t["logprob"] for t in token["top_logprobs"]]
    assert tops == sorted(tops, reverse=True)
words = [bytes(t["bytes"]) for t in x["content"] if not t["token"].startswith("<|")]  # markers are not in the text
assert b"".join(words).decode(errors="replace") == terminal
streamed = [t for y in stream(chat, hello, logprobs=True, top_logprobs=3) for t in ((y["choices"][0]["logprobs"] or {}).get("content") or [])]
assert streamed == x["content"]
assert ask(chat, hello, logprobs=True)["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == []

# ---- biases
first = ask("/v1/tokenize", {"messages": hello["messages"]})["tokens"]
only = ask(chat, hello, logit_bias={"100": 100}, max_tokens=3, logprobs=True)["choices"][0]["logprobs"]["content"]
assert len({t["token"] for t in only}) == 1

# ---- completions
raw = {"prompt": "Once upon", "temperature": 0, "max_tokens": 12}
a = ask(complete, raw)
assert a["object"] == "text_completion" and a["id"].startswith("cmpl-") and a["choices"][0]["text"] == terminal_raw, a
assert ask(complete, {"prompt": "Once upon", "temperature": 0})["usage"]["completion_tokens"] == 16
ids = ask("/v1/tokenize", {"prompt": "Once upon"})
assert ids["count"] == len(ids["tokens"]) and ids["max_model_len"] > 0
for form in (["Once upon"], ids["tokens"], [ids["tokens"]]):
    assert ask(complete, raw, prompt=form)["choices"] == a["choices"], form
two = ask(complete, raw, prompt=["Once upon", "Hello"], n=2)
assert [x["index"] for x in two["choices"]] == [0, 1, 2, 3] and two["choices"][0]["text"] == two["choices"][1]["text"] == terminal_raw
assert two["choices"][2]["text"] == ask(complete, raw, prompt="Hello")["choices"][0]["text"]
chunks = stream(complete, raw, stream_options={"include_usage": True})
assert "".join(x["choices"][0]["text"] for x in chunks[:-1]) == terminal_raw and chunks[-1]["usage"]["completion_tokens"] == 12
x = ask(complete, raw, echo=True)
assert x["choices"][0]["text"] == "Once upon" + terminal_raw
assert "".join(x["choices"][0]["text"] for x in stream(complete, raw, echo=True)) == "Once upon" + terminal_raw
assert ask(complete, raw, echo=True, max_tokens=0)["choices"][0] == {
    "text": "Once upon", "index": 0, "logprobs": None, "finish_reason": "length"}
x = ask(complete, raw, logprobs=2)["choices"][0]["logprobs"]
assert len(x["tokens"]) == len(x["token_logprobs"]) == len(x["top_logprobs"]) == len(x["text_offset"]) == 12
assert x["text_offset"][0] == len("Once upon") and all(2 <= len(t) <= 3 for t in x["top_logprobs"])
assert all(t[y] == v for t, y, v in zip(x["top_logprobs"], x["tokens"], x["token_logprobs"]) if y in t)
for body in ({"prompt": "Once upon"}, {"prompt": ids["tokens"]}, {"prompt": "Once upon", "stream": True}):
    body = {**raw, **body, "echo": True, "logprobs": 1, "max_tokens": 2}
    if "stream" in body:
        y = [c["choices"][0]["logprobs"] for c in stream(complete, body) if c["choices"][0]["logprobs"]]
        y = {k: [v for part in y for v in part[k]] for k in y[0]}
    else:
        y = ask(complete, body)["choices"][0]["logprobs"]
    n = len(ids["tokens"])
    assert len(y["tokens"]) == n + 2 and y["token_logprobs"][0] is None and y["top_logprobs"][0] is None, y
    assert all(v <= 0 for v in y["token_logprobs"][1:]) and y["text_offset"][n] == len("Once upon"), y
    assert y["token_logprobs"][n:] == x["token_logprobs"][:2], (y, x)
long = {**raw, "prompt": "word " * 40}
assert ask(complete, long)["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
assert ask(complete, long)["usage"]["prompt_tokens_details"]["cached_tokens"] > 0
best = ask(complete, raw, temperature=1, seed=3, best_of=4, n=2, logprobs=0)
means = [sum(x["logprobs"]["token_logprobs"]) / len(x["logprobs"]["tokens"]) for x in best["choices"]]
assert len(means) == 2 and best["usage"]["completion_tokens"] == 48

# ---- tokens
text = "Hello wörld, 你好"
ids = ask("/v1/tokenize", {"prompt": text, "add_special_tokens": False, "return_token_strs": True})
assert len(ids["token_strs"]) == ids["count"]
assert ask("/v1/detokenize", {"tokens": ids["tokens"]})["prompt"].strip() == text

# ---- models
models = ask("/v1/models")
assert models["object"] == "list" and [m["id"] for m in models["data"]] == ["tiny-llama", "assistant", "plain"]
assert [m["status"] for m in models["data"]] == ["loaded", "unloaded", "unloaded"]
assert all(m["object"] == "model" and m["owned_by"] and m["created"] > 1e9 for m in models["data"])
assert ask("/v1/models/assistant")["id"] == "assistant" and ask("/v1/models/demo")["id"] == "assistant"
wrong("/v1/models/none", None, 404, code="model_not_found")
wrong(chat, {**hello, "model": "none"}, 404, "model", "none", "model_not_found")
france = {"model": "assistant", "temperature": 0, "messages": [{"role": "user", "content": "What is the capital of France?"}]}
answers = []
threads = [threading.Thread(target=lambda: answers.append(ask(chat, france))) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
assert [x["choices"][0]["message"]["content"] for x in answers] == ["The capital of France is Paris."] * 4
assert ask("/v1/models/status", {"model_id": "assistant"}) == {"model_id": "assistant", "status": "loaded"}
ask("/v1/models/unload", {"model_id": "assistant"})
assert ask("/v1/models/status", {"model_id": "demo"})["status"] == "unloaded"
assert ask("/v1/models/reload", {"model_id": "assistant"})["status"] == "loaded"
assert ask(chat, france)["choices"][0]["message"]["content"] == "The capital of France is Paris."
# A third model makes one of the two go: that which was not used for longest.
send("/v1/models/reload", {"model_id": "plain"})
states = {m["id"]: m["status"] for m in ask("/v1/models")["data"]}
assert states == {"tiny-llama": "unloaded", "assistant": "loaded", "plain": "loaded"}, states
assert ask(chat, hello)["choices"][0]["message"]["content"] == terminal

# ---- thinking and tools, which the demo model knows
x = ask(chat, france, messages=[{"role": "user", "content": "What is 247 + 385?"}], enable_thinking=True)
m = x["choices"][0]["message"]
assert m["content"] and m["reasoning_content"] and "<think>" not in m["content"] + m["reasoning_content"], m
assert 0 < x["usage"]["completion_tokens_details"]["reasoning_tokens"] < x["usage"]["completion_tokens"]
chunks = stream(chat, france, messages=[{"role": "user", "content": "What is 247 + 385?"}], chat_template_kwargs={"enable_thinking": True})
assert "".join(y["choices"][0]["delta"].get("reasoning_content", "") for y in chunks) == m["reasoning_content"]
assert "".join(y["choices"][0]["delta"].get("content", "") for y in chunks) == m["content"]
tools = [{"type": "function", "function": {"name": "get_weather", "description": "Get the weather",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
weather = {**france, "messages": [{"role": "user", "content": "What is the weather in Paris?"}], "tools": tools}
x = ask(chat, weather)["choices"][0]
assert x["finish_reason"] == "tool_calls" and x["message"]["content"] is None, x
call = x["message"]["tool_calls"][0]
assert call["type"] == "function" and call["id"].startswith("call_") and call["function"]["name"] == "get_weather"
assert json.loads(call["function"]["arguments"])["city"] == "Paris"
deltas = [y["choices"][0] for y in stream(chat, weather)]
streamed = [y["delta"]["tool_calls"][0] for y in deltas if "tool_calls" in y["delta"]]
assert [(y["index"], y["function"]) for y in streamed] == [(0, call["function"])] and deltas[-1]["finish_reason"] == "tool_calls"
assert not any(y["delta"].get("content") for y in deltas)
back = weather["messages"] + [x["message"], {"role": "tool", "tool_call_id": call["id"], "content": '{"temperature": 21}'}]
assert ask(chat, weather, messages=back)["choices"][0]["message"]["content"]
x = ask(chat, weather, tool_choice="none")["choices"][0]
assert x["finish_reason"] == "stop" and "tool_calls" not in x["message"]

# ---- embeddings
plain = ask("/v1/embeddings", {"input": ["Hello", "there"]})
assert [x["index"] for x in plain["data"]] == [0, 1] and plain["usage"]["prompt_tokens"] > 0
vector = plain["data"][0]["embedding"]
assert abs(math.hypot(*vector) - 1) < 1e-5
coded = ask("/v1/embeddings", {"input": "Hello", "encoding_format": "base64"})["data"][0]["embedding"]
assert list(struct.unpack("<%df" % len(vector), base64.b64decode(coded))) == [struct.unpack("f", struct.pack("f", v))[0] for v in vector]
short = ask("/v1/embeddings", {"input": "Hello", "dimensions": 8})["data"][0]["embedding"]
assert len(short) == 8 and abs(math.hypot(*short) - 1) < 1e-5
many = ask("/v1/embeddings", {"input": [str(i % 7) for i in range(200)]})["data"]
assert len(many) == 200 and all(many[i]["embedding"] == many[i % 7]["embedding"] for i in range(200))
wrong("/v1/embeddings", {"input": "word " * 3000}, 400, "input", "context", "context_length_exceeded")
wrong("/v1/embeddings", {"input": ["a"] * 2049}, 400, "input", "2048")

# ---- what is wrong
for body, param, word in (
    (b"", None, "JSON"),
    (b"[]", None, "object"),
    (b"{", None, "JSON"),
    (b'{"messages": []} x', None, "JSON"),
    (b"\xff", None, "UTF-8"),
    (b'{"messages": [{"role": "user", "content": "a\\u0000"}]}', None, "NUL"),
    (b'{"a": "\x00"}', None, "NUL"),
    (b"[" * 100000, None, "inside"),
    (b'{"a": [' + b"0," * 500000 + b"0]}", None, "values"),
    (b'{"temperature": 1, "temperature": 1, "messages": [{"role": "user", "content": "a"}]}', "temperature", "twice"),
    ({}, "messages", "missing"),
    ({"messages": []}, "messages", "at least one"),
    ({"messages": "Hello"}, "messages", "array"),
    ({"messages": ["Hello"]}, "messages[0]", "role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "string"),
    ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "string"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages[0].content[0]", "text only"),
    ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function", "name"),
    ({**hello, "temperature": 3}, "temperature", "0 to 2"),
    ({**hello, "temperature": "hot"}, "temperature", "number"),
    ({**hello, "temperature": 1e999}, None, ""),
    ({**hello, "max_tokens": 0}, "max_tokens", "range"),
    ({**hello, "max_tokens": 1.5}, "max_tokens", "integer"),
    ({**hello, "max_tokens": 1e300}, "max_tokens", ""),
    ({**hello, "n": 1000}, "n", "128"),
    ({**hello, "stop": ["a"] * 17}, "stop", "16"),
    ({**hello, "stop": [1]}, "stop", "number"),
    ({**hello, "stream": "yes"}, "stream", "true or false"),
    ({**hello, "top_logprobs": 3}, "top_logprobs", "logprobs"),
    ({**hello, "logit_bias": {"a": 1}}, "logit_bias", "token"),
    ({**hello, "logit_bias": {"1000000": 1}}, "logit_bias", "token"),
    ({**hello, "logit_bias": {"1": 101}}, "logit_bias", "100"),
    ({**hello, "tools": [{"type": "function"}]}, "tools", "function"),
    ({**hello, "tools": tools, "tool_choice": "required"}, "tool_choice", "cannot"),
    ({**hello, "response_format": {"type": "json_object"}}, "response_format", "json_object"),
    ({**hello, "modalities": ["audio"]}, "modalities", "text"),
    ({**hello, "chat_template_kwargs": {"messages": []}}, "messages", "messages"),
):
    wrong(chat, body if isinstance(body, bytes) else json.dumps(body).encode(), 400, param, word)
for body, param, word in (
    ({}, "prompt", "missing"),
    ({"prompt": []}, "prompt", "expected"),
    ({"prompt": [1.5]}, "prompt", "no token"),
    ({"prompt": [-1]}, "prompt", "no token"),
    ({"prompt": [10**9]}, "prompt", "no token"),
    ({"prompt": ["a", 1]}, "prompt", "expected"),
    ({"prompt": ["a"] * 65, "n": 2}, "prompt", "128"),
    ({"prompt": "a", "n": 3, "best_of": 2}, "best_of", "less"),
    ({"prompt": "a", "best_of": 2, "stream": True}, "best_of", "stream"),
    ({"prompt": "a", "suffix": "b"}, "suffix", "end"),
    ({"prompt": "a", "logprobs": 101}, "logprobs", "100"),
):
    wrong(complete, body, 400, param, word)
wrong(complete, {"prompt": "word " * 3000}, 400, "prompt", "context", "context_length_exceeded")
wrong(chat, {**hello, "messages": [{"role": "user", "content": "word " * 3000}]}, 400, "messages", "context", "context_length_exceeded")
wrong(chat, {**hello, "stream": True, "messages": [{"role": "user", "content": "word " * 3000}]}, 400, "messages", "context")
wrong("/v1/detokenize", {"tokens": [-1]}, 400, "tokens")
wrong("/v1/tokenize", {"prompt": "a", "messages": [{}]}, 400)
wrong("/v1/nothing", None, 404)
wrong(chat, None, 405)
assert "error" not in ask(chat, hello)

# ---- those who watch
assert ask("/health") == {"status": "ok"} and ask("/ready") == {"status": "ready"}
page = send("/metrics")[2].decode()
for name in ("bora_time_to_first_token_seconds_count", "bora_inter_token_seconds_bucket", "bora_generated_tokens_total", "bora_cache_blocks",
             "bora_requests_waiting", "bora_answers_total"):
    assert name in page, name
api = ask("/openapi.json")
assert api["openapi"].startswith("3.") and chat in api["paths"] and "/v1/models/{id}" in api["paths"]
for path in api["paths"].values():
    for method in path.values():
        ref = method.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
        assert not ref or ref.rpartition("/")[2] in api["components"]["schemas"]
assert api["components"]["schemas"]["ChatCompletionRequest"]["properties"]["temperature"]["maximum"] == 2
assert "temperature" in send("/docs")[2].decode() and "<script" not in send("/docs")[2].decode()
assert send("/")[0] == 200
