/* site: a directory under /tmp for a server, with given bytes and times, removed when the test
 * ends.
 *
 * A site lives as long as its test. Paths are relative to it; functions that write make the
 * directories of a path. Its parent directory belongs to the test too, for files outside ROOT. */
#ifndef E2E_SITE_H
#define E2E_SITE_H

#include "bytes.h"

#include <sys/types.h>

struct site {
    char parent[64]; /* /tmp/sluice-e2e-PID-XXXXXX */
    char path[72];   /* PARENT/root: the server's ROOT */
};

/* Sunday, 6 November 1994, 08:49:37 GMT: the moment of RFC 9110's examples, and of every file
 * below. */
#define SITE_TIME      784111777
#define SITE_TIME_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

void site_create(struct site *site);

/* The same, with a page "app" for its own routes (--spa /index.html), and "lost" for the others. */
void site_create_application(struct site *site);

/* The absolute path of PATH in the site ("../x" is beside ROOT), kept. */
const char *site_path(const struct site *site, const char *path);

/* These make files with modification time SITE_TIME. */
void site_write(const struct site *site, const char *path, const void *data, size_t length);
void site_write_text(const struct site *site, const char *path, const char *text);
/* With generated content, which is returned. */
struct view site_fill(const struct site *site, const char *path, size_t length, uint64_t seed);
/* A file of LENGTH zero bytes that takes no space on the disk. */
void site_write_sparse(const struct site *site, const char *path, off_t length);

/* Replaces PATH atomically (rename) by a new file with the current time. */
void site_replace_text(const struct site *site, const char *path, const char *text);
/* Sets the modification time, in whole seconds. */
void site_set_time(const struct site *site, const char *path, time_t seconds);
/* Points PATH, a symlink, at TARGET, atomically. */
void site_replace_link(const struct site *site, const char *path, const char *target);

void site_mkdir(const struct site *site, const char *path);
void site_link(const struct site *site, const char *path, const char *target);
void site_fifo(const struct site *site, const char *path);
void site_socket(const struct site *site, const char *path);
void site_chmod(const struct site *site, const char *path, mode_t mode);

void sites_remove_all(void);

#endif
