/* pid_file: a file with the number of this process, for scripts: "kill -HUP $(cat FILE)".
 *
 * It is written beside its place before the server serves, so that a mistake ends the start, and
 * takes its place by rename(2) when the server serves: a reader finds all of it, or the file of
 * before. At the end it is removed if it still has the number of this process; after an upgrade it
 * has that of the next one. Owns the names of both files. */
#ifndef SLUICE_PID_FILE_H
#define SLUICE_PID_FILE_H

#include "base/problem.h"

/* Zeroed: no file is wanted. */
struct pid_file {
    char *path;      /* NULL: no file is wanted */
    char *temporary; /* path of the new file before its rename to PATH; NULL: none */
    bool published;
};

/* Writes the file beside PATH, which is copied. Only a regular file, or nothing, may be in its
 * place. Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*: pid_file_remove. */
int pid_file_prepare(struct pid_file *ret, const char *path, struct problem *ret_problem);

/* Puts the file into its place. Returns 0, or a negative errno with *RET_PROBLEM set. */
int pid_file_publish(struct pid_file *file, struct problem *ret_problem);

/* Removes what is left of it, unless it belongs to another process. */
void pid_file_remove(struct pid_file *file);

#endif
