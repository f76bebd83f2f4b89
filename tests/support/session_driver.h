/* session_driver: one connection without a socket: ring, session, plan and output queue, put
 * together as conn does it, over a small site of resources in memory.
 *
 * Input is given in pieces of any size; output is collected. With a generator the driver imitates a
 * network at random: it sends little at a time, releases late, asks for a request several times
 * before it answers, and exchanges its output storage. Repeated heads are answered by memos. The
 * output must not depend on any of that. */
#ifndef SLUICE_TESTS_SESSION_DRIVER_H
#define SLUICE_TESTS_SESSION_DRIVER_H

#include "h1/h1.h"
#include "storage/ring.h"
#include "support/prng.h"

enum {
    DRIVER_SMALL_BYTES = 1 << 10,
    DRIVER_FULL_BYTES = 16 << 10,
    DRIVER_SENT_MAX = 1 << 20,
};

/* Bytes that are put together piece by piece. */
struct text {
    size_t length;
    char bytes[DRIVER_SENT_MAX];
};

void text_add(struct text *text, struct str more);

static inline struct str text_view(const struct text *text)
{
    return (struct str){text->bytes, text->length};
}

/* --- The site -------------------------------------------------------------------------------- */

/* "/small" (20 bytes), "/large" (2000 bytes in memory), "/file" (3000 bytes in a file), "/empty",
 * "/dir" (a redirect), "/private" (403), "/busy" (503); everything else is 404. */
void driver_site_create(void);

/* Checks that nothing holds a reference any more. */
void driver_site_destroy(void);

/* Plans the response to REQUEST, by the site above. plan_fini. *RET_RESOURCE, *borrowed*, is the
 * resource used; NULL: none of the site. */
void driver_plan(struct plan *ret, const struct request *request, struct resource **ret_resource);

/* Answers that all drivers give again; made and destroyed with the site. */
extern struct h1_memos driver_memos;

/* The ETag of /small. */
#define SITE_SMALL_ETAG "\"ae1b981bc490a05-14\""

/* An answer as RFC 9112 section 6 has it, with Sluice's fields in Sluice's order. */
struct expected {
    unsigned minor;
    enum http_status status;
    const char *path;       /* for 200, 301 and 304: of what */
    const char *connection; /* NULL: no such field */
    const char *more; /* further field lines of an error page, with CRLF; or a redirect's query */
    bool head;        /* no body */
};

/* Adds that answer to TEXT. */
void expected_add(struct text *text, const struct expected *expected);

/* The time at which everything happens. */
extern const struct date_now driver_now;

/* --- The driver ------------------------------------------------------------------------------ */

enum driver_stop {
    DRIVER_HUNGRY,  /* needs more input */
    DRIVER_BLOCKED, /* something has to be sent first */
    DRIVER_ENDED,
};

struct driver {
    const struct h1_limits *limits;
    struct h1 session;
    struct ring input;
    struct outq output;
    struct prng *prng; /* NULL: nothing is left to chance */
    enum driver_stop stop;
    unsigned answered;
    unsigned inflight_peak;
    uint64_t unreleased; /* bytes sent and not released */
    struct text sent;
};

/* A driver whose input begins at index RING_FIRST of a ring of RING_BYTES. One at a time. */
struct driver *driver_create(const struct h1_limits *limits, uint32_t ring_bytes,
                             uint32_t ring_first, struct prng *prng);
void driver_destroy(struct driver *driver);

/* BYTES arrive, as many at a time as there is room for; what can be answered is answered. Once the
 * session has ended, the rest is thrown away. */
void driver_receive(struct driver *driver, struct str bytes);

/* Answers and sends until nothing is left to do. */
void driver_finish(struct driver *driver);

#endif
