/* tls_sources: which certificates are found at the start, and with which words others are
 * refused. */
#include "tls/tls_sources.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_sources_rig.h"
#include "tls/tls_file.h"

#include <errno.h>

TestSuite(tls_sources, .init = rig_init, .fini = rig_fini);

Test(tls_sources, load_pairs_of_two_files_and_of_one)
{
    struct tls_made a = rig_make("DNS:a.example", -1, 90), b = rig_make("DNS:b.example", -1, 90);
    char *both = tls_maker_join(b.key_pem, b.certificate_pem);
    rig_put("a.pem", a.certificate_pem);
    rig_put("a.key", a.key_pem);
    rig_put("b.pem", both);
    rig_add("b.pem", NULL);
    rig_add("a.pem", "a.key");
    rig_load();
    cr_expect_eq(rig.generation->count, 2);
    cr_expect(rig_serves(0, &b), "the order in which they were given");
    cr_expect(rig_serves(1, &a));
    cr_expect_eq(rig.report_count, 0, "%s", rig.reports[0]);
    free(both);
    tls_made_fini(&a);
    tls_made_fini(&b);
}

Test(tls_sources, load_a_directory_as_certbot_lays_it_out)
{
    struct tls_made a = rig_make("DNS:a.example", -1, 90), b = rig_make("DNS:b.example", -1, 90),
                    c = rig_make("DNS:c.example", -1, 90), own = rig_make("DNS:own", -1, 90);
    rig_put_pair("live", "b.example", &b);
    rig_put_pair("live", "a.example-0001", &c);
    rig_put_pair("live", "a.example", &a);
    rig_put_pair("live", ".hidden", &own);
    rig_put_pair("live", ".", &own);
    tree_dir(&rig.tree, "live/empty");
    tree_write(&rig.tree, "live/README", STR("read me"));
    rig_add("live", NULL);
    rig_load();
    cr_expect_eq(rig.generation->count, 3);
    cr_expect(rig_serves(0, &a), "a.example comes before a.example-0001");
    cr_expect(rig_serves(1, &c));
    cr_expect(rig_serves(2, &b));
    tls_made_fini(&a);
    tls_made_fini(&b);
    tls_made_fini(&c);
    tls_made_fini(&own);
}

Test(tls_sources, load_a_directory_with_one_pair_in_it)
{
    struct tls_made made = rig_make("DNS:a.example", -1, 90);
    rig_put_pair("live", ".", &made);
    rig_add("live/", NULL);
    rig_load();
    cr_expect(rig_serves(0, &made));
    tls_made_fini(&made);
}

Test(tls_sources, prefer_the_valid_and_latest_of_a_directory)
{
    struct tls_made stale = rig_make("DNS:a.example,DNS:old.example", -90, -1),
                    older = rig_make("DNS:a.example", -20, 60),
                    newest = rig_make("DNS:a.example", -10, 80);
    rig_put_pair("live", "a.example", &stale);
    rig_put_pair("live", "a.example-0001", &newest);
    rig_put_pair("live", "a.example-0002", &older);
    rig_add("live", NULL);
    rig_load();
    cr_expect(rig_serves(0, &newest));
    cr_expect_eq(rig.generation->count, 3, "old.example has the stale one only");
    rig_expect_report("live/a.example/fullchain.pem: expired at ");
    tls_made_fini(&stale);
    tls_made_fini(&older);
    tls_made_fini(&newest);
}

/* The pair at the start is CERT, KEY; the error names FILE and says WHAT. */
static const struct refusal {
    const char *label, *cert, *key, *file, *what;
} refusals[] = {
    {"missing certificate", "none.pem", "good.key", "none.pem", "No such file"},
    {"missing key", "good.pem", "none.key", "none.key", "No such file"},
    {"no key in the file", "good.pem", NULL, "good.pem", "no private key in it"},
    {"key of another", "good.pem", "other.key", "good.pem", "does not belong to the private key"},
    {"encrypted key", "good.pem", "encrypted.key", "encrypted.key", "is encrypted"},
    {"empty certificate", "empty", "good.key", "empty", "no certificate in it"},
    {"empty key", "good.pem", "empty", "empty", "no private key in it"},
    {"exchanged", "good.key", "good.pem", "good.key", "no certificate in it"},
    {"half a file", "half.pem", "good.key", "half.pem", "not complete"},
    {"FIFO", "fifo", "good.key", "fifo", "not a regular file"},
    {"FIFO as key", "good.pem", "fifo", "fifo", "not a regular file"},
    {"directory as key", "good.pem", "bare", "bare", "a directory"},
    {"too long", "long", "good.key", "long", "longer than 1 MiB"},
    {"no pairs", "bare", NULL, "bare", "no certificates in it"},
    {"directory with a key", "bare", "good.key", "bare", "has its keys in it"},
    {"pair without its key", "half", NULL, "half/a/privkey.pem", "No such file"},
};

