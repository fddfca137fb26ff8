/* A line of input: libedit, its history, and where the history lives ($XDG_STATE_HOME/bora/history, readable by its
 * owner alone). A history that cannot be read or written is no reason not to chat.
 *
 * A line may hold line breaks: pasted ones (terminals mark what is pasted when they are asked to), a backslash before
 * Enter, Alt-Enter. */
#include "editor.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum {
    HISTORY_LINES = 1000,
    HISTORY_LINE_BYTES = 32 << 10, /* longer ones are not kept: the file is written with every line */
    PASTE_CHARS = 16 << 20,
    KEY_PENDING = 0x80, /* comes from no keyboard: inserts what read_key() holds */
};

struct editor {
    EditLine *el;
    History *history;
    char *history_path; /* NULL: nowhere to keep it */
    FILE *screen;
    bool marks_paste; /* the terminal can be asked to */
    wchar_t pending[2];
    char *line;
    char prompt[64];
};

/* ---- the terminal's marks around what is pasted */

static const char marks_on[] = "\033[?2004h", marks_off[] = "\033[?2004l";

/* A signal handler has no argument of its own: the terminal that marks now, or -1. */
static volatile sig_atomic_t marking = -1;

static void write_marks(const char *what)
{
    if (marking >= 0 && write(marking, what, strlen(what)) < 0)
        return; /* a terminal that is gone */
}

/* Leaves the terminal as a shell expects it, does what the signal does, and takes up again after a stop. */
static void on_leaving(int signal_number)
{
    int error = errno;
    struct sigaction plain = { .sa_handler = SIG_DFL }, own;
    sigset_t this_one, before;
    sigemptyset(&this_one);
    sigaddset(&this_one, signal_number);
    write_marks(marks_off);
    sigaction(signal_number, &plain, &own);
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &this_one, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(signal_number, &own, NULL);
    write_marks(marks_on);
    errno = error;
}

static const int leaving_signals[] = { SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

enum { N_LEAVING = sizeof leaving_signals / sizeof *leaving_signals };

/* Changes what these signals do from one handler to the other, where nobody wanted something else. */
static void handle_leaving(void (*from)(int), void (*to)(int))
{
    struct sigaction action = { .sa_handler = to, .sa_flags = SA_RESTART }, now;
    for (int i = 0; i < N_LEAVING; i++)
        if (sigaction(leaving_signals[i], NULL, &now) == 0 && now.sa_handler == from)
            sigaction(leaving_signals[i], &action, NULL);
}

static void mark_paste(editor *e, bool on)
{
    if (!e->marks_paste)
        return;
    fflush(e->screen);
    if (on)
        marking = fileno(e->screen);
    write_marks(on ? marks_on : marks_off);
    if (!on)
        marking = -1;
}

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
    if (line[strspn(line, " \t\n")] == '\0' || strlen(line) > HISTORY_LINE_BYTES)
        return;
    history(e->history, &event, H_ENTER, line);
    save_history(e);
}

/* ---- editing */

static editor *editor_of(EditLine *el)
{
    editor *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *show_prompt(EditLine *el)
{
    return editor_of(el)->prompt;
}

static unsigned char clear_line(EditLine *el, int key)
{
    (void)key;
    const LineInfoW *line = el_wline(el);
    el_cursor(el, (int)(line->lastchar - line->cursor));
    el_deletestr(el, (int)(line->lastchar - line->buffer));
    return CC_REFRESH;
}

static unsigned char break_line(EditLine *el, int key)
{
    (void)key;
    el_winsertstr(el, L"\n");
    return CC_REFRESH;
}

static unsigned char insert_pending(EditLine *el, int key)
{
    (void)key;
    el_winsertstr(el, editor_of(el)->pending);
    return CC_REFRESH;
}

/* One key, for libedit. It draws a character without a width of its own as if it had one, unless the whole line is
 * drawn again; and it knows of no line breaks. */
static int read_key(EditLine *el, wchar_t *key)
{
    editor *e = editor_of(el);
    el_wset(el, EL_GETCFN, EL_BUILTIN_GETCFN);
    int n;
    do
        n = el_wgetc(el, key);
    while (n < 0 && errno == EINTR); /* a signal that did not end it */
    el_wset(el, EL_GETCFN, read_key);
    if (n != 1)
        return n;
    const LineInfoW *line = el_wline(el);
    bool backslash = line->cursor == line->lastchar && line->cursor > line->buffer && line->cursor[-1] == L'\\';
    if ((*key == L'\n' || *key == L'\r') && backslash) {
        el_deletestr(el, 1);
        e->pending[0] = L'\n';
        *key = KEY_PENDING;
    } else if (*key && wcwidth(*key) == 0) {
        e->pending[0] = *key;
        *key = KEY_PENDING;
    }
    return n;
}

/* Pasted text as it may stand in a line: ends of lines are line breaks, other control characters are gone. */
static void clean_paste(wchar_t *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        wchar_t c = text[i], next = text[i + 1];
        bool ends_line = c == L'\n' || c == L'\r';
        if (ends_line)
            text[n++] = L'\n';
        else if (c == L'\t' || (c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0)))
            text[n++] = c;
        if (ends_line && (next == L'\n' || next == L'\r') && next != c)
            i++; /* both together are one end (the terminal may swap them) */
    }
    text[n] = L'\0';
}

