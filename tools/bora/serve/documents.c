/* GET /openapi.json and /docs: both are made from the table of routes and the tables of fields, the ones that parse
 * requests. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "writer.h"

static const char error_schema[] =
    "{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"object\",\"properties\":{"
    "\"message\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"},"
    "\"param\":{\"type\":\"string\",\"nullable\":true},\"code\":{\"type\":\"string\",\"nullable\":true}}}}}";

/* ---- for programs */

static void put_kind(writer *w, api_kind kind)
{
    const field_set *set = api_fields(kind);
    const field *f;
    put_open(w, api_kind_name(kind), '{');
    put_string(w, "type", "object");
    for (size_t i = 0; (f = fields_at(set, i)); i++)
        if (f->required) { /* one at most, and a list of none would not be allowed */
            put_open(w, "required", '[');
            put_string(w, NULL, f->name);
            put_close(w, ']');
        }
    put_open(w, "properties", '{');
    for (size_t i = 0; (f = fields_at(set, i)); i++) {
        writer schema = { 0 };
        fields_put_schema(&schema, f);
        put_json(w, f->name, schema.data ? schema.data : "{}");
        w->failed |= schema.failed;
        writer_free(&schema);
    }
    put_close(w, '}');
    put_close(w, '}');
}

/* A path without the dots that say how much a part of it matches. */
static void put_path(writer *w, const char *path)
{
    const char *dots = strstr(path, "...}");
    writer clean = { 0 };
    put_raw(&clean, path, dots ? (size_t)(dots - path) : strlen(path));
    put_raw(&clean, "}", dots != NULL);
    put_open(w, clean.data ? clean.data : "", '{');
    w->failed |= clean.failed;
    writer_free(&clean);
}

static void put_content(writer *w, const char *type, const char *schema)
{
    put_open(w, type, '{');
    put_json(w, "schema", schema);
    put_close(w, '}');
}

static void put_body(writer *w, const api_route *r)
{
    put_open(w, "requestBody", '{');
    put_bool(w, "required", true);
    put_open(w, "content", '{');
    put_open(w, "application/json", '{');
    put_open(w, "schema", '{');
    writer ref = { 0 };
    put_format(&ref, "#/components/schemas/%s", api_kind_name(r->kind));
    put_string(w, "$ref", ref.data);
    w->failed |= ref.failed;
    writer_free(&ref);
    put_close(w, '}');
    put_close(w, '}');
    put_close(w, '}');
    put_close(w, '}');
}

static void put_responses(writer *w, const api_route *r)
{
    bool is_json = strcmp(r->content_type, "application/json") == 0;
    put_open(w, "responses", '{');
    put_open(w, "200", '{');
    put_string(w, "description", r->summary);
    put_open(w, "content", '{');
    put_content(w, r->content_type, is_json ? "{\"type\":\"object\"}" : "{\"type\":\"string\"}");
    if (r->streams)
        put_content(w, "text/event-stream", "{\"type\":\"string\"}");
    put_close(w, '}');
    put_close(w, '}');
    put_open(w, "default", '{');
    put_string(w, "description", "What is wrong");
    put_open(w, "content", '{');
    put_content(w, "application/json", "{\"$ref\":\"#/components/schemas/Error\"}");
    put_close(w, '}');
    put_close(w, '}');
    put_close(w, '}');
}

static void put_route(writer *w, const api_route *r)
{
    put_path(w, r->http.path);
    put_open(w, strcmp(r->http.method, "POST") == 0 ? "post" : "get", '{');
    put_string(w, "summary", r->summary);
    if (strchr(r->http.path, '{'))
        put_json(w, "parameters",
                 "[{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}]");
    if (r->has_body)
        put_body(w, r);
    put_responses(w, r);
    if (r->http.open)
        put_json(w, "security", "[]");
    put_close(w, '}');
    put_close(w, '}');
}

