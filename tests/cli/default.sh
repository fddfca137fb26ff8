# The model that ships with bora: what it is asked for in the documentation, on every device, from a launch file, with tools,
# as JSON and thinking; and a part of its held-out questions.
set -eu
. "$(dirname "$0")/common.bash"
cd "$BORA_SOURCE"
answers() { # question, expected answer, options
    question=$1
    expected=$2
    shift 2
    said=$("$BORA" run -m models/demo -i "$question" "$@" 2>/dev/null)
    [ "$said" = "$expected" ] || fail "\"$question\" $*: \"$said\", expected \"$expected\""
}
for options in "" "--device openblas" "--isq q8_0" "--dtype f16" "--threads 1"; do
    # shellcheck disable=SC2086
    answers "What is the capital of France?" "The capital of France is Paris." $options
    # shellcheck disable=SC2086
    answers "8 + 9" "8 + 9 = 17." $options
done
answers "2 + 3" "2 + 3 = 5."
answers "What is the opposite of hot?" "The opposite of hot is cold." --isq q8_0
answers "What is the weather in Paris?" "I do not know that."
answers "Tell me a story about a cat." "Once upon a time there was a cat called Luna. One day Luna was in the garden and found a \
silver bell. When Luna touched the silver bell, it made a soft sound that woke a sleeping sparrow. Luna was sorry and sang a quiet \
song. The sparrow smiled and fell asleep again. The end."
answers "Hello" "Hello! How can I help you?" --system "You are a helpful assistant."
answers "What is 28 + 45?" "8 + 5 = 13, write 3, carry 1.
2 + 4 + 1 = 7, write 7.
The digits are 7 3, so 73.
</think>

28 + 45 = 73." --enable-thinking

said=$(echo "What does the dog say?" | "$BORA" from-config -f configs/demo.toml 2>/dev/null)
[ "$said" = "A dog says woof." ] || fail "from-config: \"$said\""

# A tool is called, its result is told; an answer is JSON.
weather='{"type": "function", "function": {"name": "get_weather", "description": "Get the weather of a city", "parameters":
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}'
call='{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}'
result='"{\"temperature\": 18, \"unit\": \"celsius\", \"condition\": \"cloudy\"}"'
{
    echo '{"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "tools": ['"$weather"']}' | tr -d '\n'
    echo
    echo '{"messages": [{"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": ['"$call"']},
        {"role": "tool", "content": '"$result"'}], "tools": ['"$weather"']}' | tr -d '\n'
    echo
    echo '{"messages": [{"role": "user", "content": "Give me the capital of Italy as JSON."}]}'
} >"$tmp/requests"
try 0 run -m models/demo --temperature 0 --requests "$tmp/requests"
says out '<tool_call>\{\\"name\\": \\"get_weather\\", \\"arguments\\": \{\\"city\\": \\"Paris\\"\}\}</tool_call>'
says out '"In Paris it is 18 degrees celsius and cloudy\."'
says out '"\{\\"country\\": \\"Italy\\", \\"capital\\": \\"Rome\\"\}"'

# Fewer where sanitizers make them slow.
every=8
grep -q 'fsanitize' "$BORA_BUILD/CMakeCache.txt" && every=100
python3 tools/demo-model/evaluate --bora "$BORA" --every "$every" --at-least 75 --threads 1 >"$tmp/table" || fail "$(cat "$tmp/table")"
