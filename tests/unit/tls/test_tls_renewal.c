/* tls_sources: renewal without a restart. A good pair is served, a bad one never replaces a valid
 * one, and each is reported once. */
#include "support/tls_sources_rig.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>

static struct tls_made former, next;

static void set_up(void)
{
    rig_init();
    former = rig_make("DNS:a.example,DNS:*.a.example,IP:192.0.2.1", -60, 30);
    next = rig_make("DNS:a.example,DNS:*.a.example,IP:192.0.2.1", -1, 89);
    rig_put_pair("live", "a", &former);
    rig_add("live/a/fullchain.pem", "live/a/privkey.pem");
}

static void tear_down(void)
{
    tls_made_fini(&former);
    tls_made_fini(&next);
    rig_fini();
}

TestSuite(tls_renewal, .init = set_up, .fini = tear_down);

/* Puts the pair MADE into place. */
static void renew(const struct tls_made *made)
{
    rig_put_pair("live", "a", made);
}

Test(tls_renewal, serves_a_new_pair_and_says_so)
{
    rig_load();
    cr_expect_not(rig_revalidate());
    renew(&next);
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &next));
    rig_expect_report("live/a/fullchain.pem: new certificate in use, valid until ");
    cr_expect_not(rig_revalidate());
    cr_expect_eq(rig.report_count, 0);
}

Test(tls_renewal, costs_two_stats_when_nothing_has_changed)
{
    rig_load();
    unsigned opened = faults_calls(FAULT_OPEN), stats = faults_calls(FAULT_STAT);
    cr_expect_not(rig_revalidate());
    cr_expect_eq(faults_calls(FAULT_OPEN), opened);
    cr_expect_eq(faults_calls(FAULT_STAT), stats + 3, "one finds out that it is not a directory");
}

/* The kernel's clock for files goes in steps, so that a second change may leave no trace. */
Test(tls_renewal, reads_recent_files_again)
{
    rig.now_s = (int64_t)time(NULL);
    rig_load();
    unsigned opened = faults_calls(FAULT_OPEN);
    cr_expect_not(rig_revalidate());
    cr_expect_eq(faults_calls(FAULT_OPEN), opened + 2);
    cr_expect_eq(rig.report_count, 0);
}

/* --- Bad pairs --------------------------------------------------------------------------------- */

static void put_other_key(void)
{
    rig_put("live/a/privkey.pem", next.key_pem);
}

static void put_other_certificate(void)
{
    rig_put("live/a/fullchain.pem", next.certificate_pem);
}

static void remove_certificate(void)
{
    tree_unlink(&rig.tree, "live/a/fullchain.pem");
}

static void remove_key(void)
{
    tree_unlink(&rig.tree, "live/a/privkey.pem");
}

static void put_half(void)
{
    tree_write(&rig.tree, "live/a/fullchain.pem", str_first(str_of(next.certificate_pem), 200));
}

static void empty(void)
{
    rig_put("live/a/fullchain.pem", "");
}

static void encrypt(void)
{
    char *encrypted = tls_maker_key_pem(former.key, "secret", false);
    rig_put("live/a/privkey.pem", encrypted);
    free(encrypted);
}

static void put_made(const char *names, int first_days, int last_days)
{
    struct tls_made made = rig_make(names, first_days, last_days);
    renew(&made);
    tls_made_fini(&made);
}

static void put_expired(void)
{
    put_made("DNS:a.example,DNS:*.a.example,IP:192.0.2.1", -90, -1);
}

static void put_early(void)
{
    put_made("DNS:a.example,DNS:*.a.example,IP:192.0.2.1", 1, 90);
}

static void put_without_wildcard(void)
{
    put_made("DNS:a.example,DNS:www.a.example,IP:192.0.2.1", -1, 90);
}

static void put_without_address(void)
{
    put_made("DNS:a.example,DNS:*.a.example", -1, 90);
}