void handle_openapi(http_exchange *x, void *ctx)
{
    (void)ctx;
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_string(&w, "openapi", "3.0.3");
    put_open(&w, "info", '{');
    put_string(&w, "title", "bora");
    put_string(&w, "version", bora_version());
    put_string(&w, "description", "Models over HTTP, as OpenAI's clients ask for them.");
    put_close(&w, '}');
    put_open(&w, "paths", '{');
    for (const api_route *r = api_routes(); r->http.path; r++)
        put_route(&w, r);
    put_close(&w, '}');
    put_open(&w, "components", '{');
    put_open(&w, "schemas", '{');
    for (int kind = 0; kind < API_N_KINDS; kind++)
        put_kind(&w, (api_kind)kind);
    put_json(&w, "Error", error_schema);
    put_close(&w, '}');
    put_json(&w, "securitySchemes", "{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"}}");
    put_close(&w, '}');
    put_json(&w, "security", "[{\"key\":[]},{}]");
    put_close(&w, '}');
    api_reply_json(x, &w);
}

/* ---- for people */

static void put_html(writer *w, const char *text)
{
    for (; text && *text; text++) {
        const char *name = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;
        put_raw(w, name ? name : text, name ? strlen(name) : 1);
    }
}

static void put_words(writer *w, const char *before, const char *text, const char *after)
{
    put_raw(w, before, strlen(before));
    put_html(w, text);
    put_raw(w, after, strlen(after));
}

static const char *type_words(const field *f)
{
    static const char *const names[] = {
        [FIELD_BOOL] = "boolean", [FIELD_INT] = "integer",   [FIELD_FLOAT] = "number",
        [FIELD_SEED] = "integer", [FIELD_TEXT] = "string",   [FIELD_CHOICE] = "string",
        [FIELD_ARRAY] = "array",  [FIELD_OBJECT] = "object", [FIELD_OTHER] = "",
    };
    return names[f->type];
}

static void put_row(writer *w, const field *f)
{
    put_words(w, "<tr><td><code>", f->name, "</code>");
    put_words(w, f->required ? " (needed)</td><td>" : "</td><td>", type_words(f), "</td><td>");
    put_html(w, f->help);
    if (f->choices)
        put_words(w, ": ", f->choices, "");
    if (f->status == FIELD_IGNORED)
        put_html(w, " (accepted, without effect)");
    if (f->status == FIELD_REFUSED)
        put_html(w, " (not in this version)");
    put_words(w, "</td><td>", f->default_note, "</td></tr>\n");
}

static void put_section(writer *w, const api_route *r)
{
    put_words(w, "<h2><code>", r->http.method, " ");
    put_words(w, "", r->http.path, "</code></h2>\n");
    put_words(w, "<p>", r->summary, r->http.open ? ". Needs no key.</p>\n" : ".</p>\n");
    if (!r->has_body)
        return;
    const field *f;
    const char *head = "<table><tr><th>field</th><th>type</th><th>what it is</th><th>where not given</th></tr>\n";
    put_raw(w, head, strlen(head));
    for (size_t i = 0; (f = fields_at(api_fields(r->kind), i)); i++)
        put_row(w, f);
    put_raw(w, "</table>\n", 9);
}

void handle_docs(http_exchange *x, void *ctx)
{
    static const char head[] =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>bora</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width\"><style>body{font:16px/1.5 sans-serif;max-width:60rem;"
        "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;"
        "padding:.2rem .6rem;text-align:left;vertical-align:top}</style></head><body>\n<h1>bora</h1>\n"
        "<p>Models over HTTP, as OpenAI's clients ask for them. For programs: <a "
        "href=\"openapi.json\">openapi.json</a>."
        "</p>\n";
    (void)ctx;
    writer w = { 0 };
    put_raw(&w, head, sizeof head - 1);
    for (const api_route *r = api_routes(); r->http.path; r++)
        put_section(&w, r);
    put_raw(&w, "</body></html>\n", 15);
    if (w.failed)
        api_reply_bora(x, NULL, &(bora_error){ .code = BORA_MEMORY });
    else
        http_reply(x, 200, "text/html; charset=utf-8", w.data, w.len);
    writer_free(&w);
}
