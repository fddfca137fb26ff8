/* bora inspect: what a checkpoint holds, in its own words: metadata, tensors, and how much there is of each format. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "text.h"

enum {
    MAX_NAME = 56,   /* columns of a name, for alignment; longer ones push their line */
    MAX_VALUE = 60,  /* columns of a value */
    FIRST_ELEMS = 8, /* of an array, in JSON */
};

/* ---- totals */

typedef struct total {
    const char *format;
    int64_t n_tensors, n_params;
    uint64_t size_bytes;
} total;

static void add_tensor(total *t, const bora_tensor_info *tensor)
{
    t->n_tensors++;
    t->n_params += bora_tensor_n_elems(tensor);
    t->size_bytes += tensor->size_bytes;
}

/* One total for each format, in the order in which they first occur, and one of everything at the end. malloc'd. */
static total *sum_up(const bora_checkpoint *checkpoint, size_t *n_formats, bora_error *err)
{
    size_t n = bora_checkpoint_n_tensors(checkpoint), cap = 0;
    total *totals = NULL, all = { 0 };
    *n_formats = 0;
    for (size_t i = 0; i < n; i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(checkpoint, i);
        size_t at = 0;
        while (at < *n_formats && strcmp(totals[at].format, t->quant->name) != 0)
            at++;
        if (at == cap) {
            cap = cap ? 2 * cap : 8;
            total *more = realloc(totals, (cap + 1) * sizeof *totals);
            if (!more) {
                free(totals);
                bora_fail_memory(err, "totals");
                return NULL;
            }
            totals = more;
        }
        if (at == *n_formats)
            totals[(*n_formats)++] = (total){ .format = t->quant->name };
        add_tensor(&totals[at], t);
        add_tensor(&all, t);
    }
    if (!totals && !(totals = malloc(sizeof *totals))) {
        bora_fail_memory(err, "totals");
        return NULL;
    }
    totals[*n_formats] = all;
    return totals;
}

/* ---- for people */

/* "1.5 GiB" */
static const char *size_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1023.95 && unit < 6; unit++)
        size /= 1024;
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", size, bytes == 1 ? "byte" : units[unit]);
    return out;
}

/* "1,234,567" */
static const char *count_text(char out[32], int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n), used = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

/* Prints text padded to `width` columns. */
static void print_padded(const char *text, size_t width)
{
    size_t columns = text_show(stdout, text, strlen(text), 0);
    printf("%*s", columns < width ? (int)(width - columns) : 0, "");
}

/* Element i of an array, or the value itself (i = 0), as a person reads it; returns its columns. */
static size_t show_value(FILE *out, const bora_meta *m, size_t i)
{
    bool array = m->type == BORA_META_ARRAY;
    char number[32];
    switch (array ? m->elem_type : m->type) {
    case BORA_META_INT:
        snprintf(number, sizeof number, "%" PRId64, array ? m->ints[i] : m->i);
        break;
    case BORA_META_FLOAT:
        snprintf(number, sizeof number, "%.9g", array ? m->floats[i] : m->f);
        break;
    case BORA_META_BOOL:
        snprintf(number, sizeof number, "%s", (array ? m->bools[i] : m->b) ? "true" : "false");
        break;
    case BORA_META_STRING: {
        const bora_text *t = array ? &m->texts[i] : &m->text;
        size_t columns = text_show(out, t->data, t->len, array ? MAX_VALUE / 4 : MAX_VALUE);
        if (array || text_show(NULL, t->data, t->len < 1024 ? t->len : 1024, 0) <= MAX_VALUE)
            return columns;
        return columns + (out ? (size_t)fprintf(out, " (%zu bytes)", t->len) : 0);
    }
    case BORA_META_ARRAY:
        return 0;
    }
    if (out)
        fputs(number, out);
    return strlen(number);
}

