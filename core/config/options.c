/* The table of options: the one place where an option exists.
 *
 * Everything else in this folder reads it. An entry says where the option can be written (long and short name, keys of
 * the TOML files), what may be written (type, range, choices), what happens if nothing is, and which commands care. The
 * order is the order of the help and of the reference page. To add an option, add an entry. */
#include "config/options.h"

#include <math.h>
#include <string.h>

#define ALL_COMMANDS                                                                                                   \
    (COMMAND_RUN | COMMAND_SERVE | COMMAND_FROM_CONFIG | COMMAND_INSPECT | COMMAND_TOKENIZE | COMMAND_LOGITS |         \
     COMMAND_BENCH | COMMAND_PLUGINS)
#define NAMES_MODEL (COMMAND_RUN | COMMAND_SERVE | COMMAND_TOKENIZE | COMMAND_LOGITS | COMMAND_BENCH)
#define RUNS_MODEL (COMMAND_RUN | COMMAND_SERVE | COMMAND_LOGITS | COMMAND_BENCH)
#define GENERATES (COMMAND_RUN | COMMAND_SERVE)

static const char launch[] = "Launch file", input[] = "Input", model[] = "Model", quantization[] = "Quantization",
                  placement[] = "Placement", chat[] = "Prompt and chat", sampling[] = "Sampling", server[] = "Server",
                  scheduling[] = "Cache and scheduling", adapters[] = "Adapters", multimodal[] = "Images, video, audio",
                  tools[] = "Tools and agents", sandbox[] = "Sandbox", measurement[] = "Measurement",
                  output[] = "Output", general[] = "General";

