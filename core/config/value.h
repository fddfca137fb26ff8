/* The value of one option, and how it is read. */
#ifndef BORA_CONFIG_VALUE_H
#define BORA_CONFIG_VALUE_H

#include "config/options.h"

typedef struct setting {
    bool set;
    setting_origin origin;
    const char *origin_text, *warning;
    const char *text; /* as written; NULL for a list */
    int64_t integer;
    double number;
    bool flag;
    const char **items;
    size_t n_items, cap_items;
} setting;

/* Read into an empty `v` (a list grows); what is kept is copied to `a`. The messages do not say where: whoever calls
 * knows. */
bool value_read_text(arena *a, const bora_option *o, const char *text, setting *v, bora_error *err);
bool value_read_toml(arena *a, const bora_option *o, const toml_value *t, setting *v, bora_error *err);
/* strtod() with a decimal point, whatever the locale of the program. */
double value_decimal(const char *text, char **end);
/* How much of a text from outside a message shows: at most 60 bytes, without cutting a character. */
int value_shown(const char *text);

#endif
