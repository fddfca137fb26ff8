/* A stable merge sort whose comparison can fail. */
#include <string.h>

#include "text/jinja/eval.h"

bool jinja_sort(job *j, value *items, size_t n, size_t width, bool reverse)
{
    value *other = jinja_array(j, n, width * sizeof *other), *from = items, *to = other;
    if (!other)
        return false;
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t start = 0; start < n; start += 2 * run) {
            size_t a = start, a_end = start + run < n ? start + run : n;
            size_t b = a_end, b_end = a_end + run < n ? a_end + run : n;
            for (size_t i = start; i < b_end; i++) {
                bool take_b = a == a_end;
                if (a < a_end && b < b_end) {
                    value x = from[a * width], y = from[b * width];
                    if (!(reverse ? jinja_less(j, x, y, "<", &take_b) : jinja_less(j, y, x, "<", &take_b)))
                        return false;
                }
                memcpy(to + i * width, from + (take_b ? b++ : a++) * width, width * sizeof *to);
            }
        }
        value *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * width * sizeof *items);
    return true;
}
