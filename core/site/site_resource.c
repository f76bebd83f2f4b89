/* site_resource: see site_resource.h. */
#include "site/site_resource.h"

#include "http/default_fields.h"

enum { RULE_PATH_BYTES_MAX = PATH_BYTES_MAX + 2 };

static_assert((unsigned)RULES_ANSWER_FIELDS_MAX + RESOURCE_OWN_FIELDS_MAX + 4 <= FIELDS_MAX,
              "a list has room for the rules' fields, the resource's and the defaults");

/* --- Fields ----------------------------------------------------------------------------------- */

/* A query to the rules about one target. */
struct query {
    struct rules_query rules;
    const struct rules *sets[SITE_RULE_SETS];
    char path[RULE_PATH_BYTES_MAX];
};

/* Makes *RET the query about a response of KIND for TARGET. It points into itself, so it must not
 * move. */
static void query_init(struct query *ret, const struct site *site, const struct site_target *target,
                       enum rules_response_kind kind)
{
    const struct path *path = target->path;
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
        .host = target->host,
    };
}

/* A list of fields, and the values that rules made for it. */
struct field_list {
    struct fields fields;
    struct rules_values values;
};

/* The media type for the file NAME: the rules' if they mention it, else by its name. *Borrowed*
 * from LIST, among others. */
static struct str media_type_of(const struct site *site, const struct query *query, struct str name,
                                struct field_list *list)
{
    struct str field = STR("Content-Type");
    struct rules_query file_query = query->rules;
    file_query.response_kind = RULES_FILE; /* no other kind has Content-Type */
    if (rules_verdict(&file_query, field) == RULES_SILENT)
        return mime_of(site_settings(site)->mime, name);
    fields_init(&list->fields);
    rules_apply(&file_query, &list->fields, &list->values);
    return fields_find(&list->fields, field); /* absent if it is removed */
}

/* Fills the list for the response BARE to TARGET. Returns it; or NULL if the site adds nothing to
 * the defaults, which plan adds itself then. */
static const struct fields *bare_fields(const struct site *site, const struct site_target *target,
                                        enum site_bare bare, struct field_list *list)
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
    struct fields *fields = &list->fields;
    if (!site_has_rules(site))
        return NULL;
    query_init(&query, site, target, rows[bare].kind);
    fields_init(fields);
    rules_apply(&query.rules, fields, &list->values);
    default_fields_add(fields, rows[bare].part, site_settings(site)->cors, &query.rules);
    return fields;
}

/* The lists of fields that a resource with content is made with. */
struct lists {
    struct field_list type; /* for its media type alone */
    struct field_list shared, page;
    struct fields content;
};

/* Whether the site's settings say that the content of what QUERY asks about never changes. */
static bool is_immutable(const struct site *site, const struct query *query)
{
    const struct rules *const sets[] = {site_settings(site)->immutable_rules};
    struct rules_query immutable = query->rules;
    immutable.sets = sets;
    immutable.set_count = COUNT_OF(sets);
    return rules_verdict(&immutable, STR("Cache-Control")) == RULES_REPLACED;
}

/* Fills LISTS for what QUERY asks about, a file at TARGET. HASHED: its name means its content for
 * ever. Returns them as the resource takes them. */
static struct resource_fields file_fields(const struct site *site, const struct site_target *target,
                                          bool hashed, const struct query *query,
                                          struct lists *lists)
{
    const struct site_settings *settings = site_settings(site);
    struct fields *shared = &lists->shared.fields;
    struct default_fields_settings defaults = {
        .cache_control = hashed ? STR(DEFAULT_FIELDS_IMMUTABLE) : settings->cache_control,
        .cors = settings->cors,
    };
    fields_init(shared);
    default_fields_add_cache_control(shared, &defaults, &query->rules);
    rules_apply(&query->rules, shared, &lists->shared.values);
    default_fields_add(shared, DEFAULT_FIELDS_SHARED, defaults.cors, &query->rules);
    fields_init(&lists->content);
    default_fields_add(&lists->content, DEFAULT_FIELDS_CONTENT, defaults.cors, &query->rules);
    return (struct resource_fields){
        .shared = shared,
        .content = &lists->content,
        .page = bare_fields(site, target, SITE_BARE_ERROR, &lists->page),
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
        .unverified = loaded->pending,
    };
    if (loaded->digested)
        item.digest = (struct str){loaded->digest, sizeof loaded->digest};
    return item;
}

/* The name of the file that is served for PATH; INDEX: see struct fetched. */
static struct str name_of_file(const struct site *site, const struct path *path, unsigned index)
{
    return path->directory ? site_settings_index(site_settings(site), index) : path_view(path);
}

