/* settings_https: which options of HTTPS go together, and the listeners that come of them. */
#include "config/command_line.h"
#include "config/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { ARGUMENTS_MAX = 16 };

static struct settings *settings;
static char mistake[PROBLEM_TEXT_BYTES]; /* "": none */

static void drop(void)
{
    settings_unref(settings);
    settings = NULL;
}

TestSuite(settings_https, .fini = drop);

/* Parses "PORT site" and WORDS, which are separated by spaces. */
static int parse(const char *port, const char *words)
{
    static char text[512];
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "test-server", (char *)(uintptr_t)port,
                                 (char *)(uintptr_t) "site"};
    struct command_line line = {.program = "test-server", .argc = 3, .argv = argv};
    struct problem problem;
    enum command command;
    snprintf(text, sizeof text, "%s", words);
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        cr_assert_lt(line.argc, ARGUMENTS_MAX);
        argv[line.argc++] = word;
    }
    drop();
    settings = settings_create();
    cr_assert_not_null(settings);
    int error = command_line_parse(&line, settings, &command, &problem);
    mistake[0] = '\0';
    if (error)
        problem_text(&problem, mistake);
    return error;
}

static void expect_refused(const char *port, const char *words, const char *says)
{
    cr_expect_eq(parse(port, words), -EINVAL, "%s: %s", words, mistake);
    cr_expect(strstr(mistake, says), "%s: %s", words, mistake);
    cr_expect(strstr(mistake, "; "), "%s: says what to do: %s", words, mistake);
}

Test(settings_https, speaks_plain_http_by_default)
{
    cr_assert_eq(parse("80", ""), 0, "%s", mistake);
    cr_expect_eq(settings->listener_count, 1);
    cr_expect_not(settings->listeners[0]->secure);
    cr_expect_null(settings->listeners[0]->redirects_to);
    cr_expect_eq(settings->listeners[0]->hsts_seconds, LISTENER_NONE);
    cr_expect_not(settings_have_https(settings));
    cr_expect_eq(settings->process.tls_minor_min, 2);
}

Test(settings_https, refuses_what_is_for_https_without_a_certificate)
{
    expect_refused("80", "--http-port 8080", "--http-port needs HTTPS");
    expect_refused("80", "--hsts", "--hsts needs HTTPS");
    expect_refused("80", "--hsts=0", "--hsts needs HTTPS");
    expect_refused("80", "--tls-min 1.2", "--tls-min needs HTTPS");
}

Test(settings_https, refuses_malformed_values)
{
    expect_refused("80", "--cert=", "--cert is empty");
    expect_refused("80", "--cert a --key=", "--key is empty");
    expect_refused("80", "--key b", "'b' has no --cert before it");
    expect_refused("80", "--key b --cert a", "'b' has no --cert before it");
    expect_refused("80", "--cert a --key b --key c", "'c' is a second key");
    expect_refused("80", "--cert a --tls-min 1.1", "choose 1.2 or 1.3");
    expect_refused("80", "--cert a --tls-min 1", "choose 1.2 or 1.3");
    expect_refused("80", "--cert a --hsts=soon", "'soon' is not a number");
    expect_refused("80", "--cert a --hsts=-1", "'-1' is not a number");
    expect_refused("80", "--cert a --http-port 65536", "65536 is out of range");
    expect_refused("80", "--self-signed=yes", "--self-signed takes no value");
}

#ifdef SLUICE_HAVE_OPENSSL

Test(settings_https, refuses_options_that_exclude_each_other)
{
    expect_refused("80", "--cert a --self-signed", "--self-signed is given beside --cert");
    expect_refused("80", "--self-signed --hsts", "--hsts is given beside --self-signed");
    expect_refused("80", "--self-signed --hsts=0", "--hsts is given beside --self-signed");
    expect_refused("443", "--cert a --http-port 443",
                   "--http-port is the same port as PORT or one of --listen");
}

