/* simple-server: HTTP/1.0, one request a connection; RFC 1945. */
#include "server/server.h"

static const struct profile simple = {
    .name = "simple-server",
    .summary = "a static web server, one request a connection (HTTP/1.0)",
    .limits =
        {
            .minor_max = 0,
            .keepalive = false,
            .inflight_max = 1, /* nothing is queued after a response */
            .requests_max = 1, /* per connection */
        },
};

int main(int argc, char **argv)
{
    return server_main(&simple, argc, argv);
}
