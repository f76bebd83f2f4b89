/* tls: certificates and the oldest version are published, and ticket keys rotated, while workers
 * make handshakes, without a race. */
#include "plain.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"

#include <pthread.h>

enum { WORKERS = 3, HANDSHAKES = 300, GENERATIONS = 50, HELLO_BYTES_MAX = 4096 };

struct worker {
    pthread_t thread;
    struct tls_shared *shared;
    struct str hello;      /* a client's first flight */
    unsigned answered;     /* handshakes that got a flight of the server */
    unsigned tickets_seen; /* keys that were found */
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct tls_context *context;
    struct problem problem;
    if (tls_context_create(&context, worker->shared, &problem) != 0)
        return NULL;
    for (unsigned i = 0; i < HANDSHAKES; i++) {
        struct tls_stream *stream = tls_stream_create(context);
        struct tls_ticket_key key, found;
        context->input = worker->hello;
        if (stream && tls_stream_handshake(context, stream) == TLS_WANTS_INPUT)
            worker->answered += context->output_length > 0;
        context->output_length = 0;
        tls_tickets_current(&worker->shared->tickets, &key);
        worker->tickets_seen +=
            tls_tickets_find(&worker->shared->tickets, key.name, &found) != TLS_TICKET_UNKNOWN;
        tls_stream_destroy(stream);
    }
    tls_context_destroy(context);
    return NULL;
}

void tls_changes_under_workers(void)
{
    static char hello[HELLO_BYTES_MAX];
    const struct tls_maker maker = {.names = "DNS:example.org"};
    struct tls_rig rig;
    struct worker workers[WORKERS] = {{.answered = 0}};
    tls_rig_init(&rig, &maker, 1);
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){0});
    SSL_do_handshake(link->client);
    int length = BIO_read(link->to_server, hello, (int)sizeof hello);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].shared = rig.shared;
        workers[i].hello = (struct str){hello, (size_t)length};
        EXPECT(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < GENERATIONS; i++) {
        tls_shared_publish(rig.shared, tls_rig_certificates(&maker, 1));
        tls_shared_set_least(rig.shared, i % 2 ? TLS_VERSION_1_3 : TLS_VERSION_1_2);
        tls_shared_rotate(rig.shared, 1 + (int64_t)i * TLS_TICKET_ROTATION_S);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        EXPECT(workers[i].answered == HANDSHAKES);
        EXPECT(workers[i].tickets_seen > 0);
    }
    tls_link_destroy(link);
    tls_rig_fini(&rig);
}

#else

void tls_changes_under_workers(void)
{
}

#endif
