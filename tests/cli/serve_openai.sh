#!/usr/bin/env bash
# bora serve, by the official Python client: no special case on its side or on ours. The client comes from its package,
# once, into the folder of builds; BORA_OPENAI_PYTHON is a Python that has it already.
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/serving.bash"
here=$(dirname "$0") tiny=$BORA_FIXTURES/models/tiny-llama demo=$root/models/demo
venv=$root/build/openai-venv python=${BORA_OPENAI_PYTHON:-}

if [ -z "$python" ]; then
    python=$venv/bin/python
    if ! "$python" -c 'import openai' 2>/dev/null; then
        command -v python3 >/dev/null || skip "python3 is not there"
        rm -rf "$venv"
        { python3 -m venv "$venv" && timeout 240 "$python" -m pip install -q 'openai>=1.50'; } >"$tmp/pip" 2>&1 ||
            skip "the official client cannot be installed (python3-venv, or no network): $(tail -n 1 "$tmp/pip")"
    fi
fi
"$python" -c 'import openai' 2>/dev/null || skip "$python has no package openai"

try 0 run -m "$demo" --temperature 0 -i "What is the capital of France?"
cp "$tmp/out" "$tmp/terminal"
cat >"$tmp/serve.toml" <<TOML
command = "serve"
[server]
port = 0
api_keys = ["sk-test"]
[[models]]
model_id = "$demo"
alias = "demo"
[[models]]
model_id = "$tiny"
TOML
serve_file "$tmp/serve.toml"
"$python" "$here/serve_openai.py" "$url/v1" "$tmp" || fail "$(tail -c 3000 "$tmp/log")"
stop_server
exit 0