static struct resource *make_file(const struct site *site, const struct path *path,
                                  const struct fetched *fetched, int64_t now_seconds)
{
    struct query query;
    struct lists lists;
    struct representation items[CONTENT_CODING_COUNT];
    unsigned count = 0;
    struct site_target target = {.path = path};
    struct str name = name_of_file(site, path, fetched->index);
    query_init(&query, site, &target, RULES_OTHER);
    struct str media_type = media_type_of(site, &query, name, &lists.type);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        enum content_coding coding = (enum content_coding)i;
        if (fetched->available & content_coding_bit(coding))
            items[count++] = representation_of(&fetched->files[i], coding, media_type);
    }
    bool hashed = fetched->state.hashed || is_immutable(site, &query);
    struct resource_fields fields = file_fields(site, &target, hashed, &query, &lists);
    if (count > 1)
        fields.vary = STR("Accept-Encoding");
    struct resource *file = resource_create(RESOURCE_FILE, items, count, &fields, now_seconds);
    if (file) {
        file->hashed = hashed;
        file->index = fetched->index;
    }
    return file;
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
    struct site_target target = {.path = path};
    query_init(&query, site, &target, RULES_OTHER);
    for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++)
        items[i] = representation_of(&fetched->pages[i], CONTENT_CODING_IDENTITY, types[i]);
    struct resource_fields fields = file_fields(site, &target, false, &query, &lists);
    fields.vary = STR("Accept");
    return resource_create(RESOURCE_LISTING, items, COUNT_OF(items), &fields, now_seconds);
}

/* The name of the file whose content ORIGINAL, which is served for PATH, has. */
static struct str name_of(const struct site *site, const struct path *path,
                          const struct resource *original)
{
    if (original->kind == RESOURCE_LISTING)
        return STR("index.html");
    return name_of_file(site, path, original->index);
}

/* Makes the resource that sends the content of ORIGINAL, the file NAME, with the fields of TARGET,
 * but has a lease of its own. */
static struct resource *copy_content(const struct site *site, const struct site_target *target,
                                     struct str name, const struct resource *original)
{
    struct query query;
    struct lists lists;
    struct representation items[CONTENT_CODING_COUNT];
    static_assert(COUNT_OF(items) >= FETCH_PAGE_COUNT, "room for the variants of a listing");
    query_init(&query, site, target, RULES_OTHER);
    struct str media_type = media_type_of(site, &query, name, &lists.type);
    for (unsigned i = 0; i < original->variant_count; i++) {
        const struct variant *variant = &original->variants[i];
        bool file = original->kind == RESOURCE_FILE;
        items[i] = (struct representation){
            .body = variant->body,
            .coding = variant->coding,
            .media_type = file ? media_type : variant->media_type,
            .original = variant,
        };
    }
    bool own = str_equal(name, name_of(site, target->path, original)); /* not of a route */
    bool hashed = original->hashed && own;
    struct resource_fields fields = file_fields(site, target, hashed, &query, &lists);
    fields.vary = original->vary;
    return resource_create(original->kind, items, original->variant_count, &fields, INT64_MAX);
}

/* Gives RESOURCE, which may be NULL, the lease of ORIGINAL. Returns RESOURCE. */
static struct resource *derived(struct resource *resource, const struct resource *original)
{
    if (resource)
        resource_derive(resource, original);
    return resource;
}

struct resource *site_resource_make_route(const struct site *site, const struct site_target *target,
                                          const struct resource *page)
{
    return derived(copy_content(site, target, site_settings(site)->fallback, page), page);
}

struct resource *site_resource_make_for_host(const struct site *site,
                                             const struct site_target *target,
                                             const struct resource *original)
{
    struct field_list list;
    struct resource *resource = NULL;
    const struct path *path = target->path;
    switch (original->kind) {
    case RESOURCE_FILE:
    case RESOURCE_LISTING:
        resource = copy_content(site, target, name_of(site, path, original), original);
        break;
    case RESOURCE_REDIRECT:
        resource =
            resource_create_redirect(path, bare_fields(site, target, SITE_BARE_REDIRECT, &list));
        break;
    case RESOURCE_REFUSAL:
        resource = resource_create_refusal(original->status,
                                           bare_fields(site, target, SITE_BARE_ERROR, &list));
        break;
    }
    return derived(resource, original);
}

bool site_resource_depends_on_host(const struct site *site, const struct site_target *target)
{
    struct query query;
    query_init(&query, site, target, RULES_OTHER);
    return target->host.length > 0 && rules_depend_on_host(&query.rules);
}

void site_resource_trace_rules(const struct site *site, const struct site_target *target,
                               enum rules_response_kind kind,
                               void (*note)(void *context, const struct rules_step *step),
                               void *context)
{
    struct query query;
    query_init(&query, site, target, kind);
    rules_trace(&query.rules, note, context);
}

struct resource *site_resource_make_bare(const struct site *site, const struct site_target *target,
                                         enum site_bare bare)
{
    struct field_list list;
    const struct fields *page = bare_fields(site, target, bare, &list);
    return page ? resource_create_refusal(HTTP_NONE, page) : NULL;
}

struct resource *site_resource_make(const struct site *site, const struct path *path,
                                    const struct fetched *fetched, int64_t now_seconds)
{
    struct field_list list;
    struct resource *resource = NULL;
    struct site_target target = {.path = path};
    switch (fetched->kind) {
    case FETCH_FILE:
        return make_file(site, path, fetched, now_seconds);
    case FETCH_LISTING:
        return make_listing(site, path, fetched, now_seconds);
    case FETCH_DIRECTORY:
        return resource_create_redirect(path,
                                        bare_fields(site, &target, SITE_BARE_REDIRECT, &list));
    case FETCH_REFUSED:
        resource = resource_create_refusal(fetched->status,
                                           bare_fields(site, &target, SITE_BARE_ERROR, &list));
        if (resource)
            resource->page_directory = fetched->page_directory;
        break;
    case FETCH_UNCHANGED: /* has a resource already */
        break;
    }
    return resource;
}
