/* tls_tickets: the keys that protect session tickets, shared by all workers. RFC 5077 section 4,
 * RFC 8446 section 4.6.1.
 *
 * Owns two keys: the current one, which protects new tickets, and the previous one, with which
 * older tickets are still opened. They are random at the start, rotate with time alone, and are
 * never written to a file. A ticket is valid for TLS_TICKET_LIFETIME_S, and its key at least as
 * long. There is not a third key for the future: all workers rotate at once. The memory of keys is
 * wiped. Thread-safe, except tls_tickets_init and tls_tickets_fini. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_TICKETS_H
#define SLUICE_TLS_TICKETS_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/base.h"

#include <pthread.h>

enum {
    TLS_TICKET_NAME_BYTES = 16,
    TLS_TICKET_SECRET_BYTES = 32,
    TLS_TICKET_ROTATION_S = 3600,
    TLS_TICKET_LIFETIME_S = TLS_TICKET_ROTATION_S,
};

struct tls_ticket_key {
    uint8_t name[TLS_TICKET_NAME_BYTES];     /* in the ticket, in the clear */
    uint8_t cipher[TLS_TICKET_SECRET_BYTES]; /* AES-256-CBC */
    uint8_t mac[TLS_TICKET_SECRET_BYTES];    /* HMAC-SHA256 */
};

/* Both keys, as one process hands them to the next. Wipe it after use (OPENSSL_cleanse). */
struct tls_ticket_keys {
    struct tls_ticket_key current, previous;
    int64_t since_s; /* when the current one became current; 0: not known yet */
    bool has_previous;
};

struct tls_tickets {
    pthread_mutex_t lock;
    struct tls_ticket_keys keys;
};

/* Makes the first key. 0, or -EIO: no random bytes. */
int tls_tickets_init(struct tls_tickets *tickets);
void tls_tickets_fini(struct tls_tickets *tickets);

/* Makes a new current key if the current one is TLS_TICKET_ROTATION_S old at NOW_S, POSIX time.
 * Without random bytes the keys stay, and the next call tries again. */
void tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s);

/* Copies the current key. */
void tls_tickets_current(struct tls_tickets *tickets, struct tls_ticket_key *ret);

enum tls_ticket_age { TLS_TICKET_UNKNOWN, TLS_TICKET_CURRENT, TLS_TICKET_PREVIOUS };

/* Copies the key called NAME, unless it is unknown. */
enum tls_ticket_age tls_tickets_find(struct tls_tickets *tickets,
                                     const uint8_t name[static TLS_TICKET_NAME_BYTES],
                                     struct tls_ticket_key *ret);

void tls_tickets_export(struct tls_tickets *tickets, struct tls_ticket_keys *ret);
void tls_tickets_import(struct tls_tickets *tickets, const struct tls_ticket_keys *keys);

#endif
#endif