static void put_without_issuer(void)
{
    struct tls_made root =
        tls_make(&(struct tls_maker){.common_name = "root", .is_authority = true});
    struct tls_made made = tls_make(&(struct tls_maker){
        .names = "DNS:a.example,DNS:*.a.example,IP:192.0.2.1", .issuer = &root});
    tls_maker_extend(made.certificate, root.certificate, NID_info_access,
                     "caIssuers;URI:http://ca.example/root.der");
    tls_maker_sign(made.certificate, root.key);
    free(made.certificate_pem);
    made.certificate_pem = tls_maker_certificate_pem(made.certificate);
    renew(&made);
    tls_made_fini(&made);
    tls_made_fini(&root);
}

static const struct bad {
    const char *label;
    void (*put)(void);
    const char *report;
} bads[] = {
    {"new key only", put_other_key, "does not belong to the private key in "},
    {"new certificate only", put_other_certificate, "does not belong to the private key in "},
    {"no certificate", remove_certificate,
     "fullchain.pem: the new certificate is not used: cannot"},
    {"no key", remove_key, "privkey.pem: the new certificate is not used: cannot be read: No such"},
    {"half a file", put_half, "not complete"},
    {"empty", empty, "no certificate in it"},
    {"encrypted", encrypt, "the private key is encrypted"},
    {"expired", put_expired, "the new certificate is not used: expired at "},
    {"early", put_early, "the new certificate is not used: not valid before "},
    {"without the wildcard", put_without_wildcard, "not for *.a.example, which the one in use"},
    {"without the address", put_without_address, "not for an address"},
    {"without its issuer", put_without_issuer, "its issuer is missing"},
};

Test(tls_renewal, keeps_the_former_pair_until_a_good_one_comes)
{
    rig_load();
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        bads[i].put();
        cr_expect_not(rig_revalidate(), "%s", bads[i].label);
        rig_expect_report(bads[i].report);
        cr_expect_not(rig_revalidate(), "%s", bads[i].label);
        cr_expect_eq(rig.report_count, 0, "%s, again: %s", bads[i].label, rig.reports[0]);
        cr_expect(rig_serves(0, &former), "%s", bads[i].label);
        renew(&former);
        cr_expect_not(rig_revalidate(), "%s", bads[i].label);
        rig_expect_report("good again, the same certificate, valid until ");
        bads[i].put();
        rig_revalidate();
        renew(&next);
        cr_expect(rig_revalidate(), "%s", bads[i].label);
        rig_expect_report("new certificate in use");
        cr_expect(rig_serves(0, &next), "%s", bads[i].label);
        renew(&former);
        cr_expect(rig_revalidate());
    }
}

Test(tls_renewal, tries_a_bad_pair_again_without_a_change)
{
    rig_load();
    put_early();
    cr_expect_not(rig_revalidate());
    rig.now_s += 2 * RIG_DAY;
    cr_expect(rig_revalidate());
    rig_expect_report("new certificate in use");
}

/* Either order of replacing the two files, with a check in between that sees neither. */
static void put_next_key(void *unused)
{
    (void)unused;
    put_other_key();
}

Test(tls_renewal, reads_again_if_a_file_is_replaced_meanwhile)
{
    rig_load();
    put_other_certificate();
    /* After both files were read, and before their identities are checked. */
    faults_act(FAULT_STAT, 2, put_next_key, NULL);
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &next));
    rig_expect_report("new certificate in use");
}

Test(tls_renewal, replaces_an_expired_one_by_anything)
{
    rig_load();
    rig.now_s += (int64_t)40 * RIG_DAY;
    cr_expect(rig_revalidate(), "the order depends on the time");
    rig_expect_report("expired at ");
    put_made("DNS:b.example", -90, -1);
    cr_expect(rig_revalidate());
    cr_expect_eq(tls_certificate_match(rig.generation->items[0], STR("b.example")),
                 TLS_MATCH_EXACT);
    cr_expect_eq(rig.report_count, 2, "that it is used, and that it has expired");
}

