/* bora serve: HTTP. The command line is read and checked; there is no server behind it in this version. */
#include "commands.h"

bool serve_models(bora_error *err)
{
    return bora_fail(err, BORA_UNSUPPORTED,
                     "this version of bora has no HTTP server yet; `bora run` answers in the terminal");
}

bool command_serve(cli *c, bora_error *err)
{
    (void)c;
    return serve_models(err);
}
