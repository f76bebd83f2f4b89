/* crowd: see crowd.h. */
#include "crowd.h"

#include "e2e.h"

#include <poll.h>
#include <stdlib.h>

/* Connects; over TLS, SILENT ones shake hands later. */
static void connect_all(struct crowd *crowd, const struct server *server, size_t count, bool silent)
{
    *crowd = (struct crowd){
        .clients = calloc(count, sizeof(*crowd->clients)),
        .answers = calloc(count, sizeof(*crowd->answers)),
        .count = count,
    };
    cr_assert(crowd->clients && crowd->answers);
    for (size_t i = 0; i < count; i++) {
        crowd->answers[i] = ANSWER_LATE;
        client_connect_with(
            &crowd->clients[i],
            &(struct client_setup){.port = server->port, .silent = silent, .read_bytes_max = 4096});
    }
}

void crowd_connect(struct crowd *crowd, const struct server *server, size_t count, const char *text)
{
    connect_all(crowd, server, count, false);
    crowd_send(crowd, text);
}

void crowd_queue_up(struct crowd *crowd, const struct server *server, size_t count,
                    const char *text)
{
    connect_all(crowd, server, count, true);
    crowd_send(crowd, text);
}

void crowd_send(struct crowd *crowd, const char *text)
{
    for (size_t i = 0; i < crowd->count; i++) {
        client_queue_text(&crowd->clients[i], text);
        cr_assert(client_flush_blindly(&crowd->clients[i]), "client %zu could not send: %s", i,
                  answer_text(&crowd->clients[i], ANSWER_RESET));
    }
}

/* Receives for CLIENT. */
static void take(struct crowd *crowd, size_t index)
{
    struct response response;
    enum answer answer =
        client_read_response_until(&crowd->clients[index], false, &response, clock_ms());

    crowd->answers[index] = answer;
    if (answer == ANSWER_WHOLE && response.status == 200)
        crowd->answered++;
    else if (answer != ANSWER_LATE)
        crowd->failed++;
}

void crowd_read(struct crowd *crowd, size_t wanted, int64_t deadline)
{
    struct pollfd *ready = calloc(crowd->count, sizeof(*ready));
    int left = 1;

    cr_assert(ready != NULL);
    while (crowd->answered + crowd->failed < crowd->count && crowd->answered < wanted && left > 0) {
        left = deadline_left_ms(deadline);
        for (size_t i = 0; i < crowd->count; i++)
            ready[i] = (struct pollfd){
                .fd = crowd->answers[i] == ANSWER_LATE ? crowd->clients[i].fd : -1,
                .events = POLLIN,
            };
        poll(ready, crowd->count, left);
        for (size_t i = 0; i < crowd->count; i++)
            if (ready[i].revents)
                take(crowd, i);
    }
    free(ready);
}

void crowd_close_answered(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        if (crowd->answers[i] == ANSWER_WHOLE)
            client_close(&crowd->clients[i]);
}

void crowd_close(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        client_close(&crowd->clients[i]);
}

const char *crowd_failure(const struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        if (crowd->answers[i] != ANSWER_WHOLE && crowd->answers[i] != ANSWER_LATE)
            return text_format("client %zu: %s", i,
                               answer_text(&crowd->clients[i], crowd->answers[i]));
    return "nobody failed, some wait";
}