/* The text up to the mark at its end goes into the line at once. */
static unsigned char take_paste(EditLine *el, int key)
{
    static const wchar_t end[] = L"\033[201~";
    size_t n_end = wcslen(end), len = 0, cap = 1 << 12;
    wchar_t *text = malloc(cap * sizeof *text), c;
    (void)key;
    while (text && len < PASTE_CHARS && el_wgetc(el, &c) == 1) {
        text[len++] = c;
        if (len >= n_end && wmemcmp(text + len - n_end, end, n_end) == 0) {
            len -= n_end;
            break;
        }
        if (len + 1 < cap)
            continue;
        wchar_t *more = realloc(text, (cap *= 2) * sizeof *text);
        if (!more)
            free(text);
        text = more;
    }
    if (!text)
        return CC_ERROR;
    text[len] = L'\0';
    clean_paste(text, len);
    el_winsertstr(el, text);
    free(text);
    return CC_REFRESH;
}

/* Without a locale libedit takes no characters beyond ASCII. */
static void want_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

typedef unsigned char key_function(EditLine *el, int key);

static void bind_keys(EditLine *el, const wchar_t *keys, const wchar_t *name, key_function *function)
{
    el_wset(el, EL_ADDFN, name, name, function);
    el_wset(el, EL_BIND, keys, name, NULL);
}

/* What terminals send for keys that terminfo does not name, or names otherwise. */
static const struct {
    const wchar_t *keys, *command;
} common_keys[] = {
    { L"\\e[H", L"ed-move-to-beg" },   { L"\\eOH", L"ed-move-to-beg" },   { L"\\e[1~", L"ed-move-to-beg" },
    { L"\\e[F", L"ed-move-to-end" },   { L"\\eOF", L"ed-move-to-end" },   { L"\\e[4~", L"ed-move-to-end" },
    { L"\\e[1;5D", L"ed-prev-word" },  { L"\\e[1;3D", L"ed-prev-word" },  { L"\\e[3~", L"ed-delete-next-char" },
    { L"\\e[1;5C", L"em-next-word" },  { L"\\e[1;3C", L"em-next-word" },  { L"\\e[3;5~", L"em-delete-next-word" },
    { L"\\e[5~", L"ed-prev-history" }, { L"\\e[6~", L"ed-next-history" },
};

enum { N_COMMON_KEYS = sizeof common_keys / sizeof *common_keys };

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
    el_wset(e->el, EL_GETCFN, read_key);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 1);
    el_set(e->el, EL_HIST, history, e->history);
    for (size_t i = 0; i < N_COMMON_KEYS; i++)
        el_wset(e->el, EL_BIND, common_keys[i].keys, common_keys[i].command, NULL);
    el_source(e->el, NULL);
    /* While a line is edited Ctrl-C is a key like any other: no signal, the line is cleared. */
    el_set(e->el, EL_SETTY, "-d", "intr=", "-intr", NULL);
    bind_keys(e->el, L"^C", L"bora-clear-line", clear_line);
    bind_keys(e->el, L"\\e\\r", L"bora-break-line", break_line);
    bind_keys(e->el, L"\\e\\n", L"bora-break-line", break_line);
    bind_keys(e->el, L"\\200", L"bora-insert-pending", insert_pending);
    bind_keys(e->el, L"\\e[200~", L"bora-paste", take_paste);
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
    snprintf(e->prompt, sizeof e->prompt, c->colour ? "\001\033[1m\001%.20s\001\033[0m\001 " : "%.20s ", prompt);
    e->history_path = history_path();
    if (open_line_editor(e)) {
        e->marks_paste = e->screen && cli_is_terminal(fileno(e->screen));
        handle_leaving(SIG_DFL, on_leaving);
        return e;
    }
    editor_free(e);
    bora_fail(err, BORA_IO, "the terminal cannot be used for a chat; say -i TEXT for one answer");
    return NULL;
}

void editor_free(editor *e)
{
    if (!e)
        return;
    handle_leaving(on_leaving, SIG_DFL);
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
    mark_paste(e, true);
    const char *line = el_gets(e->el, &n);
    mark_paste(e, false);
    free(e->line);
    e->line = line && n > 0 ? strdup(line) : NULL;
    if (!e->line) {
        fputc('\n', e->screen ? e->screen : stderr);
        return NULL;
    }
    for (size_t len = strlen(e->line); len > 0 && e->line[len - 1] == '\n';)
        e->line[--len] = '\0';
    remember(e, e->line);
    return e->line;
}
