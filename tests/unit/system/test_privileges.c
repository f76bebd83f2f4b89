/* privileges: who NAME[:GROUP] is. credentials(7). */
#include "system/privileges.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

static struct privileges_user user;

static int parse(const char *text)
{
    user = (struct privileges_user){.user = 4242, .group = 4242};
    return privileges_parse(str_of(text), &user);
}

Test(privileges, names_and_numbers_are_users)
{
    cr_assert_eq(parse("root"), 0);
    cr_expect(user.user == 0 && user.group == 0);
    cr_expect_str_eq(user.name, "root");
    cr_assert_eq(parse("0:0"), 0);
    cr_expect_str_eq(user.name, "root", "the groups of root are those of 0");
    cr_assert_eq(parse("root:12345"), 0);
    cr_expect(user.user == 0 && user.group == 12345);
    cr_assert_eq(parse("3999999:77"), 0);
    cr_expect(user.user == 3999999 && user.group == 77);
    cr_expect_str_eq(user.name, "");
}

Test(privileges, other_texts_are_refused)
{
    static const struct {
        const char *text;
        int error;
    } rows[] = {
        {"", -EINVAL},
        {":root", -EINVAL},
        {"root:", -EINVAL},
        {"no such user", -ENOENT},
        {"root:no such group", -ENOENT},
        {"3999999", -ENOENT}, /* which group? */
        {"4294967295:0", -ENOENT},
        {"-1:0", -ENOENT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(parse(rows[i].text), rows[i].error, "'%s'", rows[i].text);
        cr_expect(user.user == 4242 && user.group == 4242, "'%s'", rows[i].text);
    }
}

Test(privileges, user_of_the_process_needs_no_rights)
{
    const struct privileges_user own = {.user = geteuid(), .group = getegid()};
    cr_expect_eq(privileges_drop(&own), 0);
}
