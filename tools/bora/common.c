/* What the subcommands share: see common.h. */
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

double cli_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool cli_is_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

void cli_setup(cli *c, bool verbose, bool quiet)
{
    const char *no_colour = getenv("NO_COLOR");
    c->level = quiet ? BORA_LOG_ERROR : verbose ? BORA_LOG_DEBUG : BORA_LOG_INFO;
    c->stdout_terminal = isatty(STDOUT_FILENO);
    c->stderr_terminal = cli_is_terminal(STDERR_FILENO);
    c->colour = c->stderr_terminal && !(no_colour && *no_colour);
    c->stdout_colour = cli_is_terminal(STDOUT_FILENO) && !(no_colour && *no_colour);
}

/* ---- messages */

static void clear_bar(cli *c)
{
    if (c->progress.shown && c->stderr_terminal)
        fputs("\r\033[K", stderr);
    c->progress.shown = false;
}

static void log_line(cli *c, bora_log_level level, const char *line)
{
    static const char *const labels[] = { "bora: ", "bora: warning: ", "bora: ", "bora: " };
    static const char *const colours[] = { "\033[31m", "\033[33m", "", "\033[2m" };
    if (level > c->level)
        return;
    pthread_mutex_lock(&c->mutex);
    clear_bar(c);
    fputs(c->colour ? colours[level] : "", stderr);
    fputs(labels[level], stderr);
    text_show(stderr, line, strlen(line), 0);
    fputs(c->colour && colours[level][0] ? "\033[0m\n" : "\n", stderr);
    pthread_mutex_unlock(&c->mutex);
}

void cli_log(cli *c, bora_log_level level, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    log_line(c, level, line);
}

void cli_warnings(cli *c, const bora_settings *settings)
{
    const char *line;
    for (size_t i = 0; (line = bora_settings_warning(settings, i)); i++)
        log_line(c, BORA_LOG_WARN, line);
}

static void on_log(void *ctx, bora_log_level level, const char *line)
{
    log_line(ctx, level, line);
}

/* ---- progress */

enum { BAR_COLUMNS = 30 };

static void draw_bar(const char *what, uint64_t done, uint64_t total)
{
    double part = (double)done / (double)total;
    int filled = (int)(part * BAR_COLUMNS);
    fprintf(stderr, "\r\033[K%s [%.*s%.*s] %3d%%", what, filled, "##############################", BAR_COLUMNS - filled,
            "..............................", (int)(part * 100));
    fflush(stderr);
}

static void show_progress(cli *c, const char *what, uint64_t done, uint64_t total)
{
    double now = cli_seconds();
    if (strncmp(c->progress.what, what, sizeof c->progress.what - 1) != 0) {
        snprintf(c->progress.what, sizeof c->progress.what, "%s", what);
        c->progress.next_s = now + (c->stderr_terminal ? 0.2 : 5);
    }
    if (done >= total) {
        if (c->progress.shown && !c->stderr_terminal)
            fprintf(stderr, "bora: %s: done\n", what);
        clear_bar(c);
        c->progress.what[0] = '\0';
    } else if (now >= c->progress.next_s) {
        if (c->stderr_terminal)
            draw_bar(c->progress.what, done, total);
        else
            fprintf(stderr, "bora: %s: %d%%\n", what, (int)(100 * (double)done / (double)total));
        c->progress.shown = true;
        c->progress.next_s = now + (c->stderr_terminal ? 0.1 : 5);
    }
}

void cli_progress(cli *c, const char *what, uint64_t done, uint64_t total)
{
    if (c->level < BORA_LOG_INFO || total == 0)
        return;
    pthread_mutex_lock(&c->mutex);
    show_progress(c, what, done, total);
    pthread_mutex_unlock(&c->mutex);
}

static void on_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    cli_progress(ctx, what, done, total);
}

/* ---- the runtime */

bora_runtime *cli_runtime(cli *c, const bora_settings *file, bora_error *err)
{
    size_t n_file = file ? bora_settings_count(file, "plugin") : 0, n = bora_settings_count(c->settings, "plugin");
    const char **paths = calloc(n_file + n + 1, sizeof *paths);
    if (!paths) {
        bora_fail_memory(err, "plugin paths");
        return NULL;
    }
    for (size_t i = 0; i < n_file + n; i++)
        paths[i] =
            i < n_file ? bora_settings_item(file, "plugin", i) : bora_settings_item(c->settings, "plugin", i - n_file);
    if (file)
        cli_warnings(c, file);
    cli_warnings(c, c->settings);
    bora_runtime *runtime = bora_runtime_new(
        &(bora_runtime_options){
            .listener = { .ctx = c, .log = on_log, .progress = on_progress },
            .plugin_paths = paths,
        },
        err);
    free(paths);
    return runtime;
}

/* ---- standard input and output */

bool cli_flush(bora_error *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    return bora_fail(err, BORA_IO, "standard output: %s", errno ? strerror(errno) : "an earlier write failed");
}

char *cli_read_stdin(size_t *len, bora_error *err)
{
    size_t cap = 1 << 16;
    char *text = malloc(cap);
    *len = 0;
    while (text) {
        *len += fread(text + *len, 1, cap - 1 - *len, stdin);
        if (*len < cap - 1)
            break;
        char *more = cap < SIZE_MAX / 2 ? realloc(text, cap *= 2) : NULL;
        if (!more)
            free(text);
        text = more;
    }
    if (!text) {
        bora_fail_memory(err, "standard input");
        return NULL;
    }
    if (ferror(stdin)) {
        bora_fail(err, BORA_IO, "standard input: %s", strerror(errno));
        free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}
