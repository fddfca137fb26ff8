/* Nearest name: the edit distance with swaps of neighbours (optimal string alignment: Damerau 1964, Levenshtein 1966),
 * kept to words short enough that three rows of its table fit on the stack. */
#include "base/nearest.h"

#include <string.h>

enum { LONGEST = 63 }; /* bytes of a word or a name: no name that we know is longer */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST + 1]; /* row i, modulo 3: the distances from a[0, i) to every b[0, j) */
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        const size_t *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            char x = fold(a[i - 1]), y = fold(b[j - 1]);
            row[j] = smaller(above[j - 1] + (x != y), smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_name(const char *word, const char *const *names, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > LONGEST)
        return NULL;
    const char *nearest = NULL;
    size_t bound = len / 3 > 1 ? len / 3 : 1;
    for (size_t i = 0; i < n; i++) {
        size_t name_len = strlen(names[i]);
        if (name_len > LONGEST || name_len > len + bound || len > name_len + bound)
            continue;
        size_t distance = edit_distance(word, len, names[i], name_len);
        /* As many edits as letters: nothing of the word is in the name. */
        if (distance > bound || distance >= (len > name_len ? len : name_len))
            continue;
        nearest = names[i];
        if (distance == 0)
            break;
        bound = distance - 1; /* only a closer one from here on */
    }
    return nearest;
}
