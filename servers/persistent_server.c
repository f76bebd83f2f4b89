/* persistent-server: HTTP/1.1 with persistent connections, RFC 9112 section 9.3, one request at a
 * time. */
#include "server/server.h"

static const struct profile persistent = {
    .name = "persistent-server",
    .summary = "a static web server, requests in turn on a kept connection (HTTP/1.1)",
    .limits =
        {
            .minor_max = 1,
            .keepalive = true,
            .inflight_max = 1, /* the next request is parsed when the response has been sent */
            .requests_max = 0, /* per connection; no limit */
        },
};

int main(int argc, char **argv)
{
    return server_main(&persistent, argc, argv);
}
