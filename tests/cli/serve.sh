#!/usr/bin/env bash
# bora serve, by a client that has nothing but the standard library: every endpoint, whole and streamed, and what is
# wrong with a request.
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/serving.bash"
command -v python3 >/dev/null || skip "python3 is not there"
here=$(dirname "$0")
tiny=$BORA_FIXTURES/models/tiny-llama demo=$root/models/demo

# The answer is that of the terminal.
try 0 run -m "$tiny" --temperature 0 -n 12 -i "Hello there"
cp "$tmp/out" "$tmp/terminal"
try 0 run -m "$tiny" --temperature 0 -n 12 --raw -i "Once upon"
cp "$tmp/out" "$tmp/terminal-raw"

mkdir "$tmp/plain" && cp "$tiny"/*.json "$tiny/model.safetensors" "$tmp/plain"
cat >"$tmp/serve.toml" <<TOML
command = "serve"
default_model_id = "$tiny"
[server]
port = 0
max_loaded_models = 2
[[models]]
model_id = "$tiny"
[[models]]
model_id = "$demo"
alias = "assistant"
lazy_load = true
[[models]]
model_id = "$tmp/plain"
lazy_load = true
TOML
serve_file "$tmp/serve.toml"
grep -q '^bora: demo' "$tmp/log" && fail "a lazy model is loaded at start: $(cat "$tmp/log")"
python3 "$here/serve.py" "$url" "$tmp" || fail "$(tail -c 3000 "$tmp/log")"
for path in "$BORA_FIXTURES" "$root" "$tmp"; do
    grep -qF "$path" "$tmp/said" && fail "an answer names a path: $path"
done
stop_server

# A model that turns out not to be loadable is an error of those who ask for it, and of nobody else.
mkdir "$tmp/late" && cp "$tiny"/*.json "$tiny/model.safetensors" "$tmp/late"
cat >"$tmp/late.toml" <<TOML
command = "serve"
[server]
port = 0
lazy_load = true
max_loaded_models = 1
[[models]]
model_id = "$tiny"
[[models]]
model_id = "$tmp/late"
TOML
sed -i 's/^command.*/&\ndefault_model_id = "small"/; 0,/^model_id.*/s//&\nalias = "small"/' "$tmp/late.toml"
serve_file "$tmp/late.toml"
head -c 1000 "$tiny/model.safetensors" >"$tmp/late/model.safetensors"
python3 "$here/serve_models.py" "$url" "$tmp" "$tiny/model.safetensors" || fail "$(tail -c 3000 "$tmp/log")"
grep -q "late: $tmp/late/model.safetensors" "$tmp/log" || fail "the log does not say what is wrong with the model"
stop_server

# One model, by a name of one's own; no metrics; what is said is kept.
serve -m "$tiny" --alias mine --disable-metrics --log "$tmp/contents"
python3 - "$url" <<'PYTHON' || fail "one model"
import json, sys, urllib.error, urllib.request
get = lambda path: urllib.request.urlopen(sys.argv[1] + path, timeout=60)
assert [m["id"] for m in json.load(get("/v1/models"))["data"]] == ["mine"]
assert json.load(get("/v1/models/tiny-llama"))["id"] == "mine"
try:
    get("/metrics")
    assert False
except urllib.error.HTTPError as error:
    assert error.code == 404
for stream in ("false", "true"):
    body = '{"model": "mine", "messages": [{"role": "user",\n"content": "Hello \\"there\\""}], "max_tokens": 5, "temperature": 0, "stream": %s}'
    urllib.request.urlopen(sys.argv[1] + "/v1/chat/completions", (body % stream).encode(), timeout=60).read()
PYTHON
stop_server
python3 - "$tmp/contents" <<'PYTHON' || fail "the log of what is said: $(cat "$tmp/contents")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert len(lines) == 2 and lines[0]["answer"]["choices"] == lines[1]["answer"]["choices"]
assert all(x["time"] and x["id"] and x["request"]["messages"][0]["content"] == 'Hello "there"' for x in lines)
PYTHON
[ "$(stat -c %a "$tmp/contents")" = 600 ] || fail "others may read what was said"

# A model without a tokenizer has no text; it can say what its vectors are.
serve -m "$BORA_FIXTURES/models/plain"
python3 - "$url" <<'PYTHON' || fail "a model without a tokenizer: $(cat "$tmp/log")"
import json, sys, urllib.error, urllib.request
def send(path, body):
    try:
        return json.load(urllib.request.urlopen(sys.argv[1] + path, json.dumps(body).encode(), timeout=60))
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]
for path, body in (("chat/completions", {"messages": [{"role": "user", "content": "a"}]}), ("completions", {"prompt": "a"}),
                   ("completions", {"prompt": [1, 2]}), ("tokenize", {"prompt": "a"}), ("detokenize", {"tokens": [1]})):
    error = send("/v1/" + path, body)
    assert error["code"] in ("no_tokenizer", "no_chat_template") and "/" not in error["message"].replace("/v1/completions", ""), error
assert send("/v1/embeddings", {"input": [[1, 2], [3]]})["data"][1]["embedding"]
PYTHON
stop_server

# What is wrong ends it at once.
try 1 serve -p 0 -m "$tmp/none" && silent out && says err 'none'
printf '[[models]]\nmodel_id = "%s/"\n' "$tiny" >>"$tmp/serve.toml"
try 2 from-config -f "$tmp/serve.toml" && silent out && says err 'two models are called "tiny-llama"; give one of them an alias'
exit 0
