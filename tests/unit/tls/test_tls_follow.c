/* tls_sources in a reload: certificates whose files have not changed are shared with the sources
 * from before, and the others are read. */
#include "support/tls_sources_rig.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>

static struct tls_made first, next;

static void set_up(void)
{
    rig_init();
    first = rig_make("DNS:a.example,DNS:www.a.example", -60, 30);
    next = rig_make("DNS:a.example,DNS:www.a.example", -1, 89);
    rig_put_pair("live", "a", &first);
    rig_put_pair("live", "b", &first);
    rig_add("live/a/fullchain.pem", "live/a/privkey.pem");
}

static void tear_down(void)
{
    tls_made_fini(&first);
    tls_made_fini(&next);
    rig_fini();
}

TestSuite(tls_follow, .init = set_up, .fini = tear_down);

/* Loads the sources anew, after those that are loaded. 0 or the error; the former are kept then. */
static int try_follow(void)
{
    struct tls_sources *former = rig.sources;
    struct tls_certificates *generation = rig.generation;
    rig.config.former = former;
    rig.generation = NULL;
    rig.sources = NULL;
    const int error = rig_try_load();
    rig.config.former = NULL;
    if (error) {
        tls_sources_destroy(rig.sources);
        rig.sources = former;
        rig.generation = generation;
    } else {
        tls_sources_destroy(former);
        tls_certificates_unref(generation);
    }
    return error;
}

static void follow(void)
{
    const int error = try_follow();
    cr_assert_eq(error, 0, "%s: %s", rig.problem.file, rig.problem.what);
}

/* Whether the certificate at AT is the same object as before a reload. */
static bool shares(unsigned at)
{
    struct tls_certificate *before = tls_certificate_ref(rig.generation->items[at]);
    follow();
    const bool same = rig.generation->items[at] == before;
    tls_certificate_unref(before);
    return same;
}

Test(tls_follow, shares_what_has_not_changed_and_opens_no_file)
{
    rig_load();
    const unsigned opened = faults_calls(FAULT_OPEN);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect(shares(0));
        cr_expect_eq(rig.report_count, 0);
    }
    cr_expect_eq(faults_calls(FAULT_OPEN), opened);
}

Test(tls_follow, shares_with_sources_in_another_order)
{
    rig_add("live/b/fullchain.pem", "live/b/privkey.pem");
    rig_load();
    struct tls_certificate *a = tls_certificate_ref(rig.generation->items[0]);
    struct tls_certificate *b = tls_certificate_ref(rig.generation->items[1]);
    const struct tls_source swapped[] = {rig.list[1], rig.list[0]};
    rig.config.list = swapped;
    follow();
    cr_expect_eq(rig.generation->items[0], b);
    cr_expect_eq(rig.generation->items[1], a);
    tls_certificate_unref(a);
    tls_certificate_unref(b);
}

/* --- Changes ---------------------------------------------------------------------------------- */

static void rename_both(void)
{
    rig_put_pair("live", "a", &next);
}

/* The inode stays. */
static void write_in_place(void)
{
    tree_write(&rig.tree, "live/a/fullchain.pem", str_of(next.certificate_pem));
    tree_write(&rig.tree, "live/a/privkey.pem", str_of(next.key_pem));
}

/* As certbot does. */
static void switch_links(void)
{
    rig_put_pair("archive", "2", &next);
    tree_unlink(&rig.tree, "live/a/fullchain.pem");
    tree_unlink(&rig.tree, "live/a/privkey.pem");
    cr_assert_eq(symlinkat("../../archive/2/fullchain.pem", rig.tree.fd, "live/a/fullchain.pem"),
                 0);
    cr_assert_eq(symlinkat("../../archive/2/privkey.pem", rig.tree.fd, "live/a/privkey.pem"), 0);
}

/* As Kubernetes does. */
static void switch_directory(void)
{
    rig_put_pair("data", "2", &next);
    tree_rename(&rig.tree, "live/a", "live/old");
    cr_assert_eq(symlinkat("../data/2", rig.tree.fd, "live/a"), 0);
}

/* Whether certificates are listed by their directory. */
static const bool ways[] = {false, true};

static void name_directory(void)
{
    rig.config.count = 0;
    rig_add("live", NULL);
}

Test(tls_follow, reads_renewed_files_however_they_were_replaced)
{
    static void (*const changes[])(void) = {rename_both, write_in_place, switch_links,
                                            switch_directory};
    for (size_t i = 0; i < 2 * COUNT_OF(changes); i++) {
        if (i > 0) {
            tear_down();
            rig.config.count = 0;
            set_up();
        }
        if (ways[i % 2])
            name_directory();
        rig_load();
        cr_assert(rig_serves(0, &first));
        changes[i / 2]();
        follow();
        cr_expect(rig_serves(0, &next), "change %zu", i);
        rig.report_count = 0;
        tls_sources_report_renewed(rig.sources, &rig_report);
        rig_expect_report("live/a/fullchain.pem: new certificate in use, valid until ");
        rig.report_count = 0;
        tls_sources_report_renewed(rig.sources, &rig_report);
        cr_expect_eq(rig.report_count, 0, "once");
        cr_expect_not(rig_revalidate());
    }
}

