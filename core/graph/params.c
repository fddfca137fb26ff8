/* Parameters of a model: values of config.json by dotted path, checked where they are read. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "graph/graph.h"

enum { MAX_COUNT = 1 << 24 };

const cJSON *graph_param(const bora_graph *g, const char *key)
{
    const cJSON *at = g->source.params;
    char part[128];
    while (at) {
        size_t n = strcspn(key, ".");
        if (n >= sizeof part)
            return NULL;
        memcpy(part, key, n);
        part[n] = '\0';
        at = json_get(at, part);
        if (key[n] == '\0')
            return at && !cJSON_IsNull(at) ? at : NULL;
        key += n + 1;
    }
    return NULL;
}

bool bora_has_param(bora_graph *g, const char *key)
{
    return graph_param(g, key) != NULL;
}

static void missing(bora_graph *g, const char *key)
{
    graph_fail(g, BORA_NOT_FOUND, "%s has no \"%s\"", g->source.params_name, key);
}

static void wrong(bora_graph *g, const char *key, const char *expected)
{
    graph_fail(g, BORA_FORMAT, "%s: \"%s\" must be %s", g->source.params_name, key, expected);
}

static int32_t count(bora_graph *g, const char *key, const cJSON *item)
{
    double d = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (d >= 1 && d <= MAX_COUNT && d == floor(d))
        return (int32_t)d;
    wrong(g, key, "a whole number from 1 to 16777216");
    return 1;
}

int32_t bora_param_count(bora_graph *g, const char *key)
{
    const cJSON *item = graph_param(g, key);
    if (item)
        return count(g, key, item);
    missing(g, key);
    return 1;
}

int32_t bora_param_count_or(bora_graph *g, const char *key, int32_t fallback)
{
    const cJSON *item = graph_param(g, key);
    return item ? count(g, key, item) : fallback;
}

static float number(bora_graph *g, const char *key, const cJSON *item)
{
    if (cJSON_IsNumber(item) && isfinite((float)item->valuedouble))
        return (float)item->valuedouble;
    wrong(g, key, "a number");
    return 1;
}

float bora_param_float(bora_graph *g, const char *key)
{
    const cJSON *item = graph_param(g, key);
    if (item)
        return number(g, key, item);
    missing(g, key);
    return 1;
}

float bora_param_float_or(bora_graph *g, const char *key, float fallback)
{
    const cJSON *item = graph_param(g, key);
    return item ? number(g, key, item) : fallback;
}

bool bora_param_flag_or(bora_graph *g, const char *key, bool fallback)
{
    const cJSON *item = graph_param(g, key);
    if (!item)
        return fallback;
    if (!cJSON_IsBool(item))
        wrong(g, key, "true or false");
    return cJSON_IsTrue(item);
}

const char *bora_param_string_or(bora_graph *g, const char *key, const char *fallback)
{
    const cJSON *item = graph_param(g, key);
    if (!item)
        return fallback;
    if (cJSON_IsString(item))
        return item->valuestring;
    wrong(g, key, "a string");
    return fallback;
}

bool graph_activation(const char *name, bora_activation_kind *out)
{
    static const struct {
        const char *name;
        bora_activation_kind kind;
    } names[] = {
        { "silu", BORA_SILU },
        { "swish", BORA_SILU },
        { "gelu", BORA_GELU },
        { "gelu_pytorch_tanh", BORA_GELU_TANH },
        { "gelu_new", BORA_GELU_TANH },
        { "gelu_fast", BORA_GELU_TANH },
        { "gelu_tanh", BORA_GELU_TANH },
        { "relu", BORA_RELU },
        { "relu2", BORA_RELU2 },
        { "sigmoid", BORA_SIGMOID },
        { "tanh", BORA_TANH },
        { "linear", BORA_IDENTITY },
        { "silu", BORA_SILU },
        { "swish", BORA_SILU },
        { "gelu", BORA_GELU },
        { "gelu_pytorch_tanh", BORA_GELU_TANH },
        { "gelu_new", BORA_GELU_TANH },
        { "gelu_fast", BORA_GELU_TANH },
        { "gelu_tanh", BORA_GELU_TANH },
        { "gelu_python", BORA_GELU },
        { "gelu_accurate", BORA_GELU_TANH },
        { "gelu_python_tanh", BORA_GELU_TANH },
        { "relu", BORA_RELU },
        { "relu2", BORA_RELU2 },
        { "sigmoid", BORA_SIGMOID },
        { "tanh", BORA_TANH },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0) {
            *out = names[i].kind;
            return true;
        }
    return false;
}

bora_activation_kind bora_param_activation(bora_graph *g, const char *key, const char *fallback)
{
    const char *name = bora_param_string_or(g, key, fallback);
    bora_activation_kind kind = BORA_SILU;
    if (name && graph_activation(name, &kind))
        return kind;
    graph_fail(g, BORA_UNSUPPORTED, "%s: \"%s\" is \"%s\", an activation that is not known", g->source.params_name, key,
               name ? name : "");
    return BORA_SILU;
}
