/* command_line: how the programs report each mistake: one line on standard error that says what to
 * do; status 2 for usage, 1 for a failure at run time; and --help and --version. */
#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(command_line);

/* --- Programs that end by themselves ---------------------------------------------------------- */

struct outcome {
    int status; /* as waitpid gives it */
    const char *output;
    const char *errors;
};

static struct outcome run(const struct process_setup *setup)
{
    struct process process;
    struct bytes output = {0};
    int64_t deadline = deadline_after(10000);

    process_start(&process, setup);
    if (!process_wait(&process, deadline)) {
        process_kill(&process);
        cr_assert_fail("%s did not end", setup->program);
    }
    process_read_output(&process, &output);
    return (struct outcome){
        .status = process.status,
        .output = bytes_text(&output),
        .errors = process_errors(&process),
    };
}

/* One line, from PROGRAM. */
static void expect_line(const char *what, const char *program, const struct outcome *outcome,
                        const char *mentions)
{
    const char *errors = outcome->errors;
    const char *end = strchr(errors, '\n');

    cr_expect(sanitizer_report(errors) == NULL, "%s: a sanitizer's report:\n%s", what, errors);
    cr_expect(end && end[1] == '\0', "%s: not one line: \"%s\"", what, errors);
    cr_expect(strncmp(errors, program, strlen(program)) == 0 && errors[strlen(program)] == ':',
              "%s: not said by %s: \"%s\"", what, program, errors);
    cr_expect(!mentions || strstr(errors, mentions), "%s: \"%s\" is not mentioned: \"%s\"", what,
              mentions, errors);
    cr_expect_str_empty(outcome->output, "%s: something on standard output: \"%s\"", what,
                        outcome->output);
}

static void expect_status_of(const char *what, const struct outcome *outcome, int status,
                             int or_status)
{
    cr_expect(WIFEXITED(outcome->status) && (WEXITSTATUS(outcome->status) == status ||
                                             WEXITSTATUS(outcome->status) == or_status),
              "%s: ended with %s, not %d; it said \"%s\"", what, status_text(outcome->status),
              status, outcome->errors);
}

