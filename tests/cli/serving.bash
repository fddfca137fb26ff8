# What the test scripts of `bora serve` share, on top of common.bash.

# serve ARGUMENT…: starts a server on a free port and waits until it is ready: $server is its process, $url where it is,
# $tmp/log what it says.
serve() {
    : >"$tmp/log"
    "$BORA" serve -p 0 "$@" 2>>"$tmp/log" >"$tmp/served" &
    server=$!
    trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
    wait_ready
}

# serve_file FILE: the same with a launch file.
serve_file() {
    : >"$tmp/log"
    "$BORA" from-config -f "$1" 2>>"$tmp/log" >"$tmp/served" &
    server=$!
    trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
    wait_ready
}

wait_ready() {
    local i
    for ((i = 0; i < 600; i++)); do
        url=$(sed -n 's/^bora: ready: //p' "$tmp/log")
        [ -z "$url" ] || return 0
        kill -0 "$server" 2>/dev/null || fail "the server ended: $(cat "$tmp/log")"
        sleep 0.1
    done
    fail "the server is not ready: $(cat "$tmp/log")"
}

# stop_server: asks it to end; it has to, with 0, and without a word on standard output.
stop_server() {
    local code=0
    kill -TERM "$server"
    wait "$server" || code=$?
    trap 'rm -rf "$tmp"' EXIT
    [ "$code" -eq 0 ] || fail "the server ended with $code: $(tail -c 2000 "$tmp/log")"
    [ ! -s "$tmp/served" ] || fail "standard output: $(cat "$tmp/served")"
}
