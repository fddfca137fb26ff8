/* The models of a server: see host.h.
 *
 * One mutex guards all that is known of them; it is not held while a model is loaded or freed, which one thread does at
 * a time: the keeper, a thread of the host's own. So nobody who answers requests waits for that, and who gives a model
 * back does not free it, for that may be the model's own engine. */
#include "host.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common.h"
#include "memory.h"

enum { WAITING_MAX = 256, RETRY_S = 10, ROOM_S = 30, NAMES_MAX = 4 };

/* Who waits for a model. */
typedef struct waiter {
    host_ready ready;
    void *ctx;
    double since_s;
    struct waiter *next;
} waiter;

typedef struct slot {
    host_model view;        /* what is handed out; first, so that it leads back here */
    char *names[NAMES_MAX]; /* NULL at the end; the first is the id */
    bora_settings *settings;
    host_state state;
    bool at_start, retiring;
    int references, n_waiting;
    waiter *first, *last; /* [n_waiting] */
    time_t created;
    int32_t context_length;
    double used_s, failed_s;
    bora_code failed_code;
} slot;

struct host {
    bora_runtime *runtime;
    void (*log)(void *ctx, bora_log_level level, const char *line);
    void *log_ctx;
    slot *slots;
    size_t n_slots, default_slot, max_loaded;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool busy; /* a model is being loaded or freed */
    bool stopping, ending;
    pthread_t keeper;
    bool has_keeper;
};

static void say(const host *h, bora_log_level level, const char *fmt, ...) BORA_PRINTF(3, 4);

static void say(const host *h, bora_log_level level, const char *fmt, ...)
{
    char line[1536];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (h->log)
        h->log(h->log_ctx, level, line);
}

/* ---- names */

/* The last part of a path, without the ending of a file. */
static char *base_name(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    size_t len = end - begin;
    if (len > 5 && strncmp(path + end - 5, ".gguf", 5) == 0)
        len -= 5;
    return strndup(path + begin, len);
}

static bool is_path(const char *text)
{
    return *text && strchr("/.~", *text);
}

/* Adds a name that it does not have yet; takes it over. */
static bool add_name(slot *s, char *name)
{
    size_t n = 0;
    while (name && n < NAMES_MAX - 1 && s->names[n] && strcmp(s->names[n], name) != 0)
        n++;
    bool known = name && n < NAMES_MAX - 1 && s->names[n];
    if (known || n == NAMES_MAX - 1)
        free(name);
    else
        s->names[n] = name;
    return name != NULL;
}

/* The first is what clients see: no path of this machine, where it can be helped. */
static bool set_names(slot *s, bora_error *err)
{
    const char *alias = bora_settings_string(s->settings, "alias"), *id = bora_settings_string(s->settings, "model-id");
    const char *file = bora_settings_item(s->settings, "quantized-file", 0);
    bool ok = !alias || add_name(s, strdup(alias));
    if (ok && id && !file && !is_path(id))
        ok = add_name(s, strdup(id));
    if (ok)
        ok = add_name(s, base_name(file ? file : id ? id : "model"));
    if (ok && id)
        ok = add_name(s, strdup(id));
    s->view.id = s->names[0];
    return ok || bora_fail_memory(err, "a model's name");
}

static slot *find_slot(host *h, const char *name)
{
    if (!name || !*name)
        return &h->slots[h->default_slot];
    for (size_t k = 0; k < NAMES_MAX; k++) /* what one is called goes before what another may be called as well */
        for (size_t i = 0; i < h->n_slots; i++)
            if (h->slots[i].names[k] && strcmp(h->slots[i].names[k], name) == 0)
                return &h->slots[i];
    return strcmp(name, "default") == 0 ? &h->slots[h->default_slot] : NULL;
}

static slot *find(host *h, const char *name, bora_error *err)
{
    slot *s = find_slot(h, name);
    if (!s)
        bora_fail(err, BORA_NOT_FOUND, "there is no model \"%.80s\"; /v1/models lists those that there are", name);
    return s;
}

/* ---- loading and freeing; all with the mutex held, and given up where it takes long */

static void set_fingerprint(host_model *m)
{
    char text[512];
    bora_model_info info = bora_model_describe(m->model);
    int len = snprintf(text, sizeof text, "%s %s %s %" PRId64 " %s %s", bora_version(), m->id,
                       bora_model_arch(m->model), info.n_parameters, info.format, info.device);
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (int i = 0; i < len && text[i]; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    snprintf(m->fingerprint, sizeof m->fingerprint, "fp_%010" PRIx64, hash & 0xffffffffffU);
}

static size_t count_loaded(const host *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_slots; i++)
        n += h->slots[i].state == HOST_LOADED;
    return n;
}

