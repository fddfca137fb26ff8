#include "engine/drafter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "engine/prompt_lookup.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "model/model.h"
#include "plugin/runtime.h"

enum {
    CATCH_UP = 512, /* tokens of prompts that the draft model reads in a step, of all sequences together */
    REST = 16,      /* steps without a guess, where guesses are too often wrong */
};
/* What a row more costs in a step, as a part of a step of one row: measured, see docs/performance.md. */
static const float row_cost = 0.2F;

/* What was right lately: both fade. */
typedef struct record {
    float tried, right;
    int32_t rested;
} record;

struct draft_seq {
    sampler *chooser;               /* NULL: no draft model */
    bora_session *session;          /* of the draft model; NULL: none yet, or it had to give way */
    int64_t used;                   /* when */
    record lookup[LOOKUP_MOST + 1]; /* by how many tokens were the same */
    record model;
    record *last; /* the way of the last guesses */
    draft_seq *next;
};

struct bora_drafter {
    bora_model *target, *draft; /* draft: owned, or NULL */
    int32_t gamma;
    bool lookup;
    sampler_scratch *scratch;
    float p_min;          /* of a guess, in the draft model's own distribution */
    float draft_cost;     /* of a guess, as a part of a step of the target */
    float *logits;        /* [DRAFT_SEQS_MAX, draft's n_vocab] */
    draft_seq *sequences; /* those with a session, at most DRAFT_SEQS_MAX */
    int64_t now;
};

/* ---- opening */

/* The settings of the draft model: the target's, but for what names a model and how its file is read. */
static bora_settings *draft_settings(const bora_settings *s, bora_error *err)
{
    static const char *const names[][2] = { { "model-id", "draft-model" },
                                            { "quantized-file", "draft-file" },
                                            { "arch", "draft-arch" },
                                            { "tok-model-id", "draft-tok-model-id" } };
    static const char *const own[] = { "model-type", "format",        "tokenizer",
                                       "topology",   "chat-template", "jinja-explicit" };
    bora_settings *draft = bora_settings_copy(s);
    if (!draft) {
        bora_fail_memory(err, "settings");
        return NULL;
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        settings_unset(draft, option_find(own[i]));
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        settings_unset(draft, option_find(names[i][0]));
        size_t n = bora_settings_count(s, names[i][1]);
        if (strcmp(names[i][1], "draft-file") != 0) {
            if (bora_settings_is_set(s, names[i][1]))
                ok = bora_settings_set(draft, names[i][0], bora_settings_string(s, names[i][1]),
                                       bora_settings_origin(s, names[i][1]), err);
        } else {
            for (size_t k = 0; ok && k < n; k++)
                ok = bora_settings_set(draft, names[i][0], bora_settings_item(s, names[i][1], k),
                                       bora_settings_origin(s, names[i][1]), err);
        }
    }
    if (ok)
        return draft;
    bora_settings_free(draft);
    return NULL;
}

static const char *shown(const char *piece)
{
    return piece ? piece : "(unused)";
}

/* A draft model's tokens are the target's. Rows behind the last token, with which a vocabulary is filled up, may be
 * more or fewer. */
static bool check_vocabulary(const bora_model *target, const bora_model *draft, bora_error *err)
{
    const bora_tokenizer *a = target->tokenizer, *b = draft->tokenizer;
    if (!a || !b) {
        if (bora_model_n_vocab(target) == bora_model_n_vocab(draft))
            return true;
        return bora_fail(err, BORA_USAGE, "the draft model has %d tokens, the model %d: they must have one vocabulary",
                         bora_model_n_vocab(draft), bora_model_n_vocab(target));
    }
    int32_t n = bora_tokenizer_n_tokens(a);
    if (n != bora_tokenizer_n_tokens(b))
        return bora_fail(err, BORA_USAGE, "the draft model has %d tokens, the model %d: they must have one vocabulary",
                         bora_tokenizer_n_tokens(b), n);
    for (int32_t i = 0; i < n; i++) {
        const char *x = shown(bora_tokenizer_piece(a, i)), *y = shown(bora_tokenizer_piece(b, i));
        if (strcmp(x, y) != 0)
            return bora_fail(err, BORA_USAGE,
                             "token %d is \"%.40s\" in the draft model and \"%.40s\" in the model: they must have one "
                             "vocabulary",
                             i, y, x);
    }
    return true;
}

