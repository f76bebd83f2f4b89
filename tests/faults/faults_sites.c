/* faults_sites: the scenario of a server of several sites: listeners of the Unix domain, PROXY
 * headers, the admin listener, an access log in each format, a reload, and an upgrade.
 *
 * The new process of the upgrade is the same program, without faults (sites_serve). It is a
 * descendant of this process, which ends it. */
#include "faults_client.h"
#include "faults_run.h"

#include "base/base.h"
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGE_MS = 20000, END_MS = 10000, LOG_BYTES = 8192 };

/* --- The server ------------------------------------------------------------------------------- */

static const struct profile profile = {
    .name = SITES_PROGRAM,
    .form = PROFILE_CONFIGURED,
    .limits = {.minor_max = 1, .keepalive = true, .inflight_max = 64},
};

int sites_serve(int argc, char **argv)
{
    return server_main(&profile, argc, argv);
}

/* Writes the configuration, in which site c has the log THIRD. */
static void configure(const struct tree *tree, const char *third)
{
    static const char format[] = "threads = 1\n"
                                 "max-connections = 100\n"
                                 "cache-valid = 0\n"
                                 "idle-timeout = 60s\n"
                                 "header-timeout = 60s\n"
                                 "drain-grace = 30ms\n"
                                 "drain-timeout = 5s\n"
                                 "listen = unix:%1$s/run/plain\n"
                                 "listen = unix:%1$s/run/proxied proxy\n"
                                 "trusted-proxy = unix\n"
                                 "admin = unix:%1$s/run/admin\n"
                                 "pid-file = %1$s/run/pid\n"
                                 "root = %1$s\n"
                                 "[site a]\n"
                                 "access-log = %1$s/run/combined.log\n"
                                 "[site b]\n"
                                 "access-log = %1$s/run/common.log\n"
                                 "log-format = common\n"
                                 "[site c]\n"
                                 "access-log = %1$s/run/%2$s\n"
                                 "log-format = json\n";
    char text[sizeof format + 9 * TREE_PATH_BYTES];
    snprintf(text, sizeof text, format, tree->path, third);
    tree_write(tree, "run/new", str_of(text));
    tree_rename(tree, "run/new", "run/sluice.conf");
}

void sites_fill(const struct tree *tree)
{
    tree_dir(tree, "run");
    configure(tree, "json.log");
}

/* --- Requests --------------------------------------------------------------------------------- */

#define GET(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define V2                "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc0\0\2\1\x30\x39\x01\xbb"

static const struct {
    const char *socket;
    struct str text;
    bool ends;  /* instead of an answer */
    bool loose; /* the body varies */
} requests[] = {
    {"plain", STR_INIT(GET("/small.txt", "a")), false, false},
    {"plain", STR_INIT(GET("/small.txt", "b")), false, false},
    {"plain", STR_INIT(GET("/small.txt", "c")), false, false},
    {"plain", STR_INIT(GET("/large.bin", "c")), false, false},
    {"plain", STR_INIT(GET("/small.txt", "none")), false, false},
    {"proxied", STR_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" GET("/small.txt", "a")), false,
     false},
    {"proxied", STR_INIT(V2 GET("/small.txt", "b")), false, false},
    {"proxied", STR_INIT(GET("/small.txt", "c")), true, false},
    {"proxied", STR_INIT("PROXY TCP4 x"), true, false},
    {"admin", STR_INIT(GET("/healthz", "localhost")), false, false},
    {"admin", STR_INIT(GET("/metrics", "localhost")), false, true},
    {"admin",
     STR_INIT("GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"), false,
     true},
};

