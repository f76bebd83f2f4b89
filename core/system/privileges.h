/* privileges: becoming an unprivileged user for good, once everything that needs root is open.
 *
 * The supplementary groups are the user's, all user and group ids change, and no program that is
 * executed later can gain privileges again (PR_SET_NO_NEW_PRIVS). Owns nothing. For the main thread
 * before there are others. credentials(7), setresuid(2), initgroups(3). */
#ifndef SLUICE_PRIVILEGES_H
#define SLUICE_PRIVILEGES_H

#include "base/str.h"

enum { PRIVILEGES_NAME_BYTES = 64 };

struct privileges_user {
    char name[PRIVILEGES_NAME_BYTES]; /* "": only a number is known */
    uint32_t user;
    uint32_t group;
};

/* Parses "NAME" or "NAME:GROUP", both of them names or numbers; without a GROUP it is the user's
 * own. Returns 0; or -EINVAL: TEXT is something else; -ENOENT: this machine has no such user or
 * group, or the group of a number is not known. */
int privileges_parse(struct str text, struct privileges_user *ret);

/* Becomes USER. No effect if this process is that user already. Returns 0, or a negative errno:
 * -EPERM: it is another user, and not root; then nothing may be relied on, so the process has to
 * end. */
int privileges_drop(const struct privileges_user *user);

#endif