/* "512 strings: <unk>, <s>, …" */
static void print_array(const bora_meta *m)
{
    static const char *const names[] = { "int", "float", "bool", "string", "array" };
    char count[32];
    printf("%s %s%s", count_text(count, (int64_t)m->n_elems), names[m->elem_type], m->n_elems == 1 ? "" : "s");
    size_t column = 0, i = 0;
    for (; i < m->n_elems; i++) {
        size_t wide = show_value(NULL, m, i);
        if (column + wide > MAX_VALUE - 15)
            break;
        fputs(i ? ", " : ": ", stdout);
        column += 2 + show_value(stdout, m, i);
    }
    printf("%s", i == m->n_elems ? "" : i ? ", …" : ": …");
}

static void print_metadata(const bora_checkpoint *checkpoint)
{
    size_t n = bora_checkpoint_n_meta(checkpoint), width = 0;
    for (size_t i = 0; i < n; i++) {
        const char *key = bora_checkpoint_meta_at(checkpoint, i)->key;
        size_t columns = text_show(NULL, key, strlen(key), 0);
        width = columns > width && columns <= MAX_NAME ? columns : width;
    }
    for (size_t i = 0; i < n; i++) {
        const bora_meta *m = bora_checkpoint_meta_at(checkpoint, i);
        fputs(i ? "  " : "\nMetadata\n  ", stdout);
        print_padded(m->key, width);
        fputs("  ", stdout);
        if (m->type == BORA_META_ARRAY)
            print_array(m);
        else
            show_value(stdout, m, 0);
        putchar('\n');
    }
}

static const char *shape_text(char out[160], const bora_tensor_info *t)
{
    size_t used = (size_t)snprintf(out, 160, "[");
    for (int d = 0; d < t->n_dims; d++)
        used += (size_t)snprintf(out + used, 160 - used, "%s%" PRId64, d ? ", " : "", t->shape[d]);
    snprintf(out + used, 160 - used, "]");
    return out;
}

static void print_tensors(const bora_checkpoint *checkpoint)
{
    size_t n = bora_checkpoint_n_tensors(checkpoint), width = 0, format_width = 0, shape_width = 0;
    char shape[160], size[32];
    for (size_t i = 0; i < n; i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(checkpoint, i);
        size_t columns = text_show(NULL, t->name, strlen(t->name), 0), format = strlen(t->quant->name),
               shape_columns = strlen(shape_text(shape, t));
        width = columns > width && columns <= MAX_NAME ? columns : width;
        format_width = format > format_width ? format : format_width;
        shape_width = shape_columns > shape_width ? shape_columns : shape_width;
    }
    for (size_t i = 0; i < n; i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(checkpoint, i);
        fputs(i ? "  " : "\nTensors\n  ", stdout);
        print_padded(t->name, width);
        fputs("  ", stdout);
        print_padded(t->quant->name, format_width);
        printf("  %-*s  %11s\n", (int)shape_width, shape_text(shape, t), size_text(size, t->size_bytes));
    }
}

static void print_totals(const total *totals, size_t n_formats)
{
    char count[32], size[32];
    if (n_formats == 0)
        return;
    printf("\nFormats\n");
    for (size_t i = 0; i <= n_formats; i++) {
        fputs("  ", stdout);
        print_padded(i < n_formats ? totals[i].format : "all", 8);
        printf("  %6" PRId64 " %-7s  %19s parameters  %11s\n", totals[i].n_tensors,
               totals[i].n_tensors == 1 ? "tensor" : "tensors", count_text(count, totals[i].n_params),
               size_text(size, totals[i].size_bytes));
    }
}

static void print_report(const char *path, const bora_checkpoint *checkpoint, const total *totals, size_t n_formats)
{
    const total *all = &totals[n_formats];
    char count[32], size[32];
    text_show(stdout, path, strlen(path), 0);
    printf("\n%s, %" PRId64 " %s, %s parameters, %s\n", bora_checkpoint_container(checkpoint), all->n_tensors,
           all->n_tensors == 1 ? "tensor" : "tensors", count_text(count, all->n_params),
           size_text(size, all->size_bytes));
    print_metadata(checkpoint);
    print_tensors(checkpoint);
    print_totals(totals, n_formats);
}

