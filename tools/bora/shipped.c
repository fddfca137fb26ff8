/* The model that ships with bora: see shipped.h. Its name is BORA_SHIPPED_MODEL, from CMakeLists.txt, which installs
 * it. */
#include "shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char another[] = "bora run -m FOLDER (safetensors), or bora run -f FILE.gguf";

/* The folder beside the program that is running, so that a build tree and every prefix find their own; else the one of
 * the installation. malloc'd; NULL when there is none. */
static char *find_folder(void)
{
    char *program = realpath("/proc/self/exe", NULL), *beside = NULL, *folder = NULL;
    char *slash = program ? strrchr(program, '/') : NULL;
    if (slash &&
        asprintf(&beside, "%.*s/../share/bora/models/" BORA_SHIPPED_MODEL, (int)(slash - program), program) < 0)
        beside = NULL;
    if (beside)
        folder = realpath(beside, NULL);
    if (!folder)
        folder = realpath(BORA_MODEL_DIR "/" BORA_SHIPPED_MODEL, NULL);
    free(beside);
    free(program);
    return folder;
}

bool shipped_resolve(bora_settings *settings, bora_error *err)
{
    const char *name = bora_settings_string(settings, "model-id");
    if (!name || strcmp(name, BORA_SHIPPED_MODEL) != 0 || bora_settings_count(settings, "quantized-file") > 0 ||
        access(name, F_OK) == 0)
        return true;
    char *folder = find_folder();
    bool ok = !folder || bora_settings_set(settings, "model-id", folder, NULL, err);
    free(folder);
    return ok;
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
    char *folder = !format || strcmp(format, "plain") == 0 ? find_folder() : NULL;
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
