/* config_site: validates what a site names (its root, its pages, its media types, its header
 * rules) and makes from it what the workers use.
 *
 * Owns nothing: what it makes belongs to the site's settings, which settings.c frees. Reads the
 * file system; prints nothing. Called before the settings are shared. */
#ifndef SLUICE_CONFIG_SITE_H
#define SLUICE_CONFIG_SITE_H

#include "config/settings.h"

/* Sets root (absolute, in the arena), mime, rules and redirects of SITE in SETTINGS from what was
 * configured. A site without a file of media types *borrows* the built-in ones. Returns 0, or a
 * negative errno with *RET_PROBLEM set, and its file and line if the value has one; in either case
 * config_site_fini frees what was made. If SETTINGS have a list of problems, mistakes go there, and
 * everything else is checked. */
int config_site_prepare(struct site_settings *site, struct settings *settings,
                        struct problem *ret_problem);

/* Reads the file of media types again, while workers use SITE. If the types have changed, new ones
 * replace those in use, which are kept until config_site_fini because responses may refer to them.
 * What is not a regular file (a pipe) is not read again. Returns 0, or a negative errno with
 * *RET_PROBLEM set and the types as they were. */
int config_site_reread_types(struct site_settings *site, struct problem *ret_problem);

/* Frees mime, rules and redirects, if they were made. */
void config_site_fini(struct site_settings *site);

#endif
