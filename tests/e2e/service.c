/* service: see service.h. */
#include "service.h"

#include "e2e.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 4096, PATIENCE_MS = 10000 };

void manager_open(struct manager *manager, const struct site *site)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name =
        site ? site_path(site, "../notify") : text_format("@sluice-e2e-%d", (int)getpid());
    size_t length = strlen(name);

    cr_assert(length < sizeof(address.sun_path), "%s is too long", name);
    memcpy(address.sun_path, name, length);
    if (!site)
        address.sun_path[0] = '\0';
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(manager->fd, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                 0, "%s: %s", name, strerror(errno));
    manager->variable = text_format("NOTIFY_SOCKET=%s", name);
}

void manager_close(struct manager *manager)
{
    close(manager->fd);
}

const char *manager_next(const struct manager *manager, int64_t deadline)
{
    char text[MESSAGE_BYTES];
    struct pollfd come = {.fd = manager->fd, .events = POLLIN};
    ssize_t length;

    if (poll(&come, 1, deadline_left_ms(deadline)) != 1)
        return NULL;
    length = recv(manager->fd, text, sizeof(text), 0);
    cr_assert(length > 0, "recv: %s", strerror(errno));
    return text_format("%.*s", (int)length, text);
}

bool message_has(const char *message, const char *line)
{
    size_t length = strlen(line);

    for (const char *at = message; at; at = strchr(at, '\n')) {
        at += at > message || *at == '\n';
        if (strncmp(at, line, length) == 0 && (at[length] == '\0' || at[length] == '\n'))
            return true;
    }
    return false;
}

const char *manager_expect(const struct manager *manager, const char *line)
{
    int64_t deadline = deadline_after(PATIENCE_MS);
    const char *message;

    do {
        message = manager_next(manager, deadline);
    } while (message && !message_has(message, line));
    cr_assert(message != NULL, "%s does not come", line);
    return message;
}
