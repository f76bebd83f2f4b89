/* precompress: `sluice precompress` makes siblings that decompress to their files, that a server
 * sends, and that a second run leaves alone; and it leaves nothing else. Decompression is done by
 * the programs of others: gzip, brotli and zstd. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

E2E_SUITE(precompress);

enum { RUN_MS = 60000 };

static const struct {
    const char *suffix, *coding, *decoder;
} codings[] = {
    {"br", "br", "brotli -dc"},
    {"zst", "zstd", "zstd -qdc --memory=8MB"}, /* the most that browsers take, RFC 9659 */
    {"gz", "gzip", "gzip -dc"},
};

static struct site site;
static struct bytes output;

/* Skips the test unless the program makes all codings. */
static void begin(void)
{
#if !defined(SLUICE_HAVE_ZLIB) || !defined(SLUICE_HAVE_LIBZSTD) || \
    !defined(SLUICE_HAVE_LIBBROTLIENC)
    e2e_skip("this build cannot make all codings");
#endif
    site_create(&site);
}

/* Waits for PROCESS, and returns its exit status, or 128 and the number of a signal. */
static int end_of(struct process *process)
{
    cr_assert(process_wait(process, deadline_after(RUN_MS)), "it does not end");
    output = (struct bytes){0};
    process_read_output(process, &output);
    cr_expect(!sanitizer_report(process_errors(process)), "%s", process_errors(process));
    cr_assert(WIFEXITED(process->status), "%s", status_text(process->status));
    return WEXITSTATUS(process->status);
}

/* Runs "sluice precompress root WORDS" and returns its errors. */
static const char *run_as(const char *words, int status, bool as_nobody)
{
    struct process process;
    struct process_setup setup = {
        .program = "sluice", .directory = site.parent, .as_nobody = as_nobody};
    process_add_words(&setup, "precompress root");
    process_add_words(&setup, words);
    process_start(&process, &setup);
    const int found = end_of(&process);
    cr_expect(found == status, "%s: status %d; %s", words ? words : "", found,
              process_errors(&process));
    return process_errors(&process);
}

static const char *run(const char *words, int status)
{
    return run_as(words, status, false);
}

/* The exit status of a shell's COMMAND beside the site. */
static int shell(const char *command)
{
    struct process process;
    struct process_setup setup = {.program = "/bin/sh", .directory = site.parent};
    process_add_word(&setup, "-c");
    process_add_word(&setup, command);
    process_start(&process, &setup);
    return end_of(&process);
}

static void expect_says(const char *text)
{
    cr_expect(strstr(bytes_text(&output), text), "%s: %s", text, bytes_text(&output));
}

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

/* How many names are in the directory of the site, all dot files included. */
static size_t count_names(void)
{
    size_t count = 0;
    DIR *directory = opendir(site.path);
    cr_assert(directory);
    for (const struct dirent *item; (item = readdir(directory));)
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    closedir(directory);
    return count;
}

static bool exists(const char *path)
{
    return access(site_path(&site, path), F_OK) == 0;
}

