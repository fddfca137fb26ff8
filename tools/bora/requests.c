/* bora run --requests: see requests.h.
 *
 * A key that the table below does not have is an error, so that no typing mistake is passed over. Sampling is read by
 * the table of options: it has the ranges, and what it says of a wrong value. */
#include "requests.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "json.h"
#include "json_read.h"
#include "messages.h"

enum { LINE_BYTES_MAX = 64 << 20 };

static const double exact_end = 9007199254740992; /* 2^53: from here on a number may not be the one that was written */

/* ---- lines */

typedef struct lines {
    FILE *file;
    const char *name;
    char *text; /* the line, without its end */
    size_t len, cap;
    int64_t number;                  /* of the line, from 1 */
    bool too_long;                   /* the line; the rest of it was skipped */
    uint64_t read_bytes, size_bytes; /* of the file; size 0: not known */
} lines;

FILE *requests_open(const char *path, bora_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        bora_fail(err, errno == ENOENT ? BORA_NOT_FOUND : BORA_IO, "%s: %s", path, strerror(errno));
    return file;
}

static bool grow(lines *l)
{
    size_t cap = l->cap ? 2 * l->cap : 4096;
    char *text = realloc(l->text, cap);
    if (!text)
        return false;
    l->text = text;
    l->cap = cap;
    return true;
}

/* Reads the next line. False at the end of the file, and with an error. */
static bool next_line(lines *l, bora_error *err)
{
    int c;
    l->len = 0;
    l->too_long = false;
    l->number++;
    while ((c = getc_unlocked(l->file)) != EOF) {
        l->read_bytes++;
        if (c == '\n')
            return true;
        l->too_long |= l->len == LINE_BYTES_MAX;
        if (l->too_long)
            continue;
        if (l->len == l->cap && !grow(l))
            return bora_fail_memory(err, "a request");
        l->text[l->len++] = (char)c;
    }
    if (ferror(l->file))
        return bora_fail(err, BORA_IO, "%s: %s", l->name, strerror(errno));
    return l->len > 0;
}

static bool is_blank(const lines *l)
{
    for (size_t i = 0; i < l->len; i++)
        if (!strchr(" \t\r", l->text[i]) || !l->text[i])
            return false;
    return true;
}

/* ---- requests */

typedef struct request {
    cJSON *object;           /* all of it */
    const cJSON *id;         /* a string, a number, or NULL */
    char *messages, *tools;  /* JSON; tools may be NULL */
    const char **stop;       /* NULL-terminated, or NULL */
    bora_settings *settings; /* those of the command, and over them what the request says */
    message_style style;     /* what the model's template wants */
    unsigned seen;           /* bits of the keys */
} request;

/* Takes one key of a request, by the table of keys. */
static bool take_member(request *r, const cJSON *member, bora_error *err);

/* A number that is what was written, or no number. */
static bool is_exact(const cJSON *value)
{
    return !cJSON_IsNumber(value) || fabs(value->valuedouble) < exact_end;
}

static bool take_id(request *r, const cJSON *value, bora_error *err)
{
    if (!cJSON_IsString(value) && !cJSON_IsNumber(value))
        return bora_fail(err, BORA_FORMAT, "id: expected a string or a number");
    if (!is_exact(value))
        return bora_fail(err, BORA_FORMAT, "id: so large a number is not given back exactly; make it a string");
    r->id = value;
    return true;
}

static bool take_json(const cJSON *value, char **text, bora_error *err)
{
    *text = cJSON_PrintUnformatted(value);
    return *text || bora_fail_memory(err, "a request");
}

static bool take_messages(request *r, const cJSON *value, bora_error *err)
{
    char place[MESSAGES_PLACE_BYTES];
    return (r->messages = messages_normalize(value, r->style, place, err)) != NULL;
}

static bool take_tools(request *r, const cJSON *value, bora_error *err)
{
    if (!cJSON_IsArray(value))
        return bora_fail(err, BORA_FORMAT, "tools: expected an array");
    return take_json(value, &r->tools, err);
}

static bool take_stop(request *r, const cJSON *value, bora_error *err)
{
    bool one = cJSON_IsString(value);
    size_t n = one ? 1 : (size_t)cJSON_GetArraySize(value), i = 0;
    if (!one && !cJSON_IsArray(value))
        return bora_fail(err, BORA_FORMAT, "stop: expected a string or an array of strings");
    if (!(r->stop = calloc(n + 1, sizeof *r->stop)))
        return bora_fail_memory(err, "stop strings");
    for (const cJSON *item = one ? value : value->child; i < n; item = item->next) {
        if (!cJSON_IsString(item) || !*item->valuestring)
            return bora_fail(err, BORA_FORMAT, "stop: expected a string or an array of strings, none of them empty");
        r->stop[i++] = item->valuestring;
    }
    return true;
}

