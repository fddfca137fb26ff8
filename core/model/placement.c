/* Placement: for every node a device and a kernel, for every weight a format. This is where --isq, --dtype, --device
 * and the topology meet; an architecture knows of none of them.
 *
 * The format of a weight is, in this order: what the topology says of it; what --isq says, for dense weights
 * (embeddings and output heads get the format's more precise companion); what --dtype says, for dense weights; what the
 * file has. Then, if the device has no kernel for that, the best format that it has one for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"

/* How often weights of one format became another on a device, for one log line each. */
typedef struct conversion_note {
    const char *from, *to, *device;
    int count;
} conversion_note;

typedef struct placement {
    bora_model *m;
    const bora_settings *settings;
    topology *topology;
    bool *decided;       /* [topology entries]: those that decided something */
    exec_device *device; /* where nothing else is said */
    const bora_quant *isq, *dtype;
    unsigned avoid, avoid_whole; /* what no kernel may do, and what none of whole weights: KERNEL_... */
    bora_threads *threads;
    const graph_weight *head, *embedding;
    bool *decides; /* [n_nodes]: whether a choice is made by the node's result */
    conversion_note notes[32];
    int n_notes, n_unquantized;
    int n_rounding; /* products with whole weights whose activations are rounded if a user allows it */
} placement;

static bool is_dense(const bora_quant *q)
{
    return q->block_elems == 1;
}

/* Of numbers of 16 bits and more, one by one; NULL: plain floats. */
static bool is_whole(const bora_quant *format)
{
    return !format || (is_dense(format) && format->block_bytes >= 2);
}

/* What no kernel for a format may do. What meets whole weights is rounded only where a user allows it. */
static unsigned avoided(const placement *p, const bora_quant *format)
{
    return is_whole(format) ? p->avoid_whole : p->avoid;
}

static const char *quant_name(const bora_quant *q)
{
    return q->plain ? NULL : q->name;
}

