#!/usr/bin/env bash
# bora from-config and selector files do what the same options do on the command line.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama

try 0 run -m "$model" -i "Hello there" --temperature 0 -n 12
cp "$tmp/out" "$tmp/answer"
cat >"$tmp/run.toml" <<TOML
command = "run"
[runtime]
prompt = "Hello there"
[sampling]
temperature = 0
max_tokens = 12
[[models]]
model_id = "$model"
TOML
try 0 from-config -f "$tmp/run.toml" && silent err && cmp -s "$tmp/out" "$tmp/answer" || fail "$last: another answer"
printf '[[models]]\nmodel_id = "/no/such/folder"\n' >>"$tmp/run.toml"
try 2 from-config -f "$tmp/run.toml" && silent out && says err 'run.toml:[0-9]+:[0-9]+: .*one model'

printf '[model]\nkind = "plain"\nmodel_id = "%s"\n' "$model" >"$tmp/selector.toml"
try 0 run toml -f "$tmp/selector.toml" -i "Hello there" --temperature 0 -n 12 && cmp -s "$tmp/out" "$tmp/answer" ||
    fail "$last: another answer"

printf 'command = "run"\n[runtime]\nprmpt = "x"\n[[models]]\nmodel_id = "%s"\n' "$model" >"$tmp/typo.toml"
try 2 from-config -f "$tmp/typo.toml" && silent out && says err 'typo.toml:3:1: .*prompt'
printf 'command = \n' >"$tmp/broken.toml"
try 1 from-config -f "$tmp/broken.toml" && silent out && says err 'broken.toml:1:'
try 1 from-config -f "$tmp/none.toml" && silent out && says err 'none.toml'

# serve looks at the files of all models before it loads one.
printf 'command = "serve"\n[[models]]\nmodel_id = "%s"\n' "$model" >"$tmp/serve.toml"
printf '[[models]]\nmodel_id = "/no/such/folder"\n' >>"$tmp/serve.toml"
try 1 from-config -f "$tmp/serve.toml" && silent out && says err '/no/such/folder'
mkdir "$tmp/half" && cp "$model/tokenizer.json" "$model/config.json" "$tmp/half"
head -c 1000 "$model/model.safetensors" >"$tmp/half/model.safetensors"
printf 'command = "serve"\n[[models]]\nmodel_id = "%s"\n' "$tmp/half" >"$tmp/serve.toml"
try 1 from-config -f "$tmp/serve.toml" && silent out && says err 'half/model.safetensors'
