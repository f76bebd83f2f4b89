/* tls_certificates: which certificate a client gets, which mistakes end the start, and
 * --self-signed. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/ssl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(tls_certificates);

enum { DAY = 24 * 3600 };

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

/* The fingerprint of the certificate that SERVER gives for NAME, if SETUP, may be NULL, is offered;
 * "" if the handshake fails. */
static const char *given(const struct server *server, const char *name,
                         const struct secure_setup *setup)
{
    struct client client;
    struct secure_setup secure = setup ? *setup : (struct secure_setup){0};
    secure.server_name = name;
    client_connect_with(
        &client, &(struct client_setup){.port = server->port, .secure = &secure, .silent = true});
    bool done = secure_await_handshake(client.secure, deadline_after(10000)) == SECURE_ESTABLISHED;
    const char *fingerprint = done ? secure_fingerprint(client.secure) : "";
    client_close(&client);
    return fingerprint;
}

static bool gives(const struct server *server, const char *name, const struct certificate *expected)
{
    return strcmp(given(server, name, NULL), expected->fingerprint) == 0;
}

/* --- The choice ------------------------------------------------------------------------------- */

E2E_TEST(tls_certificates, are_chosen_by_the_name_and_then_by_the_algorithm)
{
    enum { FIRST, WILDCARD, RSA, EXACT, COUNT };
    static const struct certificate_setup setups[COUNT] = {
        [FIRST] = {.names = "DNS:first.example"},
        [WILDCARD] = {.names = "DNS:*.b.example,DNS:b.example"},
        [RSA] = {.names = "DNS:first.example,DNS:*.b.example", .key = "RSA-2048"},
        [EXACT] = {.names = "DNS:www.b.example"},
    };
    static const struct {
        const char *name;
        bool rsa_only;
        int expected;
    } rows[] = {
        {"first.example", false, FIRST},
        {"FIRST.example", false, FIRST},
        {"first.example", true, RSA},
        {"x.b.example", false, WILDCARD},
        {"b.example", false, WILDCARD},
        {"x.b.example", true, RSA},
        {"www.b.example", false, EXACT},
        {"www.b.example", true, RSA},
        {"y.x.b.example", false, FIRST},
        {"unknown.example", false, FIRST},
        {"unknown.example", true, RSA},
        {NULL, false, FIRST},
        {NULL, true, RSA},
    };
    struct site site;
    struct certificate certificates[COUNT];
    struct bytes options = {0};
    create_site(&site);
    for (size_t i = 0; i < COUNT; i++) {
        certificate_make(&certificates[i], &setups[i]);
        const char *path = certificate_write(&certificates[i], &site, text_format("../%zu.pem", i));
        bytes_append_text(&options, text_format("--cert %s ", path));
    }
    struct server *server = server_start(PIPELINED, &site, bytes_text(&options));
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct secure_setup setup = {.version = 12 + (int)(i % 2)};
        if (rows[i / 2].rsa_only)
            setup.signature_algorithms = "RSA-PSS+SHA256:RSA+SHA256";
        const char *fingerprint = given(server, rows[i / 2].name, &setup);
        cr_expect_str_eq(fingerprint, certificates[rows[i / 2].expected].fingerprint,
                         "row %zu over 1.%d", i / 2, setup.version - 10);
    }
}

/* --- Mistakes at the start -------------------------------------------------------------------- */

