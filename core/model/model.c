/* A model from its parts: source, graph, placement, program, cache, tokenizer, template. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static bool build_graph(bora_model *m, bora_error *err)
{
    graph_source source = {
        .ctx = &m->source,
        .weight = source_weight,
        .params = m->source.params,
        .params_name = m->source.params_name,
        .container = bora_checkpoint_container(m->source.checkpoint),
        .interleaved_rope = m->source.is_gguf && m->source.arch->gguf_interleaved_rope,
    };
    m->graph = graph_build(m->runtime, m->source.arch, &source, err);
    m->nodes = m->graph ? arena_array(&m->arena, (size_t)m->graph->n_nodes, sizeof *m->nodes) : NULL;
    if (m->graph && !m->nodes)
        bora_fail_memory(err, "a model");
    return m->nodes != NULL;
}

/* Tensors that weights are read from. */
typedef struct tensor_list {
    const bora_tensor_info **items;
    size_t n, cap;
    bool failed;
} tensor_list;

static void list_tensor(void *ctx, const bora_tensor_info *tensor)
{
    tensor_list *list = ctx;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 256;
        const bora_tensor_info **grown = reallocarray(list->items, cap, sizeof *grown);
        list->failed = list->failed || !grown;
        if (!grown)
            return;
        list->items = grown;
        list->cap = cap;
    }
    list->items[list->n++] = tensor;
}

static int by_address(const void *pa, const void *pb)
{
    uintptr_t a = (uintptr_t) * (const bora_tensor_info *const *)pa,
              b = (uintptr_t) * (const bora_tensor_info *const *)pb;
    return (a > b) - (a < b);
}

/* A tensor that nobody reads is a sign of a wrong architecture, or a leftover; either way a person wants to know. */
static void warn_of_unused_tensors(bora_model *m)
{
    size_t n = bora_checkpoint_n_tensors(m->source.checkpoint), n_unused = 0;
    const char *first = NULL;
    tensor_list used = { 0 };
    for (int w = 0; w < m->graph->n_weights; w++) {
        const graph_weight *weight = m->graph->weights[w];
        graph_each_tensor(&(graph_origin){ .tensor = weight->tensor, .made = weight->made }, list_tensor, &used);
    }
    for (int i = 0; i < m->graph->n_read; i++)
        list_tensor(&used, m->graph->read[i]);
    if (used.n)
        qsort(used.items, used.n, sizeof *used.items, by_address);
    for (size_t i = 0; i < n && !used.failed; i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(m->source.checkpoint, i);
        if (!(used.n && bsearch(&t, used.items, used.n, sizeof *used.items, by_address)) && n_unused++ == 0)
            first = t->name;
    }
    free(used.items);
    if (n_unused)
        runtime_log(m->runtime, BORA_LOG_WARN,
                    "%zu of %zu tensors are not used by the architecture %s (the first is %s)", n_unused, n,
                    m->source.arch->name, first);
}

static int32_t own_context_length(const bora_model *m)
{
    const cJSON *item = json_get(m->source.params, "max_position_embeddings");
    double own = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return own >= 1 && own < INT32_MAX / 2 ? (int32_t)own : 2048;
}

static void set_context_length(bora_model *m, const bora_settings *settings)
{
    int32_t own = own_context_length(m);
    int64_t wanted = bora_settings_is_set(settings, "max-seq-len") ? bora_settings_int(settings, "max-seq-len") : 0;
    if (wanted > own)
        runtime_log(m->runtime, BORA_LOG_WARN, "the model was made for %d tokens; --max-seq-len %lld is more than that",
                    own, (long long)wanted);
    m->context_length = wanted > 0 && wanted < INT32_MAX / 2 ? (int32_t)wanted : own;
}

