/* process: a child process: its start, its output, its end, and the resources that it uses.
 *
 * A child gets its own process group, /dev/null for input, a pipe for output and a memory file for
 * errors (which never fills up), and dies with the test's thread that started it. */
#ifndef E2E_PROCESS_H
#define E2E_PROCESS_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_setup {
    const char *program;        /* its file name in the build directory, or its absolute path */
    const char *arguments[24];  /* after the name; NULL ends them */
    const char *directory;      /* NULL: stays where the test is */
    bool as_nobody;             /* run as user and group 65534; needs root */
    uint64_t files_max;         /* RLIMIT_NOFILE, soft and hard; 0: unchanged */
    const char *environment[8]; /* NAME=VALUE; of the others none begins with SLUICE_ */
    int uring_errno;            /* io_uring_setup fails with it; 0: it works */
    int terminal_fd;            /* of a terminal, to lead a session on it; 0: none */
    bool ignores_hangup;        /* SIGHUP, as with nohup(1) */
    int inherited_fd;           /* a descriptor left open; 0: none */
    bool first_process;         /* of a namespace that the test has made for its children */
    const int *sockets;         /* by socket activation, see sd_listen_fds(3); NULL: none */
    size_t socket_count;
    const char *socket_names; /* separated by colons; NULL: none */
    bool foreign_sockets;     /* for another process */
};

struct process {
    pid_t pid;     /* 0: none */
    int pidfd;     /* readable when it has ended */
    int output_fd; /* its standard output, non-blocking */
    int error_fd;  /* a file that holds its standard error */
    int status;    /* as waitpid gives it, once it has ended */
};

/* Adds WORD, which may have spaces in it, to the arguments. */
void process_add_word(struct process_setup *setup, const char *word);

/* Adds the words of TEXT, separated by single spaces, to the arguments. TEXT may be NULL. */
void process_add_words(struct process_setup *setup, const char *text);

/* Forks. Returns 0 in the child, which lives no longer than the test's thread. */
pid_t process_fork(void);

void process_start(struct process *process, const struct process_setup *setup);

/* Waits for the end until DEADLINE. Whether it has ended. */
bool process_wait(struct process *process, int64_t deadline);

void process_signal(const struct process *process, int number);

/* Sends SIGKILL if it still runs, and waits for its end. */
void process_kill(struct process *process);

/* Its standard error so far. Kept. */
const char *process_errors(const struct process *process);

/* Appends its standard output since the last call to OUTPUT. */
void process_read_output(const struct process *process, struct bytes *output);

/* The first line of a sanitizer's report in TEXT, or NULL. */
const char *sanitizer_report(const char *text);

/* "exit status 0", "killed by signal 9 (Killed)". Kept. */
const char *status_text(int status);

/* Whether all its threads sleep. */
bool process_sleeps(const struct process *process);

/* --- The resources of a process, from /proc --------------------------------------------------- */

struct usage {
    int64_t cpu_ms; /* user and system, of all threads */
    size_t resident_bytes;
    size_t virtual_bytes;
    size_t descriptors;
};

struct usage process_usage(const struct process *process);

#endif
