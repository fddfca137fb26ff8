/* From settings to the options of the HTTP server. */
#include <stdlib.h>

#include "serve/http_server.h"

void *http_options_from_settings(http_options *o, const bora_settings *s, bora_error *err)
{
    size_t n_keys = bora_settings_count(s, "api-key"), n_origins = bora_settings_count(s, "cors-origin");
    const char **lists = calloc(n_keys + n_origins + 1, sizeof *lists);
    if (!lists) {
        bora_fail_memory(err, "the server's options");
        return NULL;
    }
    for (size_t i = 0; i < n_keys; i++)
        lists[i] = bora_settings_item(s, "api-key", i);
    for (size_t i = 0; i < n_origins; i++)
        lists[n_keys + i] = bora_settings_item(s, "cors-origin", i);
    o->api_keys = lists;
    o->n_api_keys = n_keys;
    o->cors_origins = lists + n_keys;
    o->n_cors_origins = n_origins;

    const char *format = bora_settings_string(s, "access-log-format");
    o->host = bora_settings_string(s, "host");
    o->port = (int)bora_settings_int(s, "port");
    o->tls_cert = bora_settings_string(s, "tls-cert");
    o->tls_key = bora_settings_string(s, "tls-key");
    o->api_keys_file = bora_settings_string(s, "api-keys-file");
    o->rate_limit = (int)bora_settings_int(s, "rate-limit");
    o->max_concurrent = (int)bora_settings_int(s, "max-concurrent");
    o->max_connections = (int)bora_settings_int(s, "max-connections");
    o->max_connections_per_address = (int)bora_settings_int(s, "max-connections-per-address");
    o->max_body_bytes = (size_t)bora_settings_int(s, "max-body-mb") << 20;
    o->max_bodies_bytes = 16 * o->max_body_bytes;
    o->receive_s = bora_settings_float(s, "request-timeout");
    o->idle_s = bora_settings_float(s, "idle-timeout");
    o->send_s = bora_settings_float(s, "send-timeout");
    o->keep_alive_s = bora_settings_float(s, "keep-alive-interval");
    o->shutdown_s = bora_settings_float(s, "shutdown-timeout");
    o->access_log = !bora_settings_flag(s, "disable-access-log");
    o->access_log_json = format && format[0] == 'j';
    o->access_log_health = bora_settings_flag(s, "access-log-health");
    o->request_id_header = !bora_settings_flag(s, "disable-request-id-header");
    return lists;
}