Test(settings_https, gives_each_key_to_the_certificate_before_it)
{
    static const char *const certificates[] = {"a", "b", "c"}, *const keys[] = {"", "k", ""};
    cr_assert_eq(parse("443", "--cert a --cert b --key k --cert c"), 0, "%s", mistake);
    const struct certificate_paths *paths = &settings->process.certificates;
    cr_assert_eq(paths->certificates.count, COUNT_OF(certificates));
    cr_assert_eq(paths->keys.count, COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        cr_expect_str_eq(paths->certificates.items[i], certificates[i]);
        cr_expect_str_eq(paths->keys.items[i], keys[i]);
    }
    cr_expect(settings->listeners[0]->secure);
    cr_expect_eq(settings->listener_count, 1);
}

Test(settings_https, refuses_more_certificates_than_64)
{
    struct arena arena = {0};
    struct process_settings process = {0};
    struct problem problem;
    const struct option_spec *option = option_find(STR("cert"));
    const struct option_target target = {&process, &arena};
    for (unsigned i = 0; i < OPTIONS_CERTIFICATES_MAX; i++)
        cr_assert_eq(option_set(option, &target, "a", &problem), 0);
    cr_expect_eq(option_set(option, &target, "a", &problem), -EINVAL);
    cr_expect_eq(process.certificates.keys.count, OPTIONS_CERTIFICATES_MAX);
    arena_fini(&arena);
}

Test(settings_https, adds_a_plain_listener_on_the_same_addresses)
{
    cr_assert_eq(parse("443", "--cert a --http-port 80 --bind 127.0.0.1 --bind ::1 --backlog 7"), 0,
                 "%s", mistake);
    cr_assert_eq(settings->listener_count, 2);
    const struct listener_settings *secure = settings->listeners[0];
    const struct listener_settings *plain = settings->listeners[1];
    cr_expect(secure->secure);
    cr_expect_null(secure->redirects_to);
    cr_expect_not(plain->secure);
    cr_expect_eq(plain->redirects_to, secure);
    cr_expect_eq(plain->port, 80);
    cr_expect_eq(plain->backlog, 7);
    cr_expect_eq(plain->addresses.count, 2);
    cr_expect_eq(plain->hsts_seconds, LISTENER_NONE, "never on plain answers");
}

Test(settings_https, lets_both_ports_be_any_that_are_free)
{
    cr_assert_eq(parse("0", "--self-signed --http-port 0"), 0, "%s", mistake);
    cr_assert_eq(settings->listener_count, 2);
    cr_expect_eq(settings->listeners[1]->port, 0);
    cr_expect(settings->process.self_signed);
}

Test(settings_https, takes_the_time_of_hsts_only_after_an_equals_sign)
{
    static const struct {
        const char *words;
        uint32_t seconds;
    } rows[] = {
        {"--cert a", LISTENER_NONE},
        {"--cert a --hsts", 31536000},
        {"--hsts --cert a", 31536000},
        {"--cert a --hsts=0", 0},
        {"--cert a --hsts=300", 300},
        {"--cert a --hsts=300 --hsts", 31536000},
        {"--cert a --hsts=3153600000", 3153600000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(parse("443", rows[i].words), 0, "%s: %s", rows[i].words, mistake);
        cr_expect_eq(settings->listeners[0]->hsts_seconds, rows[i].seconds, "%s", rows[i].words);
    }
    expect_refused("443", "--cert a --hsts 300", "'300' is one argument too many");
}

Test(settings_https, takes_either_version_as_the_oldest)
{
    cr_assert_eq(parse("443", "--cert a --tls-min 1.3"), 0, "%s", mistake);
    cr_expect_eq(settings->process.tls_minor_min, 3);
    cr_assert_eq(parse("443", "--cert a --tls-min=1.2"), 0, "%s", mistake);
    cr_expect_eq(settings->process.tls_minor_min, 2);
}

#else

Test(settings_https, says_in_a_program_without_openssl_that_it_is_missing)
{
    expect_refused("443", "--cert a", "--cert needs OpenSSL");
    expect_refused("443", "--self-signed", "--self-signed needs OpenSSL");
}

#endif
