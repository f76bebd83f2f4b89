/* precompress_walk: finds the files of a site that are worth compressing, one at a time.
 *
 * Owns the directory that it is reading and the names of those to come. It takes regular files of a
 * type that compresses and of a sufficient size, which the server would send: no dot files (but
 * those in /.well-known/), no files that configure the site, and no symbolic links, neither to
 * files nor to directories: so nothing outside ROOT is reached, and nothing is made twice. Siblings
 * are of a type that is compressed already. For one thread at a time. */
#ifndef SLUICE_PRECOMPRESS_WALK_H
#define SLUICE_PRECOMPRESS_WALK_H

#include "http/path.h"
#include "site/site_settings.h"

#include <dirent.h>

struct precompress_pending;

struct precompress_walk {
    int root_fd; /* *borrowed* */
    const struct site_settings *site;
    uint64_t bytes_min; /* a smaller file is left out */
    DIR *directory;     /* NULL: between directories */
    size_t path_bytes;  /* of the directory's path, with a slash at its end unless it is ROOT */
    char path[PATH_BYTES_MAX + 1];
    struct precompress_pending *pending; /* directories to come */
};

enum precompress_kind {
    PRECOMPRESS_FILE,
    PRECOMPRESS_ORPHAN,    /* named like a sibling of a file that does not exist */
    PRECOMPRESS_TEMPORARY, /* named like a file of precompress_temporary.h */
};

struct precompress_entry {
    enum precompress_kind kind;
    size_t name_at;                /* where in PATH its name begins, after the directory */
    char path[PATH_BYTES_MAX + 1]; /* below ROOT, no slash at its start */
};

/* Starts at ROOT_FD, an open directory, the root of SITE. Returns 0 or -ENOMEM. *Gives*:
 * precompress_walk_fini. */
int precompress_walk_init(struct precompress_walk *ret, int root_fd,
                          const struct site_settings *site, uint64_t bytes_min);
void precompress_walk_fini(struct precompress_walk *walk);

/* Finds the next entry: 1; 0: the end. A negative errno is about RET->path, a directory or a file;
 * the walk can go on. */
int precompress_walk_next(struct precompress_walk *walk, struct precompress_entry *ret);

/* Opens the directory that ENTRY is in, below ROOT_FD. Returns a descriptor or a negative errno. */
int precompress_entry_open_directory(int root_fd, const struct precompress_entry *entry);

#endif
