#include "graph/made.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "graph/graph.h"

enum { MAX_STACK = 1 << 16 };

/* ---- what is found by a name ---- */

static const graph_made *find_made(const bora_graph *g, const char *name)
{
    for (const graph_made *m = g->made; m; m = m->next)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* A copy in the arena with the name of the weight and of its tensor ("NAME", or for a bias itself), at the head of the
 * list. */
static const graph_made *add_made(bora_graph *g, const graph_made *made, const char *name, const char *suffix)
{
    graph_made *m = arena_copy(&g->arena, made, sizeof *made);
    if (m) {
        m->name = arena_strdup(&g->arena, name);
        m->info.name = arena_printf(&g->arena, "%s%s", name, suffix);
    }
    if (!m || !m->name || !m->info.name) {
        bora_fail_memory(&g->error, "a graph");
        return NULL;
    }
    if (m->layout)
        m->stored.name = m->name;
    m->next = g->made;
    return g->made = m;
}

/* Fills size_bytes; a shape that no memory holds, or rows that are no whole number of blocks, fail the graph. */
static bool measure(bora_graph *g, bora_tensor_info *t, const char *name)
{
    int64_t n = 1;
    bool sound = t->n_dims >= 1 && t->n_dims <= BORA_MAX_DIMS;
    for (int d = 0; sound && d < t->n_dims; d++)
        sound = t->shape[d] >= 1 && !__builtin_mul_overflow(n, t->shape[d], &n);
    for (int d = t->n_dims; sound && d < BORA_MAX_DIMS; d++)
        t->shape[d] = 1;
    sound = sound && graph_width(t) % t->quant->block_elems == 0 &&
            !__builtin_mul_overflow((size_t)(n / t->quant->block_elems), t->quant->block_bytes, &t->size_bytes);
    if (!sound)
        graph_fail(g, BORA_FORMAT, "%s: its shape is empty, too large, or no whole number of %s blocks", name,
                   t->quant->name);
    return sound;
}

/* ---- layouts ---- */

static const cJSON *quantization(const bora_graph *g)
{
    const cJSON *config = graph_param(g, "quantization_config");
    config = config ? config : graph_param(g, "quantization");
    return cJSON_IsObject(config) ? config : NULL;
}

static bool serves(const bora_layout *layout, const cJSON *config)
{
    const char *method = json_string(config, "quant_method", "");
    for (const char *const *m = layout->methods; m && *m; m++)
        if (strcmp(*m, method) == 0)
            return true;
    return false;
}

const char *graph_unknown_method(const bora_graph *g, char out[160])
{
    const cJSON *config = quantization(g);
    out[0] = '\0';
    if (!config)
        return out;
    REGISTRY_EACH(g->runtime, layouts, bora_layout, layout)
    if (serves(layout, config))
        return out;
    snprintf(out, 160, " (it is quantized by \"%.64s\", and no plugin has a layout for that)",
             json_string(config, "quant_method", ""));
    return out;
}

static bool has_parts(bora_graph *g, const bora_layout *layout, const char *name, bora_stored *stored)
{
    for (int i = 0; layout->suffixes[i]; i++) {
        const char *suffix = layout->suffixes[i];
        char part[GRAPH_MAX_NAME];
        bool optional = suffix[0] == '?';
        int n = snprintf(part, sizeof part, "%s%s", name, suffix + optional);
        stored->parts[i] = n > 0 && n < GRAPH_MAX_NAME ? g->source.weight(g->source.ctx, part) : NULL;
        if (!stored->parts[i] && !optional)
            return false;
    }
    return true;
}

static const graph_made *lay_out(bora_graph *g, const bora_layout *layout, const char *name, const cJSON *config)
{
    graph_made m = { .making = MADE_BY_LAYOUT, .layout = layout, .stored = { .name = name, .config = config } };
    if (!has_parts(g, layout, name, &m.stored))
        return NULL;
    bora_error why = { .code = BORA_OK };
    if (!layout->describe(&m.stored, &why)) {
        graph_fail(g, why.code ? why.code : BORA_FORMAT, "%s (%s): %s", name, layout->name, why.message);
        return NULL;
    }
    m.info.quant = m.stored.quant ? bora_runtime_quant(g->runtime, m.stored.quant) : NULL;
    if (!m.info.quant) {
        graph_fail(g, BORA_UNSUPPORTED, "%s (%s): no plugin offers the format \"%s\"", name, layout->name,
                   m.stored.quant ? m.stored.quant : "");
        return NULL;
    }
    m.info.n_dims = m.stored.n_dims;
    memcpy(m.info.shape, m.stored.shape, sizeof m.info.shape);
    return measure(g, &m.info, name) ? add_made(g, &m, name, ".weight") : NULL;
}

static const graph_made *find_layout(bora_graph *g, const char *name)
{
    const cJSON *config = quantization(g);
    if (!config)
        return NULL;
    REGISTRY_EACH(g->runtime, layouts, bora_layout, layout)
    {
        const graph_made *m = serves(layout, config) ? lay_out(g, layout, name, config) : NULL;
        if (m || !graph_ok(g))
            return m;
    }
    return NULL;
}

static const cJSON *stored_param(const bora_stored *stored, const char *path)
{
    const cJSON *config = stored->config, *own = cJSON_GetObjectItemCaseSensitive(config, stored->name);
    const cJSON *roots[] = { own, config };
    for (int i = 0; i < 2; i++) {
        const cJSON *at = roots[i];
        for (const char *p = path; at; p++) {
            char part[128];
            size_t n = strcspn(p, ".");
            if (n >= sizeof part)
                break;
            memcpy(part, p, n);
            part[n] = '\0';
            at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, part) : NULL;
            p += n;
            if (!*p && at)
                return at;
            if (!*p)
                break;
        }
    }
    return NULL;
}