static bool load_draft(bora_drafter *d, const bora_settings *settings, bora_error *err)
{
    bora_settings *own = draft_settings(settings, err);
    if (!own)
        return false;
    d->draft = bora_model_load(d->target->runtime, own, err);
    bora_settings_free(own);
    if (!d->draft || !check_vocabulary(d->target, d->draft, err))
        return false;
    if (d->draft->states.recurrent)
        return bora_fail(err, BORA_UNSUPPORTED,
                         "%s has a recurrent state and cannot take back a token: it cannot be a draft model",
                         bora_model_name(d->draft));
    /* A step takes as long as it takes to read the weights. Whoever names a large one wants guesses all the same. */
    double ratio = bora_model_describe(d->draft).weight_bytes / bora_model_describe(d->target).weight_bytes;
    d->draft_cost = ratio < 0.25 ? (float)ratio : 0.25F;
    int32_t n_vocab = bora_model_n_vocab(d->draft);
    d->scratch = sampler_scratch_new(n_vocab, err);
    d->logits = d->scratch ? malloc((size_t)DRAFT_SEQS_MAX * (size_t)n_vocab * sizeof *d->logits) : NULL;
    return d->logits || (d->scratch && bora_fail_memory(err, "the draft model's logits"));
}

bool bora_drafter_open(bora_model *model, const bora_settings *settings, bora_drafter **out, bora_error *err)
{
    *out = NULL;
    bool draft = bora_settings_is_set(settings, "draft-model") || bora_settings_count(settings, "draft-file") > 0;
    bool lookup = bora_settings_flag(settings, "prompt-lookup");
    int64_t gamma = bora_settings_int(settings, "gamma");
    if ((!draft && !lookup) || gamma == 0)
        return true;
    if (model->states.recurrent) {
        runtime_log(model->runtime, BORA_LOG_WARN,
                    "%s has a recurrent state and cannot take back a token: no tokens are guessed ahead",
                    bora_model_name(model));
        return true;
    }
    bora_drafter *d = calloc(1, sizeof *d);
    if (!d)
        return bora_fail_memory(err, "a drafter");
    *d = (bora_drafter){ .target = model, .gamma = (int32_t)gamma, .lookup = lookup };
    d->p_min = (float)bora_settings_float(settings, "draft-p-min");
    if (draft && !load_draft(d, settings, err)) {
        bora_drafter_free(d);
        return false;
    }
    runtime_log(model->runtime, BORA_LOG_INFO, "up to %d tokens are guessed ahead%s%s%s%s", d->gamma,
                draft ? " by " : "", draft ? bora_model_name(d->draft) : "", draft && lookup ? " and" : "",
                lookup ? " by what was said before" : "");
    *out = d;
    return true;
}

void bora_drafter_free(bora_drafter *d)
{
    if (!d)
        return;
    sampler_scratch_free(d->scratch);
    free(d->logits);
    bora_model_free(d->draft);
    free(d);
}

int32_t drafter_most(const bora_drafter *d)
{
    return d->gamma < DRAFT_MAX ? d->gamma : DRAFT_MAX;
}

/* ---- sequences */

draft_seq *drafter_begin(bora_drafter *d, const bora_sampling *sampling, bora_error *err)
{
    draft_seq *s = calloc(1, sizeof *s);
    if (!s) {
        bora_fail_memory(err, "a drafter's sequence");
        return NULL;
    }
    /* What is known before anything is: a little more than half are right, and the more tokens were the same. */
    s->model = s->lookup[4] = (record){ .tried = 3, .right = 2 };
    s->lookup[3] = (record){ .tried = 2, .right = 1 };
    s->lookup[2] = (record){ .tried = 3, .right = 1 };
    if (d->draft) /* without one (a bias for a token that it does not have) there is no error, but no guess either */
        s->chooser = sampler_new(sampling, bora_model_n_vocab(d->draft), d->target->tokenizer, NULL);
    return s;
}

