#!/usr/bin/env bash
# Architectures that are declared in a file: named by --arch, added by --plugin, found by what a model's files say, and refused
# with the line where they are wrong.
. "$(dirname "$0")/common.bash"
models=$BORA_FIXTURES/models
tokens=$(cat "$models/plain/tokens.txt")
declared=$BORA_SOURCE/configs/arch/llama.toml
cd "$tmp" || exit 1

# logits FILE MODEL OPTION…
logits() {
    local out=$1 model=$2
    shift 2
    try 0 logits -m "$model" --tokens "$tokens" -o "$out" "$@"
}

# The example of docs/architectures.md, as it stands there.
awk '/^```toml$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$BORA_SOURCE/docs/architectures.md" >mine.toml
try 0 run -m "$BORA_SOURCE/models/demo" --arch mine.toml --temperature 0 -n 16 -i "What is the capital of France?"
[ "$(cat out)" = "The capital of France is Paris." ] || fail "docs/architectures.md: $(cat out)"

# A file of one's own, in another folder, gives what the one beside libbora gives.
mkdir elsewhere
sed 's/^name = .*/name = "own"/' "$declared" >elsewhere/own.toml
logits expected.npy "$models/plain"
logits own.npy "$models/plain" --arch elsewhere/own.toml
cmp -s own.npy expected.npy || fail "--arch FILE gives other numbers"
logits named.npy "$models/plain" --arch own --plugin elsewhere/own.toml
cmp -s named.npy expected.npy || fail "--plugin FILE --arch NAME gives other numbers"
try 1 logits -m "$models/plain" --arch own --tokens 1 -o no.npy && says err 'no plugin offers the architecture "own"'

# What is wrong with a file is said with its line.
sed 's/^v = linear(.*/v = lineal(h, "self_attn.v_proj")/' "$declared" >lineal.toml
sed 's/^v = linear(.*/v = linear(h, "self_attn.v_proj"/' "$declared" >bracket.toml
at=$(grep -n '^v = ' lineal.toml | cut -d: -f1)
try 1 logits -m "$models/plain" --arch ./lineal.toml --tokens 1 -o no.npy
says err "lineal.toml:$at: there is no operation or function \"lineal\" \(did you mean linear\?\)"
try 1 logits -m "$models/plain" --arch bracket.toml --tokens 1 -o no.npy && silent out
says err "bracket.toml:$((at + 1)): expected \"\)\" or \",\""
sed 's/"self_attn.v_proj"/"self_attn.w_proj"/' "$declared" >weight.toml
try 1 logits -m "$models/plain" --arch weight.toml --tokens 1 -o no.npy
says err "weight.toml:$at: the checkpoint has no tensor \"model.layers.0.self_attn.w_proj.weight\""
try 1 logits -m "$models/plain" --arch nowhere.toml --tokens 1 -o no.npy && says err 'nowhere.toml: .*(No such|no such|not)'
try 1 logits -m "$models/plain" --arch "$tmp" --tokens 1 -o no.npy && silent out
[ "$(wc -l <err)" -eq 1 ] || fail "$last: more than one line: $(cat err)"

# Among plugins a broken one is refused, and the rest goes on.
mkdir plugins
cp elsewhere/own.toml bracket.toml plugins
cp "$declared" plugins/twice.toml
try 0 plugins --plugin plugins
tr -s ' \n' '  ' <out >list && cp list out
says out 'own [0-9.]+ [^ ]*/plugins/own.toml architectures own'
says out "refused [^ ]*/plugins/bracket.toml bracket.toml:$((at + 1)): expected"
says out 'refused [^ ]*/plugins/bora/llama.toml|refused [^ ]*/llama.toml offers the plugin name "llama", which .*twice.toml offers already'
logits own.npy "$models/plain" --arch own --plugin plugins
cmp -s own.npy expected.npy || fail "--plugin FOLDER gives other numbers"
chmod o+w plugins/own.toml
try 0 plugins --plugin plugins/own.toml && says out 'others may write to the file'

# Which architecture: any of `architectures`, else model_type, else --arch. mixed NAME JSON: a model with that in config.json.
mixed() {
    mkdir "$1"
    cp "$models/plain"/model.safetensors "$1"
    sed -e '/^  "architectures": \[/,/^  \],/d' -e "s/^  \"model_type\": .*/  $2/" "$models/plain/config.json" >"$1/config.json"
}
mixed second '"architectures": ["NobodyKnows", 3, "LlamaForCausalLM"],'
mixed type '"architectures": ["NobodyKnows"], "model_type": "llama",'
mixed type_alone '"model_type": "llama",'
mixed none ''
mixed unknown '"architectures": ["NobodyKnows"], "model_type": "nobody",'
mixed odd '"architectures": "LlamaForCausalLM", "model_type": 3,'
for name in second type type_alone; do
    logits "$name.npy" "$name"
    cmp -s "$name.npy" expected.npy || fail "$name: other numbers"
done
for name in none unknown odd; do
    try 1 logits -m $name --tokens 1 -o no.npy
    says err 'declare it in a file for --arch FILE.toml \(docs/architectures.md\), or choose by --arch NAME \(there are: .*llama.*\)'
    logits "$name.npy" $name --arch llama
    cmp -s "$name.npy" expected.npy || fail "$name: other numbers"
done
try 1 logits -m none --tokens 1 -o no.npy && says err '^bora: none: its config.json names no architecture; '
try 1 logits -m unknown --tokens 1 -o no.npy && says err '^bora: unknown: no plugin offers the architecture "NobodyKnows"; '

# GGUF: general.architecture, and the parameters under its name.
LC_ALL=C sed -e 's/\(general\.architecture............\)llama/\1loama/' -e 's/llama\./loama./g' "$models/plain.gguf" >other.gguf
try 1 logits -f other.gguf --tokens 1 -o no.npy && says err 'other.gguf: no plugin offers the architecture "loama"; declare it'
sed -e 's/^name = .*/name = "loama"/' -e '/^\[gguf\]/,/^$/s/"llama"/"loama"/' "$declared" >loama.toml
logits other.npy other.gguf --plugin loama.toml
logits gguf.npy "$models/plain.gguf"
cmp -s other.npy gguf.npy || fail "GGUF: other numbers"

[ ! -e no.npy ] || fail "a refused model left a file"
