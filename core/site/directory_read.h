/* directory_read: reads a directory below ROOT for its listing.
 *
 * The listing has the entries that a client could request: regular files and directories that are
 * not hidden or private and are below ROOT after following links. Takes time in proportion to the
 * directory, so it is for jobs; its memory is bounded. Safe in any thread. */
#ifndef SLUICE_DIRECTORY_READ_H
#define SLUICE_DIRECTORY_READ_H

#include "http/path.h"
#include "site/site_settings.h"
#include "storage/blob.h"

#include <dirent.h>

enum {
    /* Of a larger directory the first ones in order are listed, and the page says so. */
    DIRECTORY_READ_ENTRIES_MAX = 20000,
};

/* Opens the directory PATH below ROOT_FD for reading; *RET is *given*. Returns 0 or a negative
 * errno. */
int directory_open(int root_fd, const struct path *path, DIR **ret);

/* Lists the directory PATH below ROOT_FD, the root of the site with SETTINGS, as HTML and as JSON.
 * Returns 0 with a reference to each page, *given*; or a negative errno. */
int directory_read(int root_fd, const struct path *path, const struct site_settings *settings,
                   struct blob **ret_html, struct blob **ret_json);

#endif