/* The kernel's clock for files goes in steps, so that a second change may leave no trace. */
Test(tls_follow, reads_recent_files_again_and_shares_the_same_content)
{
    rig.now_s = (int64_t)time(NULL);
    rig_load();
    const unsigned opened = faults_calls(FAULT_OPEN);
    cr_expect(shares(0));
    cr_expect_eq(faults_calls(FAULT_OPEN), opened + 2);
}

Test(tls_follow, takes_a_certificate_that_lacks_a_name)
{
    struct tls_made fewer = rig_make("DNS:a.example", -1, 90);
    rig_load();
    rig_put_pair("live", "a", &fewer);
    follow();
    cr_expect(rig_serves(0, &fewer), "the settings were read again, so names may go");
    tls_made_fini(&fewer);
}

/* --- Bad files -------------------------------------------------------------------------------- */

/* A reload is about the configuration; a pair that was good stays in use. */
Test(tls_follow, keeps_the_former_pair_in_place_of_bad_files)
{
    static const struct {
        const char *cert, *key, *what;
    } rows[] = {{"half.pem", "live/b/privkey.pem", "not complete"},
                {"live/b/fullchain.pem", "next.key", "does not belong"},
                {"none", "live/b/privkey.pem", "No such file"}};
    rig_put("next.key", next.key_pem);
    tree_write(&rig.tree, "half.pem", str_first(str_of(first.certificate_pem), 300));
    rig_load();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tree_unlink(&rig.tree, "live/a/fullchain.pem");
        tree_unlink(&rig.tree, "live/a/privkey.pem");
        cr_assert_eq(symlinkat(rig_path(rows[i].cert), rig.tree.fd, "live/a/fullchain.pem"), 0);
        cr_assert_eq(symlinkat(rig_path(rows[i].key), rig.tree.fd, "live/a/privkey.pem"), 0);
        for (unsigned k = 0; k < 2; k++) {
            follow();
            rig_expect_report("the new certificate is not used: ");
            rig_expect_report(rows[i].what);
            cr_expect(rig_serves(0, &first));
            cr_expect_not(rig_revalidate());
            cr_expect_eq(rig.report_count, 0, "once in each generation");
        }
    }
    rename_both();
    follow();
    cr_expect(rig_serves(0, &next));
}

Test(tls_follow, refuses_bad_files_that_were_not_named_before)
{
    rig_load();
    tree_write(&rig.tree, "half.pem", str_first(str_of(first.certificate_pem), 300));
    rig_add("half.pem", "live/b/privkey.pem");
    cr_expect_lt(try_follow(), 0);
    cr_expect(strstr(rig.problem.what, "not complete"), "%s", rig.problem.what);
    rig.config.count = 1;
    rig_add("live/b/fullchain.pem", "none");
    cr_expect_eq(try_follow(), -ENOENT);
    rig.config.count = 1;
    tree_write(&rig.tree, "live/b/privkey.pem", STR("x"));
    rig_add("live", NULL);
    cr_expect_lt(try_follow(), 0, "a directory");
    cr_expect(rig_serves(0, &first));
}

Test(tls_follow, skips_a_half_written_pair_of_a_directory_that_it_has)
{
    rig.config.count = 0;
    rig_add("live", NULL);
    rig_load();
    rig_put_pair("live", "c", &next);
    tree_unlink(&rig.tree, "live/c/privkey.pem");
    follow();
    rig_expect_report("live/c/privkey.pem: skipped: cannot be read: No such file");
    cr_expect_eq(rig.generation->count, 2);
    follow();
    rig_expect_report("live/c/privkey.pem: skipped: cannot be read: No such file");
    rig_put_pair("live", "c", &next);
    cr_expect(rig_revalidate());
    cr_expect_eq(rig.generation->count, 3);
}

Test(tls_follow, refuses_to_have_no_certificate_at_all)
{
    rig_add("live", NULL);
    rig_load();
    tree_rename(&rig.tree, "live/a", "a");
    tree_rename(&rig.tree, "live/b", "b");
    rig_put_pair("live", "c", &next);
    tree_unlink(&rig.tree, "live/c/privkey.pem");
    rig.config.list = &rig.list[1];
    rig.config.count = 1;
    cr_expect_lt(try_follow(), 0);
    cr_expect(strstr(rig.problem.what, "cannot be read"), "%s", rig.problem.what);
}

Test(tls_follow, keeps_the_pairs_of_a_directory_that_has_gone)
{
    rig.config.count = 0;
    rig_add("live", NULL);
    rig_load();
    tree_rename(&rig.tree, "live", "aside");
    follow();
    cr_expect_eq(rig.generation->count, 2);
    cr_expect_eq(rig.report_count, 3, "the directory and both pairs");
    tree_dir(&rig.tree, "live");
    follow();
    cr_expect_eq(rig.generation->count, 2);
    cr_expect(strstr(rig.reports[0], "live: no certificates in it"), "%s", rig.reports[0]);
}