Test(tls_renewal, warns_again_when_time_passes)
{
    rig_load();
    rig.now_s += (int64_t)17 * RIG_DAY;
    rig_revalidate();
    rig_expect_report("expires at ");
    rig.now_s += (int64_t)5 * RIG_DAY;
    rig_revalidate();
    cr_expect_eq(rig.report_count, 0);
    rig.now_s += (int64_t)10 * RIG_DAY;
    cr_expect(rig_revalidate());
    rig_expect_report("expired at ");
    cr_expect(rig_serves(0, &former));
}

Test(tls_renewal, an_address_may_move_to_another_pair)
{
    struct tls_made other = rig_make("DNS:b.example,IP:192.0.2.1", -1, 90);
    rig_put_pair("live", "b", &other);
    rig_add("live/b/fullchain.pem", "live/b/privkey.pem");
    rig_load();
    put_without_address();
    cr_expect(rig_revalidate());
    rig_expect_report("new certificate in use");
    tls_made_fini(&other);
}

/* --- Links and directories ---------------------------------------------------------------------- */

/* Kubernetes: live/cert -> ..data/cert, ..data -> a directory that is replaced. */
Test(tls_renewal, follows_links_that_are_switched)
{
    rig_put_pair("one", ".", &former);
    rig_put_pair("two", ".", &next);
    tree_link(&rig.tree, "data", "one");
    tree_dir(&rig.tree, "mount");
    tree_link(&rig.tree, "mount/cert.pem", "../data/fullchain.pem");
    tree_link(&rig.tree, "mount/key.pem", "../data/privkey.pem");
    rig.config.count = 0;
    rig_add("mount/cert.pem", "mount/key.pem");
    rig_load();
    tree_link(&rig.tree, "data.new", "two");
    tree_rename(&rig.tree, "data.new", "data");
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &next));
    tree_link(&rig.tree, "data.new", "one");
    tree_rename(&rig.tree, "data.new", "data");
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &former));
}

static void load_directory(void)
{
    rig.config.count = 0;
    rig_add("live", NULL);
    rig_load();
}

