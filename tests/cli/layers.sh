# The arrows of the house: core/ names no architecture, format or device; plugins and tools include public headers only; a
# lower floor does not include a higher one.
set -u
cd "$BORA_SOURCE" || exit 1
failed=0
complain() {
    printf '%s\n%s\n' "$1" "$2" >&2
    failed=1
}

names='llama|mistral|mixtral|gemma|qwen[0-9]?|phi-?[0-9]|starcoder[0-9]?|deepseek|granite|mamba|gptq|awq|hqq|bnb|afq|cuda|cublas|metal|vulkan|openblas|q[2-8]_[0-9k]|q[2-8]k|iq[1-4]_[a-z]+|bf16|f16'
hits=$(grep -rniwE "$names" core --include='*.c' --include='*.h' | grep -v '^core/text/')
# Whatever stands behind these names, a number or an ending, they are names.
hits=$hits$(grep -rniE '\b(llama|mistral|mixtral|gemma|qwen|starcoder|deepseek|gptq|awq|cuda|cublas)' core --include='*.c' --include='*.h' |
    grep -v '^core/text/')
[ -z "$hits" ] || complain "core/ names an architecture, a format or a device:" "$hits"

hits=$(grep -rnE '^ *# *include *"' plugins tools --include='*.c' --include='*.h' | while IFS=: read -r file line text; do
    header=$(printf '%s' "$text" | sed -E 's/.*"([^"]*)".*/\1/')
    [ -f "$(dirname "$file")/$header" ] || { [[ $file == tools/bora/* ]] && [ -f "tools/bora/$header" ]; } || printf '%s:%s:%s\n' "$file" "$line" "$text"
done)
[ -z "$hits" ] || complain "a plugin or a tool includes what is not public:" "$hits"
hits=$(grep -rn '#include <bora/' plugins tools tests/stranger --include='*.c' --include='*.h' |
    while IFS= read -r hit; do
        header=$(printf '%s' "$hit" | sed -E 's/.*<(bora\/[^>]*)>.*/\1/')
        [ -f "core/include/$header" ] || printf '%s\n' "$hit"
    done)
[ -z "$hits" ] || complain "a public header that is not there:" "$hits"

# floor: the floors it may include
check_floor() {
    floor=$1
    allowed=$2
    hits=$(grep -rnE '^#include "' "core/$floor" --include='*.c' --include='*.h' |
        grep -vE "#include \"($floor|$allowed)/")
    [ -z "$hits" ] || complain "core/$floor includes from above (it may: $allowed):" "$hits"
}
check_floor base base
check_floor config base
check_floor plugin base
check_floor graph 'base|plugin'
check_floor arch 'base|config|plugin|graph'
check_floor checkpoint base
check_floor text base
check_floor model 'base|config|plugin|graph|arch|checkpoint|text'
check_floor engine 'base|config|plugin|graph|arch|checkpoint|text|model'

for file in configs/arch/*.toml; do
    lines=$(wc -l <"$file")
    [ "$lines" -lt 150 ] || complain "$file has $lines lines" "it must stay under 150"
    hits=$(grep -niE 'device|quant|adapter|lora[^_]|cache|cpu|gpu' "$file")
    [ -z "$hits" ] || complain "$file speaks of what is decided outside it:" "$hits"
done
exit $failed
