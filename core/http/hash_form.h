/* hash_form: how bundlers write a hash into a name, and the parts of a name that may have one.
 *
 * A name is a stem, a separator, the hash, words like "min" and the extension, as in
 * "app.3f2a9c1b.min.js". hashed_names judges whether a part that has the form of a hash is one.
 * Pure; uses hash_score. Views are *borrowed* from the name. */
#ifndef SLUICE_HASH_FORM_H
#define SLUICE_HASH_FORM_H

#include "http/hash_score.h"

enum hash_form_kind {
    HASH_FORM_OTHER, /* bundlers do not write it with a hash */
    HASH_FORM_SCRIPT,
    HASH_FORM_STYLE,
    HASH_FORM_DERIVED, /* a map or a licence: as hashed as the file that it is of */
    HASH_FORM_ASSET,
};

/* A name without its extensions and the words between them and a hash. */
struct hash_form_name {
    struct str base;
    enum hash_form_kind kind;
    bool taken; /* for hashed_names: its hash is of a form that was accepted */
};

struct hash_form {
    char separator; /* before the hash; 0: the hash is the whole name */
    uint8_t length; /* characters */
    enum hash_alphabet alphabet;
};

/* Whether WORD is in LIST, in which each word is followed by a space. */
bool hash_form_has_word(struct str list, struct str word);

/* The parts of NAME, the last segment of a path. */
struct hash_form_name hash_form_read(struct str name);

static inline bool hash_form_is_code(const struct hash_form_name *name)
{
    return name->kind == HASH_FORM_SCRIPT || name->kind == HASH_FORM_STYLE;
}

/* The hash of FORM in NAME; absent: it has none. The whole name may be a long hash, as in webpack's
 * output. A hexadecimal string is not a hash in another alphabet. */
struct str hash_form_token(const struct hash_form_name *name, const struct hash_form *form);

/* What precedes the hash of FORM, which NAME has, with the separator: "" if nothing does. */
struct str hash_form_stem(const struct hash_form_name *name, const struct hash_form *form);

/* Calls VISIT with each form that bundlers write, those of narrow alphabets first, until it returns
 * true. Returns whether it has. */
bool hash_form_any(bool (*visit)(void *context, const struct hash_form *form), void *context);

/* Whether NAME, in a directory to which only bundlers write, has a hash in it. */
bool hash_form_is_output(const struct hash_form_name *name);

#endif