Test(tls_renewal, takes_pairs_that_are_new_in_a_directory)
{
    struct tls_made other = rig_make("DNS:0.example", -1, 90);
    load_directory();
    rig_put_pair("live", "0", &other);
    cr_expect(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    cr_expect(rig_serves(0, &other), "in order of names");
    rig_expect_report("live/0/fullchain.pem: new certificate in use");
    tls_made_fini(&other);
}

Test(tls_renewal, skips_a_new_pair_until_it_is_good)
{
    struct tls_made other = rig_make("DNS:b.example", -1, 90);
    load_directory();
    tree_dir(&rig.tree, "live/b");
    rig_put("live/b/fullchain.pem", other.certificate_pem);
    cr_expect_not(rig_revalidate());
    rig_expect_report("live/b/privkey.pem: skipped: cannot be read: No such file");
    rig_put("live/b/privkey.pem", other.key_pem);
    cr_expect(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    tls_made_fini(&other);
}

Test(tls_renewal, lets_a_name_move_to_another_pair)
{
    struct tls_made wildcard = rig_make("DNS:*.a.example", -1, 90),
                    rest = rig_make("DNS:a.example,IP:192.0.2.1", -1, 90);
    load_directory();
    renew(&rest);
    cr_expect_not(rig_revalidate());
    rig_put_pair("live", "b", &wildcard);
    rig_revalidate();
    rig_revalidate();
    cr_expect_eq(rig.generation->count, 2);
    cr_expect(rig_serves(0, &rest));
    tls_made_fini(&wildcard);
    tls_made_fini(&rest);
}

Test(tls_renewal, drops_a_deleted_pair_only_if_others_have_its_names)
{
    struct tls_made other = rig_make("DNS:b.example", -1, 90);
    rig_put_pair("live", "a-0001", &next);
    rig_put_pair("live", "b", &other);
    load_directory();
    cr_expect_eq(rig.generation->count, 3);
    tree_rename(&rig.tree, "live/a", "gone-a");
    tree_rename(&rig.tree, "live/b", "gone-b");
    cr_expect(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    cr_expect(rig_serves(0, &next));
    cr_expect(rig_serves(1, &other));
    rig_expect_report("live/b/fullchain.pem: the new certificate is not used: cannot be read");
    tree_rename(&rig.tree, "gone-b", "live/b");
    cr_expect_not(rig_revalidate());
    rig_expect_report("good again");
    tls_made_fini(&other);
}

/* No other certificate can have the names of one that has none. */
Test(tls_renewal, keeps_a_deleted_pair_without_names)
{
    struct tls_made nameless = tls_make(&(struct tls_maker){.common_name = "John Doe"});
    rig_put_pair("live", "a", &nameless);
    load_directory();
    cr_assert(tls_names_are_empty(&rig.generation->items[0]->names));
    tree_rename(&rig.tree, "live/a", "gone-a");
    rig_put_pair("live", "b", &nameless);
    cr_expect(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    tree_rename(&rig.tree, "live/b", "gone-b");
    cr_expect_not(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    tls_made_fini(&nameless);
}

Test(tls_renewal, keeps_the_pairs_of_a_directory_that_cannot_be_read)
{
    struct tls_made all = rig_make("DNS:a.example,DNS:*.a.example,IP:192.0.2.1", -1, 90);
    rig_put_pair("more", "all", &all);
    rig.config.count = 0;
    rig_add("live", NULL);
    rig_add("more", NULL);
    rig_load();
    faults_fail(FAULT_OPEN, 0, 1, EMFILE);
    cr_expect_not(rig_revalidate());
    rig_expect_report("live: cannot be read: Too many open files");
    tree_rename(&rig.tree, "live", "aside");
    cr_expect_not(rig_revalidate());
    tree_rename(&rig.tree, "aside", "live");
    cr_expect_not(rig_revalidate());
    cr_expect_eq(rig.generation->count, 2);
    tls_made_fini(&all);
}

Test(tls_renewal, survives_a_directory_that_goes_and_comes_back)
{
    load_directory();
    tree_rename(&rig.tree, "live", "aside");
    cr_expect_not(rig_revalidate());
    rig_expect_report("cannot be read: No such file");
    tree_dir(&rig.tree, "live");
    cr_expect_not(rig_revalidate());
    rig_expect_report("live: no certificates in it");
    cr_assert_eq(unlinkat(rig.tree.fd, "live", AT_REMOVEDIR), 0);
    tree_rename(&rig.tree, "aside", "live");
    cr_expect_not(rig_revalidate());
    rig_expect_report("good again");
    cr_expect(rig_serves(0, &former));
}

Test(tls_renewal, makes_a_generation_later_if_memory_was_out)
{
    rig_load();
    renew(&next);
    unsigned before = faults_calls(FAULT_MEMORY);
    cr_expect(rig_revalidate());
    unsigned allocations = faults_calls(FAULT_MEMORY) - before;
    renew(&former);
    faults_fail(FAULT_MEMORY, allocations - 1, 1, ENOMEM); /* the last one is the generation */
    cr_expect_not(rig_revalidate());
    rig_expect_report("new certificate in use");
    cr_expect(rig_revalidate());
    cr_expect(rig_serves(0, &former));
}

Test(tls_renewal, survives_without_memory)
{
    struct tls_made other = rig_make("DNS:b.example", -1, 90);
    bool renewed = false;
    rig_put_pair("live", "a-0001", &next);
    load_directory();
    rig_put_pair("live", "b", &other);
    for (unsigned skip = 0; skip < 100; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        renewed |= rig_revalidate();
        faults_clear();
        cr_expect(rig_serves(0, &next), "%u", skip);
    }
    renewed |= rig_revalidate();
    cr_expect(renewed);
    cr_expect(rig_serves(1, &former));
    cr_expect(rig_serves(2, &other));
    tls_made_fini(&other);
}

#endif
