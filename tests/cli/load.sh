#!/usr/bin/env bash
# Many clients at once, in little memory, with guesses and without: every answer is that which its request gets alone. And
# a server that is told to end while it is busy finishes what it has begun.
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/serving.bash"
command -v python3 >/dev/null || skip "python3 is not there"

serve -m "$root/models/demo" --max-seqs 12 --pa-context-len 2048 --max-num-batched-tokens 64
python3 "$root/tools/load" "$url" --clients 16 --seconds 4 --requests 24 --words 120 || fail "$(tail -c 2000 "$tmp/log")"
stop_server

serve -m "$root/models/demo" --prompt-lookup --draft-model "$root/models/demo-draft" --prefix-cache-n 3
python3 "$root/tools/load" "$url" --clients 4 --seconds 3 --requests 12 --words 60 || fail "$(tail -c 2000 "$tmp/log")"

python3 "$root/tools/load" "$url" --clients 8 --seconds 30 --requests 8 --words 60 --tokens 64 --no-compare \
    >"$tmp/out" 2>"$tmp/err" &
load=$!
sleep 1
stop_server
grep -q 'ended early' "$tmp/err" && fail "an answer was cut: $(cat "$tmp/err")"
kill "$load" 2>/dev/null
wait "$load" 2>/dev/null
exit 0