static const struct {
    const char *label;
    const char *words; /* ROOT is replaced by a directory, FILE by a file in it */
    int status;
    int or_status;
    const char *mentions;
} mistakes[] = {
    {"nothing at all", "", 2, 2, "PORT"},
    {"no ROOT", "8080", 2, 2, "ROOT"},
    {"no PORT", "ROOT", 2, 2, "PORT"},
    {"no port", "http ROOT", 2, 2, "http"},
    {"a port above", "65536 ROOT", 2, 2, "65536"},
    {"a negative port", "-1 ROOT", 2, 2, "-1"},
    {"a port with a tail", "80x ROOT", 2, 2, "80x"},
    {"swapped", "ROOT 8080", 2, 2, "swap"},
    {"one too many", "0 ROOT more", 2, 2, "more"},
    {"ROOT missing", "0 ROOT/missing", 1, 2, "missing"},
    {"ROOT a file", "0 FILE", 1, 2, "directory"},
    {"an unknown option", "0 ROOT --colour", 2, 2, "--colour"},
    {"nearly --threads", "0 ROOT --thread 2", 2, 2, "--threads"},
    {"nearly --idle-timeout", "0 ROOT --idel-timeout 2s", 2, 2, "--idle-timeout"},
    {"an unknown short option", "0 ROOT -x", 2, 2, "-x"},
    {"a value missing", "0 ROOT --threads", 2, 2, "--threads"},
    {"no threads", "0 ROOT --threads 0", 2, 2, "--threads"},
    {"threads in words", "0 ROOT --threads two", 2, 2, "two"},
    {"no such time", "0 ROOT --idle-timeout soon", 2, 2, "soon"},
    {"no such size", "0 ROOT --max-body big", 2, 2, "big"},
    {"a head too large", "0 ROOT --max-head 1G", 2, 2, "--max-head"},
    {"no such backend", "0 ROOT --backend kqueue", 2, 2, "kqueue"},
    {"no address", "0 ROOT --bind nowhere", 2, 2, "nowhere"},
    {"an address that is not here", "0 ROOT --bind 192.0.2.1", 1, 1, "192.0.2.1"},
    {"no types file", "0 ROOT --mime-types ROOT/missing", 1, 2, "missing"},
    {"a type of 12 KB", "0 ROOT --mime-types ROOT/long.types", 1, 1, "long.types"},
    {"no fallback page", "0 ROOT --spa missing.html", 1, 1, "missing.html"},
    {"a fallback page outside", "0 ROOT --spa ../outside.html", 1, 1, "outside.html"},
    {"a fallback page that is a directory", "0 ROOT --spa .", 1, 1, "--spa"},
    {"a fallback page that is private", "0 ROOT --spa /_headers", 1, 1, "_headers"},
    {"an index that is private", "0 ROOT --index _headers", 1, 1, "_headers"},
    {"an index elsewhere", "0 ROOT --index a/b", 2, 2, "--index"},
    {"a rule without a field", "0 ROOT --header /a", 2, 2, "--header"},
    {"a value for --help", "--help=all", 2, 2, "--help"},
    {"a key without a certificate", "0 ROOT --key FILE", 2, 2, "--cert"},
    {"HSTS without HTTPS", "0 ROOT --hsts", 2, 2, "--hsts"},
    {"a plain port without HTTPS", "0 ROOT --http-port 0", 2, 2, "--http-port"},
    {"an old version of TLS", "0 ROOT --self-signed --tls-min 1.1", 2, 2, "--tls-min"},
    {"no time for HSTS", "0 ROOT --cert FILE --hsts=soon", 2, 2, "soon"},
    {"one port twice", "8443 ROOT --cert FILE --http-port 8443", 2, 2, "--http-port"},
    {"two kinds of certificates", "0 ROOT --self-signed --cert FILE", 2, 2, "--cert"},
#ifdef SLUICE_HAVE_OPENSSL
    {"HSTS for development", "0 ROOT --self-signed --hsts", 2, 2, "--hsts"},
    {"no certificate file", "0 ROOT --cert ROOT/missing.pem", 1, 1, "missing.pem"},
    {"a file without a certificate", "0 ROOT --cert FILE", 1, 1, "file.txt"},
    {"a directory without certificates", "0 ROOT --cert ROOT", 1, 1, "fullchain.pem"},
    {"an address for HTTPS that is not here", "0 ROOT --self-signed --bind 192.0.2.1", 1, 1,
     "192.0.2.1"},
#else
    {"HTTPS without OpenSSL", "0 ROOT --self-signed", 2, 2, "OpenSSL"},
    {"a certificate without OpenSSL", "0 ROOT --cert FILE", 2, 2, "OpenSSL"},
#endif
};

/* WORDS with ROOT and FILE replaced. */
static const char *fill_in(const char *words, const struct site *site)
{
    struct bytes text = {0};

    for (; *words; words++)
        if (strncmp(words, "ROOT", 4) == 0) {
            bytes_append_text(&text, site->path);
            words += 3;
        } else if (strncmp(words, "FILE", 4) == 0) {
            bytes_append_text(&text, site_path(site, "file.txt"));
            words += 3;
        } else {
            bytes_append(&text, words, 1);
        }
    return bytes_text(&text);
}

E2E_TEST(command_line, reports_each_mistake_in_one_line)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "file.txt", "x");
    site_write_text(&site, "long.types", text_format("text/%012000d long\n", 1));
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++)
        for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
            struct process_setup setup = {.program = server_program(kind)};
            const char *what = text_format("%s, %s", setup.program, mistakes[i].label);
            struct outcome outcome;

            process_add_words(&setup, fill_in(mistakes[i].words, &site));
            outcome = run(&setup);
            expect_status_of(what, &outcome, mistakes[i].status, mistakes[i].or_status);
            expect_line(what, setup.program, &outcome, mistakes[i].mentions);
        }
}

