/* site_rig: a site with settings and rules, and the fields that its files have. */
#ifndef SLUICE_TESTS_SITE_RIG_H
#define SLUICE_TESTS_SITE_RIG_H

#include "site/site_resource.h"
#include "support/paths.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct mime *mime;
static struct rules *rules;
static struct site *site;
static unsigned complaints;
static unsigned last_line;

static inline void complain(void *context, const struct problem *problem)
{
    (void)context;
    complaints++;
    last_line = problem->line;
}

static struct site_settings settings; /* of SITE */

static inline void make(const struct site_settings *wanted)
{
    settings = *wanted;
    settings.mime = mime;
    settings.rules_name = STR("_headers");
    site_drop(site);
    struct site_share *share = site_share_create();
    cr_assert_not_null(share);
    site = site_create(&settings, share, (struct site_report){complain, NULL});
    site_share_unref(share);
    cr_assert_not_null(site);
}

static inline void set_up(void)
{
    mime = mime_create();
    rules = rules_create();
    make(&(struct site_settings){0});
}

static inline void tear_down(void)
{
    site_drop(site);
    rules_destroy(rules);
    mime_destroy(mime);
}

/* A file of CONTENT, as from fetch. */
static inline struct fetched file_of(struct str content)
{
    struct fetched fetched = {
        .kind = FETCH_FILE,
        .available = content_coding_bit(CONTENT_CODING_IDENTITY),
        .settled = true,
        .cacheable = true,
    };
    struct loaded *file = &fetched.files[CONTENT_CODING_IDENTITY];
    file->body = blob_create_bytes(content.length);
    str_put(file->body->bytes, content);
    file->identity.modified.tv_sec = 784111777;
    return fetched;
}

/* Sets TEXT as the site's rules. Returns whether they have changed. */
static inline bool take(const char *text)
{
    struct fetched fetched = file_of(str_of(text));
    bool changed = site_take_rules(site, &fetched);
    fetched_fini(&fetched);
    return changed;
}

static inline bool take_none(void)
{
    struct fetched fetched = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND, .cacheable = true};
    return site_take_rules(site, &fetched);
}

/* All field lines of the file at NAME, as a string until the next call. HASHED: its name means its
 * content for ever. */
static inline const char *lines_of_file(const char *name, bool hashed)
{
    static char text[8192];
    struct path path = path_named(name);
    struct fetched fetched = file_of(STR("12345"));
    fetched.state.hashed = hashed;
    struct resource *resource = site_resource_make(site, &path, &fetched, INT64_MAX);
    cr_assert_not_null(resource);
    snprintf(text, sizeof text, "%.*s", (int)resource->variants[0].fields.cut.bytes,
             resource->variants[0].fields.lines);
    resource_drop(resource);
    fetched_fini(&fetched);
    return text;
}

static inline const char *lines_of(const char *name)
{
    return lines_of_file(name, false);
}

#endif
