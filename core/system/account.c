/* account: see account.h. */
#include "system/account.h"

#include "base/num.h"

#include <grp.h>
#include <pwd.h>

enum { NAME_BYTES = 64 };

/* Copies NAME to TO with a NUL. False: it is empty, too long, or has a NUL. */
static bool copy_name(struct str name, char to[static NAME_BYTES])
{
    if (name.length == 0 || name.length >= NAME_BYTES || memchr(name.at, '\0', name.length))
        return false;
    *str_put(to, name) = '\0';
    return true;
}

/* Whether NAME is a number, which is set. -1 means "no change" to chown(2). */
static bool parse_number(struct str name, uint32_t *ret)
{
    uint64_t number;
    if (!num_parse_u64(name, &number) || number >= UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

bool account_find_user(struct str name, uint32_t *ret)
{
    char text[NAME_BYTES];
    const struct passwd *user = copy_name(name, text) ? getpwnam(text) : NULL;
    if (!user)
        return parse_number(name, ret);
    *ret = user->pw_uid;
    return true;
}

bool account_find_group(struct str name, uint32_t *ret)
{
    char text[NAME_BYTES];
    const struct group *group = copy_name(name, text) ? getgrnam(text) : NULL;
    if (!group)
        return parse_number(name, ret);
    *ret = group->gr_gid;
    return true;
}
