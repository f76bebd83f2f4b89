/* precompressing: runs of `sluice precompress` on a site of the test. */
#ifndef E2E_PRECOMPRESSING_H
#define E2E_PRECOMPRESSING_H

#include "e2e.h"
#include "process.h"
#include "site.h"

enum { RUN_MS = 60000 };

extern struct site site;
extern struct bytes output; /* of the latest program that has ended */

/* Creates SITE; skips the test unless the program makes all codings. */
void begin(void);

/* Waits for PROCESS to exit, and returns its status. */
int end_of(struct process *process);

/* Runs "sluice precompress WHAT WORDS", which must end with STATUS, and returns its errors. */
const char *run_on(const char *what, const char *words, int status, bool as_nobody);

/* The same on SITE. */
const char *run(const char *words, int status);

/* The exit status of a shell's COMMAND beside SITE. */
int shell(const char *command);

/* TEXT is in OUTPUT. */
void expect_says(const char *text);

/* How many names are in the directory of SITE, all dot files included. */
size_t count_names(void);

bool exists(const char *path);

/* Writes text of LENGTH bytes that compresses. */
void write_words(const char *path, size_t length, uint64_t seed);

#endif
