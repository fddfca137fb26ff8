/* Characters as Python sees them, by utf8proc's tables; what those lack is here: characters whose upper case is more
 * than one character (Unicode SpecialCasing), and the letters that are lower or upper case without being of the
 * category Ll or Lu (Other_Lowercase, Other_Uppercase). */
#include "text/jinja/unicode.h"

#include <utf8proc.h>

typedef struct char_range {
    unsigned first, last;
} char_range;

static const struct {
    unsigned from, to[3];
} long_upper[] = {
    { 0xdf, { 0x53, 0x53 } },
    { 0x149, { 0x2bc, 0x4e } },
    { 0x1f0, { 0x4a, 0x30c } },
    { 0x390, { 0x399, 0x308, 0x301 } },
    { 0x3b0, { 0x3a5, 0x308, 0x301 } },
    { 0x587, { 0x535, 0x552 } },
    { 0x1e96, { 0x48, 0x331 } },
    { 0x1e97, { 0x54, 0x308 } },
    { 0x1e98, { 0x57, 0x30a } },
    { 0x1e99, { 0x59, 0x30a } },
    { 0x1e9a, { 0x41, 0x2be } },
    { 0x1f50, { 0x3a5, 0x313 } },
    { 0x1f52, { 0x3a5, 0x313, 0x300 } },
    { 0x1f54, { 0x3a5, 0x313, 0x301 } },
    { 0x1f56, { 0x3a5, 0x313, 0x342 } },
    { 0x1f80, { 0x1f08, 0x399 } },
    { 0x1f81, { 0x1f09, 0x399 } },
    { 0x1f82, { 0x1f0a, 0x399 } },
    { 0x1f83, { 0x1f0b, 0x399 } },
    { 0x1f84, { 0x1f0c, 0x399 } },
    { 0x1f85, { 0x1f0d, 0x399 } },
    { 0x1f86, { 0x1f0e, 0x399 } },
    { 0x1f87, { 0x1f0f, 0x399 } },
    { 0x1f88, { 0x1f08, 0x399 } },
    { 0x1f89, { 0x1f09, 0x399 } },
    { 0x1f8a, { 0x1f0a, 0x399 } },
    { 0x1f8b, { 0x1f0b, 0x399 } },
    { 0x1f8c, { 0x1f0c, 0x399 } },
    { 0x1f8d, { 0x1f0d, 0x399 } },
    { 0x1f8e, { 0x1f0e, 0x399 } },
    { 0x1f8f, { 0x1f0f, 0x399 } },
    { 0x1f90, { 0x1f28, 0x399 } },
    { 0x1f91, { 0x1f29, 0x399 } },
    { 0x1f92, { 0x1f2a, 0x399 } },
    { 0x1f93, { 0x1f2b, 0x399 } },
    { 0x1f94, { 0x1f2c, 0x399 } },
    { 0x1f95, { 0x1f2d, 0x399 } },
    { 0x1f96, { 0x1f2e, 0x399 } },
    { 0x1f97, { 0x1f2f, 0x399 } },
    { 0x1f98, { 0x1f28, 0x399 } },
    { 0x1f99, { 0x1f29, 0x399 } },
    { 0x1f9a, { 0x1f2a, 0x399 } },
    { 0x1f9b, { 0x1f2b, 0x399 } },
    { 0x1f9c, { 0x1f2c, 0x399 } },
    { 0x1f9d, { 0x1f2d, 0x399 } },
    { 0x1f9e, { 0x1f2e, 0x399 } },
    { 0x1f9f, { 0x1f2f, 0x399 } },
    { 0x1fa0, { 0x1f68, 0x399 } },
    { 0x1fa1, { 0x1f69, 0x399 } },
    { 0x1fa2, { 0x1f6a, 0x399 } },
    { 0x1fa3, { 0x1f6b, 0x399 } },
    { 0x1fa4, { 0x1f6c, 0x399 } },
    { 0x1fa5, { 0x1f6d, 0x399 } },
    { 0x1fa6, { 0x1f6e, 0x399 } },
    { 0x1fa7, { 0x1f6f, 0x399 } },
    { 0x1fa8, { 0x1f68, 0x399 } },
    { 0x1fa9, { 0x1f69, 0x399 } },
    { 0x1faa, { 0x1f6a, 0x399 } },
    { 0x1fab, { 0x1f6b, 0x399 } },
    { 0x1fac, { 0x1f6c, 0x399 } },
    { 0x1fad, { 0x1f6d, 0x399 } },
    { 0x1fae, { 0x1f6e, 0x399 } },
    { 0x1faf, { 0x1f6f, 0x399 } },
    { 0x1fb2, { 0x1fba, 0x399 } },
    { 0x1fb3, { 0x391, 0x399 } },
    { 0x1fb4, { 0x386, 0x399 } },
    { 0x1fb6, { 0x391, 0x342 } },
    { 0x1fb7, { 0x391, 0x342, 0x399 } },
    { 0x1fbc, { 0x391, 0x399 } },
    { 0x1fc2, { 0x1fca, 0x399 } },
    { 0x1fc3, { 0x397, 0x399 } },
    { 0x1fc4, { 0x389, 0x399 } },
    { 0x1fc6, { 0x397, 0x342 } },
    { 0x1fc7, { 0x397, 0x342, 0x399 } },
    { 0x1fcc, { 0x397, 0x399 } },
    { 0x1fd2, { 0x399, 0x308, 0x300 } },
    { 0x1fd3, { 0x399, 0x308, 0x301 } },
    { 0x1fd6, { 0x399, 0x342 } },
    { 0x1fd7, { 0x399, 0x308, 0x342 } },
    { 0x1fe2, { 0x3a5, 0x308, 0x300 } },
    { 0x1fe3, { 0x3a5, 0x308, 0x301 } },
    { 0x1fe4, { 0x3a1, 0x313 } },
    { 0x1fe6, { 0x3a5, 0x342 } },
    { 0x1fe7, { 0x3a5, 0x308, 0x342 } },
    { 0x1ff2, { 0x1ffa, 0x399 } },
    { 0x1ff3, { 0x3a9, 0x399 } },
    { 0x1ff4, { 0x38f, 0x399 } },
    { 0x1ff6, { 0x3a9, 0x342 } },
    { 0x1ff7, { 0x3a9, 0x342, 0x399 } },
    { 0x1ffc, { 0x3a9, 0x399 } },
    { 0xfb00, { 0x46, 0x46 } },
    { 0xfb01, { 0x46, 0x49 } },
    { 0xfb02, { 0x46, 0x4c } },
    { 0xfb03, { 0x46, 0x46, 0x49 } },
    { 0xfb04, { 0x46, 0x46, 0x4c } },
    { 0xfb05, { 0x53, 0x54 } },
    { 0xfb06, { 0x53, 0x54 } },
    { 0xfb13, { 0x544, 0x546 } },
    { 0xfb14, { 0x544, 0x535 } },
    { 0xfb15, { 0x544, 0x53b } },
    { 0xfb16, { 0x54e, 0x546 } },
    { 0xfb17, { 0x544, 0x53d } },
};

