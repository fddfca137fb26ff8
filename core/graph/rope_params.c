/* Rotary frequencies from a config, by the kinds of scaling that checkpoints use.
 *
 * Plain: inv_freq[i] = theta^(-2i/n). linear divides all by a factor. Bands divide the low frequencies, leave the
 * high ones and blend in between. yarn does so along a ramp over dimensions and scales cos and sin
 * (arXiv:2309.00071). dynamic raises theta once a sequence outgrows the trained length. longrope has one factor for
 * each frequency, and another list of them for sequences that outgrow the trained length (arXiv:2402.13753). The plain
 * frequencies are worked out in float, as where models are trained: a last bit of a frequency is many bits of an angle
 * at a late position. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

typedef struct rope_config {
    char
        section[64]; /* of config.json: "rope_parameters", "rope_parameters.full_attention", "rope_scaling"; "": none */
    int32_t n_dims;
    double theta;
    int32_t max_positions;
    bool no_truncate;
} rope_config;

enum { MAX_KEY = 128 };

static const char *key(char out[MAX_KEY], const rope_config *c, const char *name)
{
    snprintf(out, MAX_KEY, "%s.%s", c->section, name);
    return out;
}

static float section_float_or(bora_graph *g, const rope_config *c, const char *name, float fallback)
{
    char path[MAX_KEY];
    return bora_param_float_or(g, key(path, c, name), fallback);
}

static float section_float(bora_graph *g, const rope_config *c, const char *name)
{
    char path[MAX_KEY];
    return bora_param_float(g, key(path, c, name));
}

static bool section_has(bora_graph *g, const rope_config *c, const char *name)
{
    char path[MAX_KEY];
    return bora_has_param(g, key(path, c, name));
}

/* The trained length. The config itself is believed before its section, as transformers has it. */
static int32_t original_max(bora_graph *g, const rope_config *c)
{
    char path[MAX_KEY];
    return bora_param_count_or(
        g, "original_max_position_embeddings",
        bora_param_count_or(g, key(path, c, "original_max_position_embeddings"), c->max_positions));
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
    char path[MAX_KEY];
    bool truncate = bora_param_flag_or(g, key(path, c, "truncate"), !c->no_truncate);
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

/* ---- longrope ---- */

static const char *const factor_tensors[] = { "rope_factors_short.weight", "rope_factors_long.weight" };

static bool has_factor_tensors(const bora_graph *g)
{
    return g->source.weight(g->source.ctx, factor_tensors[0]) && g->source.weight(g->source.ctx, factor_tensors[1]);
}

/* The factors as the config lists them. */
static bool listed_factors(const cJSON *list, size_t n, float *out)
{
    if (!cJSON_IsArray(list))
        return false;
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (i == n || !cJSON_IsNumber(item))
            return false;
        out[i++] = (float)item->valuedouble;
    }
    return i == n;
}

/* The factors as a tensor holds them. */
static bool stored_factors(bora_graph *g, const char *name, size_t n, float *out)
{
    const bora_tensor_info *t = g->source.weight(g->source.ctx, name);
    if (t && g->n_read < (int)(sizeof g->read / sizeof *g->read))
        g->read[g->n_read++] = t;
    if (!t || t->n_dims != 1 || t->shape[0] != (int64_t)n || n % (size_t)t->quant->block_elems != 0)
        return false;
    if (t->quant->plain)
        memcpy(out, t->data, n * sizeof *out);
    else
        t->quant->dequantize(t->data, out, n);
    return true;
}

/* 1 / (factor[i] theta^(2i/n)) for the short (which = 0) or the long factors; NULL for a mistake. */
static float *longrope_freqs(bora_graph *g, const rope_config *c, int which)
{
    const char *name = which ? "long_factor" : "short_factor";
    char path[MAX_KEY];
    size_t n = (size_t)c->n_dims / 2;
    float *freq = arena_array(&g->arena, n, sizeof *freq);
    if (!freq) {
        bora_fail_memory(&g->error, "rotary frequencies");
        return NULL;
    }
    bool ok = section_has(g, c, name) ? listed_factors(graph_param(g, key(path, c, name)), n, freq)
                                      : stored_factors(g, factor_tensors[which], n, freq);
    for (size_t i = 0; ok && i < n; i++) {
        ok = freq[i] > 0 && isfinite(freq[i]);
        freq[i] = 1.0F / (freq[i] * powf((float)c->theta, (float)(2 * i) / (float)c->n_dims));
    }
    if (ok)
        return freq;
    graph_fail(g, BORA_FORMAT, "%s: %s must be a list of %zu numbers above 0", g->source.params_name,
               key(path, c, name), n);
    return NULL;
}

