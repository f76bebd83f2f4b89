/* process: see process.h. */
#include "process.h"

#include "e2e.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

void process_add_word(struct process_setup *setup, const char *word)
{
    size_t count = 0;

    while (setup->arguments[count])
        count++;
    cr_assert(count + 1 < COUNT_OF(setup->arguments), "too many arguments");
    setup->arguments[count] = word;
}

void process_add_words(struct process_setup *setup, const char *text)
{
    char *rest = strdup(text ? text : "");

    cr_assert(rest != NULL);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word)
            process_add_word(setup, word);
    }
}

/* --- Starting --------------------------------------------------------------------------------- */

static void fail_in_child(const char *what)
{
    dprintf(STDERR_FILENO, "e2e child: %s: %s\n", what, strerror(errno));
    _exit(126);
}

static void become_nobody(void)
{
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        fail_in_child("become nobody");
}

/* Fails io_uring_setup as a container that forbids io_uring does: seccomp(2). */
static void refuse_uring(int error)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT_OF(steps), .filter = steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        fail_in_child("seccomp");
}

/* Runs PATH in this process, by a descriptor: user 65534 may not be allowed to walk to the
 * program (a checkout below /root). */
static void run(const char *path, char *const arguments[], const struct process_setup *setup,
                pid_t parent)
{
    int program = open(path, O_PATH | O_CLOEXEC);

    if (program < 0)
        fail_in_child(path);
    if (setup->as_nobody)
        become_nobody();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* last, because a change of user clears it */
    if (getppid() != (setup->first_process ? 0 : parent))
        _exit(126);
    execv(path, arguments);
    if (errno == EACCES)
        syscall(SYS_execveat, program, "", arguments, environ, AT_EMPTY_PATH);
    fail_in_child(path);
}

/* Removes the variables of the tests, which sluice would take for its own, and sets those of
 * SETUP. */
static void set_environment(const struct process_setup *setup)
{
    for (char **at = environ; *at;) {
        char *equals = strchr(*at, '=');
        char *name = equals ? strndup(*at, (size_t)(equals - *at)) : NULL;
        if (name && strncmp(name, "SLUICE_", 7) == 0)
            unsetenv(name); /* moves the others up */
        else
            at++;
        free(name);
    }
    for (size_t i = 0; i < COUNT_OF(setup->environment) && setup->environment[i]; i++)
        putenv(strdup(setup->environment[i]));
}

/* Puts the sockets at descriptors 3 and up. */
static void give_sockets(const struct process_setup *setup)
{
    enum { FIRST = 3, AWAY = 100 };
    for (size_t i = 0; i < setup->socket_count; i++) {
        if (dup2(setup->sockets[i], AWAY + (int)i) < 0)
            fail_in_child("dup2");
    }
    for (size_t i = 0; i < setup->socket_count; i++) {
        dup2(AWAY + (int)i, FIRST + (int)i);
        close(AWAY + (int)i);
    }
    setenv("LISTEN_PID", text_format("%d", setup->foreign_sockets ? 1 : (int)getpid()), 1);
    setenv("LISTEN_FDS", text_format("%zu", setup->socket_count), 1);
    if (setup->socket_names)
        setenv("LISTEN_FDNAMES", setup->socket_names, 1);
}

static void be_child(const struct process_setup *setup, const char *path, int output, int error,
                     pid_t parent)
{
    char *arguments[COUNT_OF(setup->arguments) + 1] = {strdup(setup->program)};
    struct rlimit files = {.rlim_cur = setup->files_max, .rlim_max = setup->files_max};
    sigset_t none;
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

    for (size_t i = 0; setup->arguments[i]; i++)
        arguments[i + 1] = strdup(setup->arguments[i]);
    if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0)
        _exit(126);
    if (!setup->terminal_fd)
        setpgid(0, 0);
    else if (setsid() < 0 || ioctl(setup->terminal_fd, TIOCSCTTY, 0) < 0)
        fail_in_child("TIOCSCTTY");
    /* nohup(1) and a shell's "&" have the tests ignore these. */
    signal(SIGHUP, setup->ignores_hangup ? SIG_IGN : SIG_DFL);
    signal(SIGINT, SIG_DFL);
    set_environment(setup);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (setup->directory && chdir(setup->directory) < 0)
        fail_in_child(setup->directory);
    if (setup->files_max && setrlimit(RLIMIT_NOFILE, &files) < 0)
        fail_in_child("RLIMIT_NOFILE");
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (setup->inherited_fd)
        fcntl(setup->inherited_fd, F_SETFD, 0);
    if (setup->uring_errno)
        refuse_uring(setup->uring_errno);
    if (setup->sockets)
        give_sockets(setup);
    run(path, arguments, setup, parent);
}

