#!/usr/bin/env bash
# bora run --requests: a line of JSON for each line of JSON; what is wrong with one is said in its place.
. "$(dirname "$0")/common.bash"
command -v python3 >/dev/null || skip "python3 is not there"
model=$BORA_FIXTURES/models/tiny-llama
greedy=(--temperature 0 -n 12)

# answers PYTHON: the lines that the last `try` printed, as `a`, are so.
answers() {
    python3 -c 'import json, sys
a = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
expected = open(sys.argv[2], encoding="utf-8").read()[:-1]
'"assert $1, a" "$tmp/out" "$tmp/answer" || fail "$last: not so: $1"
}
hello='"messages": [{"role": "user", "content": "Hello there"}]'

try 0 run -m "$model" "${greedy[@]}" -i "Hello there"
cp "$tmp/out" "$tmp/answer"

# What a request does not say the command line does, and the answer is the same as alone.
cat >"$tmp/in" <<JSON
{"id": "first", $hello}

  {"id": 17, $hello, "max_tokens": 3, "model": "any", "stream": false, "seed": null}
{"id": 1.5, "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "Hello there"}], "tools": []}$(printf '\r')
{$hello, "temperature": 2, "seed": 5, "top_k": 40, "top_p": 0.9, "enable_thinking": false}
{$hello, "temperature": 2, "seed": 5, "top_k": 40, "top_p": 0.9, "chat_template_kwargs": {"enable_thinking": true}}
JSON
truncate -s -1 "$tmp/in" # the last line has no end
try 0 run -m "$model" "${greedy[@]}" --requests "$tmp/in" && silent err
answers '[x["id"] for x in a] == ["first", 17, 1.5, None, None]'
answers 'list(a[0]) == ["id", "content", "finish_reason", "usage"] and list(a[0]["usage"]) == ["prompt_tokens", "completion_tokens"]'
answers 'a[0]["content"] == expected and a[2]["content"] != expected and a[3]["content"] != expected'
answers 'a[3]["content"] == a[4]["content"]'
answers 'a[1]["finish_reason"] == "length" and a[1]["usage"]["completion_tokens"] == 3 and expected.startswith(a[1]["content"])'
answers 'a[0]["usage"]["prompt_tokens"] == a[1]["usage"]["prompt_tokens"] < a[2]["usage"]["prompt_tokens"]'
cp "$tmp/out" "$tmp/lines"
try 0 run -m "$model" "${greedy[@]}" --requests - <"$tmp/in" && cmp -s "$tmp/out" "$tmp/lines" || fail "standard input differs"
try 0 run -m "$model" "${greedy[@]}" --requests "$tmp/in" --throughput && cmp -s "$tmp/out" "$tmp/lines" ||
    fail "--throughput changes standard output"
[ "$(grep -c 'tokens/s' "$tmp/err")" -eq 5 ] || fail "$last: $(cat "$tmp/err")"
cat >"$tmp/run.toml" <<TOML
command = "run"
[runtime]
requests = "$tmp/in"
[sampling]
temperature = 0
max_tokens = 12
[[models]]
model_id = "$model"
TOML
try 0 from-config -f "$tmp/run.toml" && cmp -s "$tmp/out" "$tmp/lines" || fail "a launch file differs"
: >"$tmp/empty"
try 0 run -m "$model" --requests "$tmp/empty" && silent out && silent err

# Stop strings: those of the request, else those of the command line.
stop=$(python3 -c 'import json, sys; print(json.dumps(next(c for c in open(sys.argv[1], encoding="utf-8").read()[3:] if c.isprintable())))' "$tmp/answer")
printf '{%s, "stop": %s}\n{%s, "stop": ["nowhere", %s]}\n{%s}\n{%s, "stop": []}\n' "$hello" "$stop" "$hello" "$stop" "$hello" "$hello" >"$tmp/in"
try 0 run -m "$model" "${greedy[@]}" --requests "$tmp/in" --stop "$(python3 -c 'import json, sys; print(json.loads(sys.argv[1]))' "$stop")"
answers 'a[0] == a[1] == a[2] and a[0]["finish_reason"] == "stop" and a[3]["content"] == expected'

# Markers that the tokenizer has as text are text of the answer, and those that are none are not.
mkdir "$tmp/markers" && cp "$model"/*.json "$model/model.safetensors" "$tmp/markers"
python3 - "$tmp/markers/tokenizer.json" <<'PYTHON'
import json, sys
t = json.load(open(sys.argv[1]))
for token in t["added_tokens"]:
    token["special"] = token["id"] < 3
json.dump(t, open(sys.argv[1], "w"))
PYTHON
for i in 1 2 3 4 5 6 7 8; do printf '{%s, "temperature": 2, "seed": %d}\n' "$hello" $i; done >"$tmp/in"
try 0 run -m "$tmp/markers" -n 200 --requests "$tmp/in"
answers 'any("<|assistant|>" in x["content"] for x in a) and not any("<s>" in x["content"] for x in a)'
try 0 run -m "$model" -n 200 --requests "$tmp/in"
answers 'not any("<|assistant|>" in x["content"] for x in a)'

# What is wrong with one line is its answer; the others go on.
python3 - "$tmp/in" "$hello" <<'PYTHON'
import sys
hello = sys.argv[2]
lines = [
    "{" + hello + "}",
    '{"id": "typo", ' + hello + ', "temprature": 1}',
    '{"id": "range", ' + hello + ', "temperature": 3}',
    '{"id": "type", ' + hello + ', "max_tokens": "many"}',
    '{"id": "large", ' + hello + ', "seed": 9007199254740993}',
    '{"id": "twice", ' + hello + ', "top_k": 1, "top_k": 2}',
    '{"id": "thinking", ' + hello + ', "enable_thinking": 1}',
    '{"id": "kwargs", ' + hello + ', "chat_template_kwargs": {"enable_thinkin": true}}',
    '{"id": "both", ' + hello + ', "enable_thinking": true, "chat_template_kwargs": {"enable_thinking": true}}',
    '{"id": "stop", ' + hello + ', "stop": ["a", ""]}',
    '{"id": "stream", ' + hello + ', "stream": true}',
    '{"id": "tools", ' + hello + ', "tools": {}}',
    '{"id": "none"}',
    '{"id": "empty", "messages": []}',
    '{"id": "role", "messages": ["Hello"]}',
    '{"id": {}, ' + hello + "}",
    '{"id": 9007199254740993, ' + hello + "}",
    '{"id": "broken", ' + hello,
    "{" + hello + "} {}",
    "[]",
    '{"id": "NUL", "messages": [{"role": "user", "content": "a\\u0000b"}]}',
    '{"id": "no NUL", "messages": [{"role": "user", "content": "a\\\\u0000b"}]}',
    '{"id": "full", "messages": [{"role": "user", "content": "' + "word " * 500 + '"}]}',
    '{"id": "not UTF-8", "messages": []}\xff',
    "[" * 5000,
    '{"id": "last", ' + hello + "}",
]
open(sys.argv[1], "wb").write(b"\n".join(line.encode("latin-1") for line in lines))
PYTHON
try 1 run -m "$model" "${greedy[@]}" --requests "$tmp/in"
says err "^bora: $tmp/in: 23 of 26 requests failed"
[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "$last: $(cat "$tmp/err")"
answers '[i for i, x in enumerate(a) if "error" not in x] == [0, 21, 25] and len(a) == 26'
answers 'a[0]["content"] == a[25]["content"] == expected'
answers "all(x['error'].startswith('$tmp/in:%d: ' % (i + 1)) for i, x in enumerate(a) if 'error' in x)"
answers 'all(list(x) == ["id", "error"] for x in a if "error" in x)'
for i in 1:typo:temprature 2:range:temperature 3:type:max_tokens 4:large:seed 5:twice:top_k 6:thinking:enable_thinking \
    7:kwargs:enable_thinkin 8:both:enable_thinking 9:stop:stop 10:stream:stream 11:tools:tools 12:none:messages 13:empty:messages \
    14:role:role 22:full:context; do
    IFS=: read -r at id word <<<"$i"
    answers "a[$at]['id'] == '$id' and '$word' in a[$at]['error']"
done
answers 'all(a[i]["id"] is None and a[i]["error"] for i in (15, 16, 17, 18, 19, 20, 23, 24))'

printf '{{ raise_exception("no: " ~ tools[0].name ~ messages[0].role) if tools else "Hi" }}' >"$tmp/t.jinja"
printf '{"id": 1, %s, "tools": [{"name": "get"}]}\n{"id": 2, %s}\n' "$hello" "$hello" >"$tmp/in"
try 1 run -m "$model" "${greedy[@]}" -c "$tmp/t.jinja" --requests "$tmp/in"
answers "a[0] == {'id': 1, 'error': '$tmp/in:1: no: getuser'} and a[1]['content']"

# A line without end is not read without end.
{ head -c 70000000 /dev/zero | tr '\0' x; printf '\n{%s}\n' "$hello"; } >"$tmp/in"
try 1 run -m "$model" "${greedy[@]}" --requests - <"$tmp/in"
answers 'len(a) == 2 and "longer than 64 MiB" in a[0]["error"] and a[1]["content"] == expected'

try 1 run -m "$model" --requests "$tmp/none" && silent out && says err 'none: No such file'
try 1 run -m "$model" --requests "$tmp" && silent out && says err 'directory'
for other in "-i x" "--raw" "--system x"; do
    # shellcheck disable=SC2086
    try 2 run -m "$model" --requests "$tmp/in" $other && silent out && says err 'exclude each other'
done
if [ -w /dev/full ]; then
    code=0
    printf '{%s}\n{%s}\n' "$hello" "$hello" | "$BORA" run -m "$model" "${greedy[@]}" --requests - 2>"$tmp/err" >/dev/full || code=$?
    last="bora run --requests >/dev/full"
    [ "$code" -eq 1 ] || fail "$last: exit code $code"
    says err '^bora: standard output: No space left'
fi
exit 0
