/* signals_start: signals that come while a program starts: from the first moment on each has its
 * effect, in all four programs. See core/server/signals.h. */
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(signals_start);

enum { PROGRAMS = SERVER_KIND_COUNT + 1, MOMENTS = 6, PATIENCE_MS = 10000 };

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    site_fifo(site, "../types");
}

static const char *name_of(unsigned program)
{
    return program < SERVER_KIND_COUNT ? server_program(program) : "sluice";
}

/* How PROGRAM is started for SITE. */
static struct process_setup setup_of(unsigned program, const struct site *site)
{
    struct process_setup setup = {.program = name_of(program)};
    if (program < SERVER_KIND_COUNT)
        process_add_word(&setup, "0");
    process_add_word(&setup, site->path);
    process_add_words(&setup, "--bind 127.0.0.1 --threads 1");
    if (program == SERVER_KIND_COUNT)
        process_add_words(&setup, "--port 0");
    process_add_words(&setup, e2e_backend_options());
    return setup;
}

/* A start that waits for the end of the types. */
static struct process_setup waiting_setup_of(unsigned program, const struct site *site)
{
    struct process_setup setup = setup_of(program, site);
    process_add_word(&setup, "--mime-types");
    process_add_word(&setup, site_path(site, "../types"));
    return setup;
}

/* The set of signals NAME, such as "SigBlk", of PROCESS. */
static uint64_t signals_of(const struct process *process, const char *name)
{
    char text[4096] = "";
    int fd = open(text_format("/proc/%d/status", (int)process->pid), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    const char *found = length > 0 ? strstr(text, name) : NULL;
    return found ? strtoull(found + strlen(name) + 1, NULL, 16) : 0;
}

static bool has(uint64_t signals, int number)
{
    return signals >> (number - 1) & 1;
}

/* The first moment: the program has done one thing. */
static void await_first_moment(const struct process *process)
{
    for (int64_t deadline = deadline_after(PATIENCE_MS);
         !has(signals_of(process, "SigBlk"), SIGHUP) ||
         (!has(signals_of(process, "SigCgt"), SIGTERM) &&
          !has(signals_of(process, "SigBlk"), SIGTERM));)
        cr_assert(deadline_left_ms(deadline) > 0, "no signal is blocked: %s",
                  process_errors(process));
}

static void await_screen(struct process *process)
{
    struct bytes screen = {0};
    for (int64_t deadline = deadline_after(PATIENCE_MS); !strstr(bytes_text(&screen), "://");) {
        process_read_output(process, &screen);
        cr_assert(deadline_left_ms(deadline) > 0 && !process_wait(process, clock_ms()),
                  "it did not start: %s, %s", status_text(process->status),
                  process_errors(process));
        poll(NULL, 0, 1);
    }
}

static void expect_status_0(struct process *process, const char *what)
{
    cr_expect(process_wait(process, deadline_after(PATIENCE_MS)), "%s: it goes on", what);
    process_kill(process);
    cr_expect(WIFEXITED(process->status) && WEXITSTATUS(process->status) == 0, "%s: %s, %s", what,
              status_text(process->status), process_errors(process));
}

static void expect_orderly_end(struct process *process, const char *what)
{
    process_signal(process, SIGTERM);
    expect_status_0(process, what);
}

/* Waits for the effects of SIGHUP and SIGUSR1. */
static void await_effects(const struct process *process)
{
    for (int64_t deadline = deadline_after(PATIENCE_MS);
         !strstr(process_errors(process), "SIGHUP: all files") ||
         !strstr(process_errors(process), "SIGUSR1 has no effect");)
        cr_assert(poll(NULL, 0, 1) == 0 && deadline_left_ms(deadline) > 0, "%s",
                  process_errors(process));
}

/* --- At any moment ---------------------------------------------------------------------------- */

E2E_TEST(signals_start, none_is_lost_and_none_harms)
{
    struct site site;
    create_site(&site);
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = setup_of(program, &site);
        for (unsigned moment = 0; moment < MOMENTS; moment++) {
            struct process process;
            process_start(&process, &setup);
            await_first_moment(&process);
            poll(NULL, 0, (int)moment);
            process_signal(&process, SIGHUP);
            process_signal(&process, SIGUSR1);
            await_screen(&process);
            await_effects(&process);
            expect_orderly_end(&process, setup.program);
        }
    }
}

E2E_TEST(signals_start, ask_for_the_end_and_get_it)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    struct site site;
    create_site(&site);
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = setup_of(program, &site);
        for (unsigned moment = 0; moment < 2 * MOMENTS; moment++) {
            struct process process;
            process_start(&process, &setup);
            await_first_moment(&process);
            poll(NULL, 0, (int)moment / 2);
            process_signal(&process, numbers[moment % 2]);
            expect_status_0(&process, text_format("%s, %u", setup.program, moment));
        }
    }
}

