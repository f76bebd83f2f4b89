/* upgrade: what the old process learns of the new one. */
#include "server/upgrade.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct upgrade upgrade;
static struct problem problem;

static const char keys[] = "keys of tickets";
static char program[] = "program", first[] = "LISTEN_PID=1", second[] = "LISTEN_FDS=9";
static char *arguments[] = {program, NULL};
static char *variables[] = {first, second, NULL};

static void set_up(void)
{
    problem_set(&problem, "%s", "");
}

static void tear_down(void)
{
    upgrade_fini(&upgrade);
}

TestSuite(upgrade, .init = set_up, .fini = tear_down, .timeout = 20);

/* Starts the program at PATH, with keys. */
static void start(const char *path)
{
    const struct upgrade_gifts gifts = {.keys = keys, .key_bytes = sizeof keys};
    upgrade = (struct upgrade){
        .program = strdup(path), .argv = arguments, .variables = variables, .fd = -1};
    cr_assert_eq(upgrade_start(&upgrade, &gifts, &problem), 0, "%s", problem.what);
}

static void await_end(void)
{
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)upgrade.pid, &info, WEXITED | WNOWAIT), 0);
}

/* What is reported of the end of the new process, which has ended. */
static enum upgrade_event reap(void)
{
    enum upgrade_event event;
    const pid_t pid = upgrade.pid;
    cr_expect_eq(upgrade_reap(&upgrade, &event, &problem), pid);
    return event;
}

Test(upgrade, reaps_the_processes_of_others_too)
{
    enum upgrade_event event;
    upgrade = (struct upgrade){.fd = -1};
    cr_expect_eq(upgrade_reap(&upgrade, &event, &problem), 0, "no child has ended");
    const pid_t other = fork();
    if (other == 0)
        _exit(3);
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT), 0);
    cr_expect_eq(upgrade_reap(&upgrade, &event, &problem), other);
    cr_expect_eq(event, UPGRADE_NOTHING);
}

/* The keys that it has not read must not hide its last message. */
Test(upgrade, says_why_the_program_cannot_be_executed_after_its_process_has_ended)
{
    start("/nonexistent/program");
    await_end();
    cr_expect_eq(reap(), UPGRADE_FAILED);
    cr_expect(strstr(problem.what, "cannot execute '/nonexistent/program': "), "%s", problem.what);
    cr_expect_eq(upgrade.pid, 0);
    cr_expect_eq(upgrade.fd, -1);
}

Test(upgrade, says_it_in_its_turn_too)
{
    start("/nonexistent/program");
    await_end();
    cr_expect_eq(upgrade_turn(&upgrade, clock_monotonic_ms(), &problem), UPGRADE_FAILED);
    cr_expect(strstr(problem.what, "cannot execute '/nonexistent/program': "), "%s", problem.what);
    cr_expect_eq(reap(), UPGRADE_NOTHING, "it is reported twice");
    cr_expect_eq(upgrade.pid, 0);
}

Test(upgrade, is_given_up_at_its_deadline)
{
    start("/bin/true"); /* it may end at any time */
    cr_expect_eq(upgrade_turn(&upgrade, upgrade.deadline_ms - 1, &problem), UPGRADE_NOTHING);
    cr_expect_eq(upgrade_turn(&upgrade, upgrade.deadline_ms, &problem), UPGRADE_FAILED);
    cr_expect(strstr(problem.what, "was not ready in 30 s"), "%s", problem.what);
    cr_expect_eq(upgrade_start(&upgrade, &(struct upgrade_gifts){.count = 0}, &problem), -EBUSY);
    await_end();
    cr_expect_eq(reap(), UPGRADE_NOTHING, "it is reported twice");
    upgrade_fini(&upgrade);
    start("/nonexistent/program");
}
