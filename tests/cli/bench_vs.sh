#!/usr/bin/env bash
# tools/bench-vs: its files are read by bora, its table has what was asked for, and peers are run in turn.
. "$(dirname "$0")/common.bash"
command -v python3 >/dev/null || skip "python3 is not there"
vs=$root/tools/bench-vs

"$vs" --help >"$tmp/out" && grep -q -- '--peer' "$tmp/out" || fail "--help"

ordinary() {
    python3 - "$tmp/$1.npy" <<'PYTHON' || fail "$1: the logits are not numbers of an ordinary size"
import struct, sys
data = open(sys.argv[1], "rb").read()
logits = struct.unpack(f"<{3 * 300}f", data[-3 * 300 * 4 :])
assert max(map(abs, logits)) < 100 and max(logits) - min(logits) > 0.01  # NaN fails both
PYTHON
}

shape=(--layers 1 --width 256 --feed-forward 256 --heads 4 --kv-heads 2 --vocab 300)
for format in f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k_s q4_k_m q5_k_s q6_k; do
    "$vs" "${shape[@]}" --format $format --write "$tmp/model.gguf" 2>/dev/null || fail "--format $format"
    try 0 logits -f "$tmp/model.gguf" --tokens 1,2,3 -o "$tmp/$format.npy" && silent err
    ordinary "$format"
done
shape=(--layers 4 --width 256 --feed-forward 512 --heads 4 --kv-heads 2 --vocab 300)
"$vs" "${shape[@]}" --format q4_k_m --write "$tmp/mix.gguf" 2>/dev/null
try 0 inspect "$tmp/mix.gguf" && says out 'blk\.0\.ffn_down\.weight +q4_k' && says out 'blk\.3\.ffn_down\.weight +q6_k' &&
    says out 'output\.weight +q6_k'
"$vs" "${shape[@]}" --format q4_k_m --pure --write "$tmp/pure.gguf" 2>/dev/null
try 0 inspect "$tmp/pure.gguf" && says out 'output\.weight +q4_k'
try 0 tokenize -f "$tmp/mix.gguf" "a"
"$vs" "${shape[@]}" --experts 6 --experts-used 2 --format q4_k_m --write "$tmp/experts.gguf" 2>/dev/null
try 0 inspect "$tmp/experts.gguf" && says out 'blk\.1\.ffn_up_exps\.weight +q4_k +\[6, 512, 256\]'
try 0 logits -f "$tmp/experts.gguf" --tokens 1,2,3 -o "$tmp/experts.npy" && silent err
ordinary experts

# A peer, as llama-bench answers.
cat >"$tmp/peer" <<'PEER'
#!/usr/bin/env bash
echo "$*" >>"$(dirname "$0")/peer.log"
echo '[{"n_prompt": 4, "n_gen": 0, "avg_ts": 0.001}, {"n_prompt": 0, "n_gen": 2, "avg_ts": 0.002}]'
PEER
chmod +x "$tmp/peer"
shape=(--layers 1 --width 256 --feed-forward 256 --heads 4 --kv-heads 2 --vocab 300)
"$vs" "${shape[@]}" --format q8_0 --bora "$BORA" --threads 1 --prompt-len 4 --gen-len 2 --rounds 2 \
    --peer "other=$tmp/peer -x 1" >"$tmp/out" 2>"$tmp/err" || fail "bench-vs: $(cat "$tmp/err")"
grep -qE '^\| shape \| format \| threads \| test \| bora \| other \| bora / best peer \| of the limit \|$' "$tmp/out" || fail "the head: $(cat "$tmp/out")"
grep -qE '^\| own \| q8_0 \| 1 \| prefill 4 \| [0-9.]+ \| 0\.00 \| [0-9.]+ \| [0-9]+% \|$' "$tmp/out" || fail "a row: $(cat "$tmp/out")"
[ "$(wc -l <"$tmp/out")" -eq 4 ] && [ "$(wc -l <"$tmp/peer.log")" -eq 2 ] || fail "rows or runs: $(cat "$tmp/out" "$tmp/peer.log")"
grep -q -- '^-x 1 -m .*q8_0.*gguf -t 1 -r 1 -o json -p 4 -n 2$' "$tmp/peer.log" || fail "the peer's arguments: $(cat "$tmp/peer.log")"
"$vs" "${shape[@]}" --bora "$BORA" --threads 1 --prompt-len 4 --gen-len 2 --rounds 2 --json --peer "a=$tmp/peer" \
    --peer "b=$tmp/peer" 2>/dev/null | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert len(rows) == 2
for r in rows:
    ours, best = r["rounds"]["bora"], max(r["rounds"]["a"][0], r["rounds"]["b"][0])
    assert len(ours) == 3 and len(r["rounds"]["a"]) == len(r["rounds"]["b"]) == 2
    expected = [(ours[i] + ours[i + 1]) / 2 / best for i in range(2)]
    assert all(abs(a / b - 1) < 1e-9 for a, b in zip(r["ratios"], expected)) and len(r["ratios"]) == 2
    assert abs(r["ratio"] / (sum(expected) / 2) - 1) < 1e-9
' || fail "the ratios"
"$vs" "${shape[@]}" --bora "$BORA" --threads 1 --prompt-len 4 --gen-len 2 --rounds 1 --json 2>/dev/null |
    python3 -c 'import json, sys; r = json.load(sys.stdin); assert len(r) == 2 and r[0]["tokens_per_s"]["bora"] > 0 and r[0]["ratio"] is None' ||
    fail "--json"

"$vs" "${shape[@]}" --format bf16 --bora "$BORA --round-activations" --threads 1 --prompt-len 4 --gen-len 2 --rounds 1 \
    >"$tmp/out" 2>&1 || fail "options of bora: $(cat "$tmp/out")"
"$vs" "${shape[@]}" --bora "$BORA --no-such-option" --threads 1 --rounds 1 >"$tmp/out" 2>&1 &&
    fail "options of bora are not passed on"
grep -q -- no-such-option "$tmp/out" || fail "options of bora: $(cat "$tmp/out")"

for words in "--shape 9b" "--format q9" "--layers 2" "--peer x" "--rounds 0" "--heads 3" "--experts 2" \
    "--experts-used 2 ${shape[*]}" "${shape[*]} --experts 2 --experts-used 3"; do
    "$vs" --bora "$BORA" $words >"$tmp/out" 2>"$tmp/err" && fail "$words is accepted"
    [ ! -s "$tmp/out" ] && ! grep -q Traceback "$tmp/err" || fail "$words: $(cat "$tmp/err")"
done
exit 0