/* An entry is a few lines that are read as one. */
/* clang-format off */
static const bora_option options[] = {
    /* ---- what a launch file says about itself */
    { .name = "command", .toml_only = true, .type = BORA_OPTION_CHOICE, .choices = "run serve", .toml = "command",
      .commands = GENERATES, .group = launch, .help = "what to do with the file" },
    { .name = "default-model-id", .toml_only = true, .type = BORA_OPTION_STRING, .value_name = "ID",
      .toml = "default_model_id", .default_note = "the first model", .commands = COMMAND_SERVE, .group = launch,
      .help = "the model that answers requests which name none: the model_id or the alias of one of [[models]]" },

    /* ---- what is read, besides a model */
    { .name = "path", .positional = COMMAND_INSPECT, .type = BORA_OPTION_PATH, .value_name = "FILE|DIR",
      .commands = COMMAND_INSPECT, .group = input, .help = "checkpoint file, or folder with a model" },
    { .name = "text", .positional = COMMAND_TOKENIZE, .type = BORA_OPTION_STRING, .value_name = "TEXT",
      .excludes = "tokens", .commands = COMMAND_TOKENIZE | COMMAND_LOGITS, .group = input, .help = "text to tokenize" },
    { .name = "file", .short_name = 'f', .type = BORA_OPTION_PATH, .value_name = "FILE",
      .commands = COMMAND_FROM_CONFIG, .group = input, .help = "launch file (TOML)" },
    { .name = "tokens", .separator = ',', .type = BORA_OPTION_LIST, .value_name = "ID,ID,…", .commands = COMMAND_LOGITS,
      .group = input, .help = "token ids to feed to the model" },
    { .name = "chunk", .type = BORA_OPTION_INT, .value_name = "N", .min = 0, .max = INT32_MAX, .default_text = "0",
      .default_note = "all at once", .commands = COMMAND_LOGITS, .group = input,
      .help = "feed the tokens in chunks of N; 1 is token by token" },

    /* ---- which model */
    { .name = "model-type", .positional = GENERATES | COMMAND_BENCH, .type = BORA_OPTION_CHOICE, .value_name = "MODEL_TYPE",
      .choices = "auto text plain gguf toml", .later_choices = "ggml vision multimodal diffusion speech embedding",
      .default_text = "auto", .toml = "models.kind", .commands = GENERATES | COMMAND_BENCH, .group = model,
      .help = "kind of model; `plain` and `gguf` also fix the file format, `toml` makes -f a selector file" },
    { .name = "model-id", .short_name = 'm', .type = BORA_OPTION_PATH, .value_name = "PATH", .toml = "models.model_id",
      .selector = "plain:model_id gguf:quantized_model_id", .commands = NAMES_MODEL, .group = model,
      .help = "folder (or file) of the model; with -f, the folder in which its files are; where there is no folder demo, "
              "`-m demo` is the small model that ships with bora" },
    { .name = "quantized-file", .aliases = "quantized-filename", .short_name = 'f', .separator = ';',
      .type = BORA_OPTION_LIST, .value_name = "FILE", .toml = "models.format.quantized_file",
      .selector = "gguf:quantized_filename", .commands = NAMES_MODEL, .group = model,
      .help = "GGUF file; several parts are separated by semicolons" },
    { .name = "format", .type = BORA_OPTION_CHOICE, .choices = "plain gguf", .later_choices = "ggml",
      .value_name = "FORMAT", .default_note = "detected", .toml = "models.format.format", .commands = NAMES_MODEL,
      .group = model, .help = "file format of the model: `plain` is safetensors" },
    { .name = "arch", .short_name = 'a', .type = BORA_OPTION_STRING, .value_name = "NAME",
      .default_note = "what the model's files say", .toml = "models.arch", .selector = "plain:arch",
      .commands = RUNS_MODEL, .group = model,
      .help = "architecture, by a name that `bora plugins` lists, or a file that declares one" },
    { .name = "dtype", .type = BORA_OPTION_STRING, .value_name = "NAME", .default_text = "auto", .toml = "models.dtype",
      .selector = "*:dtype", .commands = RUNS_MODEL, .group = model,
      .help = "number format of the weights that are not quantized; `auto` follows the model" },
    { .name = "tokenizer", .short_name = 't', .type = BORA_OPTION_PATH, .value_name = "FILE",
      .default_note = "the model's own", .toml = "models.tokenizer", .selector = ":tokenizer_json *:tokenizer_json",
      .commands = NAMES_MODEL, .group = model, .help = "tokenizer.json to use" },
    { .name = "tok-model-id", .type = BORA_OPTION_PATH, .value_name = "PATH", .toml = "models.format.tok_model_id",
      .selector = "gguf:tok_model_id", .default_note = "the model's own", .commands = NAMES_MODEL, .group = model,
      .help = "folder from which to take tokenizer and chat template of a quantized model" },
    { .name = "gqa", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = 1024, .value_name = "N",
      .default_text = "1", .toml = "models.format.gqa", .selector = "ggml:gqa", .commands = RUNS_MODEL, .group = model,
      .help = "heads that share one key head, in GGML files" },
    { .name = "mmproj", .separator = ';', .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "models.format.mmproj", .selector = "gguf:mmproj_filename", .commands = GENERATES, .group = model,
      .help = "GGUF file of the multimodal projector" },
    { .name = "hf-cache", .type = BORA_OPTION_PATH, .status = BORA_OPTION_INERT, .value_name = "DIR",
      .toml = "models.device.hf_cache", .selector = "*:hf_cache_path", .commands = RUNS_MODEL, .group = model,
      .help = "folder of the hub's cache" },
    { .name = "token-source", .type = BORA_OPTION_STRING, .status = BORA_OPTION_INERT, .value_name = "SOURCE",
      .default_text = "cache", .toml = "global.token_source", .commands = GENERATES, .group = model,
      .help = "where the hub's token is: cache, none, literal:TOKEN, env:NAME or path:FILE" },
    { .name = "matformer-config-path", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "runtime.matformer_config_path models.matformer_config_path", .selector = "gguf:matformer_config_path",
      .commands = GENERATES, .group = model, .help = "slices of a nested model" },
    { .name = "matformer-slice-name", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "NAME",
      .toml = "runtime.matformer_slice_name models.matformer_slice_name", .selector = "gguf:matformer_slice_name",
      .commands = GENERATES, .group = model, .help = "slice of a nested model to load" },
    { .name = "alias", .aliases = "served-model-name", .type = BORA_OPTION_STRING, .value_name = "ID",
      .toml = "models.alias", .default_note = "the model's id, or the name of its file or folder",
      .commands = COMMAND_SERVE, .group = model, .help = "name by which requests call the model" },
    { .name = "lazy-load", .type = BORA_OPTION_FLAG, .toml = "server.lazy_load models.lazy_load",
      .commands = COMMAND_SERVE, .group = model, .help = "load the model when it is first asked for" },
    { .name = "max-loaded-models", .type = BORA_OPTION_INT, .min = 0, .max = 256, .value_name = "N",
      .toml = "server.max_loaded_models", .default_text = "0", .default_note = "as many as there is memory for",
      .commands = COMMAND_SERVE, .group = model,
      .help = "models in memory at a time; for another one, that which was not used for longest goes" },

    /* ---- in which numbers */
    { .name = "isq", .aliases = "in-situ-quant quant", .type = BORA_OPTION_STRING, .value_name = "FORMAT",
      .default_note = "weights stay as stored", .excludes = "from-uqff",
      .toml = "models.quantization.isq models.quantization.in_situ_quant models.quantization.quant",
      .commands = RUNS_MODEL, .group = quantization,
      .help = "quantize the weights while loading: a format's name as `bora plugins` lists it, or a number of bits" },
    { .name = "isq-organization", .type = BORA_OPTION_CHOICE, .status = BORA_OPTION_LATER, .choices = "default moqe",
      .value_name = "WHICH", .default_text = "default", .toml = "models.quantization.isq_organization",
      .selector = "*:organization", .commands = RUNS_MODEL, .group = quantization,
      .help = "which weights --isq takes" },
    { .name = "from-uqff", .separator = ';', .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER,
      .value_name = "FILE", .toml = "models.quantization.from_uqff", .selector = "plain:from_uqff",
      .commands = RUNS_MODEL, .group = quantization, .help = "load weights that were quantized before" },
    { .name = "write-uqff", .toml_only = true, .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER,
      .value_name = "FILE", .selector = "*:write_uqff", .commands = RUNS_MODEL, .group = quantization,
      .help = "write the quantized weights" },
    { .name = "imatrix", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .excludes = "calibration-file", .toml = "models.quantization.imatrix", .selector = "*:imatrix",
      .commands = RUNS_MODEL, .group = quantization, .help = "importance of the weights, for better quantization" },
    { .name = "calibration-file", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "models.quantization.calibration_file", .selector = "*:calibration_file", .commands = RUNS_MODEL,
      .group = quantization, .help = "text from which to collect that importance" },

    { .name = "exact", .type = BORA_OPTION_FLAG, .toml = "models.quantization.exact", .commands = RUNS_MODEL,
      .group = quantization,
      .help = "keep activations whole where they would be rounded to 8 bits to meet quantized weights; slower" },
    { .name = "round-activations", .type = BORA_OPTION_FLAG, .excludes = "exact",
      .toml = "models.quantization.round_activations", .commands = RUNS_MODEL, .group = quantization,
      .help = "let activations be rounded to 16 bits to meet weights that are not quantized, where that is faster" },
    { .name = "no-pack", .type = BORA_OPTION_FLAG, .toml = "models.quantization.no_pack", .commands = RUNS_MODEL,
      .group = quantization,
      .help = "compute with quantized weights where they lie in the file: starts at once, generates slower" },

    /* ---- where it runs */
    { .name = "device", .type = BORA_OPTION_STRING, .value_name = "NAME", .default_note = "the best that is there",
      .toml = "models.device.device", .commands = RUNS_MODEL, .group = placement,
      .help = "compute device: a backend's name as `bora plugins` lists it, with [N] for its N-th device" },
    { .name = "cpu", .type = BORA_OPTION_FLAG, .excludes = "device", .toml = "models.device.cpu",
      .commands = RUNS_MODEL, .group = placement, .help = "compute on the host processor only" },
    { .name = "topology", .type = BORA_OPTION_PATH, .value_name = "FILE", .toml = "models.device.topology",
      .selector = "*:topology", .commands = RUNS_MODEL, .group = placement,
      .help = "topology file (YAML): device and number format of single layers and weights" },
    { .name = "device-layers", .separator = ';', .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER,
      .value_name = "ORD:NUM;…", .toml = "models.device.device_layers", .commands = RUNS_MODEL, .group = placement,
      .help = "number of layers on each device (-n is --max-tokens here)" },
    { .name = "threads", .type = BORA_OPTION_INT, .min = 0, .max = 4096, .value_name = "N", .default_text = "0",
      .default_note = "one a core", .toml = "runtime.threads", .commands = RUNS_MODEL, .group = placement,
      .help = "threads that compute on the host processor; 0: one a core, and no more than a container's CPU quota" },
    { .name = "max-seq-len", .type = BORA_OPTION_INT, .min = 0, .max = INT32_MAX, .value_name = "N",
      .default_text = "0", .default_note = "the model's own limit", .toml = "models.device.max_seq_len",
      .selector = "*:max_seq_len", .commands = RUNS_MODEL, .group = placement,
      .help = "context limit: tokens of prompt and answer together" },
    { .name = "max-batch-size", .type = BORA_OPTION_INT, .status = BORA_OPTION_INERT, .min = 1, .max = INFINITY,
      .value_name = "N", .default_text = "1", .toml = "models.device.max_batch_size", .selector = "*:max_batch_size",
      .commands = RUNS_MODEL, .group = placement, .help = "batch size for which automatic placement makes room" },

    /* ---- what is said */
    { .name = "prompt", .aliases = "input", .short_name = 'i', .type = BORA_OPTION_STRING, .value_name = "TEXT",
      .default_note = "an interactive chat", .toml = "runtime.prompt", .commands = COMMAND_RUN, .group = chat,
      .help = "answer this one prompt and exit" },
    { .name = "requests", .type = BORA_OPTION_PATH, .value_name = "FILE", .excludes = "prompt raw system",
      .toml = "runtime.requests", .commands = COMMAND_RUN, .group = chat,
      .help = "answer the conversations of a file (- is standard input): each line a chat completion request in JSON, "
              "each answer a line of JSON" },
    { .name = "raw", .type = BORA_OPTION_FLAG, .excludes = "system chat-template jinja-explicit", .toml = "runtime.raw",
      .commands = COMMAND_RUN, .group = chat, .help = "complete the text as it is, without a chat template" },
    { .name = "system", .type = BORA_OPTION_STRING, .value_name = "TEXT", .toml = "runtime.system",
      .commands = COMMAND_RUN, .group = chat, .help = "system message at the start of the chat" },
    { .name = "chat-template", .short_name = 'c', .type = BORA_OPTION_PATH, .value_name = "FILE",
      .default_note = "the model's own", .toml = "runtime.chat_template models.chat_template", .commands = GENERATES,
      .group = chat, .help = "chat template: a .jinja file, or a .json file that holds one" },
    { .name = "jinja-explicit", .short_name = 'j', .type = BORA_OPTION_PATH, .value_name = "FILE",
      .toml = "runtime.jinja_explicit models.jinja_explicit", .commands = GENERATES, .group = chat,
      .help = "Jinja chat template that goes before any other" },
    { .name = "enable-thinking", .aliases = "thinking", .type = BORA_OPTION_FLAG, .toml = "enable_thinking thinking",
      .default_note = "as the chat template does", .commands = COMMAND_RUN, .group = chat,
      .help = "let models that can think before they answer; =false forbids it" },
    { .name = "reasoning-effort", .type = BORA_OPTION_CHOICE, .status = BORA_OPTION_LATER, .value_name = "HOW",
      .choices = "off none low medium high xhigh", .toml = "reasoning_effort", .commands = COMMAND_RUN, .group = chat,
      .help = "how much to think" },
    { .name = "stop", .type = BORA_OPTION_LIST, .value_name = "TEXT", .toml = "sampling.stop", .commands = COMMAND_RUN,
      .group = chat, .help = "end the answer before this text; may be repeated" },
    { .name = "max-tokens", .short_name = 'n', .type = BORA_OPTION_INT, .min = 0, .max = INT32_MAX, .value_name = "N",
      .default_text = "0", .default_note = "until the model ends or the context is full", .toml = "sampling.max_tokens",
      .commands = COMMAND_RUN, .group = chat, .help = "end the answer after N tokens" },
    { .name = "throughput", .type = BORA_OPTION_FLAG, .toml = "runtime.throughput", .commands = COMMAND_RUN,
      .group = chat, .help = "print tokens per second after each answer, on standard error" },

    /* ---- how the next token is chosen */
    { .name = "seed", .type = BORA_OPTION_INT, .min = 0, .max = INFINITY, .value_name = "N",
      .default_note = "different each time", .toml = "global.seed", .commands = GENERATES, .group = sampling,
      .help = "the same seed draws the same tokens" },
    { .name = "temperature", .type = BORA_OPTION_FLOAT, .min = 0, .max = 2, .value_name = "X",
      .default_note = "the model's own, else 1", .default_text = "1", .toml = "sampling.temperature",
      .commands = COMMAND_RUN, .group = sampling, .help = "0 always takes the likeliest token; higher is bolder" },
    { .name = "top-k", .aliases = "topk", .type = BORA_OPTION_INT, .min = 0, .max = INT32_MAX, .value_name = "N",
      .default_text = "0", .default_note = "the model's own, else 0", .toml = "sampling.top_k", .commands = COMMAND_RUN,
      .group = sampling, .help = "choose among the N likeliest tokens; 0 for all" },
    { .name = "top-p", .aliases = "topp", .type = BORA_OPTION_FLOAT, .min = 0, .max = 1, .value_name = "X",
      .default_note = "the model's own, else 1", .default_text = "1", .toml = "sampling.top_p", .commands = COMMAND_RUN,
      .group = sampling, .help = "choose among the likeliest tokens that together have probability X" },
    { .name = "min-p", .type = BORA_OPTION_FLOAT, .min = 0, .max = 1, .value_name = "X",
      .default_note = "the model's own, else 0", .default_text = "0", .toml = "sampling.min_p", .commands = COMMAND_RUN,
      .group = sampling, .help = "drop tokens less likely than X times the likeliest" },
    { .name = "repetition-penalty", .type = BORA_OPTION_FLOAT, .min = 0.01, .max = 100, .value_name = "X",
      .default_note = "the model's own, else 1", .default_text = "1", .toml = "sampling.repetition_penalty",
      .commands = COMMAND_RUN, .group = sampling, .help = "above 1, tokens of the text so far become less likely" },
    { .name = "presence-penalty", .type = BORA_OPTION_FLOAT, .min = -2, .max = 2, .value_name = "X",
      .default_text = "0", .toml = "sampling.presence_penalty", .commands = COMMAND_RUN, .group = sampling,
      .help = "taken from the logit of each token that the answer has already" },
    { .name = "frequency-penalty", .type = BORA_OPTION_FLOAT, .min = -2, .max = 2, .value_name = "X",
      .default_text = "0", .toml = "sampling.frequency_penalty", .commands = COMMAND_RUN, .group = sampling,
      .help = "the same, times how often the answer has it" },
    { .name = "repeat-last-n", .type = BORA_OPTION_INT, .min = 0, .max = INT32_MAX, .value_name = "N",
      .default_text = "0", .default_note = "all", .toml = "sampling.repeat_last_n", .commands = COMMAND_RUN,
      .group = sampling, .help = "the last tokens on which these penalties look back" },

    /* ---- the HTTP server */
    { .name = "port", .short_name = 'p', .type = BORA_OPTION_INT, .min = 0, .max = 65535, .value_name = "PORT",
      .default_text = "1234", .toml = "server.port", .commands = COMMAND_SERVE, .group = server,
      .help = "TCP port; 0 takes a free one" },
    { .name = "host", .type = BORA_OPTION_STRING, .value_name = "HOST", .default_text = "127.0.0.1",
      .toml = "server.host", .commands = COMMAND_SERVE, .group = server,
      .help = "address to listen on, or unix:PATH; 0.0.0.0 and :: are reachable from the whole network" },
    { .name = "tls-cert", .type = BORA_OPTION_PATH, .value_name = "FILE", .toml = "server.tls_cert",
      .commands = COMMAND_SERVE, .group = server, .help = "certificate (PEM, with those between it and its root): "
      "serve HTTPS" },
    { .name = "tls-key", .type = BORA_OPTION_PATH, .value_name = "FILE", .toml = "server.tls_key",
      .commands = COMMAND_SERVE, .group = server, .help = "private key of the certificate (PEM)" },
    { .name = "api-key", .type = BORA_OPTION_LIST, .value_name = "KEY", .toml = "server.api_key server.api_keys",
      .commands = COMMAND_SERVE, .group = server, .help = "answer only who gives this key; may be repeated; others on "
      "this machine can see a command line: prefer a file" },
    { .name = "api-keys-file", .type = BORA_OPTION_PATH, .value_name = "FILE", .toml = "server.api_keys_file",
      .commands = COMMAND_SERVE, .group = server,
      .help = "such keys, one a line: `KEY` or `NAME KEY`, # begins a comment; read again on SIGHUP" },
    { .name = "cors-origin", .type = BORA_OPTION_LIST, .value_name = "ORIGIN", .toml = "server.cors_origins",
      .default_note = "none", .commands = COMMAND_SERVE, .group = server,
      .help = "web pages of this origin (https://chat.example) may use the server, those of * all; may be repeated" },
    { .name = "rate-limit", .type = BORA_OPTION_INT, .min = 0, .max = 1000000, .value_name = "N", .default_text = "0",
      .default_note = "no limit", .toml = "server.rate_limit", .commands = COMMAND_SERVE, .group = server,
      .help = "requests for tokens in a minute of one key, or of one address if there are no keys" },
    { .name = "max-concurrent", .type = BORA_OPTION_INT, .min = 0, .max = 1000000, .value_name = "N",
      .default_text = "0", .default_note = "no limit", .toml = "server.max_concurrent", .commands = COMMAND_SERVE,
      .group = server, .help = "such requests at a time, likewise" },
    { .name = "max-connections", .type = BORA_OPTION_INT, .min = 1, .max = 100000, .value_name = "N",
      .default_text = "1024", .toml = "server.max_connections", .commands = COMMAND_SERVE, .group = server,
      .help = "connections at a time" },
    { .name = "max-connections-per-address", .type = BORA_OPTION_INT, .min = 0, .max = 100000, .value_name = "N",
      .default_text = "512", .toml = "server.max_connections_per_address",
      .commands = COMMAND_SERVE, .group = server, .help = "connections at a time from one address; 0: no limit" },
    { .name = "max-body-mb", .type = BORA_OPTION_INT, .min = 1, .max = 1024, .value_name = "MB", .default_text = "16",
      .toml = "server.max_body_mb", .commands = COMMAND_SERVE, .group = server,
      .help = "largest request; all that are being read may take 16 times as much" },
    { .name = "request-timeout", .type = BORA_OPTION_FLOAT, .min = 0.1, .max = 86400, .value_name = "SECONDS",
      .default_text = "30", .toml = "server.request_timeout", .commands = COMMAND_SERVE, .group = server,
      .help = "time in which a request has to arrive; more for long ones that keep coming" },
    { .name = "idle-timeout", .type = BORA_OPTION_FLOAT, .min = 0.1, .max = 86400, .value_name = "SECONDS",
      .default_text = "75", .toml = "server.idle_timeout", .commands = COMMAND_SERVE, .group = server,
      .help = "time that a connection may wait for its next request" },
    { .name = "send-timeout", .type = BORA_OPTION_FLOAT, .min = 0.1, .max = 86400, .value_name = "SECONDS",
      .default_text = "30", .toml = "server.send_timeout", .commands = COMMAND_SERVE, .group = server,
      .help = "a client that reads nothing of its answer for so long is dropped" },
    { .name = "keep-alive-interval", .type = BORA_OPTION_FLOAT, .min = 0.1, .max = 86400, .value_name = "SECONDS",
      .default_text = "15", .toml = "server.keep_alive_interval", .commands = COMMAND_SERVE, .group = server,
      .help = "a stream that is silent for so long sends a comment" },
    { .name = "shutdown-timeout", .type = BORA_OPTION_FLOAT, .min = 0, .max = 86400, .value_name = "SECONDS",
      .default_text = "30", .toml = "server.shutdown_timeout", .commands = COMMAND_SERVE, .group = server,
      .help = "after SIGTERM, time in which answers that have been begun may end" },
    { .name = "ui", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER, .toml = "server.ui",
      .commands = COMMAND_SERVE, .group = server, .help = "serve the chat page at /ui" },
    { .name = "no-ui", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_INERT, .toml = "server.no_ui",
      .commands = COMMAND_SERVE, .group = server, .help = "do not serve the chat page" },
    { .name = "mcp-port", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 0, .max = 65535,
      .value_name = "PORT", .toml = "server.mcp_port", .commands = COMMAND_SERVE, .group = server,
      .help = "port of the MCP server" },
    { .name = "max-tool-rounds", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 0, .max = INFINITY,
      .value_name = "N", .toml = "server.max_tool_rounds", .commands = COMMAND_SERVE, .group = server,
      .help = "rounds of tool calls in one request" },
    { .name = "tool-dispatch-url", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "URL",
      .toml = "server.tool_dispatch_url", .commands = COMMAND_SERVE, .group = server,
      .help = "where to post tool calls" },
    { .name = "disable-access-log", .type = BORA_OPTION_FLAG,
      .toml = "server.disable_access_log", .commands = COMMAND_SERVE, .group = server,
      .help = "do not log each request" },
    { .name = "access-log-format", .type = BORA_OPTION_CHOICE, .choices = "text json",
      .value_name = "FORMAT", .default_text = "text", .toml = "server.access_log_format", .commands = COMMAND_SERVE,
      .group = server, .help = "format of the request log" },
    { .name = "access-log-health", .type = BORA_OPTION_FLAG,
      .toml = "server.access_log_health", .commands = COMMAND_SERVE, .group = server,
      .help = "log health checks as well" },
    { .name = "disable-request-id-header", .type = BORA_OPTION_FLAG,
      .toml = "server.disable_request_id_header", .commands = COMMAND_SERVE, .group = server,
      .help = "do not send x-request-id" },
    { .name = "disable-metrics", .type = BORA_OPTION_FLAG,
      .toml = "server.disable_metrics", .commands = COMMAND_SERVE, .group = server, .help = "do not offer /metrics" },

    /* ---- memory and batches */
    { .name = "max-seqs", .type = BORA_OPTION_INT, .min = 1, .max = 4096, .value_name = "N", .default_text = "32",
      .toml = "runtime.max_seqs", .commands = GENERATES, .group = scheduling,
      .help = "sequences that run at the same time" },
    { .name = "max-queue", .type = BORA_OPTION_INT, .min = 1, .max = INT32_MAX, .value_name = "N",
      .default_text = "1024", .toml = "runtime.max_queue", .commands = COMMAND_SERVE, .group = scheduling,
      .help = "requests that may wait; more are refused until later" },
    { .name = "max-num-batched-tokens", .type = BORA_OPTION_INT, .min = 1, .max = 1 << 20, .value_name = "N",
      .default_note = "32 to 512, so many that a step takes half a second, or a quarter while answers are being written",
      .toml = "runtime.max_num_batched_tokens", .commands = GENERATES, .group = scheduling,
      .help = "tokens in one step" },
    { .name = "max-decode-steps-before-prefill", .type = BORA_OPTION_INT, .status = BORA_OPTION_INERT, .min = 1,
      .max = INFINITY, .value_name = "N", .toml = "runtime.max_decode_steps_before_prefill", .commands = GENERATES,
      .group = scheduling, .help = "steps after which a waiting prompt gets its turn" },
    { .name = "no-kv-cache", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_INERT, .toml = "runtime.no_kv_cache",
      .selector = ":no_kv_cache", .commands = GENERATES, .group = scheduling,
      .help = "compute keys and values anew for each token" },
    { .name = "prefix-cache-n", .type = BORA_OPTION_INT, .min = 0, .max = INFINITY, .value_name = "N",
      .default_note = "as many as there is room for", .toml = "runtime.prefix_cache_n", .commands = GENERATES,
      .group = scheduling,
      .help = "prompts whose beginnings are kept for those to come; 0 for none: then nothing is shared" },
    { .name = "paged-attn", .type = BORA_OPTION_CHOICE, .choices = "auto on off", .value_name = "WHEN",
      .default_text = "auto", .toml = "paged_attn.mode", .commands = RUNS_MODEL, .group = scheduling,
      .help = "share pages among prompts that begin alike; keys and values lie in pages in any case" },
    { .name = "pa-context-len", .type = BORA_OPTION_INT, .min = 1, .max = INFINITY, .value_name = "N",
      .excludes = "pa-memory-mb pa-memory-fraction", .toml = "paged_attn.context_len", .commands = RUNS_MODEL,
      .group = scheduling, .help = "room for so many tokens, of all sequences together" },
    { .name = "pa-memory-mb", .type = BORA_OPTION_INT, .min = 1, .max = INFINITY, .value_name = "MB",
      .default_note = "half of what is free, but no more than all sequences can use",
      .excludes = "pa-memory-fraction", .toml = "paged_attn.memory_mb", .commands = RUNS_MODEL, .group = scheduling,
      .help = "memory for keys and values of all sequences" },
    { .name = "pa-memory-fraction", .type = BORA_OPTION_FLOAT, .min = 0, .max = 1, .value_name = "X",
      .toml = "paged_attn.memory_fraction", .commands = RUNS_MODEL, .group = scheduling,
      .help = "the same, as a part of the machine's memory" },
    { .name = "pa-block-size", .type = BORA_OPTION_INT, .min = 8, .max = 256, .value_name = "N", .default_text = "32",
      .toml = "paged_attn.block_size", .commands = RUNS_MODEL, .group = scheduling,
      .help = "tokens of a page, a multiple of 8; those of 32 are the fastest" },
    { .name = "pa-cache-type", .type = BORA_OPTION_STRING, .value_name = "FORMAT", .default_text = "auto",
      .toml = "paged_attn.cache_type", .commands = RUNS_MODEL, .group = scheduling,
      .help = "number format of keys and values: any that can be written; auto is plain floats, or half as long for "
              "weights in blocks" },
    { .name = "mtp", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER, .excludes = "mtp-model",
      .toml = "runtime.mtp", .commands = GENERATES, .group = scheduling, .help = "predict several tokens at once" },
    { .name = "mtp-model", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .toml = "runtime.mtp_model", .commands = GENERATES, .group = scheduling, .help = "model that predicts them" },
    { .name = "mtp-n-predict", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "N", .toml = "runtime.mtp_n_predict", .commands = GENERATES, .group = scheduling,
      .help = "tokens predicted in each step" },

    { .name = "draft-model", .type = BORA_OPTION_PATH, .value_name = "PATH", .toml = "models.speculative.draft_model",
      .selector = "draft-plain:model_id draft-gguf:quantized_model_id", .commands = GENERATES, .group = scheduling,
      .help = "folder (or file) of a smaller model with the same vocabulary, which guesses tokens ahead: the answer stays "
              "what it is and comes sooner" },
    { .name = "draft-file", .separator = ';', .type = BORA_OPTION_LIST, .value_name = "FILE",
      .toml = "models.speculative.draft_file", .selector = "draft-gguf:quantized_filename", .commands = GENERATES,
      .group = scheduling, .help = "the same as a GGUF file" },
    { .name = "draft-arch", .type = BORA_OPTION_STRING, .value_name = "NAME", .default_note = "what its files say",
      .toml = "models.speculative.draft_arch", .selector = "draft-plain:arch", .commands = GENERATES,
      .group = scheduling, .help = "architecture of the draft model" },
    { .name = "draft-tok-model-id", .type = BORA_OPTION_PATH, .value_name = "PATH", .default_note = "its own",
      .toml = "models.speculative.draft_tok_model_id", .selector = "draft-gguf:tok_model_id", .commands = GENERATES,
      .group = scheduling, .help = "folder from which to take the tokenizer of a quantized draft model" },
    { .name = "draft-p-min", .type = BORA_OPTION_FLOAT, .min = 0, .max = 1, .value_name = "X", .default_text = "0.45",
      .toml = "models.speculative.draft_p_min", .selector = "speculative:draft_p_min", .commands = GENERATES,
      .group = scheduling, .help = "the draft model guesses no further when a guess is less likely to it" },
    { .name = "prompt-lookup", .type = BORA_OPTION_FLAG, .toml = "models.speculative.prompt_lookup",
      .selector = "speculative:prompt_lookup", .commands = GENERATES, .group = scheduling,
      .help = "guess tokens ahead where the last ones stood before in prompt or answer; with a draft model, before it" },
    { .name = "gamma", .type = BORA_OPTION_INT, .min = 0, .max = 64, .value_name = "N", .default_text = "8",
      .toml = "models.speculative.gamma", .selector = "speculative:gamma", .commands = GENERATES, .group = scheduling,
      .help = "most tokens that are guessed ahead; fewer are where guesses are often wrong, or others wait; 0 for none" },

    /* ---- adapters */
    { .name = "enable-lora", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER,
      .toml = "models.adapter.enable_lora", .commands = GENERATES, .group = adapters,
      .help = "accept LoRA adapters at run time" },
    { .name = "lora", .aliases = "lora-modules", .separator = ';', .type = BORA_OPTION_LIST,
      .status = BORA_OPTION_LATER, .value_name = "PATH", .toml = "models.adapter.lora", .selector = "lora:adapters",
      .commands = GENERATES, .group = adapters, .help = "LoRA adapters" },
    { .name = "lora-max-adapters", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "N", .toml = "models.adapter.lora_max_adapters", .selector = "lora:runtime_config",
      .commands = GENERATES, .group = adapters, .help = "adapters in memory" },
    { .name = "lora-max-rank", .aliases = "max-lora-rank", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER,
      .min = 1, .max = INFINITY, .value_name = "N", .toml = "models.adapter.lora_max_rank", .commands = GENERATES,
      .group = adapters, .help = "largest rank of an adapter" },
    { .name = "lora-max-bytes", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "BYTES", .toml = "models.adapter.lora_max_bytes", .commands = GENERATES, .group = adapters,
      .help = "memory for adapters" },
    { .name = "legacy-lora", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .toml = "models.adapter.legacy_lora", .selector = "lora:adapters_model_id", .commands = GENERATES,
      .group = adapters, .help = "one LoRA adapter, merged while loading" },
    { .name = "legacy-lora-order", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "models.adapter.legacy_lora_order", .commands = GENERATES, .group = adapters,
      .help = "order of its weights" },
    { .name = "xlora", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .toml = "models.adapter.xlora", .selector = "xlora:xlora_model_id", .commands = GENERATES, .group = adapters,
      .help = "X-LoRA adapters" },
    { .name = "xlora-order", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "models.adapter.xlora_order", .selector = "xlora:order", .commands = GENERATES, .group = adapters,
      .help = "order of the X-LoRA adapters" },
    { .name = "tgt-non-granular-index", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 0, .max = INFINITY,
      .value_name = "N", .toml = "models.adapter.tgt_non_granular_index", .selector = "xlora:tgt_non_granular_index",
      .commands = GENERATES, .group = adapters, .help = "token after which X-LoRA's scalings are kept" },
    { .name = "adapter", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "ALIAS",
      .toml = "adapter", .commands = COMMAND_RUN, .group = adapters, .help = "the adapter to start with" },

    /* ---- more than text */
    { .name = "image", .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .commands = COMMAND_RUN, .group = multimodal, .help = "image that goes with the prompt" },
    { .name = "video", .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .commands = COMMAND_RUN, .group = multimodal, .help = "video that goes with the prompt" },
    { .name = "audio", .type = BORA_OPTION_LIST, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .commands = COMMAND_RUN, .group = multimodal, .help = "sound that goes with the prompt" },
    { .name = "max-edge", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "N", .toml = "models.vision.max_edge models.multimodal.max_edge",
      .selector = "multimodal:max_edge gguf:max_edge", .commands = GENERATES, .group = multimodal,
      .help = "longest edge of an image" },
    { .name = "max-num-images", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "N", .toml = "models.vision.max_num_images models.multimodal.max_num_images",
      .selector = "multimodal:max_num_images gguf:max_num_images", .commands = GENERATES, .group = multimodal,
      .help = "images in a request" },
    { .name = "max-image-length", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "N", .toml = "models.vision.max_image_length models.multimodal.max_image_length",
      .selector = "multimodal:max_image_length gguf:max_image_length", .commands = GENERATES, .group = multimodal,
      .help = "image size for which automatic placement makes room" },

    /* ---- tools */
    { .name = "mcp-config", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "FILE",
      .toml = "runtime.mcp_config server.mcp_config", .commands = GENERATES, .group = tools,
      .help = "MCP servers to use" },
    { .name = "agent", .aliases = "agentic", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER,
      .toml = "runtime.agent", .commands = GENERATES, .group = tools, .help = "search, code and shell together" },
    { .name = "agent-permission", .aliases = "code-exec-permission", .type = BORA_OPTION_CHOICE,
      .status = BORA_OPTION_INERT, .choices = "auto ask deny", .value_name = "HOW", .default_text = "auto",
      .toml = "runtime.agent_permission runtime.code_exec_permission", .commands = GENERATES, .group = tools,
      .help = "whether the model's actions need approval" },
    { .name = "enable-search", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER, .toml = "runtime.enable_search",
      .commands = GENERATES, .group = tools, .help = "web search" },
    { .name = "search-embedding-model", .type = BORA_OPTION_STRING, .status = BORA_OPTION_LATER, .value_name = "NAME",
      .toml = "runtime.search_embedding_model", .commands = GENERATES, .group = tools,
      .help = "model that ranks what was found" },
    { .name = "enable-code-execution", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER,
      .toml = "runtime.enable_code_execution", .commands = GENERATES, .group = tools,
      .help = "run Python code that the model writes" },
    { .name = "code-exec-python", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .toml = "runtime.code_exec_python", .commands = GENERATES, .group = tools, .help = "the Python interpreter" },
    { .name = "code-exec-timeout", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "SECONDS", .default_text = "60", .toml = "runtime.code_exec_timeout", .commands = GENERATES,
      .group = tools, .help = "time limit of a piece of code" },
    { .name = "code-exec-workdir", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "DIR",
      .toml = "runtime.code_exec_workdir", .commands = GENERATES, .group = tools, .help = "folder it works in" },
    { .name = "enable-shell", .type = BORA_OPTION_FLAG, .status = BORA_OPTION_LATER, .toml = "runtime.enable_shell",
      .commands = GENERATES, .group = tools, .help = "run shell commands that the model writes" },
    { .name = "shell-path", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "PATH",
      .toml = "runtime.shell_path", .commands = GENERATES, .group = tools, .help = "the shell" },
    { .name = "shell-timeout", .type = BORA_OPTION_INT, .status = BORA_OPTION_LATER, .min = 1, .max = INFINITY,
      .value_name = "SECONDS", .default_text = "600", .toml = "runtime.shell_timeout", .commands = GENERATES,
      .group = tools, .help = "time limit of a shell command" },
    { .name = "shell-workdir", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "DIR",
      .toml = "runtime.shell_workdir", .commands = GENERATES, .group = tools, .help = "folder it works in" },
    { .name = "skills-dir", .type = BORA_OPTION_PATH, .status = BORA_OPTION_LATER, .value_name = "DIR",
      .toml = "runtime.skills_dir", .commands = GENERATES, .group = tools, .help = "folder of uploaded skills" },
    { .name = "sandbox", .type = BORA_OPTION_CHOICE, .status = BORA_OPTION_INERT, .choices = "auto on off",
      .value_name = "WHEN", .default_text = "auto", .toml = "sandbox.mode", .commands = GENERATES, .group = sandbox,
      .help = "isolate what the model runs" },
    { .name = "sandbox-profile", .type = BORA_OPTION_CHOICE, .status = BORA_OPTION_INERT,
      .choices = "developer restricted", .value_name = "PROFILE", .toml = "sandbox.profile", .commands = GENERATES,
      .group = sandbox, .help = "how strictly" },
    { .name = "sb-max-memory-mb", .type = BORA_OPTION_INT, .status = BORA_OPTION_INERT, .min = 1, .max = INFINITY,
      .value_name = "MB", .default_text = "2048", .toml = "sandbox.max_memory_mb", .commands = GENERATES,
      .group = sandbox, .help = "its memory" },
    { .name = "sb-max-cpu-secs", .type = BORA_OPTION_INT, .status = BORA_OPTION_INERT, .min = 1, .max = INFINITY,
      .value_name = "SECONDS", .default_text = "600", .toml = "sandbox.max_cpu_secs", .commands = GENERATES,
      .group = sandbox, .help = "its time" },
    { .name = "sb-max-procs", .type = BORA_OPTION_INT, .status = BORA_OPTION_INERT, .min = 1, .max = INFINITY,
      .value_name = "N", .default_text = "64", .toml = "sandbox.max_procs", .commands = GENERATES, .group = sandbox,
      .help = "its processes" },
    { .name = "sandbox-network", .type = BORA_OPTION_CHOICE, .status = BORA_OPTION_INERT,
      .choices = "none loopback full", .value_name = "NETWORK", .toml = "sandbox.network", .commands = GENERATES,
      .group = sandbox, .help = "its network" },

    /* ---- what is measured */
    { .name = "prompt-len", .separator = ',', .type = BORA_OPTION_LIST, .value_name = "N,N,…", .default_note = "512",
      .commands = COMMAND_BENCH, .group = measurement,
      .help = "measure reading prompts of N tokens; 0 for none" },
    { .name = "gen-len", .separator = ',', .type = BORA_OPTION_LIST, .value_name = "N,N,…", .default_note = "128",
      .commands = COMMAND_BENCH, .group = measurement,
      .help = "measure generating N tokens, one after the other; 0 for none" },
    { .name = "depth", .separator = ',', .type = BORA_OPTION_LIST, .value_name = "N,N,…", .default_note = "0",
      .commands = COMMAND_BENCH, .group = measurement, .help = "both behind N tokens that are in the cache already" },
    { .name = "batch", .separator = ',', .type = BORA_OPTION_LIST, .value_name = "N,N,…", .default_note = "1",
      .commands = COMMAND_BENCH, .group = measurement, .help = "generate for N sequences at once" },
    { .name = "iterations", .type = BORA_OPTION_INT, .min = 1, .max = 10000, .value_name = "N", .default_text = "3",
      .commands = COMMAND_BENCH, .group = measurement, .help = "measure each N times" },
    { .name = "warmup", .type = BORA_OPTION_INT, .min = 0, .max = 10000, .value_name = "N", .default_text = "1",
      .commands = COMMAND_BENCH, .group = measurement, .help = "after N times that do not count" },

    /* ---- what comes out */
    { .name = "output", .short_name = 'o', .type = BORA_OPTION_PATH, .value_name = "FILE.npy",
      .commands = COMMAND_LOGITS, .group = output, .help = "file to write: float32 [n_tokens, n_vocab]" },
    { .name = "pieces", .type = BORA_OPTION_FLAG, .commands = COMMAND_TOKENIZE, .group = output,
      .help = "print each token's text beside its id" },
    { .name = "no-special", .type = BORA_OPTION_FLAG, .commands = COMMAND_TOKENIZE | COMMAND_LOGITS, .group = output,
      .help = "without the tokens that the model adds to a text" },
    { .name = "json", .type = BORA_OPTION_FLAG, .group = output, .help = "print JSON",
      .commands = COMMAND_INSPECT | COMMAND_TOKENIZE | COMMAND_BENCH | COMMAND_PLUGINS },

    /* ---- everywhere */
    { .name = "plugin", .type = BORA_OPTION_LIST, .value_name = "PATH", .toml = "plugins", .commands = ALL_COMMANDS,
      .group = general, .help = "load this plugin, or every plugin in this folder; may be repeated" },
    { .name = "log", .short_name = 'l', .type = BORA_OPTION_PATH, .value_name = "FILE", .toml = "global.log",
      .commands = COMMAND_SERVE, .group = server,
      .help = "append requests and answers, with all that is said in them, to this file, a line of JSON each" },
    { .name = "verbose", .short_name = 'v', .type = BORA_OPTION_FLAG, .excludes = "quiet", .commands = ALL_COMMANDS,
      .group = general, .help = "say more on standard error" },
    { .name = "quiet", .short_name = 'q', .type = BORA_OPTION_FLAG, .commands = ALL_COMMANDS, .group = general,
      .help = "say nothing but errors on standard error" },
    { .name = "help", .short_name = 'h', .type = BORA_OPTION_FLAG, .commands = ALL_COMMANDS, .group = general,
      .help = "print this text and exit" },
    { .name = "version", .short_name = 'V', .type = BORA_OPTION_FLAG, .commands = ALL_COMMANDS, .group = general,
      .help = "print bora's version and exit" },
};
/* clang-format on */