const bora_quant *model_find_quant(bora_runtime *rt, const char *name, const char *origin, bora_error *err)
{
    const bora_quant *q = bora_runtime_quant(rt, name);
    const char *names[256];
    size_t n = 0;
    REGISTRY_EACH(rt, quants, bora_quant, known)
    if (n < 256)
        names[n++] = known->name;
    const char *near = nearest_name(name, names, n);
    if (!q)
        bora_fail(err, BORA_USAGE, "%s: no plugin offers the format \"%s\"%s%s%s; `bora plugins` lists them", origin,
                  name, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    else if (!q->quantize && !q->plain)
        bora_fail(err, BORA_UNSUPPORTED, "%s: the format %s can only be read", origin, q->name);
    else
        return q;
    return NULL;
}

static bool by_regex(const topology_choice *c)
{
    return (c->isq_from && c->isq_from->first_layer < 0) || (c->device_from && c->device_from->first_layer < 0);
}

/* A further name by which a regex may mean a weight; the first that matches decides. */
typedef struct other_names {
    const topology *topology;
    int layer;
    topology_choice *choice;
    bora_error *err;
    bool ok;
} other_names;

static void ask_by(void *ctx, const char *name)
{
    other_names *o = ctx;
    topology_choice other;
    if (!o->ok || by_regex(o->choice))
        return;
    o->ok = topology_match(o->topology, o->layer, name, &other, o->err);
    if (o->ok && by_regex(&other))
        *o->choice = other;
}

static void ask_by_tensor(void *ctx, const bora_tensor_info *tensor)
{
    ask_by(ctx, tensor->name);
}

/* The topology's word on a weight, by its Hugging Face name; a regex may also be written for the file's own name, or
 * for a tensor that the weight is made of. */
static bool ask_topology(placement *p, int layer, const graph_weight *w, const char *name, topology_choice *out,
                         bora_error *err)
{
    *out = (topology_choice){ 0 };
    if (!p->topology)
        return true;
    if (!topology_match(p->topology, layer, name, out, err))
        return false;
    char stored[512];
    other_names others = { p->topology, layer, out, err, true };
    if (p->m->source.is_gguf && source_stored_name(&p->m->source, name, stored, sizeof stored))
        ask_by(&others, stored);
    if (w && w->made)
        graph_each_tensor(&(graph_origin){ .tensor = w->tensor, .made = w->made }, ask_by_tensor, &others);
    if (!others.ok)
        return false;
    if (out->isq_from)
        p->decided[out->isq_from->index] = true;
    if (out->device_from)
        p->decided[out->device_from->index] = true;
    return true;
}

/* `quant`, or for rows that its blocks do not divide what it names instead; NULL when nothing fits. */
static const bora_quant *fitting(const placement *p, const bora_quant *quant, int64_t width)
{
    for (int i = 0; quant && i < 8; i++) {
        if (width % quant->block_elems == 0)
            return quant;
        quant = quant->fallback ? bora_runtime_quant(p->m->runtime, quant->fallback) : NULL;
    }
    return NULL;
}

/* The format a weight is wanted in, before its device is asked. */
static const bora_quant *wanted_format(placement *p, const graph_weight *w, const bora_weight *shape, bool is_matrix,
                                       bool decides, const topology_choice *choice, bora_error *err)
{
    const bora_quant *stored = w->tensor->quant, *wanted = NULL;
    if (!is_matrix) /* what is asked for is meant for matrices */
        return stored;
    if (choice->isq) {
        wanted = model_find_quant(p->m->runtime, choice->isq, "topology", err);
        if (!wanted)
            return NULL;
    } else if (p->isq && is_dense(stored) && !decides) {
        wanted = p->isq;
        if (wanted->sensitive && (w == p->head || w == p->embedding))
            wanted = bora_runtime_quant(p->m->runtime, wanted->sensitive);
    } else if (p->dtype && is_dense(stored)) {
        wanted = p->dtype;
    }
    if (!wanted)
        return stored;
    const bora_quant *fits = fitting(p, wanted, bora_weight_width(shape));
    p->n_unquantized += !fits;
    return fits ? fits : stored;
}

static double bits(const bora_quant *q)
{
    return q ? 8.0 * (double)q->block_bytes / q->block_elems : 32;
}

static void note_conversion(placement *p, const bora_quant *from, const bora_quant *to, const exec_device *device)
{
    const char *to_name = to ? to->name : "floats";
    for (int i = 0; i < p->n_notes; i++)
        if (p->notes[i].from == from->name && p->notes[i].to == to_name &&
            p->notes[i].device == device->backend->name) {
            p->notes[i].count++;
            return;
        }
    if (p->n_notes < 32)
        p->notes[p->n_notes++] = (conversion_note){ from->name, to_name, device->backend->name, 1 };
}

/* A format that a kernel of the device (or of what it is based on) takes for `op`: the smallest that keeps as many bits
 * as `quant` has, else the largest. *found says whether there is any; NULL is plain floats. */
static const bora_quant *convertible(const placement *p, const bora_op *op, const exec_device *device,
                                     const bora_quant *quant, int64_t width, bool *found)
{
    const bora_quant *best = NULL;
    *found = false;
    REGISTRY_EACH(p->m->runtime, kernels, bora_kernel, k)
    {
        if (!registry_serves(p->m->runtime, k, op->name, device->backend->name))
            continue;
        const bora_quant *to = k->quant ? bora_runtime_quant(p->m->runtime, k->quant) : NULL;
        if (k->quant && (!to || !to->quantize || width % to->block_elems != 0))
            continue;
        bool enough = bits(to) >= bits(quant), best_enough = *found && bits(best) >= bits(quant);
        if (!*found || (enough && (!best_enough || bits(to) < bits(best))) ||
            (!enough && !best_enough && bits(to) > bits(best)))
            best = to;
        *found = true;
    }
    return best;
}

/* Chooses who computes a node whose first weight is wanted as `quant`, and the format in which it gets it (NULL: plain
 * floats). */
static exec_choice choose(placement *p, const bora_node *node, exec_device *device, const bora_quant *quant,
                          const bora_quant **format)
{
    const bora_op *op = node->call.op;
    const bora_runtime *rt = p->m->runtime;
    exec_device *host = &p->m->devices[0];
    *format = quant && !quant->plain ? quant : NULL;
    if (!node->call.weights[0])
        return exec_choose(rt, op, device, host, NULL, p->avoid);
    const unsigned avoid = avoided(p, quant);
    int64_t width = bora_weight_width(node->call.weights[0]);
    for (exec_device *d = device; d; d = d->base) {
        const bora_kernel *kernel = registry_kernel(rt, op->name, d->backend->name, quant_name(quant), avoid);
        if (kernel)
            return (exec_choice){ kernel, d };
        /* Another device's kernel for a compact format is better than a kernel of this one for something larger. */
        if (!is_dense(quant) && exec_choose(rt, op, d->base, host, quant->name, avoid).kernel)
            continue;
        bool found;
        const bora_quant *to = convertible(p, op, d, quant, width, &found);
        kernel = found ? registry_kernel(rt, op->name, d->backend->name, to ? to->name : NULL, avoided(p, to)) : NULL;
        if (kernel) {
            if (node->call.weights[0]->n_dims > 1 && !op->small_weights)
                note_conversion(p, quant, to, d);
            *format = to;
            return (exec_choice){ kernel, d };
        }
    }
    return (exec_choice){ NULL, host };
}

/* Whether a user's leave to round activations decides by what kernel a node is computed. */
static bool is_for_rounding(const placement *p, const bora_node *node, const exec_choice *choice,
                            const bora_quant *format)
{
    if (!choice->kernel || !is_whole(format))
        return false;
    const bora_runtime *rt = p->m->runtime;
    const char *op = node->call.op->name, *backend = choice->owner->backend->name, *name = format ? format->name : NULL;
    return registry_kernel(rt, op, backend, name, p->avoid) !=
           registry_kernel(rt, op, backend, name, p->avoid | KERNEL_ROUNDS);
}

/* The weight in that form and memory: one that is there already, or a new one. */
static const bora_weight *place_weight(placement *p, graph_weight *from, const bora_weight *shape,
                                       const bora_quant *wanted, const bora_quant *quant, const exec_choice *choice,
                                       bool may_pack, bora_error *err)
{
    bora_model *m = p->m;
    const bora_tile *tile =
        may_pack && choice->kernel && choice->kernel->tile && choice->kernel->tile->pack ? choice->kernel->tile : NULL;
    exec_device *device = exec_has_own_memory(choice->owner) ? choice->owner : NULL;
    const bora_quant *via =
        wanted && wanted != quant && wanted != from->tensor->quant && !wanted->plain ? wanted : NULL;
    for (int i = 0; i < m->n_weights; i++) {
        const placed_weight *w = m->weights[i];
        if (w->from == from && w->weight.quant == quant && w->via == via && w->tile == tile && w->device == device)
            return &w->weight;
    }
    if (m->n_weights == m->cap_weights) {
        int cap = m->cap_weights ? m->cap_weights * 2 : 64;
        placed_weight **grown = realloc(m->weights, (size_t)cap * sizeof *grown);
        if (!grown) {
            bora_fail_memory(err, "a list of weights");
            return NULL;
        }
        m->weights = grown;
        m->cap_weights = cap;
    }
    placed_weight *w = arena_alloc(&m->arena, sizeof *w);
    if (!w) {
        bora_fail_memory(err, "a weight");
        return NULL;
    }
    *w = (placed_weight){ .weight = *shape, .from = from, .via = via, .tile = tile, .device = device };
    m->weights[m->n_weights++] = w;
    if (!weight_load(w, quant, &m->pages, p->threads, err))
        return NULL;
    if (w->owned_bytes > 0 && !from->made) /* now it is there twice */
        ckpt_forget(m->source.checkpoint, from->tensor);
    return &w->weight;
}

static bool place_node(placement *p, const bora_node *node, exec_node *out, bora_error *err)
{
    const graph_weight *first = node->weights[0];
    topology_choice choice;
    if (!ask_topology(p, first && first->layer >= 0 ? first->layer : node->layer, first,
                      first ? first->name : node->name, &choice, err))
        return false;
    exec_device *device = p->device;
    if (choice.device && !(device = model_device(p->m, choice.device, choice.device_index, p->settings, err)))
        return bora_error_prefix(err, "topology");
    const bora_quant *quant = NULL, *format = NULL;
    if (first) {
        quant = wanted_format(p, first, node->call.weights[0],
                              node->call.weights[0]->n_dims > 1 && !node->call.op->small_weights,
                              p->decides[node->index], &choice, err);
        if (!quant)
            return false;
    }
    out->choice = choose(p, node, device, quant, &format);
    p->n_rounding += is_for_rounding(p, node, &out->choice, format);
    for (int i = 0; i < node->call.n_weights; i++) {
        if (!node->weights[i])
            continue;
        out->weights[i] = place_weight(p, node->weights[i], node->call.weights[i], i == 0 ? quant : NULL,
                                       i == 0 ? format : NULL, &out->choice, i == 0, err);
        if (!out->weights[i])
            return false;
    }
    return true;
}

static bool find_choices(placement *p, bora_error *err)
{
    const bora_graph *g = p->m->graph;
    p->decides = calloc((size_t)g->n_nodes, sizeof *p->decides);
    if (!p->decides)
        return bora_fail_memory(err, "a placement");
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; g->nodes[i]->call.op->chooses && k < g->nodes[i]->call.n_inputs; k++)
            p->decides[g->nodes[i]->inputs[k]->index] = true;
    return true;
}

