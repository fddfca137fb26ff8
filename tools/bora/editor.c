/* A line of input: libedit, its history, and where the history lives ($XDG_STATE_HOME/bora/history, readable by its
 * owner alone). A history that cannot be read or written is no reason not to chat. */
#include "editor.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY_LINES = 1000 };

struct editor {
    EditLine *el;
    History *history;
    char *history_path; /* NULL: nowhere to keep it */
    FILE *screen;
    char *line;
    char prompt[64];
};

/* ---- the history */

/* Creates the folders of a path. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (state && state[0] == '/') {
        if (asprintf(&path, "%s/bora/history", state) < 0)
            return NULL;
    } else if (!home || home[0] != '/' || asprintf(&path, "%s/.local/state/bora/history", home) < 0) {
        return NULL;
    }
    return path;
}

static void save_history(const editor *e)
{
    HistEvent event;
    if (!e->history_path)
        return;
    make_folders(e->history_path);
    mode_t before = umask(077);
    history(e->history, &event, H_SAVE, e->history_path);
    umask(before);
}

static void remember(editor *e, const char *line)
{
    HistEvent event;
    if (line[strspn(line, " \t\n")] == '\0')
        return;
    history(e->history, &event, H_ENTER, line);
    save_history(e);
}

/* ---- editing */

static char *show_prompt(EditLine *el)
{
    editor *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e->prompt;
}

static unsigned char clear_line(EditLine *el, int key)
{
    (void)key;
    const LineInfo *line = el_line(el);
    el_cursor(el, (int)(line->lastchar - line->cursor));
    el_deletestr(el, (int)(line->lastchar - line->buffer));
    return CC_REFRESH;
}

/* Without a locale libedit takes no characters beyond ASCII. */
static void want_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static bool open_line_editor(editor *e)
{
    HistEvent event;
    e->screen = fopen("/dev/tty", "w");
    e->el = el_init("bora", stdin, e->screen ? e->screen : stderr, stderr);
    e->history = history_init();
    if (!e->el || !e->history)
        return false;
    history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    if (e->history_path)
        history(e->history, &event, H_LOAD, e->history_path);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT_ESC, show_prompt, '\001');
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 1);
    el_set(e->el, EL_HIST, history, e->history);
    el_source(e->el, NULL);
    /* While a line is edited Ctrl-C is a key like any other: no signal, the line is cleared. */
    el_set(e->el, EL_SETTY, "-d", "intr=", NULL);
    el_wset(e->el, EL_ADDFN, L"bora-clear-line", L"clear the line", clear_line);
    el_set(e->el, EL_BIND, "^C", "bora-clear-line", NULL);
    return true;
}

editor *editor_new(cli *c, const char *prompt, bora_error *err)
{
    editor *e = calloc(1, sizeof *e);
    if (!e) {
        bora_fail_memory(err, "the line editor");
        return NULL;
    }
    want_utf8();
    snprintf(e->prompt, sizeof e->prompt, c->colour ? "\001\033[1m\001%.20s\001\033[0m\001" : "%.20s", prompt);
    e->history_path = history_path();
    if (open_line_editor(e))
        return e;
    editor_free(e);
    bora_fail(err, BORA_IO, "the terminal cannot be used for a chat; say -i TEXT for one answer");
    return NULL;
}

void editor_free(editor *e)
{
    if (!e)
        return;
    if (e->el)
        el_end(e->el);
    if (e->history)
        history_end(e->history);
    if (e->screen)
        fclose(e->screen);
    free(e->history_path);
    free(e->line);
    free(e);
}

const char *editor_read(editor *e)
{
    int n = 0;
    const char *line = el_gets(e->el, &n);
    free(e->line);
    e->line = line && n > 0 ? strdup(line) : NULL;
    if (!e->line) {
        fputc('\n', e->screen ? e->screen : stderr);
        return NULL;
    }
    remember(e, e->line);
    e->line[strcspn(e->line, "\n")] = '\0';
    return e->line;
}