/* Text of LENGTH bytes that compresses. */
static void write_words(const char *path, size_t length, uint64_t seed)
{
    struct bytes text = {0};
    while (text.length < length)
        bytes_append_text(&text, text_format("line %llu of what compresses well\n",
                                             (unsigned long long)random_next(&seed) % 1000));
    site_write(&site, path, text.data, length);
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

/* --- Failures --------------------------------------------------------------------------------- */

E2E_TEST(precompress, goes_on_after_a_directory_that_it_may_not_write)
{
    begin();
    write_words("closed/a.txt", 5000, 1);
    write_words("open/b.txt", 5000, 1);
    write_words("open/taken.txt", 5000, 1);
    site_mkdir(&site, "open/taken.txt.br");
    site_chmod(&site, "closed", 0555);
    site_chmod(&site, "open", 0777);
    const char *errors = run_as(NULL, 1, geteuid() == 0);
    cr_expect(strstr(errors, "root/closed/a.txt.gz: Permission denied"), "%s", errors);
    cr_expect(strstr(errors, "root/open/taken.txt.br: "), "%s", errors);
    expect_says("5 siblings made, 0 up to date, 0 not worth it, 4 failed");
    cr_expect(exists("open/b.txt.br") && exists("open/taken.txt.gz"));
}

E2E_TEST(precompress, leaves_no_part_of_a_file_on_a_full_disk)
{
    enum { NO_NAMESPACE = 77 };
    begin();
    site_mkdir(&site, "small");
    const int status = shell(text_format(
        "unshare -m true || exit 77; exec unshare -m sh -c '"
        "mount -t tmpfs -o size=400k tmpfs root/small || exit 77; cd root/small; "
        "head -c 220000 /dev/urandom | od -An -tx1 | tr -d \" \" | head -c 300000 >a.txt; "
        "%s/sluice precompress . --codings gz; echo status $?; ls -A'",
        e2e_build_directory()));
    if (status == NO_NAMESPACE)
        e2e_skip("no file system can be mounted here");
    expect_says("1 failed");
    expect_says("status 1\na.txt\n");
}

E2E_TEST(precompress, leaves_no_part_of_a_file_after_a_signal)
{
    struct process process;
    begin();
    struct process_setup setup = {.program = "sluice", .directory = site.parent};
    write_words("a.txt", MIB(24), 1);
    process_add_words(&setup, "precompress root --codings br");
    process_start(&process, &setup);
    const int64_t deadline = deadline_after(RUN_MS);
    while (count_names() < 2 && clock_ms() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    process_signal(&process, SIGTERM);
    cr_expect(end_of(&process) == 128 + SIGTERM, "%s", status_text(process.status));
    cr_expect(count_names() == 1, "a temporary file is left");
}

E2E_TEST(precompress, says_what_is_wrong_with_the_command_line)
{
    static const struct {
        const char *words;
        int status;
        const char *says;
    } rows[] = {
        {"precompress", 2, "needs the directory of a site"},
        {"precompress nosuch", 2, "nosuch cannot be opened"},
        {"precompress root --jobs 0", 2, "--jobs '0'"},
        {"precompress root --level 9", 2, "write fast or best"},
        {"precompress root --codings br,lz", 2, "--codings 'br,lz'"},
        {"precompress root --min-size x", 2, "--min-size 'x'"},
        {"precompress root --listing", 2, "unknown option"},
        {"precompress root other", 2, "one argument too many"},
    };
    site_create(&site);
    site_mkdir(&site, "empty");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct process process;
        struct process_setup setup = {.program = "sluice", .directory = site.parent};
        process_add_words(&setup, rows[i].words);
        process_start(&process, &setup);
        const int status = end_of(&process);
        cr_expect(status == rows[i].status, "%s: status %d", rows[i].words, status);
        cr_expect(strstr(process_errors(&process), rows[i].says), "%s: %s", rows[i].words,
                  process_errors(&process));
    }
}

/* One line says which codings a build without the libraries cannot make. */
E2E_TEST(precompress, says_which_codings_the_build_cannot_make)
{
    site_create(&site);
    write_words("a.txt", 5000, 1);
#if defined(SLUICE_HAVE_ZLIB) || defined(SLUICE_HAVE_LIBZSTD) || defined(SLUICE_HAVE_LIBBROTLIENC)
    const char *errors = run(NULL, 0);
    cr_expect(!exists("a.txt.gz") == !!strstr(errors, ".gz"), "%s", errors);
    cr_expect(!exists("a.txt.br") == !!strstr(errors, ".br"), "%s", errors);
    cr_expect(!exists("a.txt.zst") == !!strstr(errors, ".zst"), "%s", errors);
#else
    const char *errors = run(NULL, 1);
    cr_expect(strstr(errors, "cannot make .br, .zst, .gz"), "%s", errors);
    cr_expect(count_names() == 1);
#endif
}
