/* site_resource: see site_resource.h. */
#include "site/site_resource.h"

#include "http/default_fields.h"

enum { RULE_PATH_BYTES_MAX = PATH_BYTES_MAX + 2 };

static_assert((unsigned)RULES_ANSWER_FIELDS_MAX + RESOURCE_OWN_FIELDS_MAX + 4 <= FIELDS_MAX,
              "a list has room for the rules' fields, the resource's and the defaults");

/* --- Fields ----------------------------------------------------------------------------------- */

/* A query to the rules about one path. */
struct query {
    struct rules_query rules;
    const struct rules *sets[SITE_RULE_SETS];
    char path[RULE_PATH_BYTES_MAX];
};

/* Makes *RET the query about a response of KIND for PATH. It points into itself, so it must not
 * move. */
static void query_init(struct query *ret, const struct site *site, const struct path *path,
                       enum rules_response_kind kind)
{
    char *end = str_put(ret->path, STR("/"));
    end = str_put(end, path_view(path));
    if (path->directory && path->length > 0)
        end = str_put(end, STR("/"));
    site_rule_sets(site, ret->sets);
    ret->rules = (struct rules_query){
        .sets = ret->sets,
        .set_count = SITE_RULE_SETS,
        .path = {ret->path, (size_t)(end - ret->path)},
        .response_kind = kind,
    };
}

/* The media type for the file NAME: the rules' if they mention it, else by its name. */
static struct str media_type_of(const struct site *site, const struct query *query, struct str name)
{
    struct str field = STR("Content-Type");
    struct rules_query file_query = query->rules;
    struct fields fields;
    file_query.response_kind = RULES_FILE; /* no other kind has Content-Type */
    if (rules_verdict(&file_query, field) == RULES_SILENT)
        return mime_of(site_settings(site)->mime, name);
    fields_init(&fields);
    rules_apply(&file_query, &fields);
    return fields_find(&fields, field); /* absent if it is removed */
}

/* The lists of fields that a resource is made with. */
struct lists {
    struct fields shared, content, page;
};

/* Fills the list for the response BARE to PATH. Returns it; or NULL if the site adds nothing to the
 * defaults, which plan adds itself then. */
static const struct fields *bare_fields(const struct site *site, const struct path *path,
                                        enum site_bare bare, struct fields *list)
{
    static const struct {
        enum rules_response_kind kind;
        enum default_fields_part part;
    } rows[] = {
        [SITE_BARE_ERROR] = {RULES_ERROR, DEFAULT_FIELDS_PAGE},
        [SITE_BARE_REDIRECT] = {RULES_OTHER, DEFAULT_FIELDS_PAGE},
        [SITE_BARE_PREFLIGHT] = {RULES_OTHER, DEFAULT_FIELDS_PREFLIGHT},
    };
    struct query query;
    if (!site_has_rules(site))
        return NULL;
    query_init(&query, site, path, rows[bare].kind);
    fields_init(list);
    rules_apply(&query.rules, list);
    default_fields_add(list, rows[bare].part, site_settings(site)->cors, &query.rules);
    return list;
}

/* Fills LISTS for what QUERY asks about, the file NAME at PATH. Returns them as the resource takes
 * them. */
static struct resource_fields file_fields(const struct site *site, const struct path *path,
                                          struct str name, const struct query *query,
                                          struct lists *lists)
{
    const struct site_settings *settings = site_settings(site);
    struct default_fields_settings defaults = {
        .cache_control = settings->cache_control,
        .cors = settings->cors,
    };
    fields_init(&lists->shared);
    default_fields_add_cache_control(&lists->shared, &defaults, &query->rules, name);
    rules_apply(&query->rules, &lists->shared);
    default_fields_add(&lists->shared, DEFAULT_FIELDS_SHARED, defaults.cors, &query->rules);
    fields_init(&lists->content);
    default_fields_add(&lists->content, DEFAULT_FIELDS_CONTENT, defaults.cors, &query->rules);
    return (struct resource_fields){
        .shared = &lists->shared,
        .content = &lists->content,
        .page = bare_fields(site, path, SITE_BARE_ERROR, &lists->page),
    };
}

/* --- Resources -------------------------------------------------------------------------------- */

