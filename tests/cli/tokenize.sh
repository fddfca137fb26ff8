#!/usr/bin/env bash
# bora tokenize: ids on a line, or with pieces, from an argument or standard input.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/tokenizers/llama2.gguf

try 0 tokenize -f "$model" "Hello there" && silent err && says out '^[0-9]+( [0-9]+)*$'
with=$(cat "$tmp/out")
[ "$(wc -l <"$tmp/out")" -eq 1 ] || fail "$last: not one line"
try 0 tokenize -f "$model" --no-special "Hello there"
without=$(cat "$tmp/out")
case $with in *"$without"*) ;; *) fail "\"$without\" is not part of \"$with\"" ;; esac
[ "$with" != "$without" ] || fail "--no-special changes nothing"

printf 'Hello there' >"$tmp/in"
try 0 tokenize -f "$model" <"$tmp/in" && [ "$(cat "$tmp/out")" = "$with" ] || fail "standard input differs: $(cat "$tmp/out")"
printf 'Hello there\n' >"$tmp/in"
try 0 tokenize -f "$model" <"$tmp/in" && [ "$(cat "$tmp/out")" != "$with" ] || fail "a line break was left out"

try 0 tokenize -f "$model" --pieces "Hello there
" && says out '^[0-9]+	.'
[ "$(cut -f 1 "$tmp/out" | tr '\n' ' ')" = "$("$BORA" tokenize -f "$model" "Hello there
") " ] || fail "--pieces has other ids"
try 0 tokenize -f "$model" --no-special "" && [ "$(cat "$tmp/out")" = "" ] || fail "empty text"

if command -v python3 >/dev/null; then
    try 0 tokenize -f "$model" --json --pieces "Hello there"
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["ids"] == [int(i) for i in sys.argv[2].split()] and len(d["pieces"]) == len(d["ids"]), d' "$tmp/out" "$with" ||
        fail "$last"
fi

# A folder needs no more than its tokenizer.json.
mkdir "$tmp/model" && cp "$BORA_FIXTURES/models/tiny-llama/tokenizer.json" "$tmp/model"
try 0 tokenize -m "$tmp/model" "Hello there" && says out '^[0-9]+( [0-9]+)*$'
try 0 tokenize -m "$tmp/model" -t "$BORA_FIXTURES/tokenizers/llama2.json" "Hello there" && [ "$(cat "$tmp/out")" = "$with" ] ||
    fail "$last: $(cat "$tmp/out"), expected $with"

# The vocabularies of real models give the ids that their authors' tokenizers give.
[ -d "$BORA_TEST_DATA/tokenizers" ] || exit 0
for vocabulary in "$BORA_TEST_DATA"/tokenizers/*.gguf; do
    awk -v RS='\n__ggml_vocab_test__\n' -v dir="$tmp" '{ printf "%s", $0 > (dir "/case" NR); close(dir "/case" NR) }' "$vocabulary.inp"
    n=0
    while IFS= read -r ids; do
        n=$((n + 1))
        [ $((n % 8)) -eq 1 ] || continue # the unit tests have all of them
        try 0 tokenize -f "$vocabulary" --no-special <"$tmp/case$n"
        [ "$(cat "$tmp/out")" = "$(echo $ids)" ] || fail "$vocabulary, case $n: $(cat "$tmp/out"), expected $ids"
    done <"$vocabulary.out"
done
