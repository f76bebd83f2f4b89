/* attacks: the table of attacks, and the bytes that each sends.
 *
 * Pure: no socket and no clock. An attack describes one connection, of which attacker.c opens many
 * and replaces those that the server closes. All is constant. */
#ifndef BENCH_ATTACKS_H
#define BENCH_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTACK_READS_ALL = 1 << 30 }; /* bytes_read_s of a client that reads whatever comes */

/* A connection sends `opening` once and then `unit` again and again. In both, '#' becomes 8
 * hexadecimal digits that differ from unit to unit, and '~' becomes `fill_bytes` letters. */
struct attack {
    const char *name, *title;
    const char *opening, *unit; /* NULL: none */
    size_t fill_bytes;
    unsigned units;           /* of a connection; 0: without end */
    unsigned connections;     /* held at once, if not said otherwise */
    unsigned connects_s;      /* most connections that are opened in a second */
    unsigned bytes_sent_s;    /* after the opening, of a connection; 0: as fast as possible */
    unsigned bytes_read_s;    /* of a connection; 0: it never reads */
    int receive_buffer_bytes; /* 0: the system's default */
    bool stays;               /* after the server has closed its side: it closes only at the end */
    unsigned hold_ms;         /* then it is closed with a reset; 0: held to the end */
};

/* Ends with an attack without a name. */
extern const struct attack attacks[];

/* The attack of that name, or NULL. */
const struct attack *attack_find(const char *name);

/* Writes the bytes of connection SERIAL's stream that begin at position AT to TO, at most ROOM of
 * them. Returns their number: 0 at the end of the stream. */
size_t attack_write(const struct attack *attack, uint32_t serial, uint64_t at, char *to,
                    size_t room);

/* The length of the opening. */
size_t attack_opening_bytes(const struct attack *attack);

#endif
