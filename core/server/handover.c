/* handover: see handover.h. socket(7), SO_COOKIE. */
#include "server/handover.h"

#include "observe/log.h"
#include "server/descriptors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The same number for all descriptors of a socket. */
static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

/* Lists each socket once: workers may share some. Returns their number. */
static unsigned list_sockets(const struct handover *handover, uint64_t *cookies,
                             struct inherited_socket *ret)
{
    const struct listening *listening = handover->listening;
    const int *sockets = *handover->sockets;
    unsigned count = 0;
    for (unsigned i = 0; i < handover->worker_count * listening->socket_count; i++) {
        const unsigned listener = listening->socket_listeners[i % listening->socket_count];
        unsigned j = 0;
        cookies[count] = cookie_of(sockets[i]);
        while (j < count && (cookies[count] == 0 || cookies[j] != cookies[count]))
            j++;
        if (j == count)
            ret[count++] = (struct inherited_socket){
                .fd = sockets[i], .name = listening->names[listener], .listens = true};
    }
    const struct admin_sockets *admin = admin_sockets_of(*handover->admin);
    for (unsigned i = 0; admin && i < admin->count; i++)
        ret[count++] = (struct inherited_socket){
            .fd = admin->fds[i],
            .name = admin->are_given ? ADMIN_SOCKET_GIVEN : ADMIN_SOCKET_NAME,
            .listens = true,
        };
    return count;
}

static void start(struct handover *handover, const struct upgrade_gifts *gifts)
{
    struct problem problem;
    if (upgrade_start(&handover->upgrade, gifts, &problem) < 0)
        log_problem(&problem);
    else
        log_say("SIGUSR2: the upgrade has started, process %ld", (long)handover->upgrade.pid);
}

void handover_begin(struct handover *handover, const struct https *https)
{
    uint8_t keys[UPGRADE_KEYS_MAX];
    const size_t room =
        (size_t)handover->worker_count * handover->listening->socket_count + ADMIN_SOCKETS_MAX + 1;
    uint64_t *cookies = calloc(room, sizeof *cookies);
    struct inherited_socket *sockets = calloc(room, sizeof *sockets);
    int *kept = NULL;
    const int kept_count = descriptors_list(handover->settings, &kept);
    if (cookies && sockets && kept_count >= 0) {
        const struct upgrade_gifts gifts = {
            .sockets = sockets,
            .count = list_sockets(handover, cookies, sockets),
            .kept = kept,
            .kept_count = (unsigned)kept_count,
            .keys = keys,
            .key_bytes = https_export_keys(https, keys, sizeof keys),
        };
        start(handover, &gifts);
        explicit_bzero(keys, sizeof keys);
    } else {
        log_write(LOG_LEVEL_ERROR, "the upgrade cannot start: out of memory");
    }
    free(cookies);
    free(sockets);
    free(kept);
}

void handover_receive(const struct handover *handover, struct https *https)
{
    uint8_t keys[UPGRADE_KEYS_MAX];
    if (handover->parent_fd < 0)
        return;
    https_import_keys(https, keys, upgrade_receive_keys(handover->parent_fd, keys));
    explicit_bzero(keys, sizeof keys);
}

void handover_report_ready(struct handover *handover)
{
    if (handover->parent_fd >= 0)
        upgrade_report_ready(handover->parent_fd);
    handover->parent_fd = -1;
}

void handover_fini(struct handover *handover)
{
    if (handover->parent_fd >= 0)
        close(handover->parent_fd);
    handover->parent_fd = -1;
    upgrade_fini(&handover->upgrade);
}