static const char_range other_lower[] = {
    { 0xaa, 0xaa },       { 0xba, 0xba },       { 0x2b0, 0x2b8 },     { 0x2c0, 0x2c1 },     { 0x2e0, 0x2e4 },
    { 0x345, 0x345 },     { 0x37a, 0x37a },     { 0x1d2c, 0x1d6a },   { 0x1d78, 0x1d78 },   { 0x1d9b, 0x1dbf },
    { 0x2071, 0x2071 },   { 0x207f, 0x207f },   { 0x2090, 0x209c },   { 0x2170, 0x217f },   { 0x24d0, 0x24e9 },
    { 0x2c7c, 0x2c7d },   { 0xa69c, 0xa69d },   { 0xa770, 0xa770 },   { 0xa7f8, 0xa7f9 },   { 0xab5c, 0xab5f },
    { 0x10780, 0x10780 }, { 0x10783, 0x10785 }, { 0x10787, 0x107b0 }, { 0x107b2, 0x107ba },
};

static const char_range other_upper[] = {
    { 0x2160, 0x216f }, { 0x24b6, 0x24cf }, { 0x1f130, 0x1f149 }, { 0x1f150, 0x1f169 }, { 0x1f170, 0x1f189 },
};

/* Digits (Numeric_Type=Digit) that are no decimals. */
static const char_range other_digits[] = {
    { 0xb2, 0xb3 },     { 0xb9, 0xb9 },       { 0x1369, 0x1371 },   { 0x19da, 0x19da },   { 0x2070, 0x2070 },
    { 0x2074, 0x2079 }, { 0x2080, 0x2089 },   { 0x2460, 0x2468 },   { 0x2474, 0x247c },   { 0x2488, 0x2490 },
    { 0x24ea, 0x24ea }, { 0x24f5, 0x24fd },   { 0x24ff, 0x24ff },   { 0x2776, 0x277e },   { 0x2780, 0x2788 },
    { 0x278a, 0x2792 }, { 0x10a40, 0x10a43 }, { 0x10e60, 0x10e68 }, { 0x11052, 0x1105a }, { 0x1f100, 0x1f10a },
};

#define IN_RANGES(c, ranges) in_ranges(c, ranges, sizeof(ranges) / sizeof *(ranges))