/* ---- for programs */

static void json_value(json *j, const char *key, const bora_meta *m, size_t i)
{
    bool array = m->type == BORA_META_ARRAY;
    switch (array ? m->elem_type : m->type) {
    case BORA_META_INT:
        json_int(j, key, array ? m->ints[i] : m->i);
        break;
    case BORA_META_FLOAT:
        json_float(j, key, array ? m->floats[i] : m->f);
        break;
    case BORA_META_BOOL:
        json_bool(j, key, array ? m->bools[i] : m->b);
        break;
    case BORA_META_STRING: {
        const bora_text *t = array ? &m->texts[i] : &m->text;
        json_text(j, key, t->data, t->len);
        break;
    }
    case BORA_META_ARRAY:
        break;
    }
}

static void json_metadata(json *j, const bora_checkpoint *checkpoint)
{
    static const char *const names[] = { "int", "float", "bool", "string", "array" };
    json_open(j, "metadata", '{');
    for (size_t i = 0; i < bora_checkpoint_n_meta(checkpoint); i++) {
        const bora_meta *m = bora_checkpoint_meta_at(checkpoint, i);
        if (m->type != BORA_META_ARRAY) {
            json_value(j, m->key, m, 0);
            continue;
        }
        json_open(j, m->key, '{');
        json_string(j, "array_of", names[m->elem_type]);
        json_int(j, "count", (int64_t)m->n_elems);
        json_open_flat(j, "first", '[');
        for (size_t e = 0; e < m->n_elems && e < FIRST_ELEMS; e++)
            json_value(j, NULL, m, e);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void json_tensors(json *j, const bora_checkpoint *checkpoint)
{
    json_open(j, "tensors", '[');
    for (size_t i = 0; i < bora_checkpoint_n_tensors(checkpoint); i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(checkpoint, i);
        json_open(j, NULL, '{');
        json_string(j, "name", t->name);
        json_string(j, "format", t->quant->name);
        json_open_flat(j, "shape", '[');
        for (int d = 0; d < t->n_dims; d++)
            json_int(j, NULL, t->shape[d]);
        json_close(j, ']');
        json_int(j, "size_bytes", (int64_t)t->size_bytes);
        json_string(j, "file", t->file);
        json_int(j, "file_offset", (int64_t)t->file_offset);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_total(json *j, const total *t)
{
    json_int(j, "n_tensors", t->n_tensors);
    json_int(j, "n_parameters", t->n_params);
    json_int(j, "size_bytes", (int64_t)t->size_bytes);
}

static void json_report(const char *path, const bora_checkpoint *checkpoint, const total *totals, size_t n_formats)
{
    json j = { .out = stdout };
    json_open(&j, NULL, '{');
    json_string(&j, "path", path);
    json_string(&j, "container", bora_checkpoint_container(checkpoint));
    json_total(&j, &totals[n_formats]);
    json_metadata(&j, checkpoint);
    json_tensors(&j, checkpoint);
    json_open(&j, "formats", '[');
    for (size_t i = 0; i < n_formats; i++) {
        json_open_flat(&j, NULL, '{');
        json_string(&j, "name", totals[i].format);
        json_total(&j, &totals[i]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

bool command_inspect(cli *c, bora_error *err)
{
    const char *path = bora_settings_string(c->settings, "path");
    bora_runtime *runtime = cli_runtime(c, NULL, err);
    bora_checkpoint *checkpoint =
        runtime ? bora_checkpoint_open(&path, 1, bora_runtime_stored_quant, runtime, err) : NULL;
    size_t n_formats;
    total *totals = checkpoint ? sum_up(checkpoint, &n_formats, err) : NULL;
    if (totals && bora_settings_flag(c->settings, "json"))
        json_report(path, checkpoint, totals, n_formats);
    else if (totals)
        print_report(path, checkpoint, totals, n_formats);
    bool ok = totals != NULL;
    free(totals);
    bora_checkpoint_close(checkpoint);
    bora_runtime_free(runtime);
    return ok;
}
