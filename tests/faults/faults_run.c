/* faults_run: see faults_run.h. */
#include "faults_run.h"

#include "faults_errors.h"
#include "faults_port.h"

#include "base/base.h"
#include "server/server.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    END_MS = 10000,
    MESSAGES_MAX = 3,     /* lines on standard error */
    MESSAGES_PER_LOG = 2, /* of RUN_SITES also: each of its logs may report */
    STORM_MESSAGES_MAX = 12,
    STORM_SHARE = 3, /* one call in so many fails */
    STORM_TIMES_MAX = 3,
    LOG_BYTES = 4096,
    STATUS_LEAK = 90, /* of a child that has left descriptors open */
};

static const struct profile profile = {
    .name = "faults-server", .limits = {.minor_max = 1, .keepalive = true, .inflight_max = 64}};

bool run_wrong(struct run_result *result, const char *format, ...)
{
    va_list arguments;
    if (result->text[0])
        return false;
    va_start(arguments, format);
    vsnprintf(result->text, sizeof result->text, format, arguments);
    va_end(arguments);
    for (char *c = result->text; *c; c++) {
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    }
    return false;
}

bool run_is_faultless(const struct run_setup *setup)
{
    const struct run_fault *fault = &setup->fault;
    return fault->count == 0 && !fault->shuffle_seed && !fault->storm_seed;
}

/* --- The child -------------------------------------------------------------------------------- */

static int serve(const struct run_setup *setup, const struct tree *tree)
{
    static const char narrow[] = "--threads 1 --bind 127.0.0.1 --max-connections 100";
    char line[4 * TREE_PATH_BYTES], *words[32] = {NULL}, *rest = line;
    const bool sites = setup->kind == RUN_SITES;
    int count = 0;
    if (sites)
        snprintf(line, sizeof line, SITES_PROGRAM " --config %s/run/sluice.conf --backend %s",
                 tree->path, setup->backend);
    else
        snprintf(
            line, sizeof line,
            "faults-server 0 %s --backend %s --listing --mime-types %s/mime.types --cache-valid 0 "
            "--idle-timeout 60s --header-timeout 60s --drain-grace 30ms --drain-timeout 5s "
            "--access-log %s/access.log %s",
            tree->path, setup->backend, tree->path, tree->path,
            setup->kind == RUN_SERVE ? narrow : "");
    for (char *word; (word = strtok_r(rest, " ", &rest)) && count + 1 < (int)COUNT_OF(words);)
        words[count++] = word;
    return sites ? sites_serve(count, words) : server_main(&profile, count, words);
}

/* Whether descriptors are open besides the standard ones. */
static bool has_leaked(void)
{
    bool leaked = false;
    for (int fd = 3; fd < RUN_DESCRIPTORS_MAX; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        char link[32], path[128] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        dprintf(STDERR_FILENO, "descriptor %d is still open: %.*s\n", fd, (int)length, path);
        leaked = true;
    }
    return leaked;
}

/* A row has one at least. */
static unsigned errors_in(const struct errors_row *row)
{
    unsigned count = 1;
    while (count < ERRORS_MAX && row->errors[count])
        count++;
    return count;
}

/* Has many calls fail, after the start, at places and with errors that follow from SEED. */
static void begin_storm(const struct run_answers *answers, uint64_t seed)
{
    struct prng prng = {seed};
    for (unsigned i = 0; i < errors_row_count; i++) {
        const struct errors_row *row = &errors_rows[i];
        unsigned first = answers->start_calls[row->call], last = answers->calls[row->call];
        int error = row->errors[prng_below(&prng, errors_in(row))];
        if (prng_below(&prng, STORM_SHARE) != 0 || first >= last)
            continue;
        unsigned skip = first + (unsigned)prng_below(&prng, last - first);
        faults_fail(row->call, skip, 1 + (unsigned)prng_below(&prng, STORM_TIMES_MAX), error);
    }
}

static void run_child(const struct run_setup *setup, const struct run_answers *answers,
                      const struct tree *tree, int output, int log)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (int fd = 3; fd < RUN_DESCRIPTORS_MAX; fd++)
        close(fd);
    if (setup->fault.count > 0)
        faults_fail(setup->fault.call, setup->fault.skip, setup->fault.count, setup->fault.error);
    if (setup->fault.storm_seed)
        begin_storm(answers, setup->fault.storm_seed);
    faults_shuffle(setup->fault.shuffle_seed);
    faults_begin();
    int status = serve(setup, tree);
    faults_end();
    fflush(stdout);
    if (has_leaked())
        status = STATUS_LEAK;
    exit(status); /* NOLINT(concurrency-mt-unsafe): LeakSanitizer works at exit */
}

/* --- The parent ------------------------------------------------------------------------------- */

/* Waits for the end of the server. Returns its status; -1: it was killed, because it did not end in
 * time. */
