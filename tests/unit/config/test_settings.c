/* settings: scopes with defaults, and generations that live as long as their users. */
#include "config/options.h"
#include "config/settings.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(settings, give_each_listener_and_site_the_defaults)
{
    enum { SITES = 200 };
    struct settings *settings = settings_create();
    struct site_settings *sites[SITES];
    for (unsigned i = 0; i < SITES; i++) {
        sites[i] = settings_add_site(settings);
        cr_assert_not_null(sites[i]);
        cr_expect_str_eq(site_settings_index(sites[i], 0).at, "index.html");
        cr_expect_eq(sites[i]->cache_valid_ms, 1000);
    }
    cr_assert_eq(settings->site_count, SITES);
    for (unsigned i = 0; i < SITES; i++)
        cr_expect_eq(settings->sites[i], sites[i], "a site's place is kept: %u", i);
    struct listener_settings *listener = settings_add_listener(settings);
    cr_expect_eq(listener->backlog, 4096);
    cr_expect_eq(settings->listeners[0], listener);
    settings_unref(settings);
}

Test(settings, set_one_site_and_not_its_neighbour)
{
    struct settings *settings = settings_create();
    struct site_settings *first = settings_add_site(settings);
    struct site_settings *second = settings_add_site(settings);
    const struct setting setting = {.option = option_find(STR("index")),
                                    .scope = second,
                                    .text = "home.htm",
                                    .source = SETTING_COMMAND_LINE};
    struct problem problem;
    cr_assert_eq(settings_set(settings, &setting, &problem), 0);
    cr_expect_str_eq(site_settings_index(first, 0).at, "index.html");
    cr_expect_str_eq(site_settings_index(second, 0).at, "home.htm");
    cr_expect_eq(settings_source(settings, first, setting.option), SETTING_DEFAULT);
    cr_expect_eq(settings_source(settings, second, setting.option), SETTING_COMMAND_LINE);
    settings_unref(settings);
}

Test(settings, keep_the_old_value_after_a_wrong_one)
{
    struct settings *settings = settings_create();
    struct site_settings *site = settings_add_site(settings);
    const struct setting setting = {.option = option_find(STR("index")),
                                    .scope = site,
                                    .text = "a/b",
                                    .source = SETTING_COMMAND_LINE};
    struct problem problem;
    cr_assert_eq(settings_set(settings, &setting, &problem), -EINVAL);
    cr_expect_str_eq(problem.option, "index");
    cr_expect_str_eq(site_settings_index(site, 0).at, "index.html");
    cr_expect_eq(settings_source(settings, site, setting.option), SETTING_DEFAULT);
    settings_unref(settings);
}

Test(settings, live_until_their_last_user)
{
    struct settings *settings = settings_create();
    struct site_settings *site = settings_add_site(settings);
    cr_expect_eq(settings_ref(settings), settings);
    settings_unref(settings);
    cr_expect_str_eq(site_settings_index(site, 0).at, "index.html",
                     "AddressSanitizer would report a use after free");
    settings_unref(settings);
    settings_unref(NULL);
}

Test(settings, fail_whole_without_memory)
{
    for (unsigned skip = 0; skip < 4; skip++) {
        faults_fail(FAULT_MEMORY, skip, FAULT_ALWAYS, ENOMEM);
        struct settings *settings = settings_create();
        if (settings)
            for (unsigned i = 0; i < 1000 && settings_add_site(settings); i++)
                cr_assert_lt(i, 999, "memory is out");
        settings_unref(settings);
    }
    faults_clear();
}
