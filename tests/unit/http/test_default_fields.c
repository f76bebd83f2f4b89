/* default_fields: which defaults a response has, and how a site's rules replace or remove them. */
#include "http/default_fields.h"
#include "support/rules_rig.h"

static struct fields list;
static struct rules *rules;
static const struct rules *sets[1];
static struct rules_query query;

static void set_up(void)
{
    fields_init(&list);
    rules = rules_create();
    sets[0] = rules;
    query = (struct rules_query){sets, 1, STR("/a"), RULES_OTHER, STR_ABSENT};
}

static void tear_down(void)
{
    rules_destroy(rules);
}

TestSuite(default_fields, .init = set_up, .fini = tear_down);

/* That the list is EXPECTED, as lines. Empties it. */
static void expect(const char *label, const char *expected)
{
    char lines[1024], *end = lines;
    for (unsigned i = 0; i < list.count; i++)
        end = field_write_line(end, &list.items[i]);
    cr_expect(str_equal((struct str){lines, (size_t)(end - lines)}, str_of(expected)), "%s: %.*s",
              label, (int)(end - lines), lines);
    fields_init(&list);
}

Test(default_fields, each_part_has_its_own)
{
    static const struct {
        const char *label;
        enum default_fields_part part;
        bool cors;
        const char *expected;
    } rows[] = {
        {"shared", DEFAULT_FIELDS_SHARED, false, ""},
        {"shared, CORS", DEFAULT_FIELDS_SHARED, true,
         "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n"},
        {"content", DEFAULT_FIELDS_CONTENT, false, "X-Content-Type-Options: nosniff\r\n"},
        {"content, CORS", DEFAULT_FIELDS_CONTENT, true, "X-Content-Type-Options: nosniff\r\n"},
        {"page", DEFAULT_FIELDS_PAGE, false, "X-Content-Type-Options: nosniff\r\n"},
        {"page, CORS", DEFAULT_FIELDS_PAGE, true,
         "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n"
         "X-Content-Type-Options: nosniff\r\n"},
        {"preflight", DEFAULT_FIELDS_PREFLIGHT, false, ""},
        {"preflight, CORS", DEFAULT_FIELDS_PREFLIGHT, true,
         "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
         "Access-Control-Allow-Headers: *\r\nAccess-Control-Max-Age: 86400\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        default_fields_add(&list, rows[i].part, rows[i].cors, &query);
        expect(rows[i].label, rows[i].expected);
    }
}

Test(default_fields, yield_to_rules_that_mention_them)
{
    rig_add(rules, "/a: x-content-type-options: none");
    default_fields_add(&list, DEFAULT_FIELDS_CONTENT, false, &query);
    expect("replaced", "");
    rig_add(rules, "/a: ! Access-Control-Expose-Headers");
    default_fields_add(&list, DEFAULT_FIELDS_SHARED, true, &query);
    expect("removed", "Access-Control-Allow-Origin: *\r\n");
    query.path = STR("/b");
    default_fields_add(&list, DEFAULT_FIELDS_CONTENT, false, &query);
    expect("a rule for another path", "X-Content-Type-Options: nosniff\r\n");
}

Test(default_fields, cache_control_is_the_settings_or_no_cache)
{
    static const struct {
        const char *label, *setting, *expected;
    } rows[] = {
        {"no setting", NULL, "Cache-Control: no-cache\r\n"},
        {"a setting", "max-age=7", "Cache-Control: max-age=7\r\n"},
        {"an empty setting", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct default_fields_settings settings = {
            .cache_control = rows[i].setting ? str_of(rows[i].setting) : STR_ABSENT,
        };
        default_fields_add_cache_control(&list, &settings, &query);
        expect(rows[i].label, rows[i].expected);
    }
}

Test(default_fields, cache_control_yields_to_rules)
{
    struct default_fields_settings settings = {.cache_control = STR("max-age=7")};
    rig_add(rules, "/*: ! Cache-Control");
    default_fields_add_cache_control(&list, &settings, &query);
    expect("removed", "");
}
