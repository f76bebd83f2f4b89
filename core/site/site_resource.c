/* site_resource: see site_resource.h. */
#include "site/site_resource.h"

#include "http/cache_control.h"

enum {
    RULE_PATH_BYTES_MAX = PATH_BYTES_MAX + 2,
    OWN_BYTES_MAX = 128, /* CORS, nosniff */
    LINES_BYTES_MAX = RULES_ANSWER_BYTES_MAX + OWN_BYTES_MAX,
};

/* --- Fields ----------------------------------------------------------------------------------- */

/* What the rules are asked about one path. */
struct question {
    struct rules_query query;
    const struct rules *sets[SITE_RULE_SETS];
    char path[RULE_PATH_BYTES_MAX];
};

/* Asks about PATH. A question points into itself, so it stays where it is. */
static void ask(struct question *ret, const struct site *site, const struct path *path,
                enum rules_response_kind kind)
{
    char *end = str_put(ret->path, STR("/"));
    end = str_put(end, path_view(path));
    if (path->directory && path->length > 0)
        end = str_put(end, STR("/"));
    site_rule_sets(site, ret->sets);
    ret->query = (struct rules_query){
        .sets = ret->sets,
        .set_count = SITE_RULE_SETS,
        .path = {ret->path, (size_t)(end - ret->path)},
        .response_kind = kind,
    };
}

/* Whether Sluice's own field NAME goes along: the rules say nothing of it. */
static bool keeps_default(const struct question *question, struct str name)
{
    return rules_verdict(&question->query, name) == RULES_SILENT;
}

/* All the site's own field lines for an answer, written at TO. */
static struct str write_lines(const struct site *site, const struct question *question,
                              char to[static LINES_BYTES_MAX])
{
    static const struct {
        struct str name, line;
    } cors[] = {
        {STR_INIT("Access-Control-Allow-Origin"), STR_INIT("Access-Control-Allow-Origin: *\r\n")},
        {STR_INIT("Access-Control-Expose-Headers"),
         STR_INIT("Access-Control-Expose-Headers: *\r\n")},
    };
    struct fields fields;
    char *at = to;
    fields_init(&fields);
    rules_apply(&question->query, &fields);
    for (unsigned i = 0; i < fields.count; i++)
        at = field_write_line(at, &fields.items[i]);
    for (size_t i = 0; site_settings(site)->cors && i < COUNT_OF(cors); i++) {
        if (keeps_default(question, cors[i].name))
            at = str_put(at, cors[i].line);
    }
    return (struct str){to, (size_t)(at - to)};
}

/* The field lines of a page of Sluice's own in place of PATH, an answer for AUDIENCE, written at
 * TO. Absent if the site adds nothing: plan knows what goes along then. */
static struct str write_page_lines(const struct site *site, const struct path *path,
                                   enum rules_response_kind kind, char to[static LINES_BYTES_MAX])
{
    struct question question;
    if (!site_has_rules(site))
        return STR_ABSENT;
    ask(&question, site, path, kind);
    struct str lines = write_lines(site, &question, to);
    char *end = to + lines.length;
    if (keeps_default(&question, STR("X-Content-Type-Options")))
        end = str_put(end, STR("X-Content-Type-Options: nosniff\r\n"));
    return (struct str){to, (size_t)(end - to)};
}

/* The value of Cache-Control for the file NAME; absent: the rules give it, or there is to be
 * none. */
static struct str cache_control_value(const struct site *site, const struct question *question,
                                      struct str name)
{
    struct str fixed = site_settings(site)->cache_control;
    if (!keeps_default(question, STR("Cache-Control")))
        return STR_ABSENT;
    if (!fixed.at)
        return cache_control_for_name(name);
    return fixed.length > 0 ? fixed : STR_ABSENT;
}

/* The media type for the file NAME: the rules' if they mention it, else by its name. */
static struct str media_type_of(const struct site *site, struct question *question, struct str name)
{
    struct str field = STR("Content-Type");
    struct fields fields;
    fields_init(&fields);
    question->query.response_kind = RULES_FILE; /* no other kind has Content-Type */
    enum rules_verdict verdict = rules_verdict(&question->query, field);
    rules_apply(&question->query, &fields);
    question->query.response_kind = RULES_OTHER;
    if (verdict == RULES_SILENT)
        return mime_of(site_settings(site)->mime, name);
    return fields_find(&fields, field); /* absent if it is removed */
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
        .weak = loaded->fresh,
    };
    if (loaded->digested)
        item.digest = (struct str){loaded->digest, sizeof loaded->digest};
    return item;
}

static struct resource *make_file(const struct site *site, const struct path *path,
                                  struct str index, const struct fetched *fetched,
                                  int64_t now_seconds)
{
    struct question question;
    char lines[LINES_BYTES_MAX], error_lines[LINES_BYTES_MAX];
    struct representation items[CONTENT_CODING_COUNT];
    unsigned count = 0;
    struct str name = path->directory ? index : path_view(path);
    ask(&question, site, path, RULES_OTHER);
    struct str media_type = media_type_of(site, &question, name);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        enum content_coding coding = (enum content_coding)i;
        if (fetched->available & content_coding_bit(coding))
            items[count++] = representation_of(&fetched->files[i], coding, media_type);
    }
    struct resource_fields fields = {
        .cache_control = cache_control_value(site, &question, name),
        .site_lines = write_lines(site, &question, lines),
        .error_lines = write_page_lines(site, path, RULES_ERROR, error_lines),
        .nosniff = keeps_default(&question, STR("X-Content-Type-Options")),
    };
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
    struct question question;
    char lines[LINES_BYTES_MAX], error_lines[LINES_BYTES_MAX];
    struct representation items[FETCH_PAGE_COUNT];
    ask(&question, site, path, RULES_OTHER);
    for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++)
        items[i] = representation_of(&fetched->pages[i], CONTENT_CODING_IDENTITY, types[i]);
    struct resource_fields fields = {
        .cache_control = cache_control_value(site, &question, STR("index.html")),
        .site_lines = write_lines(site, &question, lines),
        .error_lines = write_page_lines(site, path, RULES_ERROR, error_lines),
        .nosniff = keeps_default(&question, STR("X-Content-Type-Options")),
        .vary = STR("Accept"),
    };
    return resource_create(RESOURCE_LISTING, items, COUNT_OF(items), &fields, now_seconds);
}

struct resource *site_resource_make(const struct site *site, const struct path *path,
                                    struct str index, const struct fetched *fetched,
                                    int64_t now_seconds)
{
    char lines[LINES_BYTES_MAX];
    switch (fetched->kind) {
    case FETCH_FILE:
        return make_file(site, path, index, fetched, now_seconds);
    case FETCH_LISTING:
        return make_listing(site, path, fetched, now_seconds);
    case FETCH_DIRECTORY:
        return resource_create_redirect(path, write_page_lines(site, path, RULES_OTHER, lines));
    case FETCH_REFUSED:
        return resource_create_refusal(fetched->status,
                                       write_page_lines(site, path, RULES_ERROR, lines));
    case FETCH_UNCHANGED: /* has a resource already */
        break;
    }
    return NULL;
}