E2E_TEST(command_line, prints_help_and_version)
{
    static const char *const options[] = {
        "--threads",       "--bind",           "--backend",
        "--idle-timeout",  "--header-timeout", "--max-head",
        "--max-body",      "--backlog",        "--max-connections",
        "--drain-timeout", "--drain-grace",    "--version",
        "--cache-bytes",   "--help",           "--cache-valid",
        "--mime-types",    "--cert",           "--key",
        "--self-signed",   "--http-port",      "--hsts[=SECONDS]",
        "--tls-min",
    };

    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct process_setup help = {.program = server_program(kind), .arguments = {"--help"}};
        struct process_setup version = {.program = server_program(kind),
                                        .arguments = {"--version"}};
        struct outcome outcome = run(&help);

        expect_status_of("--help", &outcome, 0, 0);
        cr_expect_str_empty(outcome.errors);
        cr_expect(strstr(outcome.output, text_format("%s PORT ROOT", help.program)) != NULL);
        for (size_t i = 0; i < COUNT_OF(options); i++)
            cr_expect(strstr(outcome.output, options[i]) != NULL, "%s --help does not name %s",
                      help.program, options[i]);
        outcome = run(&version);
        expect_status_of("--version", &outcome, 0, 0);
        cr_expect_str_empty(outcome.errors);
        cr_expect(strstr(outcome.output, help.program) && strstr(outcome.output, "Sluice"),
                  "--version said \"%s\"", outcome.output);
    }
}

/* --- Ports and the backend --------------------------------------------------------------------- */

E2E_TEST(command_line, reports_a_busy_port)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "index.html", "x");
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);
        struct process_setup setup = {
            .program = server_program(kind),
            .arguments = {text_format("%u", server->port), site.path},
        };
        struct outcome outcome;

        process_add_words(&setup, "--bind 127.0.0.1");
        outcome = run(&setup);
        expect_status_of("a busy port", &outcome, 1, 1);
        expect_line("a busy port", setup.program, &outcome, setup.arguments[0]);
        server_expect_alive(server, "whose port a second start wanted");
    }
}

E2E_TEST(command_line, reports_a_port_that_needs_privileges)
{
    struct site site;
    struct process_setup setup = {.program = server_program(PIPELINED),
                                  .as_nobody = geteuid() == 0};
    struct outcome outcome;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    char line[16] = "1024";
    int first_free;

    if (file) {
        cr_assert(fgets(line, sizeof(line), file) != NULL);
        fclose(file);
    }
    first_free = (int)strtol(line, NULL, 10);
    if (first_free <= 1)
        e2e_skip("everybody may use every port here");
    site_create(&site);
    setup.arguments[0] = text_format("%d", first_free - 1);
    setup.arguments[1] = site.path;
    outcome = run(&setup);
    expect_status_of("a port without the right", &outcome, 1, 1);
    expect_line("a port without the right", setup.program, &outcome, setup.arguments[0]);
}

/* The message names the reason and the remedy. Without --backend the server uses epoll. */
E2E_TEST(command_line, reports_why_io_uring_is_not_available)
{
    static const struct {
        const char *label;
        int error;
        const char *mentions;
    } rows[] = {
        {"a sandbox", EPERM, "io_uring_setup"},
        {"an old kernel", ENOSYS, "Linux 6.1"},
        {"a kernel that lacks a feature", EINVAL, "Linux 6.1"},
        {"memory locked", ENOMEM, "ulimit -l"},
        {"another error", ENXIO, "--backend epoll"},
    };
    struct site site;

    if (e2e_uses_uring())
        e2e_skip("about servers that are started without io_uring");
    site_create(&site);
    site_write_text(&site, "index.html", "x");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct process_setup setup = {
            .program = server_program(PIPELINED),
            .arguments = {"0", site.path, "--bind", "127.0.0.1", "--backend", "io_uring"},
            .uring_errno = rows[i].error,
        };
        struct outcome outcome = run(&setup);
        struct server *server;

        expect_status_of(rows[i].label, &outcome, 1, 1);
        if (!strstr(outcome.errors, "built without"))
            expect_line(rows[i].label, setup.program, &outcome, rows[i].mentions);
        server = server_start_with(&(struct server_setup){
            .kind = PIPELINED, .root = site.path, .uring_errno = rows[i].error});
        server_expect_alive(server, rows[i].label);
        server_stop(server);
        cr_expect(strstr(bytes_text(&server->screen), "epoll"), "%s: not epoll", rows[i].label);
    }
}