Test(tls_sources, say_in_one_line_which_file_is_wrong_and_why)
{
    struct tls_made good = rig_make("DNS:a.example", -1, 90), other = rig_make(NULL, -1, 90);
    char *encrypted = tls_maker_key_pem(good.key, "secret", false);
    char text[PROBLEM_TEXT_BYTES];
    rig_put("good.pem", good.certificate_pem);
    rig_put("good.key", good.key_pem);
    rig_put("other.key", other.key_pem);
    rig_put("encrypted.key", encrypted);
    rig_put("empty", "");
    tree_write(&rig.tree, "half.pem", str_first(str_of(good.certificate_pem), 300));
    tree_fill(&rig.tree, "long", ((size_t)TLS_FILE_BYTES_MAX) + 1, 1);
    cr_assert_eq(mkfifoat(rig.tree.fd, "fifo", 0600), 0);
    tree_dir(&rig.tree, "bare");
    rig_put_pair("half", "a", &good);
    tree_unlink(&rig.tree, "half/a/privkey.pem");
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *row = &refusals[i];
        rig.config.count = 0;
        rig_add(row->cert, row->key);
        cr_expect_lt(rig_try_load(), 0, "%s", row->label);
        problem_text(&rig.problem, text);
        cr_expect_str_eq(rig.problem.file, rig_path(row->file), "%s", row->label);
        cr_expect(strstr(text, row->what) != NULL, "%s: %s", row->label, text);
        rig_close();
    }
    free(encrypted);
    tls_made_fini(&good);
    tls_made_fini(&other);
}

Test(tls_sources, say_that_a_file_may_not_be_read)
{
    struct tls_made made = rig_make("DNS:a.example", -1, 90);
    rig_put_pair("live", "a", &made);
    rig_add("live/a/fullchain.pem", "live/a/privkey.pem");
    faults_fail(FAULT_OPEN, 0, FAULT_ALWAYS, EACCES);
    cr_expect_eq(rig_try_load(), -EACCES);
    cr_expect_str_eq(rig.problem.file, rig_path("live/a/fullchain.pem"));
    cr_expect(strstr(rig.problem.remedy, "let the user") != NULL);
    tls_made_fini(&made);
}

static const struct age {
    int first_days, last_days;
    const char *report; /* NULL: nothing */
} ages[] = {
    {-1, 15, NULL},
    {-1, 13, "in less than 14 days; renew it"},
    {-1, 0, "in less than 1 days; renew it"},
    {-9, -1, "expired at "},
    {1, 90, "not valid before "},
};

Test(tls_sources, serve_a_certificate_of_any_age_with_a_line_about_it)
{
    for (size_t i = 0; i < COUNT_OF(ages); i++) {
        struct tls_made made = rig_make("DNS:a.example", ages[i].first_days, ages[i].last_days);
        rig.config.count = 0;
        rig_put_pair("live", ".", &made);
        rig_add("live", NULL);
        rig_load();
        cr_expect(rig_serves(0, &made));
        if (ages[i].report)
            rig_expect_report(ages[i].report);
        else
            cr_expect_eq(rig.report_count, 0, "%s", rig.reports[0]);
        rig_revalidate();
        cr_expect_eq(rig.report_count, 0, "once only");
        rig_close();
        tls_made_fini(&made);
    }
}

