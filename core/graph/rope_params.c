/* Rotary frequencies from a config, by the kinds of scaling that checkpoints use.
 *
 * Plain: inv_freq[i] = theta^(-2i/n). linear divides all by a factor. Bands divide the low frequencies, leave the
 * high ones and blend in between. yarn does so along a ramp over dimensions and scales cos and sin
 * (arXiv:2309.00071). dynamic raises theta once a sequence outgrows the trained length. The plain frequencies are
 * worked out in float, as where models are trained: a last bit of a frequency is many bits of an angle at a late
 * position. */
#include <math.h>
#include <string.h>

#include "graph/graph.h"

typedef struct rope_config {
    const char *section; /* of config.json: "rope_parameters" or "rope_scaling" */
    int32_t n_dims;
    double theta;
    int32_t max_positions;
} rope_config;

static const char *key(char out[64], const rope_config *c, const char *name)
{
    size_t n = strlen(c->section);
    memcpy(out, c->section, n);
    out[n] = '.';
    memcpy(out + n + 1, name, strlen(name) + 1);
    return out;
}

static float section_float_or(bora_graph *g, const rope_config *c, const char *name, float fallback)
{
    char path[64];
    return bora_param_float_or(g, key(path, c, name), fallback);
}

static float section_float(bora_graph *g, const rope_config *c, const char *name)
{
    char path[64];
    return bora_param_float(g, key(path, c, name));
}

static bool section_has(bora_graph *g, const rope_config *c, const char *name)
{
    char path[64];
    return bora_has_param(g, key(path, c, name));
}

static int32_t original_max(bora_graph *g, const rope_config *c)
{
    char path[64];
    return bora_param_count_or(g, key(path, c, "original_max_position_embeddings"),
                               bora_param_count_or(g, "original_max_position_embeddings", c->max_positions));
}

/* The kind that says low_freq_factor and high_freq_factor: the turns over the trained length that bound the bands. */
static void bands(bora_graph *g, const rope_config *c, double *freq)
{
    double factor = section_float(g, c, "factor");
    double low = section_float(g, c, "low_freq_factor"), high = section_float(g, c, "high_freq_factor");
    double trained = original_max(g, c);
    if (factor <= 0 || high <= low) {
        graph_fail(g, BORA_FORMAT, "%s: %s needs factor > 0 and high_freq_factor > low_freq_factor",
                   g->source.params_name, c->section);
        return;
    }
    for (int32_t i = 0; i < c->n_dims / 2; i++) {
        double turns = trained * freq[i] / (2 * M_PI); /* over the trained length */
        if (turns < low) {
            freq[i] /= factor;
        } else if (turns <= high) {
            double smooth = (turns - low) / (high - low);
            freq[i] = (1 - smooth) * freq[i] / factor + smooth * freq[i];
        }
    }
}

/* The dimension whose frequency makes `turns` turns over the trained length. */
static double yarn_dimension(const rope_config *c, double turns, double trained)
{
    return c->n_dims * log(trained / (turns * 2 * M_PI)) / (2 * log(c->theta));
}

static double yarn_mscale(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1;
}

static void yarn(bora_graph *g, const rope_config *c, double *freq, float *scale)
{
    double trained = original_max(g, c);
    double factor = section_has(g, c, "factor") ? section_float(g, c, "factor") : c->max_positions / trained;
    double fast = section_float_or(g, c, "beta_fast", 32), slow = section_float_or(g, c, "beta_slow", 1);
    char path[64];
    bool truncate = bora_param_flag_or(g, key(path, c, "truncate"), true);
    if (factor <= 0 || fast <= 0 || slow <= 0 || c->theta <= 1) {
        graph_fail(g, BORA_FORMAT, "%s: %s needs factor, beta_fast and beta_slow above 0 and theta above 1",
                   g->source.params_name, c->section);
        return;
    }
    double low = yarn_dimension(c, fast, trained), high = yarn_dimension(c, slow, trained);
    if (truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, c->n_dims - 1);
    if (low == high)
        high += 0.001;
    for (int32_t i = 0; i < c->n_dims / 2; i++) {
        double ramp = fmin(fmax((i - low) / (high - low), 0), 1); /* 0: extrapolate, 1: interpolate */
        freq[i] = freq[i] / factor * ramp + freq[i] * (1 - ramp);
    }
    if (section_has(g, c, "attention_factor"))
        *scale = section_float(g, c, "attention_factor");
    else if (section_float_or(g, c, "mscale", 0) != 0 && section_float_or(g, c, "mscale_all_dim", 0) != 0)
        *scale = (float)(yarn_mscale(factor, section_float(g, c, "mscale")) /
                         yarn_mscale(factor, section_float(g, c, "mscale_all_dim")));
    else
        *scale = (float)yarn_mscale(factor, 1);
}

