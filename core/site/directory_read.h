/* directory_read: reads a directory below ROOT for its listing.
 *
 * Listed is what could be asked for: regular files and directories that are not hidden and lie below
 * ROOT, wherever links lead. Takes as long as the directory is large: for jobs. Safe on any thread. */
#ifndef SLUICE_DIRECTORY_READ_H
#define SLUICE_DIRECTORY_READ_H

#include "http/path.h"
#include "storage/blob.h"

enum {
    DIRECTORY_READ_ENTRIES_MAX = 20000, /* of a directory that holds more, the page says so */
};

/* Lists the directory PATH below ROOT_FD, as a page for people and one for programs; of ROOT itself,
 * HIDDEN is left out. Returns 0, each with one reference, *given*; or a negative errno. */
int directory_read(int root_fd, const struct path *path, struct str hidden, struct blob **ret_html,
                   struct blob **ret_json);

#endif
