/* From path and method to a route. */
#include <stdio.h>
#include <string.h>

#include "serve/http_internal.h"

/* Whether the pattern is the path; its parts in braces go to the request. */
static bool matches(const char *pattern, request *r)
{
    const char *path = r->path;
    r->n_parts = 0;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t name_len = strcspn(++pattern, ".}");
        bool rest = strncmp(pattern + name_len, "...", 3) == 0;
        size_t len = rest ? strlen(path) : strcspn(path, "/");
        if (len == 0 || r->n_parts == HTTP_PARTS_MAX)
            return false;
        r->parts[r->n_parts] = (pair){ pattern, path };
        r->part_len[r->n_parts++] = name_len;
        r->value_len[r->n_parts - 1] = len;
        path += len;
        pattern += strcspn(pattern, "}");
        pattern += *pattern == '}';
    }
    return *path == '\0';
}

static void add_method(char *allow, size_t size, const char *method)
{
    size_t len = strlen(allow);
    if (!strstr(allow, method))
        snprintf(allow + len, size - len, "%s%s", len ? ", " : "", method);
}

const http_route *route_find(const http_route *routes, const char *method, request *r, char *allow, size_t allow_size)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    allow[0] = '\0';
    for (const http_route *route = routes; route->path; route++) {
        if (!matches(route->path, r))
            continue;
        if (strcmp(route->method, wanted) == 0)
            return route;
        add_method(allow, allow_size, route->method);
        if (strcmp(route->method, "GET") == 0)
            add_method(allow, allow_size, "HEAD");
    }
    r->n_parts = 0;
    return NULL;
}
