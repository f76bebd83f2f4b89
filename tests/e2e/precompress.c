/* precompress: `sluice precompress` makes siblings that decompress to their files, that a server
 * sends, and that a second run leaves alone. Decompression is done by the programs of others: gzip,
 * brotli and zstd. */
#include "client.h"
#include "precompressing.h"
#include "server_process.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(precompress);

static const struct {
    const char *suffix, *coding, *decoder;
} codings[] = {
    {"br", "br", "brotli -dc"},
    {"zst", "zstd", "zstd -qdc --memory=8MB"}, /* the most that browsers take, RFC 9659 */
    {"gz", "gzip", "gzip -dc"},
};

static struct stat status_of(const char *path)
{
    struct stat status = {0};
    cr_expect(lstat(site_path(&site, path), &status) == 0, "%s does not exist", path);
    return status;
}

/* PATH has all siblings, each with its content, time and mode. */
static void expect_siblings(const char *path)
{
    const struct stat plain = status_of(path);
    for (size_t i = 0; i < COUNT_OF(codings); i++) {
        const char *sibling = text_format("%s.%s", path, codings[i].suffix);
        const struct stat status = status_of(sibling);
        cr_expect(shell(text_format("%s <root/%s | cmp - root/%s", codings[i].decoder, sibling,
                                    path)) == 0,
                  "%s: %s", sibling, bytes_text(&output));
        cr_expect(status.st_mtim.tv_sec == plain.st_mtim.tv_sec &&
                      status.st_mtim.tv_nsec == plain.st_mtim.tv_nsec,
                  "%s: its time", sibling);
        cr_expect(status.st_mode == plain.st_mode && status.st_uid == plain.st_uid &&
                      status.st_gid == plain.st_gid,
                  "%s: its mode and owner", sibling);
        cr_expect(status.st_size * 100 < plain.st_size * 95, "%s: its size", sibling);
    }
}

/* --- Making ----------------------------------------------------------------------------------- */

E2E_TEST(precompress, makes_siblings_that_decompress_to_their_files)
{
    begin();
    write_words("a.html", 1024, 1);
    write_words("sub/b.js", 300000, 2);
    write_words("sub/deeper/big.csv", MIB(9) + 1, 3);
    write_words(".well-known/security.txt", 5000, 4);
    write_words("two words \xc3\xa4.txt", 5000, 5);
    site_chmod(&site, "a.html", 0640);
    run("--level fast --jobs 3", 0);
    expect_says("5 files: 15 siblings made, 0 up to date, 0 not worth it; ");
    expect_siblings("a.html");
    expect_siblings("sub/b.js");
    expect_siblings("sub/deeper/big.csv");
    expect_siblings(".well-known/security.txt");
    cr_expect(exists("two words \xc3\xa4.txt.br"));
}

E2E_TEST(precompress, makes_siblings_that_servers_send)
{
    begin();
    write_words("a.css", 20000, 1);
    run(NULL, 0);
    expect_siblings("a.css");
    const struct server *server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(codings); i++) {
        struct response response;
        const char *request = text_format("GET /a.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                          "Accept-Encoding: %s\r\n\r\n",
                                          codings[i].coding);
        if (!expect_fetch(server, codings[i].coding, request, 200, &response))
            continue;
        const char *coding = response_field(&response, "Content-Encoding");
        cr_expect(coding && strcmp(coding, codings[i].coding) == 0, "%s", codings[i].coding);
        site_write(&site, "../body", response.body.data, response.body.length);
        cr_expect(shell(text_format("%s <body | cmp - root/a.css", codings[i].decoder)) == 0, "%s",
                  codings[i].coding);
    }
}

E2E_TEST(precompress, leaves_out_what_is_not_served_or_does_not_shrink)
{
    static const char *const names[] = {
        "a.jpg",      "b.woff2",  "c.zip",    "d.txt.gz",    "README",
        "e.pdf",      "_headers", ".dot.txt", ".git/config", "x/.well-known/a.txt",
        "_redirects",
    };
    begin();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        write_words(names[i], 5000, i);
    write_words("small.txt", 1023, 1);
    write_words("../outside.txt", 5000, 2);
    write_words("../elsewhere/a.txt", 5000, 2);
    site_link(&site, "link.txt", "../outside.txt");
    site_link(&site, "directory", "../elsewhere");
    site_fifo(&site, "fifo.txt");
    cr_assert(shell("head -c 5000 /dev/urandom >root/noise.txt") == 0);
    const size_t before = count_names();
    run("--level fast", 0);
    expect_says("1 file: 0 siblings made, 0 up to date, 3 not worth it\n");
    cr_expect(count_names() == before, "%zu", count_names());
    cr_expect(!exists("../elsewhere/a.txt.gz") && !exists("../outside.txt.gz"));
}

