/* precompress: see precompress.h. */
#include "precompress/precompress.h"

#include "base/num.h"
#include "config/options.h"
#include "config/profile.h"
#include "config/settings.h"
#include "observe/log.h"
#include "precompress/precompress_work.h"
#include "system/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const struct subcommand_option precompress_options[PRECOMPRESS_OPTIONS] = {
    {.name = "codings",
     .argument = "LIST",
     .help = "Those to make, of br,zst,gz; default: all that this build can make."},
    {.name = "level", .argument = "fast|best", .help = "How hard to try; default: best."},
    {.name = "jobs",
     .argument = "N",
     .help = "Files to compress at the same time; default: one for each usable CPU."},
    {.name = "min-size",
     .argument = "SIZE",
     .help = "Leave out smaller files; default: 1K, which fits into one TCP segment as it is."},
    {.name = "clean",
     .help = "Also remove siblings that this command made and whose file is gone."},
    {.name = "dry-run", .help = "Write and remove nothing, but say what would be done."},
    {.name = "quiet", .help = "Report failures only."},
};

enum {
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_SIGNAL = 128,
};

/* --- The command line ------------------------------------------------------------------------- */

static int refuse(const char *option, const char *value, const char *remedy)
{
    struct problem problem;
    problem_set(&problem, "'%s' is not a value for it", value);
    problem_of_option(&problem, option);
    problem_remedy(&problem, "%s", remedy);
    log_problem(&problem);
    return STATUS_USAGE;
}

/* Writes the names of CODINGS, the best first, to TO. */
static void name_codings(unsigned codings, char to[static 32])
{
    char *at = to;
    for (unsigned i = CONTENT_CODING_COUNT - 1; i > CONTENT_CODING_IDENTITY; i--) {
        if (codings & content_coding_bit((enum content_coding)i))
            at += sprintf(at, "%s.%s", at > to ? ", " : "",
                          precompress_coding_name((enum content_coding)i));
    }
    *at = '\0';
}

/* Sets *RET to the codings of LIST, one or more. False: LIST has none, or another name. */
static bool parse_codings(struct str list, unsigned *ret)
{
    struct str item;
    unsigned codings = 0;
    while (str_next_item(&list, &item)) {
        unsigned i = CONTENT_CODING_IDENTITY + 1;
        while (i < CONTENT_CODING_COUNT &&
               !str_equal(item, str_of(precompress_coding_name((enum content_coding)i))))
            i++;
        if (i == CONTENT_CODING_COUNT)
            return false;
        codings |= content_coding_bit((enum content_coding)i);
    }
    *ret = codings;
    return codings != 0;
}

/* Reads the codings; NULL: all of this build. Returns 0 or an exit status, and says why. */
static int choose_codings(const char *text, struct precompress_work *work)
{
    unsigned wanted;
    char names[32];
    if (!parse_codings(str_of(text ? text : "br,zst,gz"), &wanted))
        return refuse("codings", text, "write names of br,zst,gz, separated by commas");
    const unsigned missing = wanted & ~precompress_codings();
    work->codings = wanted & precompress_codings();
    name_codings(missing, names);
    if (missing && (text || !work->codings)) {
        log_say("this build cannot make %s; build Sluice with the libraries brotli, zstd and zlib",
                names);
        return STATUS_FAILED;
    }
    if (missing && !work->report->quiet)
        log_say("this build cannot make %s; the others are made", names);
    return 0;
}

