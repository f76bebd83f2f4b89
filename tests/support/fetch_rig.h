/* fetch_rig: a tree and the settings of a site over it, for the tests of fetch. */
#ifndef SLUICE_TESTS_FETCH_RIG_H
#define SLUICE_TESTS_FETCH_RIG_H

#include "site/fetch.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>

static struct tree tree;
static int root_fd;
static struct load_shared load_shared;
static struct site_settings site;

static inline void set_up(void)
{
    tree_init(&tree);
    site.mime = mime_create();
    load_shared.digests = digests_create();
    load_shared.copies.bytes_max = 8 << 20;
    root_fd = root_open(tree.path);
    cr_assert_geq(root_fd, 0);
}

static inline void tear_down(void)
{
    faults_clear();
    close(root_fd);
    digests_destroy(load_shared.digests);
    mime_destroy(site.mime);
    tree_fini(&tree);
}

/* Fetches TEXT, of which KNOWN is known, in MODE. */
static inline int fetch_named(const char *text, enum io_mode mode, const struct fetch_state *known,
                              struct fetched *ret)
{
    struct path path = path_named(text);
    struct fetch_order order = {
        .root_fd = root_fd,
        .path = &path,
        .site = &site,
        .mode = mode,
        .known = known,
        .load = &load_shared,
        .copy_bytes_max = UINT64_MAX,
    };
    return fetch(&order, ret);
}

/* Fetches TEXT, which ends in a slash for a directory's index. */
static inline struct fetched get(const char *text)
{
    struct fetched fetched = {.kind = FETCH_REFUSED};
    cr_assert_eq(fetch_named(text, IO_WAITING, NULL, &fetched), 0, "%s", text);
    return fetched;
}

#endif