/* Frees what nobody holds. */
static void unload(host *h, slot *s)
{
    bora_model *model = s->view.model;
    bora_engine *engine = s->view.engine;
    s->view.model = NULL;
    s->view.engine = NULL;
    s->state = HOST_LOADING; /* nobody may take it */
    pthread_mutex_unlock(&h->mutex);
    bora_engine_stop(engine);
    bora_model_free(model);
    say(h, BORA_LOG_INFO, "%s: unloaded", s->view.id);
    pthread_mutex_lock(&h->mutex);
    s->state = HOST_UNLOADED;
    s->retiring = false;
    pthread_cond_broadcast(&h->changed);
}

/* Of the models that nobody uses, unloads the one that was used longest ago. */
static bool make_room(host *h, const slot *wanted)
{
    slot *oldest = NULL;
    for (size_t i = 0; i < h->n_slots; i++) {
        slot *s = &h->slots[i];
        if (s != wanted && s->state == HOST_LOADED && s->references == 0 && (!oldest || s->used_s < oldest->used_s))
            oldest = s;
    }
    if (!oldest)
        return false;
    say(h, BORA_LOG_INFO, "%s: makes room for %s", oldest->view.id, wanted->view.id);
    unload(h, oldest);
    return true;
}

/* What it takes is not known before it is loaded: about its files, and some more. */
static bool is_short(const slot *s)
{
    uint64_t need = memory_of_model(s->settings);
    return memory_available() < need + need / 8;
}

static bool load_once(host *h, slot *s, bora_error *err)
{
    pthread_mutex_unlock(&h->mutex);
    double begun_s = cli_seconds();
    host_model *m = &s->view;
    m->model = bora_model_load(h->runtime, s->settings, err);
    m->engine = m->model ? bora_engine_start(m->model, s->settings, err) : NULL;
    if (m->engine) {
        m->style = messages_style(m->model);
        set_fingerprint(m);
        say(h, BORA_LOG_INFO, "%s: loaded in %.1f s, context of %d tokens%s", m->id, cli_seconds() - begun_s,
            bora_model_context_length(m->model),
            bora_model_has_chat_template(m->model) ? "" : "; it has no chat template");
    } else {
        bora_model_free(m->model);
        m->model = NULL;
    }
    pthread_mutex_lock(&h->mutex);
    return m->engine != NULL;
}

static bool load(host *h, slot *s, bool log_failure, bora_error *err)
{
    s->state = HOST_LOADING;
    while ((h->max_loaded > 0 && count_loaded(h) >= h->max_loaded) || is_short(s))
        if (!make_room(h, s))
            break;
    if (h->max_loaded > 0 && count_loaded(h) >= h->max_loaded) {
        s->state = HOST_UNLOADED; /* and not failed: it may be tried again at once */
        return bora_fail(err, BORA_BUSY, "all %zu models that may be in memory are in use", h->max_loaded);
    }
    bora_error problem = { .code = BORA_OK };
    bool ok;
    while (!(ok = load_once(h, s, &problem)) && problem.code == BORA_MEMORY && make_room(h, s))
        bora_error_clear(&problem);
    if (!ok)
        bora_fail(err, problem.code, "%s", problem.message);
    s->state = ok ? HOST_LOADED : HOST_FAILED;
    if (ok) {
        s->created = time(NULL);
        s->used_s = cli_seconds();
        s->context_length = bora_model_context_length(s->view.model);
    } else {
        s->failed_s = cli_seconds();
        s->failed_code = err->code;
        if (log_failure)
            say(h, BORA_LOG_ERROR, "%s: %s", s->view.id, err->message);
    }
    pthread_cond_broadcast(&h->changed);
    return ok;
}

/* What clients are told: paths and such are for the log. */
static bool fail_load(const slot *s, bora_error *err)
{
    if (s->failed_code == BORA_MEMORY)
        return bora_fail(err, BORA_MEMORY, "there is no memory for the model \"%s\" now", s->view.id);
    return bora_fail(err, BORA_IO, "the model \"%s\" cannot be loaded; the server's log says why", s->view.id);
}

/* With the mutex held. */
static const host_model *hold(slot *s)
{
    s->references++;
    s->used_s = cli_seconds();
    return &s->view;
}

static bool is_there(const slot *s)
{
    return s->state == HOST_LOADED && !s->retiring;
}

static bool failed_lately(const slot *s)
{
    return s->state == HOST_FAILED && cli_seconds() < s->failed_s + RETRY_S;
}

