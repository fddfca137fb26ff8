#!/usr/bin/env bash
# The model that ships with bora: found by its name wherever bora lies, and offered where no model is named. (chat.py has the
# offer at a terminal.)
. "$(dirname "$0")/common.bash"
cd "$tmp" || exit 1 # no folder ./demo here
greedy=(--temperature 0 -n 8 -i "What is the capital of France?")

try 0 run -m "$BORA_SOURCE/models/demo" "${greedy[@]}" && silent err
cp out answer
try 0 run -m demo "${greedy[@]}" && silent err && cmp -s out answer || fail "-m demo is another model"
try 0 tokenize -m demo "Hello there" && silent err && says out '^[0-9]+( [0-9]+)*$'
printf 'command = "run"\n[runtime]\nprompt = "What is the capital of France?"\n' >run.toml
printf '[sampling]\ntemperature = 0\nmax_tokens = 8\n[[models]]\nmodel_id = "demo"\n' >>run.toml
try 0 from-config -f run.toml && cmp -s out answer || fail "demo in a launch file is another model"
printf '[model]\nkind = "plain"\nmodel_id = "demo"\n' >selector.toml
try 0 run toml -f selector.toml "${greedy[@]}" && cmp -s out answer || fail "demo in a selector file is another model"

# Without a terminal nobody is asked.
for input in /dev/null answer; do
    try 2 run <"$input" && silent out
    says err '^bora: no model was named; `bora run -m demo` .*bora run -m FOLDER .*bora run -f FILE.gguf$'
    [ "$(wc -l <err)" -eq 1 ] || fail "$last: more than one line: $(cat err)"
done

# A folder of this name goes before it.
mkdir demo
try 1 run -m demo "${greedy[@]}" && silent out && says err 'demo'
rmdir demo
try 1 run -m demo2 "${greedy[@]}" && silent out && says err '^bora: demo2: there is no such'

# Every prefix has its own, and without it nothing is offered.
cmake --install "$BORA_BUILD" --prefix "$tmp/prefix" >/dev/null || fail "cmake --install"
BORA=$tmp/prefix/bin/bora
try 0 run -m demo "${greedy[@]}" -v && cmp -s out answer || fail "another answer after the installation"
mv prefix moved
BORA=$tmp/moved/bin/bora
try 0 run -m demo "${greedy[@]}" && cmp -s out answer || fail "another answer after a move"
rm -r moved/share/bora/models
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$BORA_BUILD/CMakeCache.txt")
[ ! -d "$prefix/share/bora/models" ] || skip "there is a bora in $prefix, which has the model"
try 2 run && silent out && says err '^bora: `bora run` needs -m PATH or -f FILE \(see `bora run --help`\)$'
try 1 run -m demo "${greedy[@]}" && silent out && says err '^bora: demo: there is no such'