enum { N_OPTIONS = sizeof options / sizeof *options };
_Static_assert((int)N_OPTIONS <= (int)OPTIONS_MAX, "OPTIONS_MAX is too small");

const bora_option *bora_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

const char *option_word(const char **list, size_t *len)
{
    const char *word = *list;
    *len = word ? strcspn(word, " ") : 0;
    if (*len == 0)
        return NULL;
    *list = word + *len + (word[*len] == ' ');
    return word;
}

bool option_word_in(const char *list, const char *text, size_t len)
{
    size_t n;
    for (const char *word; (word = option_word(&list, &n));)
        if (n == len && memcmp(word, text, n) == 0)
            return true;
    return false;
}

const bora_option *option_find(const char *name)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

const bora_option *option_by_toml(const char *key)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (option_word_in(options[i].toml, key, strlen(key)))
            return &options[i];
    return NULL;
}

size_t option_index(const bora_option *option)
{
    return (size_t)(option - options);
}

bool option_typed_with(const bora_option *option, const bora_command *command)
{
    return !option->toml_only && (option->commands & command->bit);
}

void option_put_words(buf *out, const char *words, const char *last_join)
{
    const char *previous = NULL;
    size_t n, previous_len = 0;
    for (const char *word; (word = option_word(&words, &n)); previous = word, previous_len = n) {
        if (previous) {
            buf_append(out, previous, previous_len);
            buf_puts(out, *words ? ", " : last_join);
        }
    }
    buf_append(out, previous, previous_len);
}