Test(tls_follow, reads_a_file_in_the_place_of_a_directory)
{
    char both[8192];
    rig.config.count = 0;
    rig_add("live", NULL);
    rig_load();
    tree_rename(&rig.tree, "live", "aside");
    snprintf(both, sizeof both, "%s%s", next.certificate_pem, next.key_pem);
    rig_put("live", both);
    follow();
    cr_expect_eq(rig.generation->count, 1);
    cr_expect(rig_serves(0, &next));
}

Test(tls_follow, keeps_a_valid_certificate_in_place_of_one_that_is_not)
{
    static const struct {
        int first_days, last_days;
        const char *report;
    } rows[] = {{-90, -1, "the new certificate is not used: expired at "},
                {1, 90, "the new certificate is not used: not valid before "}};
    rig_load();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_made bad =
            rig_make("DNS:a.example,DNS:www.a.example", rows[i].first_days, rows[i].last_days);
        rig_put_pair("live", "a", &bad);
        for (unsigned k = 0; k < 2; k++) {
            follow();
            cr_expect(rig_serves(0, &first));
            rig_expect_report(rows[i].report);
            cr_expect_not(rig_revalidate());
            cr_expect_eq(rig.report_count, 0, "once in each generation");
        }
        tls_made_fini(&bad);
    }
    rename_both();
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &next));
}

/* After the start, the server may have become another user. */
Test(tls_follow, keeps_what_it_may_not_read_any_more)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        rig_close();
        if (ways[i])
            name_directory();
        rig_put_pair("live", "a", &first);
        rig_load();
        rename_both();
        faults_fail(FAULT_OPEN, 0, FAULT_ALWAYS, EACCES);
        follow();
        cr_expect(rig_serves(0, &first));
        cr_expect_eq(rig.report_count, ways[i] ? 2 : 1);
        cr_expect(strstr(rig.reports[rig.report_count - 1],
                         "live/a/fullchain.pem: the new certificate is not used: cannot be read"),
                  "%s", rig.reports[rig.report_count - 1]);
        cr_expect(strstr(rig.reports[0], "let the user that the server runs as read it"));
        faults_clear();
        follow();
        cr_expect(rig_serves(0, &next));
    }
    rig_add("live/b", NULL); /* which was not named before */
    faults_fail(FAULT_OPEN, 0, FAULT_ALWAYS, EACCES);
    cr_expect_eq(try_follow(), -EACCES);
}

Test(tls_follow, keeps_the_pair_of_a_directory_that_it_may_not_read_any_more)
{
    rig.config.count = 0;
    rig_add("live/a", NULL);
    rig_load();
    rename_both();
    faults_fail(FAULT_OPEN, 0, FAULT_ALWAYS, EACCES);
    follow();
    cr_expect(rig_serves(0, &first));
    cr_expect_eq(rig.report_count, 2);
}

/* --- The rest --------------------------------------------------------------------------------- */

Test(tls_follow, drops_what_is_not_named_any_more)
{
    rig_add("live/b/fullchain.pem", "live/b/privkey.pem");
    rig_load();
    cr_expect_eq(rig.generation->count, 2);
    rig.config.count = 1;
    cr_expect(shares(0));
    cr_expect_eq(rig.generation->count, 1);
}

Test(tls_follow, a_file_that_many_sites_name_is_read_once)
{
    const unsigned opened = faults_calls(FAULT_OPEN);
    rig_add("live/a/fullchain.pem", "live/a/privkey.pem");
    rig_add("live", NULL);
    rig_add("live", NULL);
    rig_load();
    cr_expect_eq(rig.generation->count, 3, "one file, and a directory with two");
    cr_expect_eq(faults_calls(FAULT_OPEN), opened + 2 * 3 + 1);
    cr_expect_not(rig_revalidate());
    cr_expect(shares(0));
}

Test(tls_follow, does_not_report_the_same_age_again)
{
    struct tls_made old = rig_make("DNS:a.example", -9, -1);
    rig_put_pair("live", "a", &old);
    rig_load();
    rig_expect_report("expired at ");
    follow();
    cr_expect_eq(rig.report_count, 0);
    tls_made_fini(&old);
}

Test(tls_follow, does_not_report_the_same_oddity_again)
{
    struct tls_made nameless = tls_make(&(struct tls_maker){.common_name = "John Doe"});
    rig_put_pair("live", "a", &nameless);
    rig_load();
    rig_expect_report("not for any host name");
    follow();
    cr_expect_eq(rig.report_count, 0);
    tls_made_fini(&nameless);
}

Test(tls_follow, survives_without_memory)
{
    rig_add("live", NULL);
    rig_load();
    rename_both();
    int error = -ENOMEM;
    for (unsigned skip = 0; error; skip++) {
        cr_assert_lt(skip, 400);
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        error = try_follow();
        faults_clear();
        cr_expect(error == 0 || error == -ENOMEM, "%d", error);
        cr_expect(error == 0 || rig_serves(0, &first));
    }
    cr_expect(rig_serves(0, &next));
}

#endif
