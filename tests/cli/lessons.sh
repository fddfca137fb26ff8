# The lessons of the demo model: the held-out questions are those that the lessons make, and none of them is trained.
set -eu
. "$(dirname "$0")/common.bash"
cd "$BORA_SOURCE/tools/demo-model"
export PYTHONDONTWRITEBYTECODE=1
python3 generate.py --held-out "$tmp/held-out.jsonl"
cmp "$tmp/held-out.jsonl" held-out.jsonl || fail "held-out.jsonl is not what generate.py --held-out writes"
python3 generate.py --prove 3000 >"$tmp/proof" || fail "$(cat "$tmp/proof")"
