/* bytes: growable bytes, kept texts and generated content for the end-to-end tests.
 *
 * Lifetime: nothing here is ever freed. A Criterion test is a process of its own and ends when
 * the test does, so everything that a test makes stays valid to its last line. "Kept" means just
 * that. */
#ifndef E2E_BYTES_H
#define E2E_BYTES_H

#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KIB(n)          ((size_t)(n) << 10)
#define MIB(n)          ((size_t)(n) << 20)

struct bytes {
    char *data; /* NULL while empty */
    size_t length;
    size_t capacity;
};

/* Bytes that are *borrowed*. */
struct view {
    const char *data;
    size_t length;
};

/* Makes room for LENGTH more bytes after the last one. Returns the first of them. */
char *bytes_reserve(struct bytes *bytes, size_t length);

void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_text(struct bytes *bytes, const char *text);

/* The bytes as a string: a 0 follows the last one (not counted in length). */
const char *bytes_text(struct bytes *bytes);

/* A formatted string, kept. */
const char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* TEXT's first LENGTH bytes as a kept string in which everything unprintable is \xNN and line ends
 * are visible: for messages. Long ones are cut. */
const char *text_visible(const char *text, size_t length);

/* LENGTH bytes that depend on SEED alone (printable, so that a diff can be read), kept. */
struct view content_make(size_t length, uint64_t seed);

/* The next number of a deterministic sequence. */
uint64_t random_next(uint64_t *state);

#endif
