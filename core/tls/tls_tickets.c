/* tls_tickets: see tls_tickets.h. */
#include "tls/tls_tickets.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

static bool make_key(struct tls_ticket_key *ret)
{
    struct tls_ticket_key key;
    bool done = RAND_priv_bytes((unsigned char *)&key, (int)sizeof key) == 1;
    if (done)
        *ret = key;
    else
        ERR_clear_error();
    OPENSSL_cleanse(&key, sizeof key);
    return done;
}

int tls_tickets_init(struct tls_tickets *tickets)
{
    *tickets = (struct tls_tickets){0};
    if (!make_key(&tickets->keys.current))
        return -EIO;
    pthread_mutex_init(&tickets->lock, NULL);
    return 0;
}

void tls_tickets_fini(struct tls_tickets *tickets)
{
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(&tickets->keys, sizeof tickets->keys);
}

/* Whether the current key of KEYS is too old at NOW_S. A clock that was set back starts its age
 * anew. */
static bool is_due(struct tls_ticket_keys *keys, int64_t now_s)
{
    if (keys->since_s == 0 || now_s < keys->since_s)
        keys->since_s = now_s;
    return now_s - keys->since_s >= TLS_TICKET_ROTATION_S;
}

void tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s)
{
    struct tls_ticket_keys *keys = &tickets->keys;
    struct tls_ticket_key key;
    pthread_mutex_lock(&tickets->lock);
    if (is_due(keys, now_s) && make_key(&key)) {
        keys->previous = keys->current;
        keys->has_previous = true;
        keys->current = key;
        keys->since_s = now_s;
        OPENSSL_cleanse(&key, sizeof key);
    }
    pthread_mutex_unlock(&tickets->lock);
}

void tls_tickets_current(struct tls_tickets *tickets, struct tls_ticket_key *ret)
{
    pthread_mutex_lock(&tickets->lock);
    *ret = tickets->keys.current;
    pthread_mutex_unlock(&tickets->lock);
}

static bool has_name(const struct tls_ticket_key *key, const uint8_t *name)
{
    return memcmp(key->name, name, sizeof key->name) == 0;
}

enum tls_ticket_age tls_tickets_find(struct tls_tickets *tickets,
                                     const uint8_t name[static TLS_TICKET_NAME_BYTES],
                                     struct tls_ticket_key *ret)
{
    const struct tls_ticket_keys *keys = &tickets->keys;
    enum tls_ticket_age age = TLS_TICKET_UNKNOWN;
    pthread_mutex_lock(&tickets->lock);
    if (has_name(&keys->current, name)) {
        *ret = keys->current;
        age = TLS_TICKET_CURRENT;
    } else if (keys->has_previous && has_name(&keys->previous, name)) {
        *ret = keys->previous;
        age = TLS_TICKET_PREVIOUS;
    }
    pthread_mutex_unlock(&tickets->lock);
    return age;
}

void tls_tickets_export(struct tls_tickets *tickets, struct tls_ticket_keys *ret)
{
    pthread_mutex_lock(&tickets->lock);
    *ret = tickets->keys;
    pthread_mutex_unlock(&tickets->lock);
}

void tls_tickets_import(struct tls_tickets *tickets, const struct tls_ticket_keys *keys)
{
    pthread_mutex_lock(&tickets->lock);
    tickets->keys = *keys;
    pthread_mutex_unlock(&tickets->lock);
}

#endif
