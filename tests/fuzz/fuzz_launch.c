/* Launch and selector files: any bytes are settings or an error, and what was read can be asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "config/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const bora_settings *s)
{
    size_t n;
    const bora_option *all = bora_options(&n);
    for (size_t i = 0; i < n; i++) {
        bora_settings_string(s, all[i].name);
        bora_settings_float(s, all[i].name);
        if (bora_settings_is_set(s, all[i].name) && !bora_settings_origin(s, all[i].name))
            abort();
        for (size_t k = 0; k < bora_settings_count(s, all[i].name); k++)
            if (!*bora_settings_item(s, all[i].name, k))
                abort();
    }
    for (size_t i = 0; bora_settings_warning(s, i); i++)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bora_error err = { .code = BORA_OK };
    bora_launch *launch = launch_parse((const char *)data, size, "x.toml", &err);
    if (!launch && err.code == BORA_OK)
        abort();
    for (size_t i = 0; launch && i < bora_launch_n_models(launch); i++)
        ask(bora_launch_model(launch, i));
    bora_launch_free(launch);

    bora_error_clear(&err);
    bora_settings *s = bora_settings_new();
    if (s && selector_parse(s, (const char *)data, size, "x.toml", &err))
        ask(s);
    else if (err.code == BORA_OK)
        abort();
    bora_settings_free(s);
    return 0;
}
