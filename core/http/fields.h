/* fields: the header fields of a response as values: names and values in order, of no version of
 * HTTP.
 *
 * A list is built on the stack out of views (the *borrower* says how long they live), and is
 * bounded. A block is the compact form that a resource keeps: it owns nothing, and holds the fields
 * twice in one piece of memory, as values and as the lines that HTTP/1 sends (RFC 9112 section 5).
 * The values are views of the lines, found by a table of lengths, so nothing is parsed again.
 * Another version encodes from the same values.
 *
 * Pure; uses str. Names and values are RFC 9110 sections 5.1 and 5.5. No list or block has Server
 * and Date: the session adds these to each response (sections 10.2.4 and 6.6.1), and it adds the
 * fields that describe the connection, such as Connection. */
#ifndef SLUICE_FIELDS_H
#define SLUICE_FIELDS_H

#include "base/str.h"

/* The value of Server, for sessions. A macro, so that it can be part of a longer literal. */
#define FIELDS_SERVER "Sluice"

struct field {
    struct str name;
    struct str value;
};

/* --- Lists ------------------------------------------------------------------------------------ */

enum {
    FIELDS_MAX = 144,                    /* in one list */
    FIELDS_VALUE_BYTES_MAX = UINT16_MAX, /* of one field's value */
};

/* A list that is being built. */
struct fields {
    unsigned count;
    struct field items[FIELDS_MAX]; /* the first COUNT mean something */
};

/* Makes *RET an empty list. */
static inline void fields_init(struct fields *ret)
{
    ret->count = 0; /* the items mean nothing yet, and are large */
}

/* Adds the field NAME, *borrowed*, at the end. No effect if VALUE is absent or longer than
 * FIELDS_VALUE_BYTES_MAX. The caller knows that there is room. */
void fields_add(struct fields *fields, struct str name, struct str value);

/* Adds all of MORE at the end. */
void fields_append(struct fields *fields, const struct fields *more);

/* The value of the last field NAME, in any letter case, *borrowed*; absent if no field has that
 * name. */
struct str fields_find(const struct fields *fields, struct str name);

/* --- HTTP/1 lines ----------------------------------------------------------------------------- */

/* The bytes of FIELD as a line, "Name: value\r\n". */
static inline size_t field_line_bytes(const struct field *field)
{
    return field->name.length + sizeof ": \r\n" - 1 + field->value.length;
}

/* Writes FIELD as a line at TO, which has room for it. Returns the end. */
char *field_write_line(char *to, const struct field *field);

/* --- Blocks ----------------------------------------------------------------------------------- */

/* The first COUNT fields of a block; their lines take BYTES. */
struct field_cut {
    uint32_t count;
    uint32_t bytes;
};

struct field_lengths {
    uint16_t name, value; /* bytes */
};

/* All the fields of a list, or the first of them. Memory, with the lines of two fields:
 *
 *     lengths                lines
 *     | 4, 3 | 6, 1 |        E T a g :   " a " \r \n A c c e p t ...
 */
struct field_block {
    const char *lines; /* NULL: the block is absent, which is something else than empty */
    const struct field_lengths *lengths;
    struct field_cut cut;
};

/* The bytes of memory that a block of FIELDS takes; an even number. */
size_t field_block_bytes(const struct fields *fields);

/* Makes *RET the block of FIELDS, which are copied, in the field_block_bytes bytes at MEMORY, whose
 * address is even. Returns the end of these bytes. */
char *field_block_write(struct field_block *ret, char *memory, const struct fields *fields);

/* The cut of BLOCK that holds its first COUNT fields. */
struct field_cut field_block_cut(const struct field_block *block, unsigned count);

/* The lines of BLOCK. *Borrowed*. */
static inline struct str field_block_lines(const struct field_block *block)
{
    return (struct str){block->lines, block->cut.bytes};
}

/* Takes the first field off *REST, a copy of a block. False, with *RET untouched, when none is
 * left. The views are *borrowed* from the block's memory. */
bool field_block_next(struct field_block *rest, struct field *ret);

#endif
