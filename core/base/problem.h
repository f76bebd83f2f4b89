/* problem: a mistake or a failure on its way up to the one place that prints it.
 *
 * Owns its text: fixed buffers, so a problem can be made without memory, copied, and kept after its
 * sources are gone. A function that can fail for reasons that a user must understand takes a
 * `struct problem *ret_problem`, fills it and returns an error; it prints nothing. Text that is too
 * long is cut and ends in "...".
 *
 * In words a problem is "WHERE WHAT; REMEDY": "--threads 'two' is not a number; give one from 1 to
 * 1024", "mime.types, line 3: not a media type; write TYPE/SUBTYPE EXTENSION ...". */
#ifndef SLUICE_PROBLEM_H
#define SLUICE_PROBLEM_H

#include "base/base.h"

enum {
    PROBLEM_FILE_BYTES = 256,
    PROBLEM_OPTION_BYTES = 48,
    PROBLEM_WHAT_BYTES = 512,
    PROBLEM_REMEDY_BYTES = 256,
    PROBLEM_TEXT_BYTES = 1152, /* all of it in words, with a NUL */
};

struct problem {
    char file[PROBLEM_FILE_BYTES];     /* name of the file that has the mistake; "": none */
    unsigned line;                     /* of FILE, from 1; 0: not of one line */
    unsigned column;                   /* of LINE, in bytes, from 1; 0: not known */
    char option[PROBLEM_OPTION_BYTES]; /* long name of the option, without dashes; "": none */
    char what[PROBLEM_WHAT_BYTES];     /* what is wrong */
    char remedy[PROBLEM_REMEDY_BYTES]; /* what to do about it; "": nothing to say */
};

/* Starts a problem: sets WHAT, as printf would, and clears everything else. */
void problem_set(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts text in front of WHAT, as printf would: "cannot use X: " before the cause. */
void problem_prefix(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets REMEDY, as printf would. */
void problem_remedy(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says where in a file it is. FILE is copied. */
void problem_in_file(struct problem *problem, const char *file, unsigned line, unsigned column);

/* Says which option it is about: its long name, without dashes, which is copied. */
void problem_of_option(struct problem *problem, const char *name);

/* The problem that memory is out. */
void problem_set_no_memory(struct problem *problem);

/* Writes PROBLEM in words, without a newline, and a NUL at TO. An option is called --NAME, or NAME
 * where a file is given, since files write it so. Control bytes become '?': it is one line whatever
 * a file is called. Returns the length. */
size_t problem_text(const struct problem *problem, char to[static PROBLEM_TEXT_BYTES]);

#endif
