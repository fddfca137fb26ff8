#!/usr/bin/env bash
# The HTTP server under clients that vanish, stall, lie, flood and send garbage; with small handlers instead of models.
. "$(dirname "$0")/common.bash"
server=${BORA_BUILD:-$root/build}/tests/test_http_server
command -v python3 >/dev/null || skip "python3 is not there"
[ -x "$server" ] || skip "$server is not there"
python3 "$(dirname "$0")/http_faults.py" "$server" "$tmp" || fail "the server did not bear its clients"
