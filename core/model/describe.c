/* What a model is and costs, in figures: for whoever measures it. */
#include "graph/program.h"
#include "model/model.h"

/* A node's weight in the format that was decided on, also where the device computes with the same numbers in another.
 */
static bora_weight as_decided(const bora_model *m, const bora_weight *weight)
{
    bora_weight w = *weight;
    for (int i = 0; i < m->n_weights; i++)
        if (&m->weights[i]->weight == weight && m->weights[i]->via)
            w.quant = m->weights[i]->via;
    return w;
}

static bool in_blocks(const bora_weight *w)
{
    return w && w->quant && w->quant->block_elems > 1;
}

static bora_cost node_cost(const bora_model *m, int index, const bora_workload *load, bool *blocks)
{
    const exec_node *placed = &m->nodes[index];
    bora_call call = m->graph->nodes[index]->call;
    bora_weight weights[BORA_MAX_WEIGHTS];
    int32_t n_rows = load->n_sequences * load->n_tokens;
    for (int i = 0; i < call.n_weights; i++) {
        if (placed->weights[i])
            weights[i] = as_decided(m, placed->weights[i]);
        call.weights[i] = placed->weights[i] ? &weights[i] : NULL;
    }
    for (int i = 0; i < call.n_inputs; i++)
        call.inputs[i].rows = exec_rows(call.inputs[i].rows, n_rows, load->n_sequences);
    call.output.rows = exec_rows(call.output.rows, n_rows, load->n_sequences);
    call.state = placed->state;
    *blocks = call.n_weights > 0 && in_blocks(call.weights[0]);
    bora_cost cost = { 0 };
    (call.op->cost ? call.op->cost : bora_cost_default)(&call, load, &cost);
    return cost;
}

bora_cost bora_model_cost(const bora_model *m, const bora_workload *load, double *blocks)
{
    bora_cost sum = { 0 };
    double in_block_products = 0;
    for (int i = 0; i < m->graph->n_nodes; i++) {
        bool of_blocks;
        bora_cost cost = node_cost(m, i, load, &of_blocks);
        sum.weight_bytes += cost.weight_bytes;
        sum.state_bytes += cost.state_bytes;
        sum.products += cost.products;
        sum.state_products += cost.state_products;
        in_block_products += of_blocks ? cost.products : 0;
    }
    if (blocks)
        *blocks = in_block_products;
    return sum;
}

/* What a weight's numbers are in. */
static const char *format_name(const bora_model *m, const bora_weight *w)
{
    if (w->quant)
        return w->quant->name;
    REGISTRY_EACH(m->runtime, quants, bora_quant, q)
    if (q->plain)
        return q->name;
    return "floats";
}

/* What most numbers have in common. */
typedef struct tally {
    const char *name;
    const exec_device *device;
    int64_t n;
} tally;

enum { MAX_TALLIES = 64 };

static void count(tally *tallies, const char *name, const exec_device *device, int64_t n)
{
    for (int i = 0; i < MAX_TALLIES; i++) {
        if (tallies[i].name && tallies[i].name != name)
            continue;
        tallies[i].name = name;
        tallies[i].device = device;
        tallies[i].n += n;
        return;
    }
}

static const tally *largest(const tally *tallies)
{
    const tally *best = &tallies[0];
    for (int i = 1; i < MAX_TALLIES; i++)
        if (tallies[i].n > best->n)
            best = &tallies[i];
    return best;
}

bora_model_info bora_model_describe(const bora_model *m)
{
    tally formats[MAX_TALLIES] = { 0 }, devices[MAX_TALLIES] = { 0 };
    bora_model_info info = { 0 };
    for (int i = 0; i < m->n_weights; i++) {
        bora_weight w = as_decided(m, &m->weights[i]->weight);
        int64_t n = bora_weight_numbers(&w);
        bool again = false;
        for (int k = 0; k < i && !again; k++)
            again = m->weights[k]->from == m->weights[i]->from;
        info.n_parameters += again ? 0 : n;
        info.weight_bytes += bora_weight_bytes(&w);
        count(formats, format_name(m, &w), NULL, n);
    }
    for (int i = 0; i < m->graph->n_nodes; i++) {
        const exec_device *owner = m->nodes[i].choice.owner;
        for (int k = 0; k < m->graph->nodes[i]->call.n_weights; k++)
            if (m->nodes[i].weights[k])
                count(devices, owner->backend ? owner->backend->name : "none", owner,
                      bora_weight_numbers(m->nodes[i].weights[k]));
    }
    info.format = largest(formats)->name;
    info.device = largest(devices)->name;
    info.on_host = !largest(devices)->device || !exec_has_own_memory(largest(devices)->device);
    return info;
}
