# A stranger with only the installed headers: builds four plugins outside the tree with one line each, drops them into a
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

"$bora" plugins --json --plugin "$work/plugins" >"$work/plugins.json"
for offer in sq4 leaky_relu echo abacus; do
    grep -q "\"$offer\"" "$work/plugins.json" || fail "bora plugins does not list $offer"
done

model=$BORA_FIXTURES/models/echo
tokens=$(cat "$model/tokens.txt")
logits() {
    out=$1
    shift
    "$bora" logits -m "$model" --plugin "$work/plugins" --tokens "$tokens" -o "$work/$out.npy" "$@" 2>"$work/$out.log" ||
        fail "bora logits $*: $(cat "$work/$out.log")"
}
cat >"$work/split.yml" <<'END'
0:
  device: abacus
END
logits cpu --device cpu
logits abacus --device abacus
logits split --topology "$work/split.yml"
logits steps --device abacus --chunk 1
logits sq4 --isq sq4
logits sq4_abacus --isq sq4 --device abacus
grep -q 'sq4 become' "$work/sq4_abacus.log" || fail "no line says what sq4 became on abacus: $(cat "$work/sq4_abacus.log")"

command -v python3 >/dev/null || exit 0
python3 - "$model/logits.npy" "$work" <<'END'
import struct, sys

def load(path):
    data = open(path, "rb").read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - start) // 4}f", data[start:])

def error(a, b):
    return (sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b)) ** 0.5

reference = load(sys.argv[1])
for name in ("cpu", "abacus", "split", "steps"):
    e = error(load(f"{sys.argv[2]}/{name}.npy"), reference)
    assert e < 1e-5, (name, e)
# Four bits keep about a tenth; the same blocks give the same numbers on both devices.
sq4, sq4_abacus = (load(f"{sys.argv[2]}/{name}.npy") for name in ("sq4", "sq4_abacus"))
assert 1e-4 < error(sq4, reference) < 0.3, error(sq4, reference)
assert error(sq4_abacus, sq4) < 1e-5, error(sq4_abacus, sq4)
END