/* Files beside ROOT that the mistakes below name as @NAME. */
static void write_bad_files(const struct site *site)
{
    struct certificate good, other, locked;
    certificate_make(&good, &(struct certificate_setup){.names = "DNS:a.example"});
    certificate_make(&other, &(struct certificate_setup){.names = "DNS:a.example"});
    certificate_make(&locked,
                     &(struct certificate_setup){.names = "DNS:a.example", .passphrase = "secret"});
    certificate_write(&good, site, "../good.pem");
    certificate_write(&locked, site, "../locked.pem");
    site_write_text(site, "../chain.pem", good.chain);
    site_write_text(site, "../key.pem", good.key);
    site_write_text(site, "../other.key", other.key);
    site_write_text(site, "../empty.pem", "");
    site_write_text(site, "../text.pem", "This is not a certificate.\n");
    site_write_text(site, "../half.pem",
                    text_format("%.*s", (int)strlen(good.chain) / 2, good.chain));
    site_write_text(site, "../half.key", text_format("%.*s", (int)strlen(good.key) / 2, good.key));
    site_write_text(site, "../nothing/README", "");
    site_write_text(site, "../lonely/site/fullchain.pem", good.chain);
    site_write_text(site, "../unequal/site/fullchain.pem", good.chain);
    site_write_text(site, "../unequal/site/privkey.pem", other.key);
    site_fifo(site, "../fifo.pem");
    site_write_sparse(site, "../huge.pem", (off_t)1 << 32);
}

static const struct {
    const char *words; /* @NAME is a file beside ROOT */
    const char *mentions;
} mistakes[] = {
    {"--cert @missing.pem", "missing.pem"},
    {"--cert @good.pem --key @missing.key", "missing.key"},
    {"--cert @empty.pem", "empty.pem"},
    {"--cert @text.pem", "text.pem"},
    {"--cert @half.pem --key @key.pem", "half.pem"},
    {"--cert @chain.pem", "chain.pem"},
    {"--cert @chain.pem --key @other.key", "other.key"},
    {"--cert @chain.pem --key @half.key", "half.key"},
    {"--cert @chain.pem --key @empty.pem", "empty.pem"},
    {"--cert @locked.pem", "locked.pem"},
    {"--cert @nothing", "nothing"},
    {"--cert @lonely", "privkey.pem"},
    {"--cert @unequal", "unequal"},
    {"--cert @fifo.pem", "fifo.pem"},
    {"--cert @huge.pem", "huge.pem"},
    {"--cert", "--cert"},
    {"--key @key.pem", "--key"},
    {"--cert @chain.pem --key @key.pem --key @key.pem", "--key"},
    {"--cert @good.pem --self-signed", "--self-signed"},
    {"--hsts", "--hsts"},
    {"--http-port 0", "--http-port"},
    {"--tls-min 1.3", "--tls-min"},
    {"--cert @good.pem --tls-min 1.1", "1.1"},
    {"--cert @good.pem --hsts=soon", "soon"},
    {"--cert @good.pem --http-port 65536", "65536"},
    {"--self-signed --hsts", "--hsts"},
};

/* WORDS with the names of files written out. */
static const char *fill_in(const struct site *site, const char *words)
{
    struct bytes text = {0};
    for (; *words; words++) {
        if (*words == '@')
            bytes_append_text(&text, text_format("%s/", site->parent));
        else
            bytes_append(&text, words, 1);
    }
    return bytes_text(&text);
}

E2E_TEST(tls_certificates, each_mistake_is_one_line_that_names_the_file)
{
    struct site site;
    create_site(&site);
    write_bad_files(&site);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct process process;
        struct process_setup setup = {.program = server_program((enum server_kind)(i % 3)),
                                      .arguments = {"0", site.path}};
        process_add_words(&setup, fill_in(&site, mistakes[i].words));
        process_start(&process, &setup);
        bool ended = process_wait(&process, deadline_after(10000));
        process_kill(&process);
        const char *errors = process_errors(&process), *end = strchr(errors, '\n');
        cr_expect(ended && WIFEXITED(process.status) &&
                      (WEXITSTATUS(process.status) == 1 || WEXITSTATUS(process.status) == 2),
                  "%s: %s", mistakes[i].words, ended ? status_text(process.status) : "it runs");
        cr_expect(end && end[1] == '\0', "%s: not one line: \"%s\"", mistakes[i].words, errors);
        cr_expect(strstr(errors, mistakes[i].mentions), "%s: \"%s\" is not in \"%s\"",
                  mistakes[i].words, mistakes[i].mentions, errors);
        cr_expect(!strstr(errors, "PRIVATE") || strstr(errors, "BEGIN PRIVATE KEY"),
                  "%s: part of a key: \"%s\"", mistakes[i].words, errors);
    }
}

