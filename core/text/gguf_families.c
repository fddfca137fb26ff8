/* The data table of tokenizer names: which words each `tokenizer.ggml.pre` cuts a text into.
 *
 * The expressions are in the syntax of regex.h and say what llama.cpp does, which is not always what the model's own
 * tokenizer.json says: it knows no difference between kinds of letters other than a-z and A-Z, so "upper case" there is
 * every letter but a-z; and white space other than ASCII never counts as a character of a script. */
#include "text/gguf_families.h"

#include <string.h>

const char gguf_digit_groups[] = "digit groups", gguf_ascii_digit_groups[] = "ASCII digit groups";

#define CONTRACTION "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
#define LETTERS "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define SYMBOLS " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
#define UPPER "[^\\P{L}a-z]"
#define LOWER "[^\\P{L}A-Z]"
#define UPPER_MARK "[^\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}a-z]"
#define LOWER_MARK "[^\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}A-Z]"
#define LEAD "[^\\r\\n\\p{L}\\p{N}]?"
#define HAN                                                                                                            \
    "\\x{4E00}-\\x{9FFF}\\x{3400}-\\x{4DBF}\\x{20000}-\\x{2A6DF}\\x{2A700}-\\x{2EBEF}\\x{F900}-\\x{FAFF}"              \
    "\\x{2F800}-\\x{2FA1F}"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define NUMBERS_OF(n) "(?:" CONTRACTION ")|" LETTERS "|" n "|" SYMBOLS "|" SPACES
#define CJK "[一-龥぀-ゟ゠-ヿ]+"
#define PUNCT_WORDS "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"

