/* The model that ships with bora: its name on the command line, where it lies, and the offer to run it. */
#ifndef SHIPPED_H
#define SHIPPED_H

#include <bora/settings.h>

/* Settings that name a model by the name of the shipped one (`-m demo`), where no folder here has that name, get the
 * place of the shipped one. Changes nothing when it is not there. */
bool shipped_resolve(bora_settings *settings, bora_error *err);

/* For `bora run` without a model: asks at the terminal whether to run the shipped one, and puts it into the settings.
 * BORA_USAGE, with the command lines that help, when the answer is no and when there is nobody to ask. */
bool shipped_offer(bora_settings *settings, bora_error *err);

#endif
