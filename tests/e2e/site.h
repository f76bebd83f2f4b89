/* site: a directory under /tmp to be served, with given bytes and times, removed when the test
 * ends.
 *
 * A site lives as long as its test. Paths are relative to it; directories on the way are made. Its
 * parent directory is the test's too, so that there is something outside of ROOT to reach for. */
#ifndef E2E_SITE_H
#define E2E_SITE_H

#include "bytes.h"

#include <sys/types.h>

struct site {
    char parent[64]; /* /tmp/sluice-e2e-PID-XXXXXX */
    char path[72];   /* PARENT/root: what is served */
};

/* Sunday, 6 November 1994, 08:49:37 GMT: the moment of RFC 9110's examples, and of every file
 * below. */
#define SITE_TIME      784111777
#define SITE_TIME_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

void site_create(struct site *site);

/* The absolute path of PATH in the site ("../x" is beside ROOT), kept. */
const char *site_path(const struct site *site, const char *path);

/* Files are made in one go with modification time SITE_TIME. */
void site_write(const struct site *site, const char *path, const void *data, size_t length);
void site_write_text(const struct site *site, const char *path, const char *text);
/* Made-up content, which is returned. */
struct view site_fill(const struct site *site, const char *path, size_t length, uint64_t seed);
/* A file of LENGTH zero bytes that takes no room on the disk. */
void site_write_sparse(const struct site *site, const char *path, off_t length);

/* Replaces PATH atomically (rename) by a new file; its time is now. */
void site_replace_text(const struct site *site, const char *path, const char *text);
/* Sets the modification time, in whole seconds. */
void site_set_time(const struct site *site, const char *path, time_t seconds);
/* Makes PATH, a symlink, say TARGET, atomically. */
void site_replace_link(const struct site *site, const char *path, const char *target);

void site_mkdir(const struct site *site, const char *path);
void site_link(const struct site *site, const char *path, const char *target);
void site_fifo(const struct site *site, const char *path);
void site_socket(const struct site *site, const char *path);
void site_chmod(const struct site *site, const char *path, mode_t mode);

void sites_remove_all(void);

#endif
