/* subcommands: see subcommands.h. */
#include "server/subcommands.h"

#include "server/check.h"
#include "server/server.h"

const struct subcommand subcommands[SUBCOMMANDS_COUNT] = {
    {
        .name = "check",
        .usage = "[ROOT | --config FILE] [options]",
        .summary = "Validate the settings and all that they name, and do not serve. Exit status: "
                   "0 no mistakes, 1 mistakes.",
        .takes_settings = true,
        .status_if_refused = SERVER_STATUS_FAILED,
        .run = check_run,
    },
};