static bool enqueue(slot *s, host_ready ready, void *ctx, bora_error *err)
{
    if (s->n_waiting >= WAITING_MAX)
        return bora_fail(err, BORA_BUSY, "the model \"%s\" is being loaded, and enough requests wait for it",
                         s->view.id);
    waiter *w = malloc(sizeof *w);
    if (!w)
        return bora_fail_memory(err, "a request");
    *w = (waiter){ .ready = ready, .ctx = ctx, .since_s = cli_seconds() };
    *(s->first ? &s->last->next : &s->first) = w;
    s->last = w;
    s->n_waiting++;
    return true;
}

/* Gives those who wait the model, or the error. */
static void serve_waiters(host *h, slot *s, const bora_error *err)
{
    while (s->first) {
        waiter *w = s->first;
        s->first = w->next;
        s->n_waiting--;
        const host_model *m = err ? NULL : hold(s);
        pthread_mutex_unlock(&h->mutex);
        w->ready(w->ctx, m, err);
        free(w);
        pthread_mutex_lock(&h->mutex);
    }
    pthread_cond_broadcast(&h->changed);
}

/* Does for one model what is to be done. False: there is nothing. */
static bool care_for(host *h, slot *s)
{
    bora_error err = { .code = BORA_OK }, problem = { .code = BORA_OK };
    if (s->retiring && s->references == 0) {
        unload(h, s);
        return true;
    }
    if (!s->first || s->state == HOST_LOADING || (s->state == HOST_LOADED && s->retiring && !h->stopping))
        return false;
    if (h->stopping) {
        bora_fail(&err, BORA_BUSY, "the server is shutting down");
    } else if (failed_lately(s)) {
        fail_load(s, &err);
    } else if (!is_there(s) && !load(h, s, true, &problem)) { /* told to go while it came, it goes after this */
        if (problem.code != BORA_BUSY)
            fail_load(s, &err);
        else if (cli_seconds() < s->first->since_s + ROOM_S) /* there will be room once others have their answers */
            return false;
        else
            bora_fail(&err, BORA_BUSY, "%s", problem.message);
    }
    serve_waiters(h, s, err.code == BORA_OK ? NULL : &err);
    return true;
}

/* With the mutex held; looks again after a second where somebody waits. */
static void rest(host *h)
{
    bool any = false;
    for (size_t i = 0; i < h->n_slots; i++)
        any |= h->slots[i].first != NULL;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    if (any)
        pthread_cond_timedwait(&h->changed, &h->mutex, &until);
    else
        pthread_cond_wait(&h->changed, &h->mutex);
}

static void *keep(void *arg)
{
    host *h = arg;
    pthread_mutex_lock(&h->mutex);
    while (!h->ending) {
        bool did = false;
        while (h->busy)
            pthread_cond_wait(&h->changed, &h->mutex);
        h->busy = true;
        for (size_t i = 0; i < h->n_slots; i++)
            did |= care_for(h, &h->slots[i]);
        h->busy = false;
        pthread_cond_broadcast(&h->changed);
        if (!did)
            rest(h);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

/* ---- public */

static bool add_models(host *h, const host_options *o, bora_error *err)
{
    for (size_t i = 0; i < o->n_models; i++) {
        slot *s = &h->slots[i];
        h->n_slots++;
        if (!(s->settings = bora_settings_copy(o->models[i])))
            return bora_fail_memory(err, "settings");
        if (!set_names(s, err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(h->slots[k].view.id, s->view.id) == 0)
                return bora_fail(err, BORA_USAGE, "two models are called \"%.80s\"; give one of them an alias",
                                 s->view.id);
        s->view.settings = s->settings;
        s->at_start = !bora_settings_flag(s->settings, "lazy-load");
        s->created = time(NULL);
    }
    return true;
}

host *host_new(const host_options *o, bora_error *err)
{
    host *h = calloc(1, sizeof *h);
    slot *slots = calloc(o->n_models, sizeof *slots);
    if (!h || !slots) {
        free(h);
        free(slots);
        bora_fail_memory(err, "models");
        return NULL;
    }
    *h = (host){
        .runtime = o->runtime, .log = o->log, .log_ctx = o->log_ctx, .slots = slots, .max_loaded = o->max_loaded
    };
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->changed, NULL);
    bool ok = add_models(h, o, err);
    if (ok && o->default_model) {
        slot *s = find(h, o->default_model, err);
        ok = s != NULL;
        h->default_slot = s ? (size_t)(s - h->slots) : 0;
    }
    if (ok && !(h->has_keeper = pthread_create(&h->keeper, NULL, keep, h) == 0))
        ok = bora_fail(err, BORA_LIMIT, "the system gives no thread for the models");
    if (ok)
        return h;
    host_free(h);
    return NULL;
}

void host_free(host *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->mutex);
    h->stopping = h->ending = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
    if (h->has_keeper)
        pthread_join(h->keeper, NULL);
    for (size_t i = 0; i < h->n_slots; i++) {
        slot *s = &h->slots[i];
        bora_engine_stop(s->view.engine);
        bora_model_free(s->view.model);
        bora_settings_free(s->settings);
        for (size_t k = 0; k < NAMES_MAX; k++)
            free(s->names[k]);
    }
    free(h->slots);
    pthread_mutex_destroy(&h->mutex);
    pthread_cond_destroy(&h->changed);
    free(h);
}

bool host_load(host *h, bora_error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < h->n_slots; i++) {
        slot *s = &h->slots[i];
        if (!s->at_start)
            continue;
        pthread_mutex_lock(&h->mutex);
        while (h->busy && s->state != HOST_LOADED)
            pthread_cond_wait(&h->changed, &h->mutex);
        if (s->state != HOST_LOADED) {
            h->busy = true;
            ok = load(h, s, false, err);
            h->busy = false;
            pthread_cond_broadcast(&h->changed);
        }
        pthread_mutex_unlock(&h->mutex);
    }
    return ok;
}

