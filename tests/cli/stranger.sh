# A stranger with only the installed headers: builds its plugins outside the tree with one line each, drops them into a
# folder, and runs a model through all of them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*" >&2
    exit 1
}

cmake --install "$BORA_BUILD" --prefix "$work/prefix" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name bora.pc)")
export PKG_CONFIG_PATH
bora=$work/prefix/bin/bora
mkdir "$work/src" "$work/plugins"
cp "$BORA_SOURCE"/tests/stranger/*.[ch] "$work/src"
cd "$work/src"
for source in *.c; do
    cc $(pkg-config --cflags bora) -Wall -Wextra -Werror -shared -fPIC -o "$work/plugins/${source%.c}.so" "$source"
done
cp "$BORA_SOURCE"/tests/stranger/*.toml "$work/plugins"

# The first example of docs/plugins.md, as it stands there.
awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$BORA_SOURCE/docs/plugins.md" >"$work/sq4.c"
cc $(pkg-config --cflags bora) -O2 -shared -fPIC -o "$work/sq4.so" "$work/sq4.c"
said=$("$bora" run -m "$BORA_SOURCE/models/demo" --plugin "$work/sq4.so" --isq sq4 -i "What is the capital of France?" 2>/dev/null)
[ "$said" = "The capital of France is Paris." ] || fail "docs/plugins.md: \"$said\""

# A program of one's own, by its own first lines. (What sanitizers say of it is not its affair.)
if ! grep -q 'fsanitize' "$BORA_BUILD/CMakeCache.txt"; then
    cc "$BORA_SOURCE/examples/ask.c" -o "$work/ask" $(pkg-config --cflags --libs bora)
    said=$(LD_LIBRARY_PATH=$(pkg-config --variable=libdir bora) "$work/ask" "$BORA_SOURCE/models/demo" "What is 2 + 3?")
    [ "$said" = "2 + 3 = 5." ] || fail "examples/ask.c: \"$said\""
fi

"$bora" plugins --json --plugin "$work/plugins" >"$work/plugins.json"
for offer in sq4 leaky_relu echo echo-declared abacus; do
    grep -q "\"$offer\"" "$work/plugins.json" || fail "bora plugins does not list $offer"
done

logits() { # model, name of the result, options
    model=$BORA_FIXTURES/models/$1
    tokens=$(cat "$model/tokens.txt")
    out=$2
    shift 2
    "$bora" logits -m "$model" --plugin "$work/plugins" --tokens "$tokens" -o "$work/$out.npy" "$@" 2>"$work/$out.log" ||
        fail "bora logits $*: $(cat "$work/$out.log")"
}
cat >"$work/split.yml" <<'END'
0:
  device: abacus
END
logits echo cpu --device cpu
logits echo abacus --device abacus
logits echo split --topology "$work/split.yml"
logits echo steps --device abacus --chunk 1
logits echo sq4 --isq sq4
logits echo sq4_abacus --isq sq4 --device abacus
# Declared, it calls the operation of another plugin by name: the same bits as in C.
logits echo declared --device cpu --arch echo-declared
cmp "$work/cpu.npy" "$work/declared.npy" || fail "echo.toml gives other logits than echo.c"
# A device that only multiplies: everything else of a whole model runs by the operations' references.
for model in plain window yarn tied-bias; do
    logits $model $model --device abacus --chunk 7
done
# The same architecture in C and as it is declared: the same bits.
for model in plain window yarn tied-bias plain.gguf llama3.gguf; do
    folder=${model%.gguf}
    for arch in llama llama-in-c; do
        "$bora" logits -m "$BORA_FIXTURES/models/$model" --plugin "$work/plugins" --arch $arch -o "$work/$arch.npy" \
            --tokens "$(cat "$BORA_FIXTURES/models/$folder/tokens.txt")" 2>"$work/log" || fail "$arch: $(cat "$work/log")"
    done
    cmp "$work/llama.npy" "$work/llama-in-c.npy" || fail "$model: the architecture in C gives other logits"
done
grep -q 'sq4 become' "$work/sq4_abacus.log" || fail "no line says what sq4 became on abacus: $(cat "$work/sq4_abacus.log")"

command -v python3 >/dev/null || exit 0
python3 - "$BORA_FIXTURES/models" "$work" <<'END'
import struct, sys

def load(path):
    data = open(path, "rb").read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - start) // 4}f", data[start:])

def error(a, b):
    return (sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b)) ** 0.5

for name in ("plain", "window", "yarn", "tied-bias"):
    e = error(load(f"{sys.argv[2]}/{name}.npy"), load(f"{sys.argv[1]}/{name}/logits.npy"))
    assert e < 1e-5, (name, e)
reference = load(f"{sys.argv[1]}/echo/logits.npy")
for name in ("cpu", "abacus", "split", "steps"):
    e = error(load(f"{sys.argv[2]}/{name}.npy"), reference)
    assert e < 1e-5, (name, e)
# Four bits keep about a tenth; the same blocks give the same numbers on both devices.
sq4, sq4_abacus = (load(f"{sys.argv[2]}/{name}.npy") for name in ("sq4", "sq4_abacus"))
assert 1e-4 < error(sq4, reference) < 0.3, error(sq4, reference)
assert error(sq4_abacus, sq4) < 1e-5, error(sq4_abacus, sq4)
END