static bool in_ranges(unsigned c, const char_range *ranges, size_t n)
{
    for (size_t i = 0; i < n && ranges[i].first <= c; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}

static utf8proc_category_t category(unsigned c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

unsigned jinja_utf8_next(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    if (s[0] < 0x80) {
        *p += 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *p += 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0) {
        *p += 3;
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *p += 4;
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

unsigned jinja_utf8_prev(const char **p)
{
    do
        --*p;
    while (((unsigned char)**p & 0xc0) == 0x80);
    const char *at = *p;
    return jinja_utf8_next(&at);
}

size_t jinja_utf8_count(const char *data, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)data[i] & 0xc0) != 0x80;
    return n;
}

size_t jinja_utf8_offset(const char *data, size_t len, size_t n)
{
    size_t i = 0;
    while (i < len && n > 0) {
        i++;
        while (i < len && ((unsigned char)data[i] & 0xc0) == 0x80)
            i++;
        n--;
    }
    return i;
}

size_t jinja_utf8_encode(unsigned c, char out[4])
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out);
}

bool jinja_utf8_is_valid(const char *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)data + i, (utf8proc_ssize_t)(len - i), &c);
        if (n <= 0)
            return false;
        i += (size_t)n;
    }
    return true;
}

bool jinja_char_is_space(unsigned c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool jinja_char_is_line_end(unsigned c)
{
    return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool jinja_char_is_alpha(unsigned c)
{
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool jinja_char_is_decimal(unsigned c)
{
    return category(c) == UTF8PROC_CATEGORY_ND;
}

bool jinja_char_is_digit(unsigned c)
{
    return jinja_char_is_decimal(c) || IN_RANGES(c, other_digits);
}

/* Ideographs that stand for numbers are left out. */
bool jinja_char_is_numeric(unsigned c)
{
    utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool jinja_char_is_word(unsigned c)
{
    return c == '_' || jinja_char_is_alpha(c) || jinja_char_is_numeric(c);
}

bool jinja_char_is_printable(unsigned c)
{
    if (c < 0x7f)
        return c >= 0x20;
    utf8proc_category_t k = category(c);
    return k != UTF8PROC_CATEGORY_CN && (k < UTF8PROC_CATEGORY_ZS || k > UTF8PROC_CATEGORY_CO);
}

bool jinja_char_is_upper(unsigned c)
{
    return category(c) == UTF8PROC_CATEGORY_LU || IN_RANGES(c, other_upper);
}

bool jinja_char_is_lower(unsigned c)
{
    return category(c) == UTF8PROC_CATEGORY_LL || IN_RANGES(c, other_lower);
}

bool jinja_char_is_title(unsigned c)
{
    return category(c) == UTF8PROC_CATEGORY_LT;
}

bool jinja_char_is_case_ignorable(unsigned c)
{
    utf8proc_category_t k = category(c);
    return c == '\'' || c == '.' || c == ':' || c == 0xb7 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027 ||
           k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK;
}

static unsigned simple_lower(unsigned c)
{
    return (unsigned)utf8proc_tolower((utf8proc_int32_t)c);
}

size_t jinja_char_to_case(unsigned c, char_case to, unsigned out[3])
{
    if (c < 0x80) {
        bool raise = to == CASE_UPPER || to == CASE_TITLE;
        out[0] = raise && c >= 'a' && c <= 'z' ? c - 32 : !raise && c >= 'A' && c <= 'Z' ? c + 32 : c;
        return 1;
    }
    if (to == CASE_LOWER) {
        out[0] = simple_lower(c);
        if (c == 0x130) {
            out[0] = 'i';
            out[1] = 0x307;
            return 2;
        }
        return 1;
    }
    if (to == CASE_FOLD) {
        utf8proc_int32_t folded[4];
        int boundary = 0;
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, folded, 4, UTF8PROC_CASEFOLD, &boundary);
        for (utf8proc_ssize_t i = 0; i < n && i < 3; i++)
            out[i] = (unsigned)folded[i];
        if (n > 0 && n <= 3)
            return (size_t)n;
        out[0] = c;
        return 1;
    }
    if (to == CASE_TITLE) {
        out[0] = (unsigned)utf8proc_totitle((utf8proc_int32_t)c);
        if ((out[0] != c && c != 0xdf) ||
            jinja_char_is_title(c)) /* utf8proc has U+1E9E for sharp s, Unicode has "Ss" */
            return 1;
    }
    for (size_t i = 0; i < sizeof long_upper / sizeof *long_upper && long_upper[i].from <= c; i++) {
        if (long_upper[i].from != c)
            continue;
        bool cased = false;
        size_t n = 0;
        for (; n < 3 && long_upper[i].to[n]; n++) {
            unsigned u = long_upper[i].to[n];
            bool upper = jinja_char_is_upper(u);
            out[n] = to == CASE_UPPER || !cased ? u : u == 0x399 ? 0x345 : simple_lower(u);
            cased = cased || upper;
        }
        return n;
    }
    out[0] = to == CASE_UPPER ? (unsigned)utf8proc_toupper((utf8proc_int32_t)c) : out[0];
    return 1;
}
