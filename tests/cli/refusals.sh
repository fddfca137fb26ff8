# Every plugin that cannot be taken is refused with one clear line, and the others load all the same.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*" >&2
    exit 1
}
build() { # name, then C on standard input
    cc -I"$BORA_SOURCE/core/include" -shared -fPIC -xc -o "$work/$1.so" -
}

echo "not code" >"$work/text.so"
printf '' >"$work/empty.so"
echo 'int nothing;' | build no_entry
build other_abi <<'END'
#include <bora/plugin.h>
static const bora_plugin plugin = { .abi = BORA_PLUGIN_ABI + 41, .name = "other", .version = "1" };
BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void) { return &plugin; }
END
build returns_nothing <<'END'
#include <bora/plugin.h>
BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void) { return NULL; }
END
build missing_symbol <<'END'
#include <bora/plugin.h>
void nowhere_to_be_found(void);
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "missing", .version = "1" };
BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void) { nowhere_to_be_found(); return &plugin; }
END
build half_a_table <<'END'
#include <bora/quant.h>
static const bora_quant half = { .name = "half", .block_elems = 0, .block_bytes = 4 };
static const bora_quant *const quants[] = { &half, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "half", .version = "1", .quants = quants };
BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void) { return &plugin; }
END
cc -I"$BORA_SOURCE/core/include" -shared -fPIC -o "$work/a_sq4.so" "$BORA_SOURCE/tests/stranger/sq4.c"
sed 's/\.name = "sq4", \.version/.name = "again", .version/' "$BORA_SOURCE/tests/stranger/sq4.c" | build twice
cc -I"$BORA_SOURCE/core/include" -shared -fPIC -o "$work/writable.so" "$BORA_SOURCE/tests/stranger/abacus.c"
chmod o+w "$work/writable.so"
mkdir "$work/open"
cc -I"$BORA_SOURCE/core/include" -shared -fPIC -o "$work/open/abacus.so" "$BORA_SOURCE/tests/stranger/abacus.c"
chmod o+w "$work/open"

"$BORA" plugins --plugin "$work" --plugin "$work/open" >"$work/list" 2>"$work/log" || fail "bora plugins failed: $(cat "$work/log")"
expect() {
    tr -s ' \n' '  ' <"$work/list" | grep -qF "$1" || fail "\"$1\" is not in: $(cat "$work/list")"
}
expect "is not a shared object"
expect "has no entry point (bora_plugin_entry)"
expect "was built for plugin ABI 47"
expect "its entry point returned nothing"
expect "undefined symbol: nowhere_to_be_found"
expect "offers a format \"half\" without"
expect "offers the format \"sq4\", which"
expect "others may write to the file"
expect "others may write to its folder"
grep -q 'a_sq4.so' "$work/list" || fail "the good plugin is not listed"
"$BORA" plugins --json --plugin "$work" 2>/dev/null >"$work/list.json"
if command -v python3 >/dev/null; then
    python3 -c '
import json, sys
plugins = json.load(open(sys.argv[1]))
plugins = plugins["plugins"] if isinstance(plugins, dict) else plugins
assert sum(1 for p in plugins if p.get("refusal")) == 9, [p.get("refusal") for p in plugins]
' "$work/list.json"
fi

# The order of the search: what --plugin names comes before BORA_PLUGIN_PATH, and the first to offer a name has it.
mkdir "$work/first" "$work/second"
cp "$work/a_sq4.so" "$work/first/"
cp "$work/a_sq4.so" "$work/second/"
BORA_PLUGIN_PATH=$work/gone:$work/second "$BORA" plugins >"$work/list" 2>"$work/log"
expect "$work/second/a_sq4.so formats sq4"
expect "refused $work/gone does not exist; BORA_PLUGIN_PATH names it"
BORA_PLUGIN_PATH=$work/second "$BORA" plugins --plugin "$work/first" >"$work/list" 2>/dev/null
expect "$work/first/a_sq4.so formats sq4"
expect "refused $work/second/a_sq4.so offers the plugin name \"sq4\", which $work/first/a_sq4.so offers already"

"$BORA" plugins --plugin "$work/nowhere.so" >/dev/null 2>"$work/log" && fail "a plugin that is not there is no error"
grep -q 'nowhere.so' "$work/log"
