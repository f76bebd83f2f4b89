/* privileges: see privileges.h. */
#include "system/privileges.h"

#include "system/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Completes RET by the user that the process's tables know: the name of a number, for the
 * supplementary groups, and the group, unless one is given. */
static int complete(struct privileges_user *ret, bool has_group)
{
    const struct passwd *found = getpwuid(ret->user);
    const struct str name = str_of(found ? found->pw_name : "");
    if (!found && !has_group)
        return -ENOENT;
    if (!has_group)
        ret->group = found->pw_gid;
    if (name.length < PRIVILEGES_NAME_BYTES)
        *str_put(ret->name, name) = '\0';
    return 0;
}

int privileges_parse(struct str text, struct privileges_user *ret)
{
    const size_t colon = str_find(text, ':');
    const bool has_group = colon < text.length;
    struct privileges_user user = {.name = ""};
    if (colon == 0 || colon + 1 == text.length)
        return -EINVAL;
    if (!account_find_user(str_first(text, colon), &user.user) ||
        (has_group && !account_find_group(str_from(text, colon + 1), &user.group)))
        return -ENOENT;
    const int error = complete(&user, has_group);
    if (!error)
        *ret = user;
    return error;
}

static bool is_user(const struct privileges_user *user)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    return getresuid(&real, &effective, &saved) == 0 &&
           getresgid(&real_group, &effective_group, &saved_group) == 0 && real == user->user &&
           effective == user->user && saved == user->user && real_group == user->group &&
           effective_group == user->group && saved_group == user->group;
}

static int become(const struct privileges_user *user)
{
    const int failed = user->name[0] ? initgroups(user->name, user->group)
                                     : setgroups(1, (const gid_t[]){user->group});
    if (failed || setresgid(user->group, user->group, user->group) < 0 ||
        setresuid(user->user, user->user, user->user) < 0)
        return -errno;
    return 0;
}

int privileges_drop(const struct privileges_user *user)
{
    const int error = is_user(user) ? 0 : become(user);
    if (error)
        return error;
    if (user->user != 0 && setresuid(0, 0, 0) == 0)
        return -EPERM; /* root could come back */
    if (!is_user(user))
        return -EPERM;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