#define EXPRESSIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const gguf_family families[] = {
    { "default", EXPRESSIONS("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"), 0 },
    { "gpt-2 phi-2 jina-es jina-de gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4 jina-v1-en "
      "roberta-bpe modern-bert",
      EXPRESSIONS(GPT2), 0 },
    { "jina-v2-es jina-v2-de jina-v2-code", EXPRESSIONS(GPT2), FAMILY_MASK_LSTRIP },
    { "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
      EXPRESSIONS(NUMBERS_OF("\\p{N}{1,3}")), FAMILY_IGNORE_MERGES | FAMILY_ADD_BOS },
    { "dbrx smaug-bpe", EXPRESSIONS(NUMBERS_OF("\\p{N}{1,3}")), 0 },
    { "chatglm-bpe", EXPRESSIONS(NUMBERS_OF("\\p{N}{1,3}")), FAMILY_NO_BOS },
    { "glm4 glm5", EXPRESSIONS(NUMBERS_OF("\\p{N}{1,3}")), FAMILY_NO_BOS | FAMILY_IGNORE_MERGES },
    { "minicpm5", EXPRESSIONS("\\p{N}{1,3}", NUMBERS_OF("\\p{N}+")), FAMILY_IGNORE_MERGES },
    { "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
      EXPRESSIONS(NUMBERS_OF("\\p{N}")), 0 },
    { "laguna", EXPRESSIONS("[^\\n]+|[\\n]+", NUMBERS_OF("\\p{N}")), 0 },
    { "ufakzeka", EXPRESSIONS(LETTERS "|\\p{N}|" SYMBOLS "|" SPACES), 0 },
    { "qwen35",
      EXPRESSIONS("(?:" CONTRACTION ")|" LEAD "[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES),
      0 },
    { "seed-coder", EXPRESSIONS("(?:" CONTRACTION ")|" LETTERS "|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" SPACES), 0 },
    { "bailingmoe bailingmoe2 llada-moe",
      EXPRESSIONS("'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|" LETTERS "|\\p{N}|" SYMBOLS
                  "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"),
      0 },
    { "exaone-moe",
      EXPRESSIONS("(?:" CONTRACTION ")|" LEAD "(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"
                  "[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"),
      0 },
    { "jais-2",
      EXPRESSIONS("(?:" CONTRACTION ")|" LETTERS "|\\p{N}{1,3}|" SYMBOLS
                  "|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|"
                  "\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"),
      0 },
    { "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", EXPRESSIONS("\\p{N}", GPT2), 0 },
    { "falcon", EXPRESSIONS("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"), 0 },
    { "deepseek-llm",
      EXPRESSIONS("[\\r\\n]",
                  "\\s?[A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}"
                  "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}\\x{37F}"
                  "\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}\\x{3F7}-\\x{481}"
                  "\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}"
                  "\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}"
                  "\\x{1E00}-\\x{1F15}\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}"
                  "\\x{1F59}\\x{1F5B}\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}"
                  "\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}"
                  "\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}"
                  "\\x{2119}-\\x{211D}\\x{2124}\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}"
                  "\\x{213C}-\\x{213F}\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}"
                  "\\x{2C7E}-\\x{2CE4}\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}"
                  "\\x{A722}-\\x{A76F}\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}"
                  "\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}"
                  "\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}"
                  "\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}]+",
                  "\\s?[!-/:-~！-／：-～‘-‟\\x{3001}-。]+", "(?<!\\s)\\s+\\z",
                  "[一-龥\\x{800}-一가-\\x{D7FF}&&[^\\s]]+", "\\p{N}+"),
      0 },
    { "deepseek-coder",
      EXPRESSIONS("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥\\x{800}-一가-\\x{D7FF}&&[^\\s]]+", "\\p{N}"), 0 },
    { "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
      EXPRESSIONS("\\p{N}{1,3}", CJK, PUNCT_WORDS " ?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES), 0 },
    { "spark2_5", EXPRESSIONS("\\p{N}{1,3}", CJK, PUNCT_WORDS " ?[\\p{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+", "\\p{N}"),
      0 },
    { "afmoe",
      EXPRESSIONS(
          gguf_digit_groups,
          "[一-鿿㐀-䶿\\x{8C48}-\\x{FAFF}぀-ゟ゠-ヿ･-ﾟ⼀-\\x{2FDF}\\x{E40}-\\x{E7F}\\x{E80}-\\x{EFF}\\x{"
          "1780}-"
          "\\x{17FF}\\x{1000}-\\x{109F}\\x{AA60}-\\x{AA7F}\\x{A9E0}-\\x{A9FF}\\x{AC00}-\\x{D7AF}\\x{1100}-"
          "\\x{11FF}]+",
          PUNCT_WORDS " ?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES),
      0 },
    { "youtu",
      EXPRESSIONS("[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-\\x{303F}︰-﹏]+|[ㄅ-ㄯ]+|" CJK,
                  LEAD "[\\p{L}\\p{M}]+(?:" CONTRACTION ")?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES),
      FAMILY_IGNORE_MERGES },
    { "tiny_aya cohere2moe",
      EXPRESSIONS(gguf_digit_groups,
                  LEAD "[\\p{L}\\p{M}]+(?:" CONTRACTION ")?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES),
      0 },
    { "tekken",
      EXPRESSIONS(LEAD UPPER "*" LOWER "+|" LEAD UPPER "+" LOWER "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES),
      FAMILY_IGNORE_MERGES | FAMILY_ADD_BOS },
    { "gpt-4o llama4 kanana2 talkie minimax-m2",
      EXPRESSIONS(LEAD UPPER "*" LOWER "+(?:" CONTRACTION ")?|" LEAD UPPER "+" LOWER "*(?:" CONTRACTION
                             ")?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES),
      0 },
    { "granite-embed-multi-97m",
      EXPRESSIONS(LEAD UPPER_MARK "*" LOWER_MARK "+(?:" CONTRACTION ")?|" LEAD UPPER_MARK "+" LOWER_MARK
                                  "*(?:" CONTRACTION ")?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES),
      FAMILY_IGNORE_MERGES },
    { "kimi-k2",
      EXPRESSIONS("[" HAN "]+|" LEAD "[\\p{L}&&[^" HAN "]]+(?:" CONTRACTION ")?|\\p{N}{1,3}|" SYMBOLS "|" SPACES),
      FAMILY_NO_MERGES },
    { "superbpe", EXPRESSIONS("\\p{N}+", gguf_ascii_digit_groups), 0 },
    { "poro-chat bloom gpt3-finnish", EXPRESSIONS(" ?[^(\\s|.,!?…。，、।۔،)]+"), 0 },
    { "viking", EXPRESSIONS(" ?[^(\\s|.,!?…。，、।۔،)]+", "\\p{N}"), 0 },
    { "chameleon",
      EXPRESSIONS("<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", "[\\t\\n]|    |  ", "\\p{N}", "[\\p{P}!-/:-@\\[-`{-~]",
                  GPT2),
      FAMILY_ADD_BOS },
    { "gemma4 granite-embed-multi-311m", EXPRESSIONS("[^\\n]+|[\\n]+"),
      FAMILY_RAW | FAMILY_NEWLINES | FAMILY_FORCE_BOS },
    { "sarvam-moe", EXPRESSIONS("[^\\n]+|[\\n]+"), FAMILY_RAW },
};

const gguf_family *gguf_family_find(const char *pre)
{
    size_t len = strlen(pre);
    if (len == 0 || strchr(pre, ' '))
        return NULL;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        for (const char *name = families[i].names; name; name = strchr(name, ' ')) {
            name += *name == ' ';
            if (strncmp(name, pre, len) == 0 && (name[len] == ' ' || name[len] == '\0'))
                return &families[i];
        }
    }
    return NULL;
}

const gguf_known_token gguf_known_tokens[] = {
    { "<|eot_id|>", "eot", KNOWN_END },
    { "<|im_end|>", "eot", KNOWN_END },
    { "<|end|>", "eot", KNOWN_END },
    { "<end_of_turn>", "eot", KNOWN_END },
    { "<|endoftext|>", "eot", KNOWN_END },
    { "<|end_of_text|>", "eot", KNOWN_END },
    { "<EOT>", "eot", KNOWN_END },
    { "_<EOT>", "eot", KNOWN_END },
    { "[EOT]", "eot", KNOWN_END },
    { "<｜end▁of▁sentence｜>", "eot", KNOWN_END },
    { "<end_of_utterance>", "eot", KNOWN_END },
    { "<|eom_id|>", "eom", KNOWN_END },
    { "<|return|>", NULL, KNOWN_END },
    { "<|call|>", NULL, KNOWN_END },
    { "<|calls|>", NULL, KNOWN_END },
    { "<|flush|>", NULL, KNOWN_END },
    { "</s>", NULL, KNOWN_END },
    { "[EOS]", NULL, KNOWN_END },
    { "<eos>", NULL, KNOWN_END },
    { "<turn|>", NULL, KNOWN_END },
    { "<|tool_response>", NULL, KNOWN_END },
    { "[e~[", NULL, KNOWN_END },
    { "<|fim_prefix|>", "fim_pre", 0 },
    { "<fim-prefix>", "fim_pre", 0 },
    { "<fim_prefix>", "fim_pre", 0 },
    { "<｜fim▁begin｜>", "fim_pre", 0 },
    { "<PRE>", "fim_pre", 0 },
    { "▁<PRE>", "fim_pre", 0 },
    { "<|code_prefix|>", "fim_pre", 0 },
    { "<|prefix|>", "fim_pre", 0 },
    { "<|fim_suffix|>", "fim_suf", 0 },
    { "<fim-suffix>", "fim_suf", 0 },
    { "<fim_suffix>", "fim_suf", 0 },
    { "<｜fim▁hole｜>", "fim_suf", 0 },
    { "<SUF>", "fim_suf", 0 },
    { "▁<SUF>", "fim_suf", 0 },
    { "<|code_suffix|>", "fim_suf", 0 },
    { "<|suffix|>", "fim_suf", 0 },
    { "<|fim_middle|>", "fim_mid", 0 },
    { "<fim-middle>", "fim_mid", 0 },
    { "<fim_middle>", "fim_mid", 0 },
    { "<｜fim▁end｜>", "fim_mid", 0 },
    { "<MID>", "fim_mid", 0 },
    { "▁<MID>", "fim_mid", 0 },
    { "<|code_middle|>", "fim_mid", 0 },
    { "<|middle|>", "fim_mid", 0 },
    { "<|fim_pad|>", "fim_pad", KNOWN_END },
    { "<fim-pad>", "fim_pad", KNOWN_END },
    { "<fim_pad>", "fim_pad", KNOWN_END },
    { "<PAD>", "fim_pad", KNOWN_END },
    { "[PAD]", "fim_pad", KNOWN_END },
    { "<|fim_repo|>", "fim_rep", KNOWN_END },
    { "<|repo_name|>", "fim_rep", KNOWN_END },
    { "<fim-repo>", "fim_rep", KNOWN_END },
    { "<REPO>", "fim_rep", KNOWN_END },
    { "<reponame>", "fim_rep", KNOWN_END },
    { "<|file_sep|>", "fim_sep", KNOWN_END },
    { "<|channel|>", NULL, KNOWN_TEXT },
    { "<|message|>", NULL, KNOWN_TEXT },
    { "<|start|>", NULL, KNOWN_TEXT },
    { "<|constrain|>", NULL, KNOWN_TEXT },
    { NULL, NULL, 0 },
};

const char *const gguf_rstrip_models[] = { "phi-3", "phi3", NULL };
