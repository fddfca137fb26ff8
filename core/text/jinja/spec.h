/* A format specification, as `"%5.2f"` and `"{:5.2f}"` both come down to. */
#ifndef BORA_TEXT_JINJA_SPEC_H
#define BORA_TEXT_JINJA_SPEC_H

#include "text/jinja/value.h"

enum { JINJA_MAX_PRECISION = 1000, JINJA_MAX_WIDTH = 1 << 26 };

typedef struct spec {
    unsigned fill;
    char align; /* '<' '>' '^' '=', or 0 */
    char sign;  /* '-' '+' ' ' */
    bool alternate, percent_style;
    char group;           /* ',' '_', or 0 */
    int width, precision; /* -1: none */
    char type;            /* or 0 */
} spec;

/* Digits at *p; -1 when there are none. */
bool jinja_read_count(job *j, const char **p, const char *end, int *out, int limit);
bool jinja_format_text(job *j, const spec *s, const str *text);
bool jinja_format_int(job *j, int64_t i, const spec *s);
bool jinja_format_float(job *j, double f, const spec *s);
/* format(v, specification): str() when that is empty. */
bool jinja_format_value(job *j, value v, const str *specification);

#endif