static void drop_session(bora_drafter *d, draft_seq *s)
{
    for (draft_seq **link = &d->sequences; *link; link = &(*link)->next)
        if (*link == s) {
            *link = s->next;
            break;
        }
    bora_session_free(s->session);
    s->session = NULL;
}

void drafter_end(bora_drafter *d, draft_seq *s)
{
    if (!s)
        return;
    if (s->session)
        drop_session(d, s);
    sampler_free(s->chooser);
    free(s);
}

/* A session of the draft model; the one that was used longest ago gives way where there are too many. */
static bool have_session(bora_drafter *d, draft_seq *s, bora_error *err)
{
    s->used = d->now;
    if (s->session)
        return true;
    int32_t n = 0;
    draft_seq *oldest = NULL;
    for (draft_seq *other = d->sequences; other; other = other->next, n++)
        if (!oldest || other->used < oldest->used)
            oldest = other;
    if (n >= DRAFT_SEQS_MAX)
        drop_session(d, oldest);
    s->session = bora_session_new(d->draft, err);
    if (!s->session)
        return false;
    s->next = d->sequences;
    d->sequences = s;
    return true;
}

/* ---- how many */

/* How likely the next guess must be to be right, if those before it are: one that is right saves a row's share of a
 * step for all. */
static float least_likely(float cost, int32_t n_turns)
{
    float share = (1 + row_cost * (float)(n_turns - 1)) / (float)n_turns;
    return cost < 0.9F * share ? cost / share : 0.9F;
}

static int32_t likely_guesses(record *r, int32_t max, float least)
{
    float each = r->right / r->tried, all = each;
    int32_t n = 0;
    while (n < max && all >= least) {
        all *= each;
        n++;
    }
    if (n == 0 && max > 0 && ++r->rested >= REST) /* it may have become better */
        n = 1;
    if (n > 0)
        r->rested = 0;
    return n;
}

void drafter_learn(draft_seq *s, int32_t n_guesses, int32_t n_right)
{
    if (n_guesses == 0 || !s->last)
        return;
    int32_t n_tried = n_right < n_guesses ? n_right + 1 : n_right; /* nothing is known of those behind a wrong one */
    s->last->tried = s->last->tried * 0.9F + (float)n_tried;
    s->last->right = s->last->right * 0.9F + (float)n_right;
}

/* ---- guessing with the draft model */

/* A sequence that takes part, and how far it is. */
typedef struct drafting {
    draft_turn *turn;
    int32_t want;
    float least_logprob; /* of a guess: the draft model knows rather well when it is wrong */
    const int32_t *feed; /* [n_feed]: what the draft model reads next */
    int32_t n_feed;
} drafting;

/* What of the sequence the draft model has read already stays; the rest is to be read, *budget tokens at most. */
static void resume(drafting *g, int32_t *budget)
{
    bora_session *s = g->turn->seq->session;
    int32_t same = 0;
    while (same < s->length && same < g->turn->n_tokens - 1 && s->tokens[same] == g->turn->tokens[same])
        same++;
    bora_session_truncate(s, same, NULL);
    g->feed = g->turn->tokens + same;
    g->n_feed = g->turn->n_tokens - same;
    if (g->n_feed > *budget) { /* others wait: it will guess when it has read all */
        g->n_feed = *budget;
        g->want = 0;
    }
    *budget -= g->n_feed;
}

