/* check: see check.h. It makes a generation as the start does, so it finds the same mistakes. */
#include "server/check.h"

#include "config/profile.h"
#include "observe/log.h"
#include "server/generation.h"
#include "server/server.h"

#include <stdio.h>

int check_run(const struct subcommand_call *call)
{
    const unsigned count = call->settings->site_count;
    struct generation *generation;
    struct problem problem;
    if (generation_create(&generation, call->settings, &problem) < 0) {
        log_problem(&problem);
        return SERVER_STATUS_FAILED;
    }
    generation_unref(generation);
    printf("%s: no mistakes found; %u site%s\n", call->profile->name, count, count == 1 ? "" : "s");
    return fflush(stdout) == 0 ? SERVER_STATUS_DONE : SERVER_STATUS_FAILED;
}
