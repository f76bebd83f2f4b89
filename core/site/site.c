/* site: see site.h. */
#include "site/site.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

struct site *site_create(const struct site_settings *settings, struct site_share *share,
                         struct site_report report)
{
    struct site *site = calloc(1, sizeof *site);
    if (!site)
        return NULL;
    site->references = 1;
    site->settings = settings;
    site->share = site_share_ref(share);
    site->mime = settings->mime;
    site->report = report;
    cache_group_init(&site->entries, share->id);
    return site;
}

struct site *site_pin(struct site *site)
{
    site->references++;
    return site;
}

void site_drop(struct site *site)
{
    if (!site || --site->references > 0)
        return;
    root_drop(site->root);
    rules_destroy(site->rules);
    blob_drop(site->rules_text);
    resource_drop(site->shared_404);
    site_share_unref(site->share);
    free(site);
}

void site_path_set(struct path *ret, struct str text)
{
    ret->directory = text.length == 0;
    ret->closed = false;
    ret->length = size_min(text.length, PATH_BYTES_MAX);
    *str_put(ret->text, str_first(text, ret->length)) = '\0';
}

void site_path_set_within(struct path *ret, struct str directory, struct str name)
{
    char *end = str_put(ret->text, directory);
    end = directory.length > 0 ? str_put(end, STR("/")) : end;
    end = str_put(end, name);
    *end = '\0';
    ret->length = (size_t)(end - ret->text);
    ret->directory = ret->closed = false;
}

/* --- The directory --------------------------------------------------------------------------- */

int site_open(struct site *site)
{
    return site_find_root(site, site->settings, &site->root);
}

bool site_must_find_root(struct site *site, uint64_t now_ms)
{
    int same = root_is_at(site->root, site->settings->root);
    if (same == 1) {
        site->root_seen_ms = now_ms;
        site->root_overdue = false;
    }
    return same == 0 || same == -EAGAIN;
}

int site_find_root(const struct site *site, const struct site_settings *settings, struct root **ret)
{
    return root_slot_get(&site->share->root, settings->root, ret);
}

struct root *site_take_root(struct site *site, struct root *root, uint64_t seen_ms)
{
    if (!root)
        return NULL;
    site->root_seen_ms = seen_ms;
    site->root_overdue = false;
    struct root *former = site->root;
    site->root = root;
    if (former != root)
        return former;
    root_drop(root); /* the second pin */
    return NULL;
}

/* --- The rules -------------------------------------------------------------------------------- */

bool site_is_private(const struct site *site, const struct path *path)
{
    return site_settings_is_private(site->settings, path_view(path));
}

bool site_rules_path(const struct site *site, struct path *ret)
{
    struct str name = site->settings->rules_name;
    if (name.at)
        site_path_set(ret, name);
    return name.at;
}

const struct fetch_state *site_rules_known(const struct site *site)
{
    return site->rules_known_set ? &site->rules_known : NULL;
}

bool site_has_rules(const struct site *site)
{
    return site->settings->rules || site->rules || site->settings->cors;
}

bool site_has_host_rules(const struct site *site)
{
    return (site->settings->rules && rules_have_hosts(site->settings->rules)) ||
           (site->rules && rules_have_hosts(site->rules));
}

/* Reports WHAT is wrong with the file and its REMEDY, unless that was the last report: the file is
 * checked again and again. */
static void report_file(struct site *site, const char *what, const char *remedy)
{
    if (site->report.function && site->reported != what) {
        struct problem problem;
        problem_set(&problem, "%s", what);
        problem_remedy(&problem, "%s", remedy);
        site->report.function(site->report.context, &problem);
    }
    site->reported = what;
}

static void ignore(void *context, const struct problem *problem)
{
    (void)context, (void)problem;
}

/* The content of the rules file in FETCHED. NULL: it has no content that can be used. */
static struct blob *rules_text_of(struct site *site, const struct fetched *fetched)
{
    static const char unreadable[] = "the file cannot be read";
    static_assert(LOAD_READ_BYTES_MAX == 32 << 10, "the remedy below names the bound");
    static const char too_large[] = "the file is too large, so no rule counts";
    struct blob *body =
        fetched->kind == FETCH_FILE ? fetched->files[CONTENT_CODING_IDENTITY].body : NULL;
    if (body && body->fd >= 0) {
        report_file(site, too_large, "keep it below 32 KiB");
        return NULL;
    }
    const bool missing =
        fetched->kind == FETCH_REFUSED && fetched->status == HTTP_NOT_FOUND && !fetched->occupied;
    if (!body && !missing) {
        report_file(site, unreadable, "make it a readable file");
        return NULL;
    }
    site->reported = NULL;
    return body;
}

static bool is_same_text(const struct blob *a, const struct blob *b)
{
    if (!a || !b)
        return a == b;
    return str_equal((struct str){a->bytes, a->length}, (struct str){b->bytes, b->length});
}

/* Replaces the rules by those in TEXT; NULL: none. False: out of memory, nothing changed. */
static bool replace_rules(struct site *site, struct blob *text)
{
    struct rules *rules = text ? rules_create() : NULL;
    if (text && !rules)
        return false;
    if (text && rules_read(rules, (struct str){text->bytes, text->length},
                           site->report.function ? site->report.function : ignore,
                           site->report.context) < 0) {
        rules_destroy(rules);
        return false;
    }
    rules_destroy(site->rules);
    blob_drop(site->rules_text);
    site->rules = rules;
    site->rules_text = text ? blob_pin(text) : NULL;
    return true;
}

bool site_take_rules(struct site *site, const struct fetched *fetched)
{
    if (fetched->kind == FETCH_UNCHANGED)
        return false;
    site->rules_known_set = fetched->kind == FETCH_FILE && fetched->settled;
    site->rules_known = fetched->state;
    site->rules_known.alone = false; /* its siblings are not looked up */
    struct blob *text = rules_text_of(site, fetched);
    return !is_same_text(text, site->rules_text) && replace_rules(site, text);
}

uint64_t site_fingerprint(const struct site *site, uint64_t secret)
{
    const struct blob *text = site->rules_text;
    struct str rules = text ? (struct str){text->bytes, text->length} : STR("");
    const uint64_t words[] = {site->root->device, site->root->inode, hash_bytes(secret, rules),
                              (uintptr_t)site->mime};
    return hash_bytes(secret, (struct str){(const char *)words, sizeof words});
}

void site_rule_sets(const struct site *site, const struct rules *ret[static SITE_RULE_SETS])
{
    ret[0] = site->rules;
    ret[1] = site->settings->rules;
}
