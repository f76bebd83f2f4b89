/* pid_file: see pid_file.h. rename(2). */
#include "server/pid_file.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NUMBER_BYTES = 24, /* a process's number, a newline and a NUL */
    SUFFIX_BYTES = 1 + NUMBER_BYTES,
    MODE = 0644,
};

/* Returns the name of what process PID prepares for PATH. *Given*. NULL: out of memory. */
static char *name_temporary(const char *path, pid_t pid)
{
    const size_t room = strlen(path) + SUFFIX_BYTES;
    char *name = malloc(room);
    if (name)
        snprintf(name, room, "%s.%ld", path, (long)pid);
    return name;
}

static int explain(int error, const char *path, struct problem *ret_problem)
{
    problem_set(ret_problem, "cannot write the pid file '%s': %s", path, strerror(-error));
    problem_remedy(ret_problem, "name a file in a directory that this user may write to");
    return error;
}

/* Whether something else than a regular file is at PATH. */
static bool is_taken(const char *path)
{
    struct statx found;
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found) == 0 &&
           !S_ISREG(found.stx_mode);
}

/* Writes the number of this process to a new file at PATH. Returns 0 or a negative errno. */
static int write_number(const char *path)
{
    char text[NUMBER_BYTES];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd < 0)
        return -errno;
    const ssize_t written = write(fd, text, (size_t)length);
    const int error = written < 0 ? -errno : 0;
    close(fd);
    return error || written == length ? error : -ENOSPC;
}

int pid_file_prepare(struct pid_file *ret, const char *path, struct problem *ret_problem)
{
    struct pid_file file = {.path = NULL};
    if (is_taken(path)) {
        problem_set(ret_problem, "the pid file '%s' is not a regular file", path);
        problem_remedy(ret_problem, "name another one");
        return -EEXIST;
    }
    file.path = strdup(path);
    file.temporary = file.path ? name_temporary(path, getpid()) : NULL;
    int error = file.temporary ? write_number(file.temporary) : -ENOMEM;
    if (error) {
        pid_file_remove(&file);
        return explain(error, path, ret_problem);
    }
    *ret = file;
    return 0;
}

int pid_file_publish(struct pid_file *file, struct problem *ret_problem)
{
    if (!file->temporary)
        return 0;
    if (rename(file->temporary, file->path) < 0)
        return explain(-errno, file->path, ret_problem);
    free(file->temporary);
    file->temporary = NULL;
    file->published = true;
    return 0;
}

/* Whether the file at PATH has the number of this process. */
static bool is_ours(const char *path)
{
    char text[NUMBER_BYTES];
    uint64_t number;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t length = read(fd, text, sizeof text);
    close(fd);
    return length > 1 && text[length - 1] == '\n' &&
           num_parse_u64((struct str){text, (size_t)length - 1}, &number) &&
           number == (uint64_t)getpid();
}

/* Whether the next process is about to put its file into the place of FILE. Asked before is_ours:
 * if it has done so, that is seen there. */
static bool is_awaited(const struct pid_file *file)
{
    struct statx found;
    char *name = file->next > 0 ? name_temporary(file->path, file->next) : NULL;
    const bool awaited =
        name && statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found) == 0;
    free(name);
    return awaited;
}

void pid_file_leave(struct pid_file *file, pid_t next)
{
    file->next = next;
}

void pid_file_clean(const struct pid_file *file, pid_t pid)
{
    char *name = file->path ? name_temporary(file->path, pid) : NULL;
    if (name)
        unlink(name);
    free(name);
}

void pid_file_remove(struct pid_file *file)
{
    if (file->temporary)
        unlink(file->temporary);
    if (file->published && !is_awaited(file) && is_ours(file->path))
        unlink(file->path);
    free(file->temporary);
    free(file->path);
    *file = (struct pid_file){0};
}