Test(tls_sources, warn_of_what_is_seldom_meant)
{
    struct tls_made root =
        tls_make(&(struct tls_maker){.common_name = "root", .is_authority = true});
    struct tls_made leaf = tls_make(&(struct tls_maker){.names = "DNS:a.example", .issuer = &root});
    struct tls_made nameless = tls_make(&(struct tls_maker){.common_name = "John Doe"});
    char *reverse = tls_maker_join(root.certificate_pem, leaf.certificate_pem);
    tls_maker_extend(leaf.certificate, root.certificate, NID_info_access,
                     "caIssuers;URI:http://ca.example/root.der");
    tls_maker_sign(leaf.certificate, root.key);
    char *alone = tls_maker_certificate_pem(leaf.certificate);
    const char *const rows[][3] = {
        {reverse, leaf.key_pem, "were not in order; sent are the server's and 1 of its issuers"},
        {alone, leaf.key_pem, "the certificate of its issuer is missing; clients may"},
        {nameless.certificate_pem, nameless.key_pem, "not for any host name"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig.config.count = 0;
        rig_put("a.pem", rows[i][0]);
        rig_put("a.key", rows[i][1]);
        rig_add("a.pem", "a.key");
        rig_load();
        rig_expect_report(rows[i][2]);
        rig_close();
    }
    free(alone);
    free(reverse);
    tls_made_fini(&nameless);
    tls_made_fini(&leaf);
    tls_made_fini(&root);
}

Test(tls_sources, make_a_certificate_of_their_own)
{
    rig.config.self_signed = true;
    rig_load();
    cr_expect_eq(rig.generation->count, 1);
    cr_expect(rig.generation->items[0]->self_signed);
    cr_expect_eq(tls_certificate_match(rig.generation->items[0], STR("localhost")),
                 TLS_MATCH_EXACT);
    cr_expect_not(rig_revalidate());
}

/* As after the process has become another user. */
Test(tls_sources, name_everything_that_cannot_be_opened_again)
{
    struct tls_made made = rig_make("DNS:a.example", -1, 90);
    rig_put_pair("live", "a", &made);
    rig_put_pair("live", "b", &made);
    rig_add("live", NULL);
    rig_load();
    tls_sources_try(rig.sources, &rig_report);
    cr_expect_eq(rig.report_count, 0);
    faults_fail(FAULT_OPEN, 2, 1, EACCES); /* the directory, a certificate, its key */
    tls_sources_try(rig.sources, &rig_report);
    rig_expect_report("live/a/privkey.pem: cannot be read: Permission denied; let the user");
    rig.report_count = 0;
    faults_fail(FAULT_OPEN, 0, FAULT_ALWAYS, EACCES);
    tls_sources_try(rig.sources, &rig_report);
    cr_expect_eq(rig.report_count, 1 + 2 * 2);
    tls_made_fini(&made);
}

Test(tls_sources, survive_without_memory)
{
    struct tls_made made = rig_make("DNS:a.example", -1, 90);
    rig_put_pair("live", "a", &made);
    rig_put_pair("live", "b", &made);
    rig_add("live", NULL);
    int error = -ENOMEM;
    for (unsigned skip = 0; error; skip++) {
        cr_assert_lt(skip, 200);
        faults_clear();
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        error = rig_try_load();
        cr_expect(error == 0 || error == -ENOMEM, "%d", error);
        faults_clear();
        rig_close();
    }
    tls_made_fini(&made);
}

Test(tls_sources, survive_a_directory_that_cannot_be_read)
{
    static const struct {
        enum fault call;
        int error;
    } rows[] = {{FAULT_OPEN, EMFILE},
                {FAULT_FDOPENDIR, ENOMEM},
                {FAULT_READDIR, EIO},
                {FAULT_FSTAT, EIO},
                {FAULT_PREAD, EIO}};
    struct tls_made made = rig_make("DNS:a.example", -1, 90);
    rig_put_pair("live", "a", &made);
    rig_add("live", NULL);
    unsigned descriptors = tree_open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        faults_fail(rows[i].call, 0, FAULT_ALWAYS, rows[i].error);
        cr_expect_eq(rig_try_load(), -rows[i].error, "row %zu", i);
        faults_clear();
        rig_close();
        cr_expect_eq(tree_open_descriptors(), descriptors, "row %zu", i);
    }
    faults_fail(FAULT_PREAD, 0, 1, EINTR);
    rig_load();
    cr_expect(rig_serves(0, &made));
    tls_made_fini(&made);
}

#endif
