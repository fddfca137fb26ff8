#!/usr/bin/env bash
# What is wrong in the [chat] table of an architecture is said when it is read, with the line.
. "$(dirname "$0")/common.bash"
model=$BORA_FIXTURES/models/tiny-llama

# refused TEXT PATTERN: the architecture with this [chat] table is refused with that message.
refused() {
    { sed '/^\[chat\]/,/^\[graph\]/{/^\[graph\]/!d}' "$root/configs/arch/llama.toml"; printf '%b' "$1"; } >"$tmp/own.toml"
    try 1 run -m "$model" --arch "$tmp/own.toml" -i x && silent out && says err "own\.toml:[0-9]+:[0-9]+: $2"
}
refused '[chat]\nstops = []\n' 'there is no key "stops" here \(did you mean stop\?\)'
refused '[chat]\nstop = "x"\n' 'must be an array of strings'
refused '[chat]\nstop = [""]\n' 'must not be empty'
refused '[chat]\ntools = 1\n' 'must be an array of tables'
refused '[chat]\ntools = ["x"]\n' 'must be a table'
refused '[[chat.tools]]\nend = "x"\n' '"begin" is missing here'
refused '[[chat.tools]]\nbegin = ""\n' 'must not be empty'
refused '[[chat.tools]]\nbegin = "x"\nbare = 1\n' 'must be true or false'
refused '[[chat.tools]]\nbegin = "x"\nparameter_begin = "y"\n' '"parameter_name_end" is missing here'
refused '[[chat.thinking]]\nbegin = "x"\n' '"end" is missing here'
refused '[[chat.thinking]]\nbegin = "x"\nend = "y"\nanswer = "z"\n' 'must be an array of strings'
exit 0
