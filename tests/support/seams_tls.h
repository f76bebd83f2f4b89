/* seams_tls: the loop of seams_rig.h with TLS, and clients of libssl. Only in builds with
 * OpenSSL. */
#ifndef SLUICE_TESTS_SEAMS_TLS_H
#define SLUICE_TESTS_SEAMS_TLS_H

#ifdef SLUICE_HAVE_OPENSSL

#include "support/seams_rig.h"
#include "support/tls_talker.h"

enum { SEAMS_SLOTS = 200, SEAMS_PLAIN_ORIGIN = 3 };

static struct tls_shared *shared;
static const struct origin origins[ORIGINS_MAX] = {{.plain_index = SEAMS_PLAIN_ORIGIN}};

static inline void add_tls(void)
{
    struct problem problem;
    shared = tls_talker_shared();
    struct transport_tls *tls;
    cr_assert_eq(transport_tls_create(&tls, shared, SEAMS_SLOTS, &problem), 0);
    transport_tls_use(&rig.context, tls);
    rig.context.origins = origins;
}

static inline void set_up_tls_epoll(void)
{
    set_up_epoll();
    add_tls();
}

static inline void set_up_tls_uring(void)
{
    set_up_uring();
    add_tls();
}

static inline void tear_down_tls(void)
{
    if (started)
        stop();
    loop_destroy(loop);
    conn_table_fini(&conns);
    transport_tls_destroy(rig.context.tls);
    tls_shared_destroy(shared);
    rig_fini(&rig);
}

/* A connected client, after its handshake. */
static inline int connect_tls(struct tls_talker *client, int version)
{
    const int fd = wire_connect(port);
    tls_talker_init(client, version);
    cr_assert(tls_talker_connect(client, fd));
    return fd;
}

#endif
#endif