double bora_stored_number(const bora_stored *stored, const char *path, double fallback)
{
    const cJSON *item = stored_param(stored, path);
    return cJSON_IsNumber(item) ? item->valuedouble : cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

const char *bora_stored_string(const bora_stored *stored, const char *path, const char *fallback)
{
    const cJSON *item = stored_param(stored, path);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

/* ---- finding ---- */

bool graph_find(bora_graph *g, const char *name, graph_origin *out)
{
    static const char *const suffixes[] = { ".weight", "" };
    *out = (graph_origin){ 0 };
    if (!graph_ok(g))
        return false;
    out->made = find_made(g, name);
    if (!out->made)
        out->made = find_layout(g, name);
    if (out->made) {
        out->tensor = &out->made->info;
        out->suffix = out->made->info.name + strlen(name);
    }
    for (int i = 0; i < 2 && !out->tensor && graph_ok(g); i++) {
        char full[GRAPH_MAX_NAME];
        int n = snprintf(full, sizeof full, "%s%s", name, suffixes[i]);
        if (n < 0 || n >= GRAPH_MAX_NAME)
            graph_fail(g, BORA_USAGE, "a name of more than %d bytes", GRAPH_MAX_NAME - 1);
        else
            out->tensor = g->source.weight(g->source.ctx, full);
        out->suffix = suffixes[i];
    }
    return out->tensor && graph_ok(g);
}

void graph_each_tensor(const graph_origin *origin, void (*visit)(void *ctx, const bora_tensor_info *tensor), void *ctx)
{
    const graph_made *m = origin->made;
    if (!m) {
        visit(ctx, origin->tensor);
        return;
    }
    for (int32_t i = 0; i < m->n_parts; i++)
        graph_each_tensor(&m->parts[i], visit, ctx);
    for (int i = 0; m->layout && m->layout->suffixes[i]; i++)
        if (m->stored.parts[i])
            visit(ctx, m->stored.parts[i]);
}

/* ---- declarations ---- */

static bool same_form(const bora_tensor_info *a, const bora_tensor_info *b)
{
    return a->quant == b->quant && a->n_dims == b->n_dims && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

/* An origin that is transposed against what is declared of it can only be taken by bora_taken_weight(). */
static bool stands_right(bora_graph *g, const graph_origin *origin)
{
    if (!origin->made || !origin->made->stored.transposed)
        return true;
    graph_fail(g, BORA_UNSUPPORTED, "%s is stored transposed, which this architecture does not expect",
               origin->tensor->name);
    return false;
}

/* Part i of a stack: the pattern with its number, and `suffix`. */
static bool find_part(bora_graph *g, const char *pattern, int32_t i, const char *suffix, graph_origin *out)
{
    const char *hole = strstr(pattern, "%d");
    char label[GRAPH_MAX_NAME], name[GRAPH_MAX_NAME];
    if (!hole) {
        graph_fail(g, BORA_USAGE, "the name of a stack's parts must have a %%d: \"%s\"", pattern);
        return false;
    }
    int n = snprintf(label, sizeof label, "%.*s%d%s", (int)(hole - pattern), pattern, i, hole + 2);
    return n > 0 && n < GRAPH_MAX_NAME && graph_full_name(g, label, suffix, name) && graph_find(g, name, out);
}

/* NAME (with ".bias" or nothing behind it) is the stack of the parts, where there is a first one. */
static void stack(bora_graph *g, const char *name, const char *pattern, int32_t n, const char *suffix)
{
    graph_origin first;
    char full[GRAPH_MAX_NAME];
    if (!find_part(g, pattern, 0, suffix, &first) || !graph_full_name(g, name, suffix, full))
        return;
    graph_origin *parts = arena_array(&g->arena, (size_t)n, sizeof *parts);
    if (!parts) {
        bora_fail_memory(&g->error, "a graph");
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        if (!find_part(g, pattern, i, suffix, &parts[i])) {
            graph_fail(g, BORA_NOT_FOUND, "%s is made of %d tensors, and the checkpoint has no number %d of them", full,
                       n, i);
            return;
        }
        if (!stands_right(g, &parts[i]))
            return;
        if (!same_form(parts[i].tensor, first.tensor)) {
            graph_fail(g, BORA_FORMAT, "%s and %s, which should be stacked, differ in shape or format",
                       first.tensor->name, parts[i].tensor->name);
            return;
        }
    }
    graph_made m = { .making = MADE_STACKED, .parts = parts, .n_parts = n };
    m.info = (bora_tensor_info){ .quant = first.tensor->quant, .n_dims = first.tensor->n_dims + 1 };
    m.info.shape[0] = n;
    memcpy(m.info.shape + 1, first.tensor->shape, (BORA_MAX_DIMS - 1) * sizeof *m.info.shape);
    if (measure(g, &m.info, full))
        add_made(g, &m, full, *suffix ? "" : ".weight");
}

void bora_stacked_weight(bora_graph *g, const char *name, const char *parts, int32_t n)
{
    if (!graph_ok(g) || bora_has_weight(g, name))
        return;
    if (n < 1 || n > MAX_STACK) {
        graph_fail(g, BORA_FORMAT, "%s: a stack of %d tensors", name, n);
        return;
    }
    stack(g, name, parts, n, "");
    stack(g, name, parts, n, ".bias");
}

/* How many of `size` there are to take, or 0 with an error. */
static int64_t count_taken(bora_graph *g, const char *name, const bora_taken *t, int64_t size)
{
    int64_t step = t->step ? t->step : 1, last;
    if (t->from < 0 || t->from >= size || step < 1 || t->count < 0)
        last = size;
    else
        last = t->from + (t->count ? (t->count - 1) * step : (size - 1 - t->from) / step * step);
    if (last < size)
        return (last - t->from) / step + 1;
    graph_fail(g, BORA_FORMAT, "%s: takes %d rows from %d on, each %d-th, of %lld", name, t->count, t->from, t->step,
               (long long)size);
    return 0;
}

/* Its numbers can be read one by one: a dense tensor, or a stack of such. */
static bool lies_open(const graph_origin *origin)
{
    bool open = origin->tensor->quant->block_elems == 1 && (!origin->made || origin->made->making == MADE_STACKED);
    for (int32_t i = 0; open && origin->made && i < origin->made->n_parts; i++)
        open = lies_open(&origin->made->parts[i]);
    return open;
}

/* The making of a taken weight [.., rows, width] out of a source, or of a taken bias. False: it cannot be. */
static bool take(bora_graph *g, const char *full, const graph_origin *source, const bora_taken *t, bool is_bias,
                 graph_made *m)
{
    const bora_tensor_info *s = source->tensor;
    bool stands_over = source->made && source->made->stored.transposed;
    bool transposes = t->transposed != stands_over && !is_bias;
    m->making = is_bias ? MADE_NUMBERS : transposes ? MADE_TRANSPOSED : MADE_ROWS;
    m->step = t->step ? t->step : 1;
    m->from = t->from;
    m->info = *s;
    m->info.data = NULL;
    if (s->n_dims < (is_bias ? 1 : 2)) {
        graph_fail(g, BORA_FORMAT, "%s: %s has too few dimensions", full, s->name);
        return false;
    }
    if (m->making != MADE_ROWS && !lies_open(source)) {
        graph_fail(g, BORA_UNSUPPORTED,
                   "%s: %s would have to be read number by number, which lies in blocks or is made of others (%s)",
                   full, s->name, s->quant->name);
        return false;
    }
    int64_t *rows = &m->info.shape[s->n_dims - (is_bias ? 1 : 2)];
    if (transposes) {
        m->info.shape[s->n_dims - 1] = s->shape[s->n_dims - 2];
        *rows = s->shape[s->n_dims - 1];
    }
    *rows = count_taken(g, full, t, *rows);
    return *rows > 0 && measure(g, &m->info, full);
}

static void take_as(bora_graph *g, const char *name, const char *suffix, const char *source, const bora_taken *taken)
{
    char full[GRAPH_MAX_NAME], from[GRAPH_MAX_NAME];
    bool is_bias = *suffix != '\0';
    graph_origin origin;
    if (!graph_full_name(g, name, suffix, full) || !graph_full_name(g, source, suffix, from))
        return;
    if (!graph_find(g, from, &origin) &&
        !(is_bias && graph_full_name(g, source, "_bias", from) && graph_find(g, from, &origin)))
        return;
    graph_origin *part = arena_copy(&g->arena, &origin, sizeof origin);
    if (!part) {
        bora_fail_memory(&g->error, "a graph");
        return;
    }
    graph_made m = { .parts = part, .n_parts = 1 };
    if (take(g, full, part, taken, is_bias, &m))
        add_made(g, &m, full, is_bias ? "" : ".weight");
}

void bora_taken_weight(bora_graph *g, const char *name, const char *source, const bora_taken *taken)
{
    if (!graph_ok(g) || (strcmp(name, source) != 0 && bora_has_weight(g, name)))
        return;
    take_as(g, name, "", source, taken);
    take_as(g, name, ".bias", source, taken);
}
