/* The table of commands: what each is called, says of itself and cannot do without. */
#include "config/options.h"

#include <string.h>

#include "base/nearest.h"

#define NEEDS_MODEL "model-id quantized-file"

static const bora_command commands[] = {
    { .name = "run",
      .bit = COMMAND_RUN,
      .usage = "[MODEL_TYPE] [-m PATH | -f FILE] [OPTION…]",
      .summary = "chat with a model, or answer prompts",
      .description =
          "Loads a model and chats with it in the terminal. With -i it answers one prompt and exits, with --requests "
          "those of a file; with --raw it completes a text without a chat template. The answer goes to standard output "
          "and nothing else does. In the chat, \\help lists the commands, and Ctrl-C stops an answer. Where no model "
          "is named, it offers the small one that ships with bora.",
      .examples = { "Chat with the model in a folder", "bora run -m ./model", "Chat with a GGUF file",
                    "bora run -f ./model.gguf", "One answer", "bora run -f ./model.gguf -i \"Why is the sky blue?\"",
                    "Complete a text, always with the likeliest token",
                    "bora run -f ./model.gguf --raw --temperature 0 -n 200 -i \"Once upon a time\"" } },
    { .name = "serve",
      .bit = COMMAND_SERVE,
      .usage = "[MODEL_TYPE] (-m PATH | -f FILE) [OPTION…]",
      .summary = "answer requests over HTTP",
      .description =
          "Loads a model and answers requests over HTTP as OpenAI's servers do: chat, completions, embeddings, whole "
          "or streamed, for many at once. It listens on this machine alone unless --host says otherwise; what is "
          "reachable from elsewhere should ask for keys (--api-keys-file). /docs says what can be asked. SIGTERM ends "
          "it once what runs is answered.",
      .examples = { "Serve the small model that ships with bora", "bora serve -m demo",
                    "Serve a GGUF file under a name of one's own, on another port",
                    "bora serve -f ./model.gguf --alias assistant -p 8080", "Several models, from a file",
                    "bora from-config -f ./launch.toml" },
      .needs = { NEEDS_MODEL } },
    { .name = "from-config",
      .bit = COMMAND_FROM_CONFIG,
      .usage = "-f FILE [OPTION…]",
      .summary = "do what a launch file says",
      .description = "Reads a launch file (TOML), which names a command, its options and one or more models, and does "
                     "it. Relative paths in the file are relative to the current folder.",
      .examples = { "Run what the file says", "bora from-config -f ./launch.toml" },
      .needs = { "file" } },
    { .name = "inspect",
      .bit = COMMAND_INSPECT,
      .usage = "FILE|DIR [OPTION…]",
      .summary = "show what a checkpoint holds",
      .description = "Prints the metadata of a checkpoint and, for each tensor, its name, format, shape and size. It "
                     "reads the headers of the files and none of the weights.",
      .examples = { "A GGUF file", "bora inspect ./model.gguf", "A folder, for a program to read",
                    "bora inspect ./model --json" },
      .needs = { "path" } },
    { .name = "tokenize",
      .bit = COMMAND_TOKENIZE,
      .usage = "(-m PATH | -f FILE) [TEXT] [OPTION…]",
      .summary = "turn text into token ids",
      .description = "Prints the ids of the tokens of TEXT, or of standard input where no TEXT is given.",
      .examples = { "Ids and pieces of a text", "bora tokenize -f ./model.gguf --pieces \"Hello, world\"",
                    "A file, without the tokens that the model adds",
                    "bora tokenize -m ./model --no-special < ./text.txt" },
      .needs = { NEEDS_MODEL } },
    { .name = "logits",
      .bit = COMMAND_LOGITS,
      .usage = "(-m PATH | -f FILE) (--tokens IDS | --text TEXT) -o FILE.npy [OPTION…]",
      .summary = "write a model's logits to a file",
      .description = "Feeds tokens to a model and writes the logits after each of them as a NumPy file, float32 "
                     "[n_tokens, n_vocab].",
      .examples = { "Three tokens", "bora logits -f ./model.gguf --tokens 1,2,3 -o ./logits.npy",
                    "The same, fed one by one",
                    "bora logits -f ./model.gguf --tokens 1,2,3 --chunk 1 -o ./logits.npy" },
      .needs = { NEEDS_MODEL, "tokens text", "output" } },
    { .name = "bench",
      .bit = COMMAND_BENCH,
      .usage = "[MODEL_TYPE] (-m PATH | -f FILE) [OPTION…]",
      .summary = "measure how fast a model runs",
      .description = "Reads prompts and generates tokens, random ones, and prints tokens per second: the median, the "
                     "least and the most of several iterations, and the median as a share of what the machine's memory "
                     "and arithmetic, measured before and after, permit. Of several lengths, depths and batch sizes it "
                     "measures each with each.",
      .examples = { "A prompt of 512 tokens, and 128 generated ones", "bora bench -f ./model.gguf",
                    "Generation for 1, 8 and 32 sequences at once, behind 4096 tokens",
                    "bora bench -f ./model.gguf --prompt-len 0 --batch 1,8,32 --depth 4096", "For a program to read",
                    "bora bench -m ./model --isq 4 --json" },
      .needs = { NEEDS_MODEL } },
    { .name = "plugins",
      .bit = COMMAND_PLUGINS,
      .usage = "[OPTION…]",
      .summary = "list the plugins that were found",
      .description = "Lists every plugin that was found: from where, which version, and the architectures, number "
                     "formats, devices, operations and kernels that it offers; or why it was refused.",
      .examples = { "What is there", "bora plugins", "With a plugin of one's own",
                    "bora plugins --plugin ./my_plugin.so" } },
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

const bora_command *bora_commands(size_t *n)
{
    *n = N_COMMANDS;
    return commands;
}

const bora_command *bora_command_find(const char *name, bora_error *err)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    const char *near = nearest_name(name, names, N_COMMANDS);
    bora_fail(err, BORA_USAGE, "there is no command \"%.60s\"%s%s%s (see `bora --help`)", name,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return NULL;
}
