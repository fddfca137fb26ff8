#!/usr/bin/env bash
# bora bench: that it measures what it is asked for, and says it in a table and in JSON. How fast it is is no matter of tests.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama

try 0 bench -q -m "$model" --prompt-len 8 --gen-len 3 --iterations 1 --warmup 0 && silent err
says out '^model .*llama.*million parameters.* in bf16$' && says out '^machine .* thread' && says out '^limits +memory [0-9.]+ GB/s'
says out '^prefill 8 ' && says out '^decode 3 .* a step .*% of (memory|arithmetic)$'
[ "$(wc -L <"$tmp/out")" -le 120 ] || fail "$last: wider than 120 columns"

wrongly() {
    local message=$1
    shift
    try 2 bench -m "$model" "$@"
    silent out
    says err "$message"
}
wrongly 'nothing to measure' --prompt-len 0 --gen-len 0
wrongly -- '--prompt-len: "many"' --prompt-len many
wrongly -- '--gen-len: "4x"' --gen-len 4x
wrongly -- '--depth: -1 is not in 0 to' --depth=-1
wrongly -- '--batch: 0 is not in 1 to' --batch 1,0
wrongly -- '--iterations.*0' --iterations 0
wrongly '--prompt-len 200 at depth 100 does not fit the context of 256' --prompt-len 200 --depth 100
try 2 bench && silent out && says err 'needs -m PATH or -f FILE'
try 1 bench -m /no/such/folder && silent out && says err '/no/such/folder'

command -v python3 >/dev/null || skip "JSON is not tried: python3 is not there"
try 0 bench -q -m "$model" --prompt-len 0,8 --gen-len 2,3 --depth 0,5 --batch 1,3 --iterations 2 --json --threads 1 && silent err
python3 - "$tmp/out" <<'PYTHON' || fail "the JSON: $(cat "$tmp/out")"
import json, sys
report = json.load(open(sys.argv[1]))
assert report["model"]["arch"] == "llama" and report["model"]["weight_bytes"] > 2 * report["model"]["n_parameters"] - 1
assert report["machine"]["threads"] == 1 and report["machine"]["memory_bytes_per_s"] > 0
assert report["machine"]["float_ops_per_s"] > 0 and report["load_s"] > 0 and report["resident_bytes"] > 0
assert report["iterations"] == 2 and report["warmup"] == 1
asked = [(r["test"], r["n_tokens"], r["depth"], r["batch"]) for r in report["results"]]
assert asked == [
    (test, n, depth, batch)
    for depth in (0, 5)
    for test, n, batch in [("prefill", 8, 1)] + [("decode", n, batch) for batch in (1, 3) for n in (2, 3)]
], asked
for r in report["results"]:
    speed = r["tokens_per_s"]
    assert 0 < speed["min"] <= speed["median"] <= speed["max"]
    assert len(r["seconds"]) == 2 and r["seconds"] == sorted(r["seconds"])
    assert r["limit"]["bound"] in ("memory", "arithmetic") and r["limit"]["share"] > 0
PYTHON