E2E_TEST(precompress, makes_the_codings_that_are_named)
{
    begin();
    write_words("a.txt", 5000, 1);
    run("--codings gz,br --quiet", 0);
    cr_expect(output.length == 0, "%s", bytes_text(&output));
    cr_expect(exists("a.txt.gz") && exists("a.txt.br") && !exists("a.txt.zst"));
}

E2E_TEST(precompress, only_says_what_it_would_do_in_a_dry_run)
{
    begin();
    write_words("a.txt", 5000, 1);
    run("--dry-run --codings gz", 0);
    expect_says("would make root/a.txt.gz\n1 file: 1 sibling to make");
    cr_expect(count_names() == 1);
}

E2E_TEST(precompress, compresses_the_sites_of_a_configuration)
{
    begin();
    write_words("one/a.txt", 5000, 1);
    write_words("two/b.txt", 5000, 2);
    write_words("two/c.words", 5000, 3);
    site_write_text(&site, "../types", "text/x-words words\n");
    site_write_text(&site, "../sluice.conf",
                    "[site one.example]\nroot = root/one\n"
                    "[site two.example]\nroot = root/two\nmime-types = types\n"
                    "[site again.example]\nroot = root/one\n");
    run_on("--config sluice.conf", "--codings gz", 0, false);
    expect_says("3 files: 3 siblings made, 0 up to date, 0 not worth it; ");
    cr_expect(exists("one/a.txt.gz") && exists("two/b.txt.gz") && exists("two/c.words.gz"));
    unlink(site_path(&site, "two/b.txt.gz"));
    run_on("--config sluice.conf", "--codings gz --dry-run", 0, false);
    expect_says(text_format("would make %s/two/b.txt.gz\n", site.path));
}

E2E_TEST(precompress, knows_the_types_of_the_command_line)
{
    begin();
    write_words("a.words", 5000, 1);
    site_write_text(&site, "../types", "text/x-words words\n");
    run("--codings gz", 0);
    expect_says("0 files: 0 siblings made");
    run("--codings gz --mime-types types", 0);
    expect_says("1 file: 1 sibling made");
}

/* --- Again ------------------------------------------------------------------------------------ */

E2E_TEST(precompress, does_nothing_in_a_second_run)
{
    begin();
    write_words("a.txt", 5000, 1);
    run(NULL, 0);
    const struct stat before = status_of("a.txt.br");
    run(NULL, 0);
    const struct stat after = status_of("a.txt.br");
    expect_says("0 siblings made, 3 up to date");
    cr_expect(before.st_ino == after.st_ino && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
              before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

E2E_TEST(precompress, renews_siblings_of_a_changed_file)
{
    begin();
    write_words("a.txt", 5000, 1);
    run(NULL, 0);
    write_words("a.txt", 5000, 2); /* with the same time */
    run(NULL, 0);
    expect_siblings("a.txt");
    write_words("a.txt", 6000, 3);
    site_set_time(&site, "a.txt", SITE_TIME + 60);
    run(NULL, 0);
    expect_says("3 siblings made");
    expect_siblings("a.txt");
}

E2E_TEST(precompress, keeps_foreign_siblings_that_servers_send)
{
    begin();
    write_words("a.txt", 5000, 1);
    site_write_text(&site, "a.txt.gz", "foreign");
    write_words("b.txt", 5000, 1);
    site_write_text(&site, "b.txt.gz", "foreign");
    site_set_time(&site, "b.txt.gz", SITE_TIME - 60);
    site_write_text(&site, "gone.txt.gz", "foreign");
    run("--codings gz --clean", 0);
    expect_says("2 files: 1 sibling made, 1 up to date");
    cr_expect(status_of("a.txt.gz").st_size == 7 && status_of("gone.txt.gz").st_size == 7);
    cr_expect(shell("gzip -dc root/b.txt.gz | cmp - root/b.txt") == 0);
}

E2E_TEST(precompress, removes_its_siblings_of_files_that_are_gone)
{
    begin();
    write_words("a.txt", 5000, 1);
    write_words("b.txt", 5000, 1);
    run(NULL, 0);
    unlink(site_path(&site, "a.txt"));
    run(NULL, 0);
    cr_expect(exists("a.txt.gz"));
    run("--clean", 0);
    if (!strstr(bytes_text(&output), "removed"))
        e2e_skip("this file system has no extended attributes for the mark");
    expect_says("3 removed");
    cr_expect(count_names() == 4);
}