/* The embedding is what an operation reads by token alone; the head is the weight of the graph's last node. */
static void find_sensitive(placement *p)
{
    const bora_graph *g = p->m->graph;
    p->head = g->output->weights[0];
    for (int i = 0; i < g->n_nodes && !p->embedding; i++)
        if (g->nodes[i]->call.n_inputs == 0)
            p->embedding = g->nodes[i]->weights[0];
}

static void report(placement *p)
{
    bora_runtime *rt = p->m->runtime;
    for (int i = 0; i < p->n_notes; i++)
        runtime_log(rt, BORA_LOG_INFO, "%d weights in %s become %s, for which %s has a kernel", p->notes[i].count,
                    p->notes[i].from, p->notes[i].to, p->notes[i].device);
    if (p->n_unquantized > 0)
        runtime_log(rt, BORA_LOG_INFO, "%d weights keep their format: their rows are no multiple of a block",
                    p->n_unquantized);
    const bool may_round = bora_settings_flag(p->settings, "round-activations");
    if (may_round && p->n_rounding == 0)
        runtime_log(rt, BORA_LOG_WARN,
                    "--round-activations changes nothing: no kernel rounds for weights like these on this processor");
    else if (!may_round && p->n_rounding > 0)
        runtime_log(rt, BORA_LOG_DEBUG,
                    "%d products keep their activations whole; with --round-activations they would be faster",
                    p->n_rounding);
    for (size_t i = 0; p->topology && i < topology_n_entries(p->topology); i++) {
        const topology_entry *e = topology_entry_at(p->topology, i);
        if (!p->decided[i] && (e->isq || e->device))
            runtime_log(rt, BORA_LOG_WARN, "%s:%d:%d: \"%s\" decides nothing: no weight of this model falls under it",
                        topology_name(p->topology), e->line, e->column, e->selector);
    }
}