bool host_is_ready(host *h)
{
    bool ready = true;
    pthread_mutex_lock(&h->mutex);
    for (size_t i = 0; i < h->n_slots; i++) /* one that was unloaded again has been there */
        ready &= !h->slots[i].at_start || h->slots[i].context_length > 0;
    ready &= !h->stopping;
    pthread_mutex_unlock(&h->mutex);
    return ready;
}

void host_stop(host *h)
{
    pthread_mutex_lock(&h->mutex);
    h->stopping = true;
    pthread_cond_broadcast(&h->changed);
    for (size_t i = 0; i < h->n_slots; i++)
        while (h->slots[i].references > 0 || h->slots[i].first)
            pthread_cond_wait(&h->changed, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
}

void host_get(host *h, const char *name, host_ready ready, void *ctx)
{
    bora_error err = { .code = BORA_OK };
    const host_model *m = NULL;
    bool waits = false;
    pthread_mutex_lock(&h->mutex);
    slot *s = find(h, name, &err);
    if (s && h->stopping)
        bora_fail(&err, BORA_BUSY, "the server is shutting down");
    else if (s && is_there(s))
        m = hold(s);
    else if (s && failed_lately(s))
        fail_load(s, &err);
    else if (s && (waits = enqueue(s, ready, ctx, &err)))
        pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
    if (!waits)
        ready(ctx, m, m ? NULL : &err);
}

const host_model *host_acquire_loaded(host *h, size_t i)
{
    pthread_mutex_lock(&h->mutex);
    slot *s = &h->slots[i];
    const host_model *m = s->state == HOST_LOADED && !s->retiring && !h->stopping ? hold(s) : NULL;
    pthread_mutex_unlock(&h->mutex);
    return m;
}

void host_release(host *h, const host_model *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&h->mutex);
    slot *s = &h->slots[(const slot *)(const void *)m - h->slots];
    if (--s->references == 0)
        pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
}

size_t host_count(const host *h)
{
    return h->n_slots;
}

host_info host_describe(host *h, size_t i)
{
    pthread_mutex_lock(&h->mutex);
    const slot *s = &h->slots[i];
    host_info info = { .id = s->view.id,
                       .alias = s->names[1] && !is_path(s->names[1]) ? s->names[1] : NULL,
                       .state = s->retiring ? HOST_UNLOADED : s->state,
                       .at_start = s->at_start,
                       .created = s->created,
                       .context_length = s->context_length };
    pthread_mutex_unlock(&h->mutex);
    return info;
}

bool host_find(host *h, const char *name, size_t *i, bora_error *err)
{
    const slot *s = find(h, name, err);
    *i = s ? (size_t)(s - h->slots) : 0;
    return s != NULL;
}

bool host_unload(host *h, const char *name, bora_error *err)
{
    slot *s = find(h, name, err);
    if (!s)
        return false;
    pthread_mutex_lock(&h->mutex);
    if (s->state == HOST_LOADED || s->state == HOST_LOADING) {
        s->retiring = true;
        pthread_cond_broadcast(&h->changed);
    } else if (s->state == HOST_FAILED) {
        s->state = HOST_UNLOADED; /* and may be tried again at once */
    }
    pthread_mutex_unlock(&h->mutex);
    return true;
}