/* Reads the subcommand's own options into WORK and its report. Returns 0 or an exit status. */
static int read_options(const struct subcommand_call *call, struct precompress_work *work)
{
    const char *level = subcommand_value(call, "level", 0);
    const char *jobs = subcommand_value(call, "jobs", 0);
    const char *size = subcommand_value(call, "min-size", 0);
    uint64_t count = cpus_usable();
    static_assert(PRECOMPRESS_JOBS_MAX == 1024, "the remedy below names it");
    if (jobs && (!num_parse_u64(str_of(jobs), &count) || count < 1 || count > PRECOMPRESS_JOBS_MAX))
        return refuse("jobs", jobs, "write a number from 1 to 1024");
    if (size && !num_parse_size(str_of(size), &work->bytes_min))
        return refuse("min-size", size, "write bytes, or a number with K or M");
    if (level && strcmp(level, "fast") != 0 && strcmp(level, "best") != 0)
        return refuse("level", level, "write fast or best");
    work->level = level && strcmp(level, "fast") == 0 ? PRECOMPRESS_FAST : PRECOMPRESS_BEST;
    work->jobs = (unsigned)size_min(count, PRECOMPRESS_JOBS_MAX);
    work->clean = subcommand_value(call, "clean", 0);
    work->report->dry_run = subcommand_value(call, "dry-run", 0);
    work->report->quiet = subcommand_value(call, "quiet", 0);
    return choose_codings(subcommand_value(call, "codings", 0), work);
}

/* Validates the settings of CALL. Returns 0 or an exit status, and says why. The current directory,
 * which sluice serves where nothing names another, must be named here: files are written to it. */
static int prepare_sites(const struct subcommand_call *call)
{
    struct settings *settings = call->settings;
    struct problem problem;
    for (unsigned i = 0; i < settings->site_count; i++) {
        if (settings_source(settings, settings->sites[i], option_find(STR("root"))) !=
            SETTING_DEFAULT)
            continue;
        problem_set(&problem, "precompress needs the directory of a site");
        problem_remedy(&problem, "%s precompress ROOT, or --config FILE", call->profile->name);
        log_problem(&problem);
        return STATUS_USAGE;
    }
    if (settings_prepare(settings, &problem) == 0)
        return 0;
    log_problem(&problem);
    return STATUS_USAGE;
}

/* --- Sites ------------------------------------------------------------------------------------ */

static bool have_same_types(const struct site_settings *a, const struct site_settings *b)
{
    if (!a->mime_types_path.at || !b->mime_types_path.at)
        return !a->mime_types_path.at && !b->mime_types_path.at;
    return str_equal(a->mime_types_path, b->mime_types_path);
}

/* Whether a site before number INDEX has the same root and types, and so the same siblings. */
static bool is_repeated(const struct settings *settings, unsigned index)
{
    const struct site_settings *site = settings->sites[index];
    for (unsigned i = 0; i < index; i++) {
        const struct site_settings *other = settings->sites[i];
        if (strcmp(other->root, site->root) == 0 && have_same_types(other, site))
            return true;
    }
    return false;
}

/* Makes the siblings of SITE. */
static void work_on_site(const struct precompress_work *work, const struct site_settings *site)
{
    const int root_fd = open(site->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    work->report->root = site->file ? site->root : site->root_text.at;
    if (root_fd < 0) {
        precompress_report_failure(work->report, "", "", -errno);
        return;
    }
    precompress_work_on(work, root_fd, site);
    close(root_fd);
}

/* Makes all siblings. Returns the exit status. */
static int run_all(const struct precompress_work *work, const struct settings *settings)
{
    const struct precompress_report *report = work->report;
    precompress_work_take_signals();
    for (unsigned i = 0; i < settings->site_count; i++) {
        if (!is_repeated(settings, i))
            work_on_site(work, settings->sites[i]);
    }
    if (precompress_work_signal())
        return STATUS_SIGNAL + precompress_work_signal();
    if (!report->quiet)
        precompress_report_summary(report);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        log_write(LOG_LEVEL_ERROR, "cannot write to standard output: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return report->failures > 0 ? STATUS_FAILED : 0;
}

int precompress_run(const struct subcommand_call *call)
{
    struct precompress_report report;
    struct precompress_work work = {.bytes_min = 1024, .report = &report};
    precompress_report_init(&report);
    int status = read_options(call, &work);
    if (!status)
        status = prepare_sites(call);
    if (!status)
        status = run_all(&work, call->settings);
    precompress_report_fini(&report);
    return status;
}
