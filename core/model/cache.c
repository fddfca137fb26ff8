/* The number format of caches: what --pa-cache-type names, or what fits the model. */
#include <strings.h>

#include "model/model.h"

/* Whether most numbers of the checkpoint's weights are stored whole. Caches are then plain floats: nothing is rounded
 * that the checkpoint's author did not round. Weights in blocks have lost more than a shorter cache loses. */
static bool has_dense_weights(const bora_model *m)
{
    double dense = 0, others = 0;
    for (int i = 0; i < m->graph->n_weights; i++) {
        const bora_tensor_info *tensor = m->graph->weights[i]->tensor;
        double n = 1;
        for (int d = 0; d < tensor->n_dims; d++)
            n *= (double)tensor->shape[d];
        *(tensor->quant->block_elems == 1 ? &dense : &others) += n;
    }
    return dense > others;
}

bool model_cache_format(const bora_model *m, const bora_settings *settings, const bora_quant **format, bora_error *err)
{
    const char *name = bora_settings_string(settings, "pa-cache-type");
    const bora_quant *wanted = NULL;
    if (name && strcasecmp(name, "auto") != 0) {
        wanted = model_find_quant(m->runtime, name, "--pa-cache-type", err);
        if (!wanted)
            return false;
    } else if (!has_dense_weights(m)) {
        REGISTRY_EACH(m->runtime, quants, bora_quant, q)
        if (!wanted && q->for_caches && q->quantize)
            wanted = q;
    }
    *format = wanted && !wanted->plain ? wanted : NULL;
    return true;
}
