/* sluice: HTTP/1.1 with everything that pipelined-server has, configured by a file, the environment
 * and the command line, and with subcommands. */
#include "server/server.h"
#include "server/subcommands.h"

static const struct profile sluice = {
    .name = "sluice",
    .summary = "a static web server with sites and a configuration file (HTTP/1.1)",
    .form = PROFILE_CONFIGURED,
    .subcommands = {subcommands, SUBCOMMANDS_COUNT},
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
    return server_main(&sluice, argc, argv);
}