bora_model *bora_model_load(bora_runtime *rt, const bora_settings *settings, bora_error *err)
{
    bora_model *m = calloc(1, sizeof *m);
    if (!m) {
        bora_fail_memory(err, "a model");
        return NULL;
    }
    m->runtime = rt;
    pthread_mutex_init(&m->mutex, NULL);
    m->devices = arena_array(&m->arena, MODEL_MAX_DEVICES, sizeof *m->devices);
    m->n_devices = 1; /* the host */
    if (!m->devices) {
        bora_fail_memory(err, "a model");
        goto fail;
    }
    const bora_quant *cache_format;
    if (!source_open(&m->source, rt, settings, err) || !build_graph(m, err) || !model_place(m, settings, err))
        goto fail;
    set_context_length(m, settings);
    if (!model_cache_format(m, settings, &cache_format, err) || !state_pool_init(m, cache_format, settings, err))
        goto fail;
    m->program = exec_program_new(m->graph, m->nodes, m->graph->output, err);
    if (!m->program)
        goto fail;
    warn_of_unused_tensors(m);
    m->tokenizer = source_tokenizer(&m->source, settings, &m->tokenizer_error);
    if (!m->tokenizer)
        runtime_log(rt, BORA_LOG_DEBUG, "no tokenizer: %s", m->tokenizer_error.message);
    if (!model_load_chat(m, settings, err))
        goto fail;
    return m;
fail:
    bora_model_free(m);
    return NULL;
}

void bora_model_free(bora_model *m)
{
    if (!m)
        return;
    exec_program_free(m->program);
    exec_program_free(m->hidden_program);
    if (m->graph)
        state_pool_free(m);
    for (int i = 0; i < m->n_weights; i++)
        weight_release(m->weights[i]);
    pages_free(&m->pages);
    free(m->weights);
    graph_free(m->graph);
    if (m->devices)
        model_close_devices(m);
    bora_tokenizer_free(m->tokenizer);
    bora_chat_template_free(m->chat_template);
    free(m->stop_tokens);
    source_close(&m->source);
    pthread_mutex_destroy(&m->mutex);
    arena_free(&m->arena);
    free(m);
}

/* A recurrent state is zero before a sequence's first token. */
static bool clear_new_sequences(bora_model *m, const bora_batch *batch, bora_error *err)
{
    for (int32_t s = 0; m->states.recurrent && s < batch->n_sequences; s++)
        if (batch->sequences[s].n_past == 0 && batch->sequences[s].n_rows > 0 &&
            !state_pool_clear_slot(m, batch->sequences[s].slot, err))
            return false;
    return true;
}

bool model_run(bora_model *m, const bora_batch *batch, float *logits, bora_error *err)
{
    pthread_mutex_lock(&m->mutex);
    bool ok = clear_new_sequences(m, batch, err) && exec_run(m->program, batch, logits, err);
    pthread_mutex_unlock(&m->mutex);
    return ok;
}

/* What the head reads: the head is the last node with a weight. */
static const bora_node *hidden_node(const bora_model *m)
{
    const bora_node *node = m->graph->output;
    while (node->call.n_weights == 0 && node->call.n_inputs > 0)
        node = node->inputs[0];
    return node->call.n_inputs > 0 ? node->inputs[0] : node;
}

int32_t model_hidden_width(const bora_model *m)
{
    return (int32_t)hidden_node(m)->call.output.width;
}

bool model_run_hidden(bora_model *m, const bora_batch *batch, float *hidden, bora_error *err)
{
    pthread_mutex_lock(&m->mutex);
    if (!m->hidden_program)
        m->hidden_program = exec_program_new(m->graph, m->nodes, hidden_node(m), err);
    bool ok = m->hidden_program && clear_new_sequences(m, batch, err) &&
              exec_run(m->hidden_program, batch, hidden, err);
    pthread_mutex_unlock(&m->mutex);
    return ok;
}

const bora_tokenizer *bora_model_tokenizer(const bora_model *m, bora_error *err)
{
    if (!m->tokenizer)
        bora_fail(err, m->tokenizer_error.code, "%s", m->tokenizer_error.message);
    return m->tokenizer;
}

int32_t bora_model_n_vocab(const bora_model *m)
{
    return (int32_t)m->graph->output->call.output.width;
}

int32_t bora_model_context_length(const bora_model *m)
{
    return m->context_length;
}

const char *bora_model_name(const bora_model *m)
{
    return m->source.name;
}

const char *bora_model_arch(const bora_model *m)
{
    return m->source.arch->name;
}
