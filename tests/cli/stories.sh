#!/usr/bin/env bash
# A real trained model says what its authors published, on every device and split over two.
. "$(dirname "$0")/common.bash"
model=$BORA_TEST_DATA/stories260K.gguf
expected=$BORA_TEST_DATA/stories260K.expected.txt
[ -n "$BORA_TEST_DATA" ] && [ -f "$model" ] || skip "BORA_TEST_DATA has no stories260K.gguf"
tell=(run -f "$model" --raw --temperature 0 -n 200 -i "")

tells() {
    try 0 "$@" && silent err
    cmp "$tmp/out" "$expected" || fail "$last: $(cat "$tmp/out")"
}
tells "${tell[@]}"
tells "${tell[@]}" --device cpu
tells "${tell[@]}" --device cpu --threads 1
if "$BORA" plugins | grep -q '^openblas '; then
    tells "${tell[@]}" --device openblas
    printf '0-2:\n  device: cpu\n2-5:\n  device: openblas\n' >"$tmp/split.yml"
    tells "${tell[@]}" --topology "$tmp/split.yml"
fi

# A text that is continued keeps the space between its last word and the next.
try 0 run -f "$model" --raw --temperature 0 -n 6 -i "Once upon a time, there" && says out '^ was a'

first_sentence=$(grep -oE '^[^.]*\.' "$expected" | head -1)
try 0 "${tell[@]}" --isq q8_0
[ "$(head -c ${#first_sentence} "$tmp/out")" = "$first_sentence" ] || fail "$last: $(cat "$tmp/out")"

# The answer goes on where the context ends, and says so.
try 0 run -f "$model" --raw --temperature 0 -i "" --max-seq-len 64 && says err 'context of 64 tokens is full'
