/* tls_skips: the end-to-end tests that can't hold where every server speaks HTTPS (SLUICE_TLS),
 * each with the reason. All others must hold to the byte. */
#include "e2e.h"

#include <string.h>

struct skip {
    const char *suite;
    const char *name; /* NULL: the whole suite */
    const char *why;
};

static const struct skip skips[] = {
    {"tls_serving", NULL, "it chooses TLS itself"},
    {"tls_handshakes", NULL, "it chooses TLS itself"},
    {"tls_certificates", NULL, "it chooses TLS itself"},
    {"tls_renewal", NULL, "it chooses TLS itself"},
    {"tls_forged", NULL, "it chooses TLS itself"},
    {"tls_hostile", NULL, "it chooses TLS itself"},
    {"tls_records", NULL, "it chooses TLS itself"},
    {"tls_http_port", NULL, "it chooses TLS itself"},
    {"signals_start", NULL, "it starts programs without a certificate"},
    {"reload_https", NULL, "it chooses TLS itself"},
    {"unix_socket", NULL, "it chooses TLS itself"},
    {"haproxy", NULL, "HAProxy speaks plain HTTP to its servers"},
    {"proxy_protocol", NULL, "it chooses TLS itself"},
    {"trusted_proxy", NULL, "it chooses TLS itself"},
    {"user", NULL, "the certificate of the tests is for its own user alone"},
    {"upgrade", "to_a_program_that_hangs_is_given_up", "it takes 30 s, and TLS changes nothing"},
    {"command_line", "reports_a_busy_port", "it starts programs without a certificate"},
    {"command_line", "reports_a_port_that_needs_privileges",
     "it starts programs without a certificate"},
    {"many_connections", "five_thousand_connections_are_answered",
     "five thousand handshakes take longer than its deadlines"},
    {"rewritten_files", "end_a_connection_whose_socket_holds_their_pages",
     "a record is a copy, so no socket holds a page"},
};

void e2e_skip_in_tls(const char *suite, const char *name)
{
    for (size_t i = 0; e2e_uses_tls() && i < COUNT_OF(skips); i++) {
        const struct skip *skip = &skips[i];
        if (strcmp(skip->suite, suite) == 0 && (!skip->name || strcmp(skip->name, name) == 0))
            e2e_skip(skip->why);
    }
}
