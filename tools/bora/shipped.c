/* The model that ships with bora: see shipped.h. Its name is BORA_SHIPPED_MODEL, from CMakeLists.txt, which installs
 * it. */
#include "shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char another[] = "bora run -m FOLDER (safetensors), or bora run -f FILE.gguf";

/* The folder of a shipped model beside the program that is running, so that a build tree and every prefix find their
 * own; else the one of the installation. malloc'd; NULL when there is none. */
static char *find_folder(const char *name)
{
    char *program = realpath("/proc/self/exe", NULL), *path = NULL, *folder = NULL;
    char *slash = program ? strrchr(program, '/') : NULL;
    if (slash && asprintf(&path, "%.*s/../share/bora/models/%s", (int)(slash - program), program, name) >= 0) {
        folder = realpath(path, NULL);
        free(path);
    }
    if (!folder && asprintf(&path, BORA_MODEL_DIR "/%s", name) >= 0) {
        folder = realpath(path, NULL);
        free(path);
    }
    free(program);
    return folder;
}

static bool resolve(bora_settings *settings, const char *option, const char *file_option, const char *shipped,
                    bora_error *err)
{
    const char *name = bora_settings_string(settings, option);
    if (!name || strcmp(name, shipped) != 0 || bora_settings_count(settings, file_option) > 0 ||
        access(name, F_OK) == 0)
        return true;
    char *folder = find_folder(shipped);
    bool ok = !folder || bora_settings_set(settings, option, folder, NULL, err);
    free(folder);
    return ok;
}

bool shipped_resolve(bora_settings *settings, bora_error *err)
{
    return resolve(settings, "model-id", "quantized-file", BORA_SHIPPED_MODEL, err) &&
           resolve(settings, "draft-model", "draft-file", BORA_SHIPPED_MODEL "-draft", err);
}

/* Asks the person at the terminal; Enter means yes. */
static bool is_wanted(void)
{
    fprintf(stderr,
            "A model of your own: %s\n"
            "No model was named. Run models/%s, the small assistant that ships with bora? [Y/n] ",
            another, BORA_SHIPPED_MODEL);
    fflush(stderr);
    char *line = NULL;
    size_t cap = 0;
    bool said = getline(&line, &cap, stdin) >= 0;
    if (!said)
        fputc('\n', stderr);
    char *rest = NULL, *word = said ? strtok_r(line, " \t\r\n", &rest) : NULL;
    bool yes = said && (!word || strcasecmp(word, "y") == 0 || strcasecmp(word, "yes") == 0);
    free(line);
    return yes;
}

bool shipped_offer(bora_settings *settings, bora_error *err)
{
    const char *format = bora_settings_string(settings, "format");
    char *folder = !format || strcmp(format, "plain") == 0 ? find_folder(BORA_SHIPPED_MODEL) : NULL;
    bool somebody = isatty(STDIN_FILENO) && isatty(STDERR_FILENO), ok = false;
    if (folder && !somebody)
        bora_fail(err, BORA_USAGE,
                  "no model was named; `bora run -m %s` runs the small assistant that ships with bora; another: %s",
                  BORA_SHIPPED_MODEL, another);
    else if (folder && is_wanted())
        ok = bora_settings_set(settings, "model-id", folder, NULL, err);
    else
        bora_fail(err, BORA_USAGE, "`bora run` needs -m PATH or -f FILE (see `bora run --help`)");
    free(folder);
    return ok;
}