E2E_TEST(signals_start, ask_for_an_upgrade_and_get_it)
{
    struct site site;
    create_site(&site);
    successor_adopt();
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = setup_of(program, &site);
        struct process process;
        process_start(&process, &setup);
        await_first_moment(&process);
        process_signal(&process, SIGUSR2);
        expect_status_0(&process, setup.program);
        const char *says = strstr(process_errors(&process), "the upgrade has started, process ");
        cr_assert(says != NULL, "%s", process_errors(&process));
        pid_t next = (pid_t)strtol(strstr(says, "process ") + strlen("process "), NULL, 10);
        int status = -1;
        cr_assert(kill(next, SIGTERM) == 0 && waitpid(next, &status, 0) == next, "%d", (int)next);
        cr_expect_eq(status, 0, "%s: %s", setup.program, status_text(status));
    }
}

/* --- While the start takes long --------------------------------------------------------------- */

/* Lets a program that waits for the types go on. */
static void end_types(const struct site *site)
{
    int types = open(site_path(site, "../types"), O_WRONLY | O_CLOEXEC);
    cr_assert(types >= 0, "%s", strerror(errno));
    cr_assert_eq(write(types, "a/b c\n", 6), 6);
    close(types);
}

E2E_TEST(signals_start, are_kept_while_a_program_waits_for_a_file)
{
    struct site site;
    create_site(&site);
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = waiting_setup_of(program, &site);
        struct process process;
        process_start(&process, &setup);
        await_first_moment(&process);
        process_signal(&process, SIGHUP);
        process_signal(&process, SIGUSR1);
        end_types(&site);
        await_screen(&process);
        await_effects(&process);
        expect_orderly_end(&process, setup.program);
    }
}

/* Waits until the program sleeps in poll. Returns a descriptor that keeps the types open. (Of a
 * signal that comes just before poll the thread sanitizer runs the handler when poll ends.) */
static int await_sleep(const struct process *process, const struct site *site)
{
    int types = -1;
    for (int64_t deadline = deadline_after(PATIENCE_MS); types < 0 || !process_sleeps(process);) {
        if (types < 0)
            types = open(site_path(site, "../types"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        cr_assert(types >= 0 || errno == ENXIO, "%s", strerror(errno));
        cr_assert(deadline_left_ms(deadline) > 0, "it does not wait: %s", process_errors(process));
    }
    return types;
}

/* Process 1 of a container is not ended by signals that it does not handle. */
static void expect_end_while_waiting(const struct process_setup *setup, const struct site *site,
                                     int number)
{
    struct process process;
    process_start(&process, setup);
    const int types = await_sleep(&process, site);
    process_signal(&process, number);
    expect_status_0(&process, setup->program);
    close(types);
}

E2E_TEST(signals_start, end_a_program_that_waits_for_a_file)
{
    struct site site;
    create_site(&site);
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = waiting_setup_of(program, &site);
        expect_end_while_waiting(&setup, &site, SIGTERM);
        expect_end_while_waiting(&setup, &site, SIGINT);
    }
}

E2E_TEST(signals_start, end_process_1_that_waits_for_a_file)
{
    struct site site;
    create_site(&site);
    if (geteuid() != 0 || unshare(CLONE_NEWPID) < 0)
        e2e_skip("no namespace of processes");
    struct process_setup setup = waiting_setup_of(PIPELINED, &site);
    setup.first_process = true;
    expect_end_while_waiting(&setup, &site, SIGTERM);
}

/* 0 would say that the file has no mistakes. */
E2E_TEST(signals_start, end_a_subcommand_in_their_usual_way)
{
    struct site site;
    create_site(&site);
    struct process process;
    struct process_setup setup = {.program = "sluice",
                                  .arguments = {"check", "--config", site_path(&site, "../types")}};
    process_start(&process, &setup);
    /* The test's end of the pipe is open when the program reads. */
    int types = open(site_path(&site, "../types"), O_WRONLY | O_CLOEXEC);
    cr_assert(types >= 0, "%s", strerror(errno));
    process_signal(&process, SIGINT);
    cr_expect(process_wait(&process, deadline_after(PATIENCE_MS)), "it goes on");
    process_kill(&process);
    close(types);
    cr_expect(WIFSIGNALED(process.status) && WTERMSIG(process.status) == SIGINT, "%s",
              status_text(process.status));
}

/* --- Terminals -------------------------------------------------------------------------------- */

E2E_TEST(signals_start, end_every_program_whose_terminal_goes_meanwhile)
{
    struct site site;
    create_site(&site);
    for (unsigned program = 0; program < PROGRAMS; program++) {
        struct process_setup setup = waiting_setup_of(program, &site);
        struct process process;
        int master, slave;
        cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0, "%s", strerror(errno));
        setup.terminal_fd = slave;
        process_start(&process, &setup);
        close(slave);
        await_first_moment(&process);
        close(master);
        end_types(&site);
        expect_status_0(&process, setup.program);
    }
}
