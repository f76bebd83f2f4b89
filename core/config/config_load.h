/* config_load: a configuration file as settings: the sites and listeners that it describes.
 *
 * Keys are the long names of options. Above the first section they are for the whole server, and
 * for every site; a section [site NAMES] is a site with its own. The names of files and directories
 * are relative to the directory of the configuration file. Reads the file once; prints nothing. */
#ifndef SLUICE_CONFIG_LOAD_H
#define SLUICE_CONFIG_LOAD_H

#include "config/settings.h"

enum { CONFIG_LOAD_BYTES_MAX = 4 << 20 }; /* of a file */

/* Sets what the file PATH says in SETTINGS and in LISTENER, and adds its sites: one, if it has no
 * section. Returns 0, or a negative errno with *RET_PROBLEM set: -EINVAL for a mistake in it. If
 * SETTINGS have a list of problems, mistakes in the file go there, and the rest of it is read. */
int config_load(struct settings *settings, struct listener_settings *listener, const char *path,
                struct problem *ret_problem);

#endif