/* A key that only root may read, for a server that is not root. */
E2E_TEST(tls_certificates, an_unreadable_key_is_named)
{
    struct site site;
    create_site(&site);
    if (geteuid() != 0)
        e2e_skip("only root can run a server as another user");
    write_bad_files(&site);
    site_chmod(&site, "../key.pem", 0600);
    struct process process;
    struct process_setup setup = {
        .program = server_program(PIPELINED), .arguments = {"0", site.path}, .as_nobody = true};
    process_add_words(&setup, fill_in(&site, "--cert @chain.pem --key @key.pem"));
    process_start(&process, &setup);
    cr_expect(process_wait(&process, deadline_after(10000)), "it runs");
    process_kill(&process);
    const char *errors = process_errors(&process);
    cr_expect(strstr(errors, "key.pem") && strstr(errors, "ermission"), "\"%s\"", errors);
}

E2E_TEST(tls_certificates, an_expired_one_is_served_and_reported)
{
    static const struct {
        int64_t begins_s, ends_s;
        const char *said; /* NULL: nothing */
    } rows[] = {
        {-90 * DAY, -DAY, "expired"},
        {-DAY, 5 * DAY, "expires"},
        {DAY, 90 * DAY, "not valid before"},
        {-DAY, 30 * DAY, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct site site;
        struct certificate certificate;
        create_site(&site);
        certificate_make(&certificate, &(struct certificate_setup){.names = "DNS:localhost",
                                                                   .begins_s = rows[i].begins_s,
                                                                   .ends_s = rows[i].ends_s});
        const char *path = certificate_write(&certificate, &site, "../chain.pem");
        struct server *server = server_start(PIPELINED, &site, text_format("--cert %s", path));
        cr_expect(gives(server, "localhost", &certificate));
        const char *errors = process_errors(&server->process);
        if (rows[i].said)
            cr_expect(strstr(errors, rows[i].said) && strstr(errors, "chain.pem"), "%s: \"%s\"",
                      rows[i].said, errors);
        else
            cr_expect_str_empty(errors, "\"%s\"", errors);
        server_stop(server);
    }
}

/* --- --self-signed ---------------------------------------------------------------------------- */

/* TEXT has the DIGITS of a fingerprint, in either case, with or without colons. */
static bool has_fingerprint(const char *text, const char *digits)
{
    struct bytes plain = {0};
    for (; *text; text++) {
        char lower = *text >= 'A' && *text <= 'F' ? (char)(*text + 32) : *text;
        if (*text != ':')
            bytes_append(&plain, &lower, 1);
    }
    return strstr(bytes_text(&plain), digits) != NULL;
}

E2E_TEST(tls_certificates, a_self_signed_one_is_on_the_screen_and_new_at_each_start)
{
    const char *fingerprints[2];
    struct site site;
    create_site(&site);
    for (size_t i = 0; i < 2; i++) {
        struct server *server = server_start(PIPELINED, &site, "--self-signed");
        cr_assert(server->secure, "%s", bytes_text(&server->screen));
        fingerprints[i] = given(server, "localhost", NULL);
        process_read_output(&server->process, &server->screen);
        cr_expect(has_fingerprint(bytes_text(&server->screen), fingerprints[i]), "\"%s\" lacks %s",
                  bytes_text(&server->screen), fingerprints[i]);
        server_expect_alive(server, "--self-signed");
        server_stop(server);
    }
    cr_expect_str_neq(fingerprints[0], fingerprints[1]);
}

#endif