static bool read_settings(placement *p, bora_error *err)
{
    bora_runtime *rt = p->m->runtime;
    const char *isq = bora_settings_string(p->settings, "isq"), *dtype = bora_settings_string(p->settings, "dtype");
    const char *path = bora_settings_string(p->settings, "topology");
    p->avoid = (bora_settings_flag(p->settings, "exact") ? KERNEL_ROUNDS : 0u) |
               (bora_settings_flag(p->settings, "no-pack") ? KERNEL_PACKS : 0u);
    p->avoid_whole = p->avoid | (bora_settings_flag(p->settings, "round-activations") ? 0u : KERNEL_ROUNDS);
    if (isq && !(p->isq = model_find_quant(rt, isq, "--isq", err)))
        return false;
    if (dtype && strcasecmp(dtype, "auto") != 0) {
        if (!(p->dtype = model_find_quant(rt, dtype, "--dtype", err)))
            return false;
        if (!is_dense(p->dtype))
            return bora_fail(err, BORA_USAGE, "--dtype: %s is a quantized format; say --isq %s", dtype, dtype);
    }
    if (path) {
        p->topology = topology_load(path, err);
        p->decided = p->topology ? calloc(topology_n_entries(p->topology) + 1, sizeof *p->decided) : NULL;
        if (!p->decided)
            return bora_fail_memory(err, "a topology");
    }
    p->device = model_default_device(p->m, p->settings, err);
    p->threads = p->device ? bora_threads_new((int)bora_settings_int(p->settings, "threads"), err) : NULL;
    return p->threads != NULL;
}

bool model_place(bora_model *m, const bora_settings *settings, bora_error *err)
{
    placement p = { .m = m, .settings = settings };
    bool ok = read_settings(&p, err) && find_choices(&p, err);
    find_sensitive(&p);
    const char *what = p.isq ? "quantizing" : "loading";
    for (int i = 0; ok && i < m->graph->n_nodes; i++) {
        ok = place_node(&p, m->graph->nodes[i], &m->nodes[i], err);
        if (ok)
            runtime_progress(m->runtime, what, (uint64_t)i + 1, (uint64_t)m->graph->n_nodes);
    }
    if (ok)
        report(&p);
    bora_threads_free(p.threads);
    topology_free(p.topology);
    free(p.decided);
    free(p.decides);
    return ok;
}
