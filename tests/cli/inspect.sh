#!/usr/bin/env bash
# bora inspect and bora plugins, for people and for programs.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models

try 0 inspect "$model/plain.gguf" && silent err
says out '^gguf, 21 tensors, 48,624 parameters, 189\.9 KiB$'
says out '^  general\.architecture  +llama$'
says out '^  token_embd\.weight  +f32  \[96, 48\]  +18\.0 KiB$'
says out '^  all +21 tensors +48,624 parameters +189\.9 KiB$'
[ "$(wc -L <"$tmp/out")" -le 100 ] || fail "$last: wider than 100 columns"
try 0 inspect "$BORA_FIXTURES/checkpoints/split" && says out '^gguf, '
try 0 inspect "$BORA_FIXTURES/checkpoints/sharded" && says out '^safetensors, '
try 0 plugins && silent err && says out '^ggml ' && says out 'q4_k' && says out 'architectures +llama'
printf 'not a plugin' >"$tmp/broken.so"
try 0 plugins --plugin "$tmp/broken.so" && says out "^refused  $tmp/broken.so"

command -v python3 >/dev/null || skip "JSON is not tried: python3 is not there"

# A GGUF file with names that would like to write on the terminal.
python3 - "$tmp/hostile.gguf" <<'PYTHON'
import struct, sys
def text(b): return struct.pack("<Q", len(b)) + b
meta = text(b"evil\x1b[2Jkey") + struct.pack("<I", 8) + text(b"line\nbreak \xe2\x80\xae bell\x07 \"quoted\"")
meta += text(b"numbers") + struct.pack("<IIQ", 9, 5, 1000) + struct.pack("<1000i", *range(-500, 500))
meta += text(b"big") + struct.pack("<Iq", 11, -(2**63))
info = text(b"w\x1b]0;title\x07") + struct.pack("<IQIQ", 1, 4, 0, 0)
head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + meta + info
open(sys.argv[1], "wb").write(head + b"\0" * (-len(head) % 32) + struct.pack("<4f", 1, 2, 3, 4) + b"\0" * 16)
PYTHON
try 0 inspect "$tmp/hostile.gguf" && silent err
says out '^  evil\\x1b\[2Jkey +line\\nbreak \\u202e bell\\x07'
says out '1,000 ints: -500, -499, .*…$'
LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" "$tmp/out" && fail "control characters in the output"

try 0 inspect --json "$tmp/hostile.gguf" && silent err
python3 - "$tmp/out" <<'PYTHON' || fail "$last"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["container"] == "gguf" and d["n_tensors"] == 1 and d["n_parameters"] == 4 and d["size_bytes"] == 16, d
assert d["metadata"]["evil\x1b[2Jkey"] == 'line\nbreak \u202e bell\x07 "quoted"', d
assert d["metadata"]["numbers"] == {"array_of": "int", "count": 1000, "first": list(range(-500, -492))}, d
assert d["metadata"]["big"] == -(2**63), d
(t,) = d["tensors"]
assert (t["name"], t["format"], t["shape"], t["size_bytes"]) == ("w\x1b]0;title\x07", "f32", [4], 16), t
assert open(t["file"], "rb").read()[t["file_offset"] :][:16] == b"\0\0\x80?\0\0\0@\0\0@@\0\0\x80@", t
assert d["formats"] == [{"name": "f32", "n_tensors": 1, "n_parameters": 4, "size_bytes": 16}], d
PYTHON

try 0 plugins --json --plugin "$tmp/broken.so" && silent err
python3 - "$tmp/out" "$tmp/broken.so" <<'PYTHON' || fail "$last"
import json, sys
d = json.load(open(sys.argv[1]))
by_name = {p.get("name"): p for p in d["plugins"] if p["loaded"]}
assert "llama" in by_name["llama"]["architectures"] and "q4_k" in by_name["ggml"]["formats"], d
assert {"name": "cpu", "devices": 1} in by_name["cpu"]["backends"], d
assert any(k["op"] == "linear" and k["backend"] == "cpu" for k in by_name["cpu"]["kernels"]), d
assert [p["path"] for p in d["plugins"] if not p["loaded"] and p["refusal"]] == [sys.argv[2]], d
PYTHON
