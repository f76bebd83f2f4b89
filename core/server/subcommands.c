/* subcommands: see subcommands.h. */
#include "server/subcommands.h"

#include "admin/admin_healthcheck.h"
#include "admin/admin_top.h"
#include "base/base.h"
#include "precompress/precompress.h"
#include "server/check.h"
#include "server/explain.h"
#include "server/server.h"

const struct subcommand subcommands[SUBCOMMANDS_COUNT] = {
    {
        .name = "check",
        .usage = "[ROOT | --config FILE] [--strict] [options]",
        .summary = "Validate the settings and all that they name, report every mistake (50 at "
                   "most), and do not serve. Exit status: 0 no mistakes, perhaps warnings, 1 "
                   "mistakes.",
        .options = check_options,
        .option_count = CHECK_OPTIONS,
        .takes_settings = true,
        .reports_all = true,
        .status_if_refused = SERVER_STATUS_FAILED,
        .run = check_run,
    },
    {
        .name = "healthcheck",
        .usage = "--admin WHERE [--ready]",
        .summary = "Ask the admin listener whether the server is healthy. Exit status: 0 it is, 1 "
                   "it is not.",
        .options = admin_healthcheck_options,
        .option_count = COUNT_OF(admin_healthcheck_options),
        .takes_settings = true,
        .status_if_refused = SERVER_STATUS_FAILED,
        .run = admin_healthcheck_run,
    },
    {
        .name = "top",
        .usage = "--admin WHERE [--interval TIME]",
        .summary = "Show what each worker does, live; q ends it. Without a terminal: one view.",
        .options = admin_top_options,
        .option_count = COUNT_OF(admin_top_options),
        .takes_settings = true,
        .status_if_refused = SERVER_STATUS_USAGE,
        .run = admin_top_run,
    },
    {
        .name = "explain",
        .usage = "[ROOT | --config FILE] URL [-H FIELD]... [options]",
        .summary = "Show what would be answered to a request for URL, and why: the site, the "
                   "file, its variants, the rules, and all fields. Nothing is sent. Exit status: 0 "
                   "whatever the answer, 1 a mistake in the settings, 2 one in the request.",
        .options = explain_options,
        .option_count = EXPLAIN_OPTIONS,
        .positionals = 1,
        .takes_settings = true,
        .status_if_refused = SERVER_STATUS_USAGE,
        .run = explain_run,
    },
    {
        .name = "precompress",
        .usage = "ROOT | --config FILE [options]",
        .summary = "Make compressed siblings (x.br, x.zst, x.gz) beside the files of a site, or of "
                   "all sites in FILE, which are sent in their place. Run it after each change. "
                   "Exit status: 0; 1 if anything failed; 2 a mistake in the command line or the "
                   "settings.",
        .options = precompress_options,
        .option_count = PRECOMPRESS_OPTIONS,
        .takes_settings = true,
        .status_if_refused = SERVER_STATUS_USAGE,
        .run = precompress_run,
    },
};
