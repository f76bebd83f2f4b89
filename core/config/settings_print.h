/* settings_print: writes settings as a configuration file, with the source of each value.
 *
 * The result, read as a configuration file, means the same settings. */
#ifndef SLUICE_SETTINGS_PRINT_H
#define SLUICE_SETTINGS_PRINT_H

#include "config/settings.h"

#include <stdio.h>

/* Writes SETTINGS to OUT. */
void settings_print(const struct settings *settings, FILE *out);

#endif
