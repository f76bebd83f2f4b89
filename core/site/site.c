/* site: see site.h. */
#include "site/site.h"

#include "http/cache_control.h"

#include <stdlib.h>

enum {
    RULE_PATH_BYTES_MAX = PATH_BYTES_MAX + 2,
    OWN_BYTES_MAX = 128, /* CORS, nosniff */
    LINES_BYTES_MAX = RULES_ANSWER_BYTES_MAX + OWN_BYTES_MAX,
    SETS = 2, /* of rules: of the file, of the command line, which has the last word */
};

struct site {
    struct site_config config;
    struct path rules_path;
    struct rules *rules;     /* of the file; NULL: there is none */
    struct blob *rules_text; /* of which they were made */
    bool known_set;
    struct fetch_state known; /* of the file */
    const char *told; /* what has been said of the file as a whole; NULL: nothing is wrong */
};

struct site *site_create(const struct site_config *config)
{
    struct site *site = calloc(1, sizeof(*site));
    if (!site)
        return NULL;
    site->config = *config;
    str_put(site->rules_path.text, config->rules_name);
    site->rules_path.length = config->rules_name.length;
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

/* --- The rules in ROOT --------------------------------------------------------------------------- */

/* Without regard to case, since the file system may not regard it either. */
bool site_is_private(const struct site *site, const struct path *path)
{
    struct str name = {path->text, path->length};
    return site->config.rules_name.at && str_equal_nocase(name, site->config.rules_name);
}

const struct path *site_rules_path(const struct site *site)
{
    return site->config.rules_name.at ? &site->rules_path : NULL;
}

const struct fetch_state *site_rules_known(const struct site *site)
{
    return site->known_set ? &site->known : NULL;
}

bool site_has_rules(const struct site *site)
{
    return site->config.rules || site->rules || site->config.cors;
}

/* Says REASON, unless it was the last thing said: the file is looked at again and again. */
static void complain_of_file(struct site *site, const char *reason)
{
    struct rules_mistake mistake = {.line = 0, .reason = reason};
    if (site->config.complain && site->told != reason)
        site->config.complain(site->config.context, &mistake);
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
                           site->config.complain ? site->config.complain : ignore,
                           site->config.context) < 0) {
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

/* --- Fields -------------------------------------------------------------------------------------- */

/* What the rules are asked about one path. */
struct question {
    struct rules_query query;
    const struct rules *sets[SETS];
    char path[RULE_PATH_BYTES_MAX];
};

/* Asks about PATH. A question points into itself, so it stays where it is. */
static void ask(struct question *ret, const struct site *site, const struct path *path,
                enum rules_audience audience)
{
    char *end = str_put(ret->path, STR("/"));
    end = str_put(end, (struct str){path->text, path->length});
    if (path->directory && path->length > 0)
        end = str_put(end, STR("/"));
    ret->sets[0] = site->rules;
    ret->sets[1] = site->config.rules;
    ret->query = (struct rules_query){
        .sets = ret->sets,
        .set_count = SETS,
        .path = {ret->path, (size_t)(end - ret->path)},
        .audience = audience,
    };
}

/* Whether Sluice's own field NAME goes along: the rules say nothing of it. */
static bool keeps_default(const struct question *question, struct str name)
{
    return rules_say(&question->query, name) == RULES_SILENT;
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
    char *at = to + rules_write(&question->query, to, RULES_ANSWER_BYTES_MAX);
    for (size_t i = 0; site->config.cors && i < COUNT_OF(cors); i++) {
        if (keeps_default(question, cors[i].name))
            at = str_put(at, cors[i].line);
    }
    return (struct str){to, (size_t)(at - to)};
}

/* The field lines of a page of Sluice's own in place of PATH, an answer for AUDIENCE, written at TO. Absent
 * if the site adds nothing: plan knows what goes along then. */
static struct str write_page_lines(const struct site *site, const struct path *path,
                                   enum rules_audience audience, char to[static LINES_BYTES_MAX])
{
    static const struct str absent = {NULL, 0};
    struct question question;
    if (!site_has_rules(site))
        return absent;
    ask(&question, site, path, audience);
    struct str lines = write_lines(site, &question, to);
    char *end = to + lines.length;
    if (keeps_default(&question, STR("X-Content-Type-Options")))
        end = str_put(end, STR("X-Content-Type-Options: nosniff\r\n"));
    return (struct str){to, (size_t)(end - to)};
}

/* The value of Cache-Control for the file NAME; absent: the rules give it, or there is to be none. */
static struct str cache_control_value(const struct site *site, const struct question *question,
                                      struct str name)
{
    static const struct str absent = {NULL, 0};
    const char *fixed = site->config.cache_control;
    if (!keeps_default(question, STR("Cache-Control")))
        return absent;
    if (!fixed)
        return cache_control_for_name(name);
    return *fixed ? str_of(fixed) : absent;
}

/* The media type for the file NAME: the rules', if they say anything about it (written at TO), else by its
 * name. */
static struct str media_type_of(const struct site *site, struct question *question, struct str name,
                                char to[static RULES_ANSWER_BYTES_MAX])
{
    struct str field = STR("Content-Type"), absent = {NULL, 0};
    question->query.audience = RULES_FILE; /* only that is told of it */
    enum rules_word word = rules_say(&question->query, field);
    size_t length =
        word == RULES_REPLACED ? rules_write(&question->query, to, RULES_ANSWER_BYTES_MAX) : 0;
    question->query.audience = RULES_OTHER;
    if (word == RULES_SILENT)
        return mime_of(site->config.mime, name);
    struct str rest = {to, length};
    while (rest.length > 0) {
        struct str line = str_first(rest, str_find(rest, '\r'));
        size_t colon = str_find(line, ':');
        if (str_equal_nocase(str_first(line, colon), field))
            return str_trim(str_from(line, colon + 1));
        rest = str_from(rest, line.length + 2);
    }
    return absent;
}

/* --- Resources ----------------------------------------------------------------------------------- */

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
    char lines[LINES_BYTES_MAX], error_lines[LINES_BYTES_MAX], type[RULES_ANSWER_BYTES_MAX];
    struct representation items[CONTENT_CODING_COUNT];
    unsigned count = 0;
    struct str name = path->directory ? index : (struct str){path->text, path->length};
    ask(&question, site, path, RULES_OTHER);
    struct str media_type = media_type_of(site, &question, name, type);
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

struct resource *site_make(const struct site *site, const struct path *path, struct str index,
                           const struct fetched *fetched, int64_t now_seconds)
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
