/* Sampling as the settings say; what they leave open, as the model's generation_config.json says. */
#include <time.h>

#include <bora/engine.h>

#include "base/json.h"
#include "model/model.h"

static void pick_float(const bora_settings *settings, const char *option, const cJSON *generation, const char *key,
                       float *out)
{
    const cJSON *item = json_get(generation, key);
    if (bora_settings_is_set(settings, option))
        *out = (float)bora_settings_float(settings, option);
    else if (cJSON_IsNumber(item))
        *out = (float)item->valuedouble;
}

bool bora_sampling_from_settings(const bora_settings *settings, const bora_model *model, bora_sampling *out,
                                 bora_error *err)
{
    *out = bora_sampling_defaults();
    const cJSON *g = model ? model->source.generation : NULL;
    pick_float(settings, "temperature", g, "temperature", &out->temperature);
    if (!bora_settings_is_set(settings, "temperature") && cJSON_IsFalse(json_get(g, "do_sample")))
        out->temperature = 0;
    pick_float(settings, "top-p", g, "top_p", &out->top_p);
    pick_float(settings, "min-p", g, "min_p", &out->min_p);
    pick_float(settings, "repetition-penalty", g, "repetition_penalty", &out->repetition_penalty);
    pick_float(settings, "presence-penalty", NULL, "", &out->presence_penalty);
    pick_float(settings, "frequency-penalty", NULL, "", &out->frequency_penalty);
    const cJSON *top_k = json_get(g, "top_k");
    if (bora_settings_is_set(settings, "top-k"))
        out->top_k = (int32_t)bora_settings_int(settings, "top-k");
    else if (cJSON_IsNumber(top_k) && top_k->valuedouble >= 0 && top_k->valuedouble < 1e9)
        out->top_k = (int32_t)top_k->valuedouble;
    if (bora_settings_is_set(settings, "repeat-last-n"))
        out->repeat_last_n = (int32_t)bora_settings_int(settings, "repeat-last-n");
    if (bora_settings_is_set(settings, "seed")) {
        out->seed = (uint64_t)bora_settings_int(settings, "seed");
    } else {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        out->seed = (uint64_t)t.tv_sec * 1000000007U ^ (uint64_t)t.tv_nsec;
    }
    return bora_sampling_check(out, err);
}
