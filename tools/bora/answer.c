/* One answer: see answer.h. */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "waiting.h"

/* ---- what the settings say */

static bool read_stops(speaker *s, const bora_settings *settings, bora_error *err)
{
    size_t n = bora_settings_count(settings, "stop");
    free(s->stop);
    s->stop = calloc(n + 1, sizeof *s->stop);
    if (!s->stop)
        return bora_fail_memory(err, "stop strings");
    for (size_t i = 0; i < n; i++)
        s->stop[i] = bora_settings_item(settings, "stop", i);
    return true;
}

bool speaker_init(speaker *s, cli *c, bora_model *model, const bora_settings *settings, bora_error *err)
{
    *s = (speaker){ .cli = c, .model = model };
    if (!speaker_set(s, settings, err) || !(s->session = bora_session_new(model, err)) ||
        !bora_drafter_open(model, settings, &s->drafter, err))
        return false;
    bora_session_set_drafter(s->session, s->drafter);
    return true;
}

bool speaker_set(speaker *s, const bora_settings *settings, bora_error *err)
{
    s->max_tokens = (int32_t)bora_settings_int(settings, "max-tokens");
    s->thinking = !bora_settings_is_set(settings, "enable-thinking") ? BORA_THINKING_UNSAID
                  : bora_settings_flag(settings, "enable-thinking")  ? BORA_THINKING_ON
                                                                     : BORA_THINKING_OFF;
    s->throughput = bora_settings_flag(settings, "throughput");
    return bora_sampling_from_settings(settings, s->model, &s->sampling, err) && read_stops(s, settings, err);
}

void speaker_free(speaker *s)
{
    bora_session_free(s->session);
    bora_drafter_free(s->drafter);
    free(s->stop);
    *s = (speaker){ 0 };
}

bool speaker_generate(speaker *s, const char *prompt, size_t len, prompt_kind kind, const bora_request *sink,
                      bora_answer *answer, bora_error *err)
{
    int32_t *ids = NULL;
    size_t n = 0;
    *answer = (bora_answer){ 0 };
    bool ok = bora_model_encode(s->model, prompt, len, kind == PROMPT_RENDERED, &ids, &n, err);
    if (ok && n > INT32_MAX)
        ok = bora_fail(err, BORA_LIMIT, "the prompt has %zu tokens", n);
    if (ok) {
        bora_request request = *sink;
        request.prompt = ids;
        request.n_prompt = (int32_t)n;
        request.max_tokens = s->max_tokens;
        request.sampling = s->sampling;
        request.stop = s->stop;
        request.continues = kind == PROMPT_RAW;
        ok = bora_generate(s->session, &request, answer, err);
    }
    free(ids);
    return ok;
}

/* ---- printing */

typedef struct printer {
    const speaker *speaker;
    prompt_kind kind;
    waiting *waiting; /* for the first text */
    FILE *copy;       /* of the answer without the thinking, or NULL */
    char last;        /* byte that was printed */
    bool thinking;    /* what was printed last is */
    int error;        /* errno of a write that failed, or 0 */
} printer;

static bool is_interrupted(const speaker *s)
{
    return s->interrupted && *s->interrupted;
}

static void stop_waiting(printer *p)
{
    waiting_end(p->waiting);
    p->waiting = NULL;
}

/* Sees that what was printed is on its way. False: enough was printed. */
static bool pass_on(printer *p)
{
    if (fflush(stdout) != 0)
        p->error = errno;
    return !p->error && !is_interrupted(p->speaker);
}

/* The text as the model says it. */
static bool on_text(void *ctx, const char *text, size_t len)
{
    printer *p = ctx;
    if (len == 0)
        return true;
    stop_waiting(p);
    if (p->speaker->cli->stdout_terminal)
        text_say(stdout, text, len);
    else
        fwrite(text, 1, len, stdout);
    p->last = text[len - 1];
    return pass_on(p);
}

/* The text for a person: thinking is grey, piece by piece, so that nothing stays grey whatever happens; without colours
 * it stands between tags. */
static void show_part(printer *p, bool thinking, const char *text, size_t len)
{
    bool grey = p->speaker->cli->stdout_colour;
    if (thinking && !p->thinking)
        fputs(grey ? "" : "<think>\n", stdout);
    if (!thinking && p->thinking)
        fputs(grey ? "\n\n" : "\n</think>\n\n", stdout);
    fputs(thinking && grey ? "\033[2m" : "", stdout);
    text_say(stdout, text, len);
    fputs(thinking && grey ? "\033[0m" : "", stdout);
    p->thinking = thinking;
    p->last = text[len - 1];
}

static bool on_part(void *ctx, bool thinking, const char *text, size_t len)
{
    printer *p = ctx;
    stop_waiting(p);
    if (p->speaker->cli->stdout_terminal)
        show_part(p, thinking, text, len);
    if (p->copy && !thinking)
        fwrite(text, 1, len, p->copy);
    return pass_on(p);
}

static bool keep_going(void *ctx)
{
    return !is_interrupted(((const printer *)ctx)->speaker);
}

static void end_line(const printer *p)
{
    if (p->thinking && p->speaker->cli->stdout_colour)
        fputs("\033[0m", stdout); /* Ctrl-C takes away what the terminal has not shown yet */
    if (!p->last && p->speaker->cli->stdout_terminal)
        return;
    if (p->last != '\n' && (p->kind == PROMPT_RENDERED || p->speaker->cli->stdout_terminal))
        putchar('\n');
}

void print_throughput(const cli *c, const bora_answer *a)
{
    int32_t n_read = a->n_prompt - a->n_cached;
    fprintf(stderr, "%s%d prompt tokens (%d cached), %.1f tokens/s; %d generated, %.1f tokens/s",
            c->colour ? "\033[2m" : "", a->n_prompt, a->n_cached, a->prompt_s > 0 ? n_read / a->prompt_s : 0.0,
            a->n_generated, a->generate_s > 0 ? a->n_generated / a->generate_s : 0.0);
    if (a->n_drafted > 0)
        fprintf(stderr, "; %d of %d guesses were right", a->n_accepted, a->n_drafted);
    fprintf(stderr, "%s\n", c->colour ? "\033[0m" : "");
}

bool speak(speaker *s, const char *prompt, size_t len, prompt_kind kind, bora_answer *answer, char **said,
           bora_error *err)
{
    size_t said_len;
    char *copy = NULL;
    printer p = { .speaker = s, .kind = kind, .copy = said ? open_memstream(&copy, &said_len) : NULL };
    bool ok = !said || p.copy || bora_fail_memory(err, "an answer");
    bool parts = kind == PROMPT_RENDERED && (p.copy || s->cli->stdout_terminal);
    bora_request sink = {
        .on_text = parts && s->cli->stdout_terminal ? NULL : on_text,
        .on_part = parts ? on_part : NULL,
        .keep_going = keep_going,
        .ctx = &p,
    };
    *answer = (bora_answer){ 0 };
    p.waiting = waiting_start(s->cli);
    ok = ok && speaker_generate(s, prompt, len, kind, &sink, answer, err);
    stop_waiting(&p);
    if (p.last || ok)
        end_line(&p);
    if (p.copy && fclose(p.copy) != 0)
        ok = bora_fail_memory(err, "an answer");
    if (p.error)
        bora_fail(err, BORA_IO, "standard output: %s", strerror(p.error));
    if (!cli_flush(err))
        ok = false;
    if (ok && s->throughput)
        print_throughput(s->cli, answer);
    if (ok && said)
        *said = copy;
    else
        free(copy);
    return ok;
}
