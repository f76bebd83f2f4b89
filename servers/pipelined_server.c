/* pipelined-server: HTTP/1.1 with persistent connections and pipelining, RFC 9112 section 9.3.2. */
#include "server/server.h"

static const struct profile pipelined = {
    .name = "pipelined-server",
    .summary = "a static web server, pipelined requests answered in order (HTTP/1.1)",
    .limits =
        {
            .minor_max = 1,
            .keepalive = true,
            .inflight_max = 64, /* responses queued in order before parsing pauses */
            .requests_max = 0,  /* per connection; no limit */
        },
};

int main(int argc, char **argv)
{
    return server_main(&pipelined, argc, argv);
}