static int await_end(pid_t pid)
{
    int status;
    for (unsigned ms = 0; ms < END_MS; ms += 2) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        poll(NULL, 0, 2);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

struct messages {
    char text[LOG_BYTES];
    unsigned lines;
    bool repeated; /* one was written more than once */
};

static void read_messages(int log, struct messages *ret)
{
    ssize_t length = pread(log, ret->text, sizeof ret->text - 1, 0);
    ret->text[length > 0 ? length : 0] = '\0';
    ret->lines = 0;
    ret->repeated = false;
    for (char *line = ret->text, *end; (end = strchr(line, '\n')); line = end + 1) {
        size_t bytes = (size_t)(end - line) + 1;
        ret->lines++;
        ret->repeated = ret->repeated || memmem(end + 1, strlen(end + 1), line, bytes);
    }
}

/* Judges the end of a server that has served, which may write USUAL_LINES without a fault. */
static void judge_end(const struct run_setup *setup, int status, const struct messages *messages,
                      unsigned usual_lines, struct run_result *result)
{
    const bool storm = setup->fault.storm_seed != 0;
    /* Of RUN_SITES, several sites may report the same of the ROOT that they share. */
    const bool repeated = messages->repeated && !storm && setup->kind != RUN_SITES;
    const unsigned lines_max = usual_lines + (storm ? STORM_MESSAGES_MAX : MESSAGES_MAX);
    if (status == -1)
        run_wrong(result, "did not end within %d ms after SIGTERM", END_MS);
    else if (WIFSIGNALED(status))
        run_wrong(result, "killed by signal %d: %s", WTERMSIG(status), messages->text);
    else if (WEXITSTATUS(status) != 0)
        run_wrong(result, "exit status %d: %s", WEXITSTATUS(status), messages->text);
    else if (messages->lines > lines_max || repeated)
        run_wrong(result, "%u lines on standard error: %s", messages->lines, messages->text);
}

/* Judges the outcome of a fault that need not harm a request. */
static void judge_harm(const struct run_setup *setup, struct run_result *result)
{
    const struct run_fault *fault = &setup->fault;
    if (fault->count > 0 && result->outcome != RUN_UNHARMED &&
        errors_is_passing(fault->call, fault->error))
        run_wrong(result, "%u requests refused and %u connections closed: it should try again",
                  result->refused, result->closed);
}

/* Judges a server that has not started. */
static void judge_start(int status, const struct messages *messages, struct run_result *result)
{
    if (status == -1)
        run_wrong(result, "did not start and did not end: %s", messages->text);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
        run_wrong(result, "ended at its start with status %#x, not 1: %s", status, messages->text);
    else if (messages->lines == 0 || messages->lines > 2)
        run_wrong(result, "%u lines say why it did not start: %s", messages->lines, messages->text);
    else
        result->outcome = RUN_NOT_STARTED;
}

/* Plays the clients against the server PID and judges. */
static void attend(struct play *play, int output, int log)
{
    struct run_result *result = play->result;
    struct messages messages;
    play->port = faults_port(play->pid, output, play->setup->kind != RUN_SITES);
    if (play->port == 0) {
        int status = await_end(play->pid);
        read_messages(log, &messages);
        judge_start(status, &messages, result);
        return;
    }
    for (unsigned i = 0; run_is_faultless(play->setup) && i < FAULT_COUNT; i++)
        play->answers->start_calls[i] = faults_calls(i);
    bool good = play->setup->kind == RUN_SITES ? sites_play(play) : scenario_play(play);
    if (!good)
        kill(play->pid, SIGTERM);
    int status = await_end(play->pid);
    read_messages(log, &messages);
    result->outcome = result->closed ? RUN_CLOSED : result->refused ? RUN_REFUSED : RUN_UNHARMED;
    if (run_is_faultless(play->setup) && play->setup->kind == RUN_SITES)
        play->answers->lines = messages.lines + SITES_LOGS * MESSAGES_PER_LOG;
    judge_end(play->setup, status, &messages, play->answers->lines, result);
    judge_harm(play->setup, result);
}

void faults_run(const struct run_setup *setup, struct run_answers *answers, struct run_result *ret)
{
    struct tree tree;
    int output[2];
    int log = memfd_create("log", MFD_CLOEXEC);
    struct play play = {
        .tree = &tree, .setup = setup, .answers = answers, .result = ret, .log = log};
    tree_init(&tree);
    scenario_fill(&tree);
    if (setup->kind == RUN_SITES) {
        sites_fill(&tree);
        sites_adopt();
    }
    *ret = (struct run_result){.outcome = RUN_UNHARMED};
    tree_must(log >= 0 && pipe2(output, O_CLOEXEC) == 0, "pipe2");
    faults_clear();
    fflush(stdout);
    play.pid = fork();
    tree_must(play.pid >= 0, "fork");
    if (play.pid == 0)
        run_child(setup, answers, &tree, output[1], log);
    close(output[1]);
    attend(&play, output[0], log);
    if (setup->kind == RUN_SITES)
        sites_end_successors(ret);
    close(output[0]);
    close(log);
    tree_fini(&tree);
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        ret->injected += faults_failed(i);
        if (run_is_faultless(setup))
            answers->calls[i] = faults_calls(i);
    }
    if (ret->text[0])
        ret->outcome = RUN_FAILED;
}
