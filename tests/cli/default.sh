# The model that ships with bora answers as the reference implementation does, on every device and from a launch file.
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
answers "Who was Napoleon?" "I do not know that."
answers "Tell me a story about a cat." "Once upon a time there was a cat called Luna. One day Luna went to the garden and found a \
warm stone. Luna was very happy and slept on it until night. The end."
answers "Hello" "Hello! How can I help you?" --system "You are a helpful assistant."

said=$(echo "What does the dog say?" | "$BORA" from-config -f configs/demo.toml 2>/dev/null)
[ "$said" = "The dog says woof." ] || fail "from-config: \"$said\""
