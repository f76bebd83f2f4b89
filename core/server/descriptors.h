/* descriptors: which of the descriptors that the process was started with stay open.
 *
 * A ROOT such as /dev/fd/3 is checked again and again, and a log may be an inherited descriptor, so
 * these stay, and their numbers never mean other files. So do the sockets of socket activation.
 * An upgrade passes them on under their numbers (upgrade_child.h). Owns nothing. */
#ifndef SLUICE_DESCRIPTORS_H
#define SLUICE_DESCRIPTORS_H

#include "config/settings.h"
#include "system/inherited.h"

/* Lists the descriptors above 2 that SETTINGS, prepared, name. *RET is *given*: free(). Returns
 * their number, or -ENOMEM. */
int descriptors_list(const struct settings *settings, int **ret);

/* Closes all descriptors above 2 but those that SETTINGS, prepared, name, those of INHERITED, which
 * may be NULL, and PARENT_FD, which may be -1. Returns 0, or -ENOMEM with *RET_PROBLEM set. */
int descriptors_close_others(const struct settings *settings, const struct inherited *inherited,
                             int parent_fd, struct problem *ret_problem);

#endif
