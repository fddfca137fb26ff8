"""The official Python client against `bora serve`. serve_openai.py BASE_URL FOLDER; FOLDER/terminal is the answer that
the terminal gave."""

import asyncio
import sys

import openai

base_url, folder = sys.argv[1], sys.argv[2]
terminal = open(folder + "/terminal", encoding="utf-8").read()[:-1]
client = openai.OpenAI(base_url=base_url, api_key="sk-test", max_retries=0, timeout=120)
question = [{"role": "user", "content": "What is the capital of France?"}]


def fails(kind, call, **expected):
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (error, name)
        return error
    raise AssertionError("no %s" % kind.__name__)


# ---- models
assert {m.id for m in client.models.list()} == {"demo", "tiny-llama"}
assert client.models.retrieve("demo").object == "model"

# ---- chat
answer = client.chat.completions.create(model="demo", messages=question, temperature=0)
assert answer.choices[0].message.content == terminal and answer.choices[0].message.role == "assistant"
assert answer.choices[0].finish_reason == "stop" and answer.model == "demo" and answer.system_fingerprint
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
assert answer.usage.prompt_tokens_details.cached_tokens >= 0
assert client.chat.completions.create(
    model="demo",
    messages=[{"role": "developer", "content": "Be short."}, {"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    max_completion_tokens=5, user="me", metadata={"a": "b"}, store=False, frequency_penalty=0.5, presence_penalty=0.5,
).usage.completion_tokens <= 5

# ---- streams
pieces, usage, ends = [], None, []
for chunk in client.chat.completions.create(
    model="demo", messages=question, temperature=0, stream=True, stream_options={"include_usage": True}
):
    if chunk.usage:
        usage = chunk.usage
        assert chunk.choices == []
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        ends.append(choice.finish_reason)
assert "".join(pieces) == terminal and ends[-1] == "stop" and not any(ends[:-1])
assert usage.total_tokens == answer.usage.total_tokens
with client.chat.completions.create(model="demo", messages=question, temperature=0, stream=True) as stream:
    next(iter(stream))  # and the rest is not wanted
with client.chat.completions.stream(model="demo", messages=question, temperature=0) as stream:
    stream.until_done()
    assert stream.get_final_completion().choices[0].message.content == terminal

# ---- several, stop, seed, logprobs, biases
warm = dict(model="tiny-llama", messages=question, max_tokens=8, temperature=1, seed=11)
three = client.chat.completions.create(**warm, n=3)
again = client.chat.completions.create(**warm, n=3)
assert [c.message.content for c in three.choices] == [c.message.content for c in again.choices]
assert len({c.message.content for c in three.choices}) > 1 and [c.index for c in three.choices] == [0, 1, 2]
stopped = client.chat.completions.create(model="demo", messages=question, temperature=0, stop=[" Paris", "\n"])
assert stopped.choices[0].message.content == terminal.split(" Paris")[0] and stopped.choices[0].finish_reason == "stop"
likely = client.chat.completions.create(model="demo", messages=question, temperature=0, logprobs=True, top_logprobs=5)
tokens = likely.choices[0].logprobs.content
assert "".join(t.token for t in tokens) == terminal and all(t.logprob <= 0 and len(t.top_logprobs) == 5 for t in tokens)
assert all(t.top_logprobs[0].token == t.token and bytes(t.bytes).decode() == t.token for t in tokens)
biased = client.chat.completions.create(model="demo", messages=question, temperature=0, max_tokens=3, logit_bias={"50": 100})
assert len(set(biased.choices[0].message.content)) == 1  # the same token, again and again

# ---- tools
tools = [{"type": "function", "function": {"name": "get_weather", "description": "Get the weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
weather = [{"role": "user", "content": "What is the weather in Paris?"}]
called = client.chat.completions.create(model="demo", messages=weather, temperature=0, tools=tools).choices[0]
call = called.message.tool_calls[0]
assert called.finish_reason == "tool_calls" and call.function.name == "get_weather" and "Paris" in call.function.arguments
with client.chat.completions.stream(model="demo", messages=weather, temperature=0, tools=tools) as stream:
    streamed = stream.get_final_completion().choices[0]
assert streamed.message.tool_calls[0].function.arguments == call.function.arguments and streamed.finish_reason == "tool_calls"
told = weather + [called.message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
assert client.chat.completions.create(model="demo", messages=told, temperature=0, tools=tools).choices[0].message.content

# ---- completions
text = client.completions.create(model="demo", prompt="Once upon", max_tokens=6, temperature=0)
assert text.object == "text_completion" and text.usage.completion_tokens <= 6
assert "".join(c.choices[0].text for c in client.completions.create(
    model="demo", prompt="Once upon", max_tokens=6, temperature=0, stream=True)) == text.choices[0].text
scored = client.completions.create(model="demo", prompt=["Once upon", "Hello"], max_tokens=4, temperature=0, logprobs=2, echo=False)
for choice in scored.choices:
    n = len(choice.logprobs.tokens)
    assert "".join(choice.logprobs.tokens) == choice.text and len(choice.logprobs.token_logprobs) == n == len(choice.logprobs.text_offset)
assert client.completions.create(model="demo", prompt="Once upon", max_tokens=4, temperature=0, echo=True).choices[0].text.startswith("Once upon")
assert len(client.completions.create(model="tiny-llama", prompt="Once", max_tokens=4, n=2, best_of=4, seed=1).choices) == 2

# ---- embeddings
vectors = client.embeddings.create(model="demo", input=["Hello", "there"])
assert len(vectors.data) == 2 and len(vectors.data[0].embedding) == len(vectors.data[1].embedding) > 0
plain = client.embeddings.create(model="demo", input="Hello", encoding_format="float").data[0].embedding
assert max(abs(a - b) for a, b in zip(plain, vectors.data[0].embedding)) < 1e-6

# ---- what is wrong
fails(openai.NotFoundError, lambda: client.chat.completions.create(model="none", messages=question), code="model_not_found", param="model")
fails(openai.NotFoundError, lambda: client.models.retrieve("none"))
fails(openai.BadRequestError, lambda: client.chat.completions.create(model="demo", messages=question, temperature=9),
      param="temperature", type="invalid_request_error", status_code=400)
fails(openai.BadRequestError, lambda: client.chat.completions.create(model="demo", messages=[]), param="messages")
fails(openai.BadRequestError, lambda: client.chat.completions.create(
    model="demo", messages=[{"role": "user", "content": "word " * 5000}], stream=True), code="context_length_exceeded")
fails(openai.BadRequestError, lambda: client.completions.create(model="demo", prompt="a", suffix="b"), param="suffix")
stranger = openai.OpenAI(base_url=base_url, api_key="sk-other", max_retries=0)
fails(openai.AuthenticationError, lambda: stranger.models.list(), status_code=401)


# ---- many at once
async def many():
    other = openai.AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0, timeout=120)

    async def one(stream):
        answer = await other.chat.completions.create(model="demo", messages=question, temperature=0, stream=stream)
        if not stream:
            return answer.choices[0].message.content
        return "".join([c.choices[0].delta.content or "" async for c in answer])

    return await asyncio.gather(*(one(i % 2 == 1) for i in range(16)))

assert asyncio.run(many()) == [terminal] * 16