pid_t process_fork(void)
{
    const pid_t parent = getpid(), pid = fork();
    cr_assert(pid >= 0, "fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    return 0;
}

void process_start(struct process *process, const struct process_setup *setup)
{
    const char *built = setup->program[0] == '/'
                            ? setup->program
                            : text_format("%s/%s", e2e_build_directory(), setup->program);
    char *path = realpath(built, NULL);
    int output[2];
    int error = memfd_create("stderr", MFD_CLOEXEC);
    pid_t parent = getpid();

    cr_assert(path != NULL, "%s: %s; run make first, or set SLUICE_BUILD", built, strerror(errno));
    cr_assert(error >= 0 && pipe2(output, O_CLOEXEC) == 0, "pipe2: %s", strerror(errno));
    process->pid = fork();
    cr_assert(process->pid >= 0, "fork: %s", strerror(errno));
    if (process->pid == 0)
        be_child(setup, path, output[1], error, parent);
    close(output[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    process->output_fd = output[0];
    process->error_fd = error;
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    cr_assert(process->pidfd >= 0, "pidfd_open: %s", strerror(errno));
    free(path);
}

/* --- Ending ----------------------------------------------------------------------------------- */

bool process_wait(struct process *process, int64_t deadline)
{
    struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};

    if (process->pid == 0)
        return true;
    while (poll(&ended, 1, deadline_left_ms(deadline)) <= 0)
        if (deadline_left_ms(deadline) == 0)
            return false;
    waitpid(process->pid, &process->status, 0);
    process->pid = 0;
    return true;
}

void process_signal(const struct process *process, int number)
{
    cr_assert(process->pid > 0 && kill(process->pid, number) == 0, "kill: %s", strerror(errno));
}

void process_kill(struct process *process)
{
    if (process->pid == 0)
        return;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, &process->status, 0);
    process->pid = 0;
}

const char *process_errors(const struct process *process)
{
    struct bytes text = {0};
    ssize_t count;

    while ((count =
                pread(process->error_fd, bytes_reserve(&text, 4096), 4096, (off_t)text.length)) > 0)
        text.length += (size_t)count;
    return bytes_text(&text);
}

void process_read_output(const struct process *process, struct bytes *output)
{
    ssize_t count;

    while ((count = read(process->output_fd, bytes_reserve(output, 4096), 4096)) > 0)
        output->length += (size_t)count;
}

const char *sanitizer_report(const char *text)
{
    static const char *const signs[] = {
        "ERROR: AddressSanitizer",  "LeakSanitizer",          "runtime error:",
        "WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer", "MemorySanitizer",
        "Sanitizer:DEADLYSIGNAL",
    };

    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        const char *found = strstr(text, signs[i]);

        if (found)
            return found;
    }
    return NULL;
}

const char *status_text(int status)
{
    if (WIFSIGNALED(status))
        return text_format("killed by signal %d (%s)", WTERMSIG(status),
                           strsignal(WTERMSIG(status)));
    return text_format("exit status %d", WEXITSTATUS(status));
}

/* --- /proc ------------------------------------------------------------------------------------ */

static size_t status_kib(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    return line ? (size_t)strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

static const char *read_proc(pid_t pid, const char *name)
{
    struct bytes text = {0};
    FILE *file = fopen(text_format("/proc/%d/%s", (int)pid, name), "re");

    if (file) {
        text.length = fread(bytes_reserve(&text, 8192), 1, 8192, file);
        fclose(file);
    }
    return bytes_text(&text);
}

/* The third field of proc_pid_stat(5), after the second, which may have spaces in it. */
static bool stat_says_sleep(const char *stat)
{
    const char *state = strrchr(stat, ')');
    return state && strncmp(state, ") S", 3) == 0;
}

bool process_sleeps(const struct process *process)
{
    DIR *directory = opendir(text_format("/proc/%d/task", (int)process->pid));
    bool sleeps = directory != NULL;
    struct dirent *entry;
    while (sleeps && (entry = readdir(directory))) {
        if (entry->d_name[0] != '.')
            sleeps = stat_says_sleep(
                read_proc(process->pid, text_format("task/%s/stat", entry->d_name)));
    }
    if (directory)
        closedir(directory);
    return sleeps;
}

static size_t count_descriptors(pid_t pid)
{
    DIR *directory = opendir(text_format("/proc/%d/fd", (int)pid));
    size_t count = 0;

    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count > 2 ? count - 2 : 0; /* "." and ".." */
}

/* User and system time of all threads, in clock ticks: fields 14 and 15 of proc_pid_stat(5). */
static int64_t cpu_ticks(pid_t pid)
{
    const char *stat = read_proc(pid, "stat");
    const char *field = strrchr(stat, ')'); /* the end of the 2nd, which may have spaces in it */
    char *end;
    uint64_t ticks;

    for (size_t i = 2; field && i < 14; i++) {
        field = strchr(field, ' ');
        field += field != NULL;
    }
    if (!field)
        return 0;
    ticks = strtoull(field, &end, 10);
    return (int64_t)(ticks + strtoull(end, NULL, 10));
}

struct usage process_usage(const struct process *process)
{
    const char *status = read_proc(process->pid, "status");

    return (struct usage){
        .cpu_ms = cpu_ticks(process->pid) * 1000 / sysconf(_SC_CLK_TCK),
        .resident_bytes = status_kib(status, "VmRSS:"),
        .virtual_bytes = status_kib(status, "VmSize:"),
        .descriptors = count_descriptors(process->pid),
    };
}