static struct representation representation_of(const struct loaded *loaded,
                                               enum content_coding coding, struct str media_type)
{
    struct representation item = {
        .body = loaded->body,
        .coding = coding,
        .media_type = media_type,
        .modified = loaded->identity.modified,
        .undated = loaded->undated,
        .weak = loaded->fresh && !loaded->digested,
    };
    if (loaded->digested)
        item.digest = (struct str){loaded->digest, sizeof loaded->digest};
    return item;
}

static struct resource *make_file(const struct site *site, const struct path *path,
                                  struct str index, const struct fetched *fetched,
                                  int64_t now_seconds)
{
    struct query query;
    struct lists lists;
    struct representation items[CONTENT_CODING_COUNT];
    unsigned count = 0;
    struct str name = path->directory ? index : path_view(path);
    query_init(&query, site, path, RULES_OTHER);
    struct str media_type = media_type_of(site, &query, name);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        enum content_coding coding = (enum content_coding)i;
        if (fetched->available & content_coding_bit(coding))
            items[count++] = representation_of(&fetched->files[i], coding, media_type);
    }
    struct resource_fields fields = file_fields(site, path, name, &query, &lists);
    if (count > 1)
        fields.vary = STR("Accept-Encoding");
    return resource_create(RESOURCE_FILE, items, count, &fields, now_seconds);
}

static struct resource *make_listing(const struct site *site, const struct path *path,
                                     const struct fetched *fetched, int64_t now_seconds)
{
    static const struct str types[] = {
        [FETCH_PAGE_HTML] = STR_INIT("text/html; charset=utf-8"),
        [FETCH_PAGE_JSON] = STR_INIT("application/json"),
    };
    static_assert(COUNT_OF(types) == FETCH_PAGE_COUNT, "a media type for each page");
    struct query query;
    struct lists lists;
    struct representation items[FETCH_PAGE_COUNT];
    query_init(&query, site, path, RULES_OTHER);
    for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++)
        items[i] = representation_of(&fetched->pages[i], CONTENT_CODING_IDENTITY, types[i]);
    struct resource_fields fields = file_fields(site, path, STR("index.html"), &query, &lists);
    fields.vary = STR("Accept");
    return resource_create(RESOURCE_LISTING, items, COUNT_OF(items), &fields, now_seconds);
}

struct resource *site_resource_make_route(const struct site *site, const struct path *path,
                                          const struct resource *page)
{
    struct query query;
    struct lists lists;
    struct representation items[CONTENT_CODING_COUNT];
    struct str name = site_settings(site)->fallback;
    query_init(&query, site, path, RULES_OTHER);
    struct str media_type = media_type_of(site, &query, name);
    for (unsigned i = 0; i < page->variant_count; i++) {
        const struct variant *variant = &page->variants[i];
        items[i] = (struct representation){
            .body = variant->body,
            .coding = variant->coding,
            .media_type = media_type,
            .original = variant,
        };
    }
    struct resource_fields fields = file_fields(site, path, name, &query, &lists);
    fields.vary = page->vary;
    struct resource *resource =
        resource_create(RESOURCE_FILE, items, page->variant_count, &fields, INT64_MAX);
    if (resource)
        resource_derive(resource, page);
    return resource;
}

struct resource *site_resource_make_bare(const struct site *site, const struct path *path,
                                         enum site_bare bare)
{
    struct fields list;
    const struct fields *page = bare_fields(site, path, bare, &list);
    return page ? resource_create_refusal(HTTP_NONE, page) : NULL;
}

struct resource *site_resource_make(const struct site *site, const struct path *path,
                                    struct str index, const struct fetched *fetched,
                                    int64_t now_seconds)
{
    struct fields list;
    switch (fetched->kind) {
    case FETCH_FILE:
        return make_file(site, path, index, fetched, now_seconds);
    case FETCH_LISTING:
        return make_listing(site, path, fetched, now_seconds);
    case FETCH_DIRECTORY:
        return resource_create_redirect(path, bare_fields(site, path, SITE_BARE_REDIRECT, &list));
    case FETCH_REFUSED:
        return resource_create_refusal(fetched->status,
                                       bare_fields(site, path, SITE_BARE_ERROR, &list));
    case FETCH_UNCHANGED: /* has a resource already */
        break;
    }
    return NULL;
}
