/* account: the numbers of users and groups. getpwnam(3), getgrnam(3).
 *
 * Owns nothing. For the main thread before there are others, since the tables are the process's. */
#ifndef SLUICE_ACCOUNT_H
#define SLUICE_ACCOUNT_H

#include "base/str.h"

/* The number of the user (group) called NAME, or that the digits NAME are. False, with *RET
 * untouched: nothing has that name. */
bool account_find_user(struct str name, uint32_t *ret);
bool account_find_group(struct str name, uint32_t *ret);

#endif
