/* hashed_names: which names in a directory have a hash of the file's content in them, so that a
 * name always means the same bytes.
 *
 * Bundlers write such names: "index-BfJk3x9Q.js", "main.819c85524fb5842b5454.css". But names that
 * have the identifier of a user, a camera or an article in them are of the same form, and their
 * content changes. So a name is never judged by itself, but all names of a directory together: a
 * form of hash is accepted if several scripts and style sheets have it, their hashes are too random
 * for words, dates and counters, and their names are too different for a series of identifiers.
 * Other files (pictures, fonts) only follow the form of code. A wrong result is worse than a missed
 * one: it stays in browsers for a year, the other costs a 304 for each use.
 *
 * Pure; uses hash_form and path. Allocates while it judges, and keeps nothing. */
#ifndef SLUICE_HASHED_NAMES_H
#define SLUICE_HASHED_NAMES_H

#include "http/hash_form.h"
#include "http/path.h"

enum {
    HASHED_NAMES_MAX = 10000, /* that are judged together */
    HASH_FORMS_MAX = 8,
};

struct hash_forms {
    unsigned count;
    struct hash_form items[HASH_FORMS_MAX];
};

/* A directory that is judged. *Borrows* all that it points to. */
struct hashed_names {
    const struct str *names;         /* of its files, in any order */
    size_t count;                    /* at most HASHED_NAMES_MAX */
    const struct hash_forms *beside; /* accepted in the directories next to it; NULL: none */
    bool *hashed;                    /* result, for each name: whether it has a hash in it */
};

/* Judges all names of DIRECTORY. Sets *RET to the forms that scripts and style sheets in it have;
 * those of DIRECTORY->beside are not among them. 0 or -ENOMEM. */
int hashed_names_judge(struct hashed_names *directory, struct hash_forms *ret);

/* Whether the file PATH might be found to have a hash in its name, depending on its directory. */
bool hashed_names_may_have(struct str path);

/* Whether the file PATH, relative, has a hash in its name and is in a directory to which only
 * bundlers write, by its path: "_next/static", "_astro" and others. There, one name is enough. */
bool hashed_names_is_output(struct str path);

/* Sets *RET to the next directory whose forms count in the directory PATH, too, because bundlers
 * divide their output by sorts, as "static/js" and "static/media"; *INDEX moves on; begin with 0.
 * False: all have been visited. */
bool hashed_names_next_beside(struct str path, unsigned *index, struct path *ret);

#endif
