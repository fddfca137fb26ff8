#!/usr/bin/env bash
# Help, versions, and being asked wrongly: exit code 2, a line that names what is wrong, nothing on standard output.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama

for words in --help -h help; do
    try 0 "$words" && says out '^Usage: bora COMMAND' && silent err
done
try 2 && silent out && says err '^Usage: bora COMMAND'
for words in --version -V "run --version"; do
    try 0 $words && says out '^bora [0-9]+\.[0-9]+\.[0-9]+$' && silent err
done
for command in run serve from-config inspect tokenize logits bench plugins; do
    try 0 help "$command" && silent err
    cp "$tmp/out" "$tmp/help"
    try 0 "$command" --help && says out "^Usage: bora $command" && cmp -s "$tmp/out" "$tmp/help" ||
        fail "bora help $command and bora $command --help differ"
done

# wrongly MESSAGE ARGUMENT…
wrongly() {
    local message=$1
    shift
    try 2 "$@"
    silent out
    says err "$message"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "$last: more than one line: $(cat "$tmp/err")"
}
wrongly '^bora: .*"rnu".*did you mean run' rnu
wrongly '"rnu"' help rnu
wrongly 'one command' help run serve
wrongly 'a command comes first' -v run
wrongly 'needs -m PATH or -f FILE' run gguf
wrongly 'needs -m PATH or -f FILE' tokenize x
wrongly 'needs -f FILE' from-config
wrongly -- '--temprature.*did you mean --temperature' run -m "$model" --temprature 1 -i x
wrongly -- '--temperature.*0 to 2.*"warm"' run -m "$model" --temperature warm -i x
wrongly -- '--temperature.*0 to 2.*"3"' run -m "$model" --temperature 3 -i x
wrongly -- '-n' run -m "$model" -n -1 -i x
wrongly 'exclude' run -m "$model" --raw --system x -i x
wrongly 'MODEL_TYPE' run txet -m "$model" -i x
wrongly 'selector file' run toml -m "$model"
wrongly 'standard input is empty' run -m "$model" </dev/null

# It was asked rightly, and failed: 1.
try 1 run -m /no/such/folder -i x && silent out && says err '^bora: /no/such/folder'
try 1 inspect /no/such/file && silent out && says err '^bora: /no/such/file'
try 1 run -m "$model" --plugin /no/such/plugin.so -i x && silent out && says err '/no/such/plugin.so'
try 1 serve -p 0 -m /no/such/folder && silent out && says err '/no/such/folder'
try 1 run -m "$BORA_FIXTURES/models/plain" -i x && silent out && says err 'no chat template.*--raw.*--chat-template'
