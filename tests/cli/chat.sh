#!/usr/bin/env bash
# The interactive chat, driven through a pseudo-terminal.
. "$(dirname "$0")/common.bash"
command -v python3 >/dev/null || skip "python3 is not there"
python3 -c 'import pty; pty.openpty()' 2>/dev/null || skip "there are no pseudo-terminals"
python3 "$(dirname "$0")/chat.py" "$BORA" "$BORA_FIXTURES/models/tiny-llama" || fail "the chat"
