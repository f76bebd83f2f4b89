/* admin_healthcheck: see admin_healthcheck.h. */
#include "admin/admin_healthcheck.h"

#include "admin/admin_client.h"
#include "admin/admin_snapshot.h"
#include "config/settings.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 3 * 1000,
    LINE_BYTES = 200, /* of an answer */
};

const struct subcommand_option admin_healthcheck_options[1] = {
    {.name = "ready", .help = "Ask /readyz, whether requests are welcome, in place of /healthz."},
};

int admin_healthcheck_run(const struct subcommand_call *call)
{
    const char *where = call->settings->process.admin.at;
    const char *path = subcommand_value(call, "ready", 0) ? "/readyz" : "/healthz";
    struct admin_reply reply;
    struct problem problem;
    if (!where) {
        log_say("healthcheck needs the address of the admin listener; give it as --admin=WHERE");
        return 1;
    }
    if (admin_fetch(where, path, TIMEOUT_MS, &reply, &problem) < 0) {
        log_problem(&problem);
        return 1;
    }
    const bool good = reply.status == 200;
    char line[LINE_BYTES];
    admin_text(reply.body, line, sizeof line);
    if (good)
        puts(line);
    else
        log_say("%s answered %u: %s", path, reply.status, line);
    free(reply.bytes);
    return good ? 0 : 1;
}