/* The request INDEX, on a connection of its own. */
static bool play_request(struct play *play, struct client *client, size_t index)
{
    char path[TREE_PATH_BYTES + 16], what[64];
    struct answer answer;
    size_t bytes;
    snprintf(path, sizeof path, "%s/run/%s", play->tree->path, requests[index].socket);
    snprintf(what, sizeof what, "request %zu of the sites, answer %u", index, play->step);
    bool good = client_open_unix(client, path) ||
                run_wrong(play->result, "%s: no connection: %s", what, strerror(errno));
    if (good) {
        client_send(client, requests[index].text);
        if (requests[index].ends)
            shutdown(client->fd, SHUT_WR);
        const enum got got = client_read(client, false, &answer, &bytes);
        if (got == GOT_NOTHING)
            good = play_silence(play, what);
        else if (got == GOT_ANSWER && requests[index].ends)
            good = run_wrong(play->result, "%s: answered with %u", what, answer.status);
        else if (got == GOT_ANSWER)
            good = play_judge(play, play->step, &answer, requests[index].loose, what);
        else if (!requests[index].ends)
            play->result->closed++;
    }
    play->step++;
    client_close(client);
    return good;
}

static bool play_requests(struct play *play, struct client *client)
{
    bool good = true;
    for (size_t i = 0; good && i < COUNT_OF(requests); i++)
        good = play_request(play, client, i);
    return good;
}

/* --- Changes ---------------------------------------------------------------------------------- */

static bool has_ended(const struct play *play)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)play->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == play->pid;
}

/* Whether the server has written one of WORDS, COUNT of them. */
static bool has_written(const struct play *play, const char *const *words, unsigned count)
{
    char text[LOG_BYTES];
    const ssize_t length = pread(play->log, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        if (strstr(text, words[i]))
            return true;
    }
    return false;
}

static bool wait_a_little(struct play *play, unsigned *ms, const char *what)
{
    poll(NULL, 0, 2);
    *ms += 2;
    return *ms < CHANGE_MS ||
           run_wrong(play->result, "%s: nothing happened within %d ms", what, CHANGE_MS);
}

/* A message may be what fails, so the log that the new configuration names counts too. */
static bool play_reload(struct play *play)
{
    static const char *const words[] = {"reloaded"}; /* or "not reloaded" */
    unsigned ms = 0;
    configure(play->tree, "next.log");
    kill(play->pid, SIGHUP);
    while (!has_written(play, words, COUNT_OF(words)) &&
           faccessat(play->tree->fd, "run/next.log", F_OK, 0) != 0) {
        if (!wait_a_little(play, &ms, "SIGHUP"))
            return false;
    }
    return true;
}

/* *RET_FAILED: the server goes on. */
static bool play_upgrade(struct play *play, bool *ret_failed)
{
    static const char *const failed[] = {"this process goes on", "upgrade cannot start"};
    static const char *const done[] = {"serves from now on"};
    unsigned ms = 0;
    kill(play->pid, SIGUSR2);
    while (!(*ret_failed = has_written(play, failed, COUNT_OF(failed))) &&
           !has_written(play, done, COUNT_OF(done)) && !has_ended(play)) {
        if (!wait_a_little(play, &ms, "SIGUSR2"))
            return false;
    }
    return true;
}

bool sites_play(struct play *play)
{
    static struct client client; /* too large for the stack */
    bool good = play_requests(play, &client) && play_reload(play) && play_requests(play, &client);
    bool failed = true;
    kill(play->pid, SIGUSR1);
    good = good && play_requests(play, &client) && play_upgrade(play, &failed) &&
           play_requests(play, &client);
    if (failed)
        kill(play->pid, SIGTERM);
    return good;
}

/* --- The new process -------------------------------------------------------------------------- */

void sites_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* A child of this process; 0: none. */
static pid_t find_child(void)
{
    char line[256] = "";
    FILE *file = fopen("/proc/thread-self/children", "re");
    if (!file)
        return 0;
    const bool any = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return any ? (pid_t)strtol(line, NULL, 10) : 0;
}

void sites_end_successors(struct run_result *result)
{
    for (pid_t pid; (pid = find_child()) > 0;) {
        int status = 0;
        unsigned ms = 0;
        kill(pid, SIGTERM);
        while (ms < END_MS && waitpid(pid, &status, WNOHANG) == 0) {
            poll(NULL, 0, 2);
            ms += 2;
        }
        if (ms >= END_MS) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            run_wrong(result, "the new process did not end");
        } else if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
            run_wrong(result, "the new process ended with status %#x", (unsigned)status);
        }
    }
}
