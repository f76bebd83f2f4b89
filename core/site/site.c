/* site: see site.h. */
#include "site/site.h"

#include <stdlib.h>

struct site {
    const struct site_settings *settings;
    struct site_report report;
    struct path rules_path;
    struct rules *rules;     /* of the file; NULL: there is none */
    struct blob *rules_text; /* of which they were made */
    bool known_set;
    struct fetch_state known; /* of the file */
    const char *told; /* what has been said of the file as a whole; NULL: nothing is wrong */
};

struct site *site_create(const struct site_settings *settings, struct site_report report)
{
    struct site *site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    site->settings = settings;
    site->report = report;
    str_put(site->rules_path.text, settings->rules_name);
    site->rules_path.length = settings->rules_name.length;
    return site;
}

void site_destroy(struct site *site)
{
    if (!site)
        return;
    rules_destroy(site->rules);
    blob_drop(site->rules_text);
    free(site);
}

const struct site_settings *site_settings(const struct site *site)
{
    return site->settings;
}

/* --- The rules in ROOT ------------------------------------------------------------------------ */

/* Without regard to case, since the file system may not regard it either. */
bool site_is_private(const struct site *site, const struct path *path)
{
    struct str name = site->settings->rules_name;
    return name.at && str_equal_nocase(path_view(path), name);
}

const struct path *site_rules_path(const struct site *site)
{
    return site->settings->rules_name.at ? &site->rules_path : NULL;
}

const struct fetch_state *site_rules_known(const struct site *site)
{
    return site->known_set ? &site->known : NULL;
}

bool site_has_rules(const struct site *site)
{
    return site->settings->rules || site->rules || site->settings->cors;
}

/* Says REASON, unless it was the last thing said: the file is looked at again and again. */
static void complain_of_file(struct site *site, const char *reason)
{
    struct rules_mistake mistake = {.line = 0, .reason = reason};
    if (site->report.function && site->told != reason)
        site->report.function(site->report.context, &mistake);
    site->told = reason;
}

static void ignore(void *context, const struct rules_mistake *mistake)
{
    (void)context, (void)mistake;
}

/* The content of the rules' file, or NULL if it has none that could be used. */
static struct blob *rules_text_of(struct site *site, const struct fetched *fetched)
{
    static const char unreadable[] = "cannot be read; make it a readable file";
    static_assert(LOAD_READ_BYTES_MAX == 32 << 10, "what the text below says");
    static const char too_large[] = "is too large, so no rule counts; keep it below 32 KiB";
    struct blob *body =
        fetched->kind == FETCH_FILE ? fetched->files[CONTENT_CODING_IDENTITY].body : NULL;
    if (body && body->fd >= 0) {
        complain_of_file(site, too_large);
        return NULL;
    }
    if (!body && !(fetched->kind == FETCH_REFUSED && fetched->status == HTTP_NOT_FOUND)) {
        complain_of_file(site, unreadable);
        return NULL;
    }
    site->told = NULL;
    return body;
}

static bool is_same_text(const struct blob *a, const struct blob *b)
{
    if (!a || !b)
        return a == b;
    return str_equal((struct str){a->bytes, a->length}, (struct str){b->bytes, b->length});
}

/* Replaces the site's rules by those in TEXT, or none. False: out of memory, nothing changed. */
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
    site->known_set = fetched->kind == FETCH_FILE && fetched->settled;
    site->known = fetched->state;
    site->known.alone = false; /* for siblings of this file nobody looks */
    struct blob *text = rules_text_of(site, fetched);
    return !is_same_text(text, site->rules_text) && replace_rules(site, text);
}

void site_rule_sets(const struct site *site, const struct rules *ret[static SITE_RULE_SETS])
{
    ret[0] = site->rules;
    ret[1] = site->settings->rules;
}
