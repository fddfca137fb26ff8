#!/usr/bin/env bash
# bora run with one prompt: where it comes from, what is printed and where.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama
greedy=(--temperature 0 -n 12)

# The same prompt from -i and from standard input, whose last line break does not count, gives the same answer.
try 0 run -m "$model" "${greedy[@]}" -i "Hello there" && silent err
cp "$tmp/out" "$tmp/answer"
[ -s "$tmp/answer" ] && [ "$(tail -c 1 "$tmp/answer" | od -An -tx1)" = " 0a" ] || fail "an answer does not end its line"
printf 'Hello there\n' >"$tmp/prompt"
try 0 run -m "$model" "${greedy[@]}" <"$tmp/prompt" && cmp -s "$tmp/out" "$tmp/answer" || fail "-i and stdin differ"
printf 'Hello there\n\n' >"$tmp/prompt"
try 0 run -m "$model" "${greedy[@]}" <"$tmp/prompt"
cmp -s "$tmp/out" "$tmp/answer" && fail "only the last line break may be left out"

# A system message and another template change the prompt.
try 0 run -m "$model" "${greedy[@]}" --system "Be brief." -i "Hello there"
cmp -s "$tmp/out" "$tmp/answer" && fail "--system changes nothing"
printf '{%% for m in messages %%}[{{ m.role }}|{{ m.content }}]{%% endfor %%}{{ raise_exception("it was " ~ messages | map(attribute="content") | join("+")) }}' >"$tmp/t.jinja"
try 2 run -m "$model" -c "$tmp/t.jinja" --system S -i P && silent out && says err 'it was S\+P'

# Bytes that are no UTF-8, and NULs, are no reason to fail.
printf 'a\xff\x00b\xe2\x82' >"$tmp/prompt"
try 0 run -m "$model" "${greedy[@]}" <"$tmp/prompt" && silent err
try 0 run -m "$model" "${greedy[@]}" --raw <"$tmp/prompt" && silent err

# Everything that is said about an answer is on standard error.
try 0 run -m "$model" "${greedy[@]}" -i "Hello there" --throughput -v && cmp -s "$tmp/out" "$tmp/answer" ||
    fail "--throughput or -v changes standard output"
says err 'tokens/s'
grep -q $'\x1b' "$tmp/err" && fail "colours in a file"
try 0 run -m "$model" -i "Hello there" --max-seq-len 32 --temperature 0 && says err 'the context of 32 tokens is full'
try 0 run -m "$model" -i "Hello there" --max-seq-len 32 --temperature 0 -q
try 1 run -m "$model" -i "$(printf 'word %.0s' {1..200})" --max-seq-len 32 && silent out && says err '32'

# Output that does not arrive is a failure; a reader who had enough is not told about it.
if [ -w /dev/full ]; then
    code=0
    "$BORA" run -m "$model" "${greedy[@]}" -i x 2>"$tmp/err" >/dev/full || code=$?
    last="bora run >/dev/full"
    [ "$code" -eq 1 ] || fail "$last: exit code $code"
    says err 'standard output: No space left'
fi
: >"$tmp/err"
{ "$BORA" inspect "$model" 2>"$tmp/err"; echo $? >"$tmp/code"; } | true
last="bora inspect | true"
silent err

# Stop strings end an answer and are not part of it.
try 0 run -m "$model" --raw --temperature 0 -n 12 -i "Hello there"
cp "$tmp/out" "$tmp/answer"
stop=$(tail -c +4 "$tmp/answer" | LC_ALL=C grep -aoE '[[:print:]]' | head -1)
if [ -n "$stop" ]; then
    try 0 run -m "$model" --raw --temperature 0 -n 12 -i "Hello there" --stop "$stop"
    LC_ALL=C grep -qaF -- "$stop" "$tmp/out" && fail "the stop string $stop was printed"
    cmp -s -n "$(stat -c %s "$tmp/out")" "$tmp/out" "$tmp/answer" || fail "a stop string changes what is before it"
fi
exit 0
