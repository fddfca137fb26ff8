# What the test scripts of the command line share. BORA is the program, BORA_FIXTURES the folder tests/fixtures,
# BORA_TEST_DATA a folder of further real inputs or empty. A script that ends with 77 was skipped.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BORA:=$root/build/bin/bora}" "${BORA_FIXTURES:=$root/tests/fixtures}" "${BORA_TEST_DATA:=}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*" >&2
    exit 77
}

# try CODE ARGUMENT…: runs bora; standard output goes to $tmp/out, standard error to $tmp/err. The exit code has to be
# CODE.
try() {
    local want=$1 code=0
    shift
    "$BORA" "$@" >"$tmp/out" 2>"$tmp/err" || code=$?
    last="bora $*"
    [ "$code" -eq "$want" ] || fail "$last: exit code $code, expected $want: $(cat "$tmp/err")"
}

# says out|err PATTERN: what the last `try` printed matches the extended regular expression.
says() {
    grep -qE -- "$2" "$tmp/$1" || fail "$last: \"$2\" is not in $1: $(head -c 2000 "$tmp/$1")"
}

# silent out|err: the last `try` printed nothing there.
silent() {
    [ ! -s "$tmp/$1" ] || fail "$last: $1 is not empty: $(head -c 2000 "$tmp/$1")"
}
