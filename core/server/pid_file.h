/* pid_file: a file with the number of this process, for scripts: "kill -HUP $(cat FILE)".
 *
 * It is written beside its place before the server serves, so that a mistake ends the start, and
 * takes its place by rename(2) when the server serves: a reader finds all of it, or the file of
 * before. At the end it is removed if it still has the number of this process. After an upgrade it
 * has that of the next process, or will have it in a moment, unless that has its file elsewhere.
 * Owns the names of both files. */
#ifndef SLUICE_PID_FILE_H
#define SLUICE_PID_FILE_H

#include "base/problem.h"

#include <sys/types.h>

/* Zeroed: no file is wanted. */
struct pid_file {
    char *path;      /* NULL: no file is wanted */
    char *temporary; /* path of the new file before its rename to PATH; NULL: none */
    bool published;
    pid_t next; /* the process that follows this one; 0: none */
};

/* Writes the file beside PATH, which is copied. Only a regular file, or nothing, may be in its
 * place. Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*: pid_file_remove. */
int pid_file_prepare(struct pid_file *ret, const char *path, struct problem *ret_problem);

/* Puts the file into its place. Returns 0, or a negative errno with *RET_PROBLEM set. */
int pid_file_publish(struct pid_file *file, struct problem *ret_problem);

/* Notes that process NEXT follows this one. It has prepared a file of its own if it wants one. */
void pid_file_leave(struct pid_file *file, pid_t next);

/* Removes what process PID, which has ended, has prepared to put into the place of FILE. */
void pid_file_clean(const struct pid_file *file, pid_t pid);

/* Removes what is left of it, unless it belongs to another process. */
void pid_file_remove(struct pid_file *file);

#endif