/* One step of the draft model for those that read or want more; false when there was none, or none that could be. */
static bool draft_step(bora_drafter *d, drafting *list, int32_t n, bora_error *err)
{
    bora_turn turns[DRAFT_SEQS_MAX];
    drafting *who[DRAFT_SEQS_MAX];
    int32_t m = 0, n_outputs = 0;
    for (int32_t i = 0; i < n; i++) {
        drafting *g = &list[i];
        if (g->n_feed == 0)
            continue;
        who[m] = g;
        turns[m++] = (bora_turn){ g->turn->seq->session, g->feed, g->n_feed, g->want > 0, g->turn->n_prompt };
        n_outputs += g->want > 0;
    }
    if (m == 0 || !bora_sessions_step(turns, m, n_outputs > 0 ? d->logits : NULL, err))
        return false;
    float *logits = d->logits;
    for (int32_t i = 0; i < m; i++) {
        drafting *g = who[i];
        draft_turn *t = g->turn;
        g->n_feed = 0;
        if (g->want == 0)
            continue;
        const bora_session *s = t->seq->session;
        sampler_place place = { logits, s->tokens, s->length, t->n_prompt, s->length - t->n_prompt };
        logits += bora_model_n_vocab(d->draft);
        bora_token token;
        if (!sampler_choose(t->seq->chooser, d->scratch, &place, 0, &token, err))
            return false;
        if (token.logprob < g->least_logprob)
            continue;
        if (token.id >= bora_model_n_vocab(d->target) || bora_model_is_stop(d->target, token.id))
            continue; /* an answer that ends needs no guesses */
        t->guesses[t->n_guesses++] = token.id;
        if (t->n_guesses < g->want) {
            g->feed = &t->guesses[t->n_guesses - 1];
            g->n_feed = 1;
        }
    }
    return true;
}

static void guess_by_model(bora_drafter *d, drafting *list, int32_t n)
{
    bora_error err = { .code = BORA_OK };
    bool ok = true;
    int32_t budget = CATCH_UP;
    for (int32_t i = 0; ok && i < n; i++) {
        list[i].turn->seq->last = &list[i].turn->seq->model;
        if ((ok = have_session(d, list[i].turn->seq, &err)))
            resume(&list[i], &budget);
    }
    while (ok && draft_step(d, list, n, &err))
        ;
    if (err.code == BORA_OK)
        return;
    runtime_log(d->target->runtime, BORA_LOG_WARN, "the draft model has no guesses: %s", err.message);
    bora_error_clear(&err);
    for (int32_t i = 0; i < n; i++)
        drop_session(d, list[i].turn->seq);
}

/* True when what was said before is to be believed: it costs less than the draft model, but may be right less often. */
static bool guess_by_lookup(const bora_drafter *d, draft_turn *t, int32_t max, float least)
{
    int32_t from, n_same = d->lookup ? prompt_lookup(t->tokens, t->n_tokens, &from) : 0;
    if (n_same == 0)
        return false;
    record *r = &t->seq->lookup[n_same], *model = &t->seq->model;
    if (t->seq->chooser && r->right * model->tried < model->right * r->tried)
        return false;
    t->n_guesses = likely_guesses(r, max, least);
    t->seq->last = r;
    prompt_lookup_copy(t->tokens, t->n_tokens, from, t->n_guesses, t->guesses);
    return t->n_guesses > 0;
}

void drafter_guess(bora_drafter *d, draft_turn *turns, int32_t n_turns)
{
    drafting list[DRAFT_SEQS_MAX];
    int32_t n_list = 0, each = n_turns > 0 ? DRAFT_STEP_TOKENS / n_turns - 1 : 0;
    each = each < d->gamma ? each : d->gamma;
    d->now++;
    for (int32_t i = 0; i < n_turns; i++) {
        draft_turn *t = &turns[i];
        t->n_guesses = 0;
        t->seq->last = NULL;
        int32_t max = t->max_guesses < each ? t->max_guesses : each;
        if (max <= 0 || guess_by_lookup(d, t, max, least_likely(row_cost, n_turns)) || !t->seq->chooser)
            continue;
        int32_t room = bora_model_context_length(d->draft) - t->n_tokens;
        float least = least_likely(row_cost + d->draft_cost, n_turns);
        int32_t want = likely_guesses(&t->seq->model, max < room ? max : room, least);
        if (want > 0)
            list[n_list++] = (drafting){ .turn = t, .want = want, .least_logprob = logf(d->p_min) };
    }
    if (n_list > 0)
        guess_by_model(d, list, n_list);
    for (int32_t i = 0; i < n_list; i++)
        if (list[i].turn->n_guesses == 0) /* it was asked in vain, which costs less than a wrong guess */
            list[i].turn->seq->model.tried += 0.5F;
}
