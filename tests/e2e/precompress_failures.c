/* precompress_failures: `sluice precompress` leaves no part of a file, whatever goes wrong, and
 * names the reason. */
#include "precompressing.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

E2E_SUITE(precompress_failures);

E2E_TEST(precompress_failures, goes_on_after_a_directory_that_it_may_not_write)
{
    begin();
    write_words("closed/a.txt", 5000, 1);
    write_words("open/b.txt", 5000, 1);
    write_words("open/taken.txt", 5000, 1);
    site_mkdir(&site, "open/taken.txt.br");
    site_chmod(&site, "closed", 0555);
    site_chmod(&site, "open", 0777);
    const char *errors = run_on("root", NULL, 1, geteuid() == 0);
    cr_expect(strstr(errors, "root/closed/a.txt.gz: Permission denied"), "%s", errors);
    cr_expect(strstr(errors, "root/open/taken.txt.br: "), "%s", errors);
    expect_says("5 siblings made, 0 up to date, 0 not worth it, 4 failed");
    cr_expect(exists("open/b.txt.br") && exists("open/taken.txt.gz"));
}

E2E_TEST(precompress_failures, leaves_no_part_of_a_file_on_a_full_disk)
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

/* Starts a run that takes long, and waits for its temporary file. */
static void start_slow_run(struct process *process, struct process_setup *setup)
{
    process_add_words(setup, "precompress root --codings br");
    process_start(process, setup);
    const int64_t deadline = deadline_after(RUN_MS);
    while (count_names() < 2 && clock_ms() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    cr_assert(count_names() == 2, "no temporary file appears");
}

E2E_TEST(precompress_failures, leaves_no_part_of_a_file_after_a_signal)
{
    struct process process;
    begin();
    struct process_setup setup = {.program = "sluice", .directory = site.parent};
    write_words("a.txt", MIB(24), 1);
    start_slow_run(&process, &setup);
    process_signal(&process, SIGTERM);
    cr_expect(end_of(&process) == 128 + SIGTERM, "%s", status_text(process.status));
    cr_expect(count_names() == 1, "a temporary file is left");
}

/* It says nothing when it is killed, but the next run removes what it left; not before. */
E2E_TEST(precompress_failures, removes_the_temporary_files_of_a_run_that_was_killed)
{
    struct process process;
    begin();
    struct process_setup setup = {.program = "sluice", .directory = site.parent};
    write_words("a.txt", MIB(24), 1);
    start_slow_run(&process, &setup);
    run("--min-size 1G", 0);
    cr_expect(count_names() == 2, "the file of a run that goes on is removed");
    process_kill(&process);
    run("--min-size 1G --dry-run", 0);
    expect_says("would remove root/.precompress-");
    run("--min-size 1G", 0);
    expect_says("0 files: 0 siblings made, 0 up to date, 0 not worth it, 1 removed\n");
    cr_expect(count_names() == 1);
}

E2E_TEST(precompress_failures, says_what_is_wrong_with_the_command_line)
{
    static const struct {
        const char *words;
        int status;
        const char *says;
    } rows[] = {
        {"precompress", 2, "needs the directory of a site"},
        {"precompress nosuch", 2, "ROOT 'nosuch' does not exist"},
        {"precompress --listing", 2, "needs the directory of a site"},
        {"precompress root --config x.conf", 2, "beside the configuration"},
        {"precompress root --jobs 0", 2, "--jobs '0'"},
        {"precompress root --level 9", 2, "write fast or best"},
        {"precompress root --codings br,lz", 2, "--codings 'br,lz'"},
        {"precompress root --min-size x", 2, "--min-size 'x'"},
        {"precompress root --nosuch", 2, "unknown option"},
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
E2E_TEST(precompress_failures, says_which_codings_the_build_cannot_make)
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
