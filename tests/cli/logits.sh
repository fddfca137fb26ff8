#!/usr/bin/env bash
# bora logits: the file, and numbers against the reference implementation's.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama
tokens=$(tr -s ' \n' ',' <"$model/tokens.txt" | sed 's/,$//')

try 0 logits -m "$model" --tokens "$tokens" -o "$tmp/all.npy" && silent out && silent err
ls "$tmp" | grep -q 'all.npy.' && fail "a temporary file is left"
try 0 logits -m "$model" --tokens "$tokens" --chunk 1 -o "$tmp/single.npy"
cmp -s "$tmp/all.npy" "$tmp/single.npy" || fail "token by token gives other numbers"
try 0 logits -m "$model" --tokens "$tokens" -o - && cmp -s "$tmp/out" "$tmp/all.npy" || fail "-o - differs"
[ "$(stat -c %a "$tmp/all.npy")" = "$(touch "$tmp/plain" && stat -c %a "$tmp/plain")" ] || fail "the file's mode"
try 0 logits -m "$model" --tokens 1 -o "$tmp/all2.npy" && ln -s all2.npy "$tmp/link.npy"
try 0 logits -m "$model" --tokens "$tokens" -o "$tmp/link.npy"
[ -L "$tmp/link.npy" ] && cmp -s "$tmp/all2.npy" "$tmp/all.npy" || fail "a link was replaced"
try 0 logits -m "$model" --tokens 1 -o /dev/null && [ -c /dev/null ] || fail "/dev/null was replaced"
try 0 logits -m "$model" --text "Hello" -o "$tmp/text.npy"

try 2 logits -m "$model" --tokens 1,100000 -o "$tmp/no.npy" && says err '100000.* [0-9]+ tokens'
try 2 logits -m "$model" --tokens 1,-1 -o "$tmp/no.npy" && says err '\-1'
try 2 logits -m "$model" --tokens 1,two -o "$tmp/no.npy" && says err '"two"'
try 2 logits -m "$model" --tokens 1,,2 -o "$tmp/no.npy"
try 2 logits -m "$model" --tokens 1 --text x -o "$tmp/no.npy" && says err 'exclude'
try 2 logits -m "$model" --tokens 1 && says err 'needs -o'
try 1 logits -m "$model" --tokens 1 -o "$tmp/no/such/folder.npy" && says err 'folder.npy'
try 1 logits -m "$model" --tokens 1 -o "$tmp" && says err 'directory'
[ ! -e "$tmp/no.npy" ] || fail "a failed command left a file"

try 0 logits -m "$model" --dtype f32 --round-activations --tokens 1 -o "$tmp/f32.npy" && says err 'changes nothing'

command -v python3 >/dev/null || skip "numbers are not compared: python3 is not there"
python3 - "$tmp/all.npy" "$model/logits.npy" "$(tr ',' '\n' <<<"$tokens" | wc -l)" <<'PYTHON' || fail "the numbers"
import ast, struct, sys
def load(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    n = struct.unpack("<H", data[8:10])[0]
    assert (n + 10) % 64 == 0 and data[n + 9] == 10
    head = ast.literal_eval(data[10 : n + 10].decode())
    assert head["descr"] == "<f4" and not head["fortran_order"], head
    rows, columns = head["shape"]
    assert len(data) == n + 10 + 4 * rows * columns
    return rows, columns, struct.unpack(f"<{rows * columns}f", data[n + 10 :])
rows, columns, ours = load(sys.argv[1])
_, _, theirs = load(sys.argv[2])
assert rows == int(sys.argv[3]) and len(theirs) == len(ours)
error = sum((a - b) ** 2 for a, b in zip(ours, theirs)) ** 0.5 / sum(b * b for b in theirs) ** 0.5
assert error < 1e-5, error  # what f32 arithmetic in another order may differ by
PYTHON