static void longrope(bora_graph *g, const rope_config *c, bora_rope_attrs *rope)
{
    double trained = original_max(g, c);
    double factor = section_float_or(g, c, "factor", (float)(c->max_positions / trained));
    double scale = factor <= 1 || trained < 2 ? 1 : sqrt(1 + log(factor) / log(trained));
    rope->scale = section_float_or(g, c, "attention_factor", (float)scale);
    rope->inv_freq = longrope_freqs(g, c, 0);
    rope->long_inv_freq = longrope_freqs(g, c, 1);
    rope->long_after = (int32_t)trained;
}

/* ---- which of them ---- */

static const char *scaling_kind(bora_graph *g, const rope_config *c)
{
    char path[MAX_KEY];
    const char *kind = bora_param_string_or(g, key(path, c, "rope_type"), NULL);
    if (!kind)
        kind = bora_param_string_or(g, key(path, c, "type"), has_factor_tensors(g) ? "longrope" : "default");
    /* Names that configs had for it before it had its own. */
    if (strcmp(kind, "su") == 0 || (strcmp(kind, "yarn") == 0 && section_has(g, c, "short_factor")))
        return "longrope";
    return kind;
}

/* Turns the plain frequencies `freq` into those of the section; longrope sets rope->inv_freq itself. */
static void scale_freqs(bora_graph *g, const rope_config *c, double *freq, bora_rope_attrs *rope)
{
    const char *kind = scaling_kind(g, c);
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
    } else if (strcmp(kind, "longrope") == 0) {
        longrope(g, c, rope);
    } else if (section_has(g, c, "low_freq_factor")) {
        bands(g, c, freq);
    } else {
        graph_fail(g, BORA_UNSUPPORTED,
                   "%s: rope scaling \"%s\" is not known (default, linear, dynamic, yarn, longrope, or bands with "
                   "low_freq_factor)",
                   g->source.params_name, kind);
    }
}

/* Where the config says what applies to a kind of layers. */
static void find_section(bora_graph *g, const char *kind, rope_config *c)
{
    int n = snprintf(c->section, sizeof c->section, "rope_parameters.%s", kind ? kind : "full_attention");
    if (n < 0 || (size_t)n >= sizeof c->section)
        graph_fail(g, BORA_USAGE, "a kind of rope of more than %zu bytes", sizeof c->section - 17);
    else if (bora_has_param(g, c->section))
        return;
    const char *whole = bora_has_param(g, "rope_parameters") ? "rope_parameters" : "rope_scaling";
    bool applies = !kind || strcmp(kind, "full_attention") == 0;
    snprintf(c->section, sizeof c->section, "%s", applies ? whole : "");
}

static double find_theta(bora_graph *g, const rope_config *c, float fallback)
{
    if (!(fallback > 0)) {
        fallback = bora_param_float_or(g, "rope_theta", 10000);
        fallback = bora_param_float_or(g, "rope_parameters.rope_theta", fallback);
    }
    return section_float_or(g, c, "rope_theta", fallback);
}

bora_rope_attrs bora_rope_params_of(bora_graph *g, int32_t head_dim, const bora_rope_section *section)
{
    bora_rope_attrs rope = {
        .head_dim = head_dim, .n_dims = head_dim, .interleaved = g->source.interleaved_rope, .scale = 1
    };
    rope_config c = { .max_positions = bora_param_count_or(g, "max_position_embeddings", 2048) };
    c.no_truncate = section->no_truncate;
    find_section(g, section->kind, &c);
    c.theta = find_theta(g, &c, section->theta);
    float whole = section->partial_rotary_factor > 0 ? section->partial_rotary_factor : 1;
    float partial =
        section_float_or(g, &c, "partial_rotary_factor", bora_param_float_or(g, "partial_rotary_factor", whole));
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
    if (*c.section)
        scale_freqs(g, &c, freq, &rope);
    for (size_t i = 0; i < n; i++)
        inv_freq[i] = (float)freq[i];
    if (!rope.inv_freq)
        rope.inv_freq = inv_freq;
    return rope;
}

float bora_rope_attention_factor(bora_graph *g)
{
    rope_config c = { 0 };
    find_section(g, NULL, &c);
    const char *kind = scaling_kind(g, &c);
    float all_dim = section_float_or(g, &c, "mscale_all_dim", 0);
    if (strcmp(kind, "default") == 0 || all_dim == 0)
        return 1;
    double mscale = yarn_mscale(section_float(g, &c, "factor"), all_dim);
    return (float)(mscale * mscale);
}

bora_rope_attrs bora_rope_params(bora_graph *g, int32_t head_dim)
{
    return bora_rope_params_of(g, head_dim, &(bora_rope_section){ 0 });
}