static bool take_stream(request *r, const cJSON *value, bora_error *err)
{
    (void)r;
    return cJSON_IsFalse(value) || bora_fail(err, BORA_UNSUPPORTED, "stream: each answer is one line; it can be false");
}

static bool take_nothing(request *r, const cJSON *value, bora_error *err)
{
    (void)r, (void)value, (void)err;
    return true;
}

static bool take_template_kwargs(request *r, const cJSON *value, bora_error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(value))
        return bora_fail(err, BORA_FORMAT, "chat_template_kwargs: expected an object");
    cJSON_ArrayForEach(item, value) {
        if (strcmp(item->string, "enable_thinking") != 0)
            return bora_fail(err, BORA_FORMAT,
                             "chat_template_kwargs: unknown key \"%.60s\"; it may have enable_thinking", item->string);
        if (!take_member(r, item, err))
            return false;
    }
    return true;
}

/* How a key is taken, null aside: by a function, or as the value of an option. */
static const struct {
    const char *name;
    bool (*take)(request *r, const cJSON *value, bora_error *err);
    const char *option;
} keys[] = {
    { "messages", take_messages, NULL },
    { "tools", take_tools, NULL },
    { "max_tokens", NULL, "max-tokens" },
    { "temperature", NULL, "temperature" },
    { "top_p", NULL, "top-p" },
    { "top_k", NULL, "top-k" },
    { "seed", NULL, "seed" },
    { "stop", take_stop, NULL },
    { "enable_thinking", NULL, "enable-thinking" },
    { "chat_template_kwargs", take_template_kwargs, NULL },
    { "id", take_id, NULL },
    { "model", take_nothing, NULL },
    { "stream", take_stream, NULL },
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static bool take_option(request *r, const char *option, const cJSON *value, bora_error *err)
{
    if (!is_exact(value))
        return bora_fail(err, BORA_FORMAT, "%s: the number is too large", value->string);
    char *text = cJSON_PrintUnformatted(value);
    bool ok =
        text ? bora_settings_set(r->settings, option, text, value->string, err) : bora_fail_memory(err, "a request");
    cJSON_free(text);
    return ok;
}

static bool fail_unknown(const char *key, bora_error *err)
{
    char known[256] = "";
    for (size_t i = 0, len = 0; i < N_KEYS && len < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i ? ", " : "", keys[i].name);
    return bora_fail(err, BORA_FORMAT, "unknown key \"%.60s\"; a request may have %s", key, known);
}

static bool take_member(request *r, const cJSON *member, bora_error *err)
{
    size_t i = 0;
    while (i < N_KEYS && strcmp(keys[i].name, member->string) != 0)
        i++;
    if (i == N_KEYS)
        return fail_unknown(member->string, err);
    if (r->seen & 1U << i)
        return bora_fail(err, BORA_FORMAT, "%s is there twice", keys[i].name);
    r->seen |= 1U << i;
    if (cJSON_IsNull(member))
        return true;
    return keys[i].take ? keys[i].take(r, member, err) : take_option(r, keys[i].option, member, err);
}

/* Reads a request; what it points to belongs to it. */
static bool read_request(request *r, const lines *l, const bora_settings *settings, bora_error *err)
{
    if (l->too_long)
        return bora_fail(err, BORA_LIMIT, "the line is longer than %d MiB", LINE_BYTES_MAX >> 20);
    if (!(r->object = json_read_object(l->text, l->len, err)))
        return false;
    if (!(r->settings = bora_settings_copy(settings)))
        return bora_fail_memory(err, "a request");
    const cJSON *member, *id = cJSON_GetObjectItemCaseSensitive(r->object, "id");
    if (id && !cJSON_IsNull(id) && !take_id(r, id, err)) /* first: an error that comes later can name it */
        return false;
    cJSON_ArrayForEach(member, r->object) {
        if (!take_member(r, member, err))
            return false;
    }
    return r->messages || bora_fail(err, BORA_FORMAT, "there are no \"messages\"");
}

static void request_free(request *r)
{
    cJSON_Delete(r->object);
    cJSON_free(r->messages);
    cJSON_free(r->tools);
    free(r->stop);
    bora_settings_free(r->settings);
}

/* ---- answers */

static bool on_text(void *content, const char *text, size_t len)
{
    return fwrite(text, 1, len, content) == len;
}

static bool generate(speaker *s, const request *r, FILE *content, bora_answer *answer, bora_error *err)
{
    if (!speaker_set(s, r->settings, err))
        return false;
    char *prompt = bora_model_render_chat(s->model, r->messages, r->tools, true, s->thinking, err);
    const char **own_stop = s->stop;
    if (r->stop)
        s->stop = r->stop;
    bool ok = prompt && speaker_generate(s, prompt, strlen(prompt), PROMPT_RENDERED,
                                         &(bora_request){ .on_text = on_text, .ctx = content }, answer, err);
    s->stop = own_stop;
    free(prompt);
    return ok;
}

/* The line of an answer, or of what is wrong. */
static bool print_answer(const cJSON *id, const char *content, size_t len, const bora_answer *answer,
                         const bora_error *problem, bora_error *err)
{
    json j = { .out = stdout };
    json_open_flat(&j, NULL, '{');
    if (cJSON_IsNumber(id) && fabs(id->valuedouble - trunc(id->valuedouble)) > 0)
        json_float(&j, "id", id->valuedouble);
    else if (cJSON_IsNumber(id))
        json_int(&j, "id", (int64_t)id->valuedouble);
    else
        json_string(&j, "id", id ? id->valuestring : NULL);
    if (problem->code != BORA_OK) {
        json_string(&j, "error", problem->message);
    } else {
        json_text(&j, "content", content, len);
        json_string(&j, "finish_reason", answer->finish == BORA_FINISH_STOP ? "stop" : "length");
        json_open(&j, "usage", '{');
        json_int(&j, "prompt_tokens", answer->n_prompt);
        json_int(&j, "completion_tokens", answer->n_generated);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    return cli_flush(err);
}

/* Answers one line; what is wrong with it is its answer. False when that could not be printed. */
static bool answer_line(speaker *s, const lines *l, const bora_settings *settings, message_style style, bool *failed,
                        bora_error *err)
{
    request r = { .style = style };
    bora_answer answer = { 0 };
    bora_error problem = { .code = BORA_OK };
    char *text = NULL;
    size_t len = 0;
    FILE *content = open_memstream(&text, &len);
    if (!content)
        bora_fail_memory(&problem, "an answer");
    bool ok = content && read_request(&r, l, settings, &problem) && generate(s, &r, content, &answer, &problem);
    if (content && (fclose(content) != 0 || (ok && answer.finish == BORA_FINISH_CANCELLED)))
        bora_fail_memory(&problem, "an answer");
    bora_error_prefix(&problem, "%s:%" PRId64, l->name, l->number);
    *failed = problem.code != BORA_OK;
    ok = print_answer(r.id, text, len, &answer, &problem, err);
    if (ok && !*failed && s->throughput)
        print_throughput(s->cli, &answer);
    request_free(&r);
    free(text);
    return ok;
}

bool requests_run(speaker *s, const bora_settings *settings, FILE *file, bora_error *err)
{
    const char *path = bora_settings_string(settings, "requests");
    lines l = { .file = file, .name = file == stdin ? "standard input" : path };
    message_style style = messages_style(s->model);
    struct stat st;
    int64_t n = 0, n_failed = 0;
    bool failed, ok = true;
    if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        l.size_bytes = (uint64_t)st.st_size;
    bool bar = !s->cli->stdout_terminal && !s->throughput; /* else what is printed shows how far it is */
    bora_error problem = { .code = BORA_OK };
    while (ok && next_line(&l, &problem)) {
        if (is_blank(&l))
            continue;
        ok = answer_line(s, &l, settings, style, &failed, err);
        n++;
        n_failed += failed;
        if (bar)
            cli_progress(s->cli, l.name, l.read_bytes, l.size_bytes);
    }
    if (bar)
        cli_progress(s->cli, l.name, l.size_bytes, l.size_bytes);
    if (ok && problem.code != BORA_OK)
        ok = bora_fail(err, problem.code, "%s", problem.message);
    if (ok && n_failed > 0)
        ok = bora_fail(err, BORA_FORMAT, "%s: %" PRId64 " of %" PRId64 " requests failed; their lines say why", l.name,
                       n_failed, n);
    free(l.text);
    return ok;
}