static void dynamic(bora_graph *g, const rope_config *c, bora_rope_attrs *rope)
{
    rope->dynamic_max = c->max_positions;
    rope->dynamic_factor = section_float(g, c, "factor");
    rope->theta = (float)c->theta;
    if (rope->dynamic_factor < 1)
        graph_fail(g, BORA_FORMAT, "%s: %s.factor must be at least 1", g->source.params_name, c->section);
}

static void scale_freqs(bora_graph *g, const rope_config *c, double *freq, bora_rope_attrs *rope)
{
    char path[64];
    const char *kind = bora_param_string_or(g, key(path, c, "rope_type"), NULL);
    if (!kind)
        kind = bora_param_string_or(g, key(path, c, "type"), "default");
    if (strcmp(kind, "default") == 0 || strcmp(kind, "none") == 0)
        return;
    if (strcmp(kind, "linear") == 0) {
        double factor = section_float(g, c, "factor");
        if (factor <= 0)
            graph_fail(g, BORA_FORMAT, "%s: %s.factor must be above 0", g->source.params_name, c->section);
        for (int32_t i = 0; i < c->n_dims / 2; i++)
            freq[i] /= factor;
    } else if (strcmp(kind, "yarn") == 0) {
        yarn(g, c, freq, &rope->scale);
    } else if (strcmp(kind, "dynamic") == 0) {
        dynamic(g, c, rope);
    } else if (section_has(g, c, "low_freq_factor")) {
        bands(g, c, freq);
    } else {
        graph_fail(
            g, BORA_UNSUPPORTED,
            "%s: rope scaling \"%s\" is not known (default, linear, dynamic, yarn, or bands with low_freq_factor)",
            g->source.params_name, kind);
    }
}

bora_rope_attrs bora_rope_params(bora_graph *g, int32_t head_dim)
{
    bora_rope_attrs rope = {
        .head_dim = head_dim, .n_dims = head_dim, .interleaved = g->source.interleaved_rope, .scale = 1
    };
    rope_config c = {
        .section = bora_has_param(g, "rope_parameters") ? "rope_parameters" : "rope_scaling",
        .max_positions = bora_param_count_or(g, "max_position_embeddings", 2048),
    };
    c.theta = section_float_or(g, &c, "rope_theta", bora_param_float_or(g, "rope_theta", 10000));
    float partial =
        section_float_or(g, &c, "partial_rotary_factor", bora_param_float_or(g, "partial_rotary_factor", 1));
    if (!(partial > 0 && partial <= 1) || !(c.theta > 0))
        graph_fail(g, BORA_FORMAT, "%s: rope_theta must be above 0, partial_rotary_factor in (0, 1]",
                   g->source.params_name);
    else
        rope.n_dims = (int32_t)((float)head_dim * partial);
    rope.n_dims = bora_param_count_or(g, "rope_dimension_count", rope.n_dims);
    if (rope.n_dims < 2 || rope.n_dims % 2 != 0 || rope.n_dims > head_dim)
        graph_fail(g, BORA_FORMAT,
                   "%s: rope turns %d of the %d numbers of a head: it must be an even number up to that",
                   g->source.params_name, rope.n_dims, head_dim);
    if (!graph_ok(g))
        return rope;

    c.n_dims = rope.n_dims;
    size_t n = (size_t)rope.n_dims / 2;
    double *freq = arena_array(&g->arena, n, sizeof *freq);
    float *inv_freq = arena_array(&g->arena, n, sizeof *inv_freq);
    if (!freq || !inv_freq) {
        bora_fail_memory(&g->error, "rotary frequencies");
        return rope;
    }
    for (size_t i = 0; i < n; i++)
        freq[i] = 1.0F / powf((float)c.theta, (float)(2 * i) / (float)rope.n_dims);
    if (graph_param(g, c.section))
        scale_freqs(g, &c, freq, &rope);
    for (size_t i = 0; i < n; i++)
        inv_freq[i] = (float)freq[i];
    rope.inv_freq = inv_freq;
    return rope;
}

float bora_rope_attention_factor(bora_graph *g)
{
    rope_config c = { .section = bora_has_param(g, "rope_parameters") ? "rope_parameters" : "rope_scaling" };
    char path[64];
    const char *kind = bora_param_string_or(g, key(path, &c, "rope_type"), NULL);
    if (!kind)
        kind = bora_param_string_or(g, key(path, &c, "type"), "default");
    float all_dim = section_float_or(g, &c, "mscale_all_dim", 0);
    if (strcmp(kind, "default") == 0 || all_dim == 0)
        return 1;
    double mscale = yarn_mscale(section_float(g, &c, "factor"), all_dim);
    return (float)(mscale * mscale);
}
