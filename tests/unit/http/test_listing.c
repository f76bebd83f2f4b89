/* listing: order, and JSON by RFC 8259. */
#include "base/utf8.h"
#include "support/faults.h"
#include "support/listing_rig.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct str text_of(const struct blob *blob)
{
    cr_assert_not_null(blob);
    return (struct str){blob->bytes, blob->length};
}

/* --- Order ------------------------------------------------------------------------------------ */

#define FILE_(name)                        \
    {                                      \
        STR_INIT(name), LISTING_FILE, 0, 0 \
    }
#define DIRECTORY_(name)                        \
    {                                           \
        STR_INIT(name), LISTING_DIRECTORY, 0, 0 \
    }

/* In the expected order. */
static const struct listing_entry ordered[] = {
    DIRECTORY_("1"),
    DIRECTORY_("9"),
    DIRECTORY_("10"),
    DIRECTORY_("Z"),
    FILE_(" "),
    FILE_("!a"),
    FILE_("-1"),
    FILE_("-2"), /* a dash is not a sign */
    FILE_("0"),
    FILE_("00"), /* the same number: by bytes */
    FILE_("000"),
    FILE_("0a"),
    FILE_("00b"),
    FILE_("1"),
    FILE_("01 "),
    FILE_("1.2"),
    FILE_("1.10"),
    FILE_("002"),
    FILE_("2"),
    FILE_("10"),
    FILE_("18446744073709551615"),
    FILE_("18446744073709551616"), /* more than 64 bits */
    FILE_("100000000000000000000"),
    FILE_("A"),
    FILE_("a"), /* the same letter: by bytes */
    FILE_("a0b1"),
    FILE_("a0b01c"),
    FILE_("a0b2"),
    FILE_("ab"),
    FILE_("AC"),
    FILE_("ad"),
    FILE_("FILE1"),
    FILE_("file2"),
    FILE_("File2a"),
    FILE_("file10"),
    FILE_("file10a"),
    FILE_("z"),
    FILE_("z9"),
    FILE_("z9z"),
    FILE_("z10"),
    FILE_("\xc3\x84"), /* letters beyond ASCII: by bytes */
    FILE_("\xc3\xa4"),
    FILE_("\xff"),
};

Test(listing, sorts_directories_first_then_naturally)
{
    struct prng prng = {3};
    for (int round = 0; round < 300; round++) {
        struct listing_entry entries[COUNT_OF(ordered)];
        memcpy(entries, ordered, sizeof ordered);
        rig_shuffle(entries, COUNT_OF(entries), &prng);
        for (size_t i = 0; i < COUNT_OF(entries); i++)
            entries[i].name = guard_copy(entries[i].name);
        listing_sort(entries, COUNT_OF(entries));
        for (size_t i = 0; i < COUNT_OF(entries); i++) {
            cr_assert(entries[i].kind == ordered[i].kind &&
                          str_equal(entries[i].name, ordered[i].name),
                      "place %zu: \"%.*s\", not \"%s\"", i, (int)entries[i].name.length,
                      entries[i].name.at, ordered[i].name.at);
            guard_drop(entries[i].name);
        }
    }
    listing_sort(NULL, 0);
}

/* Also for equal names, which occur if a directory changes while it is read. */
Test(listing, sorts_independently_of_the_initial_order)
{
    struct prng prng = {4};
    for (int round = 0; round < 20000; round++) {
        struct listing_rig rig, again;
        rig_fill(&rig, &prng);
        for (size_t i = 0; i < rig.count; i++) { /* few names, few sizes */
            rig.entries[i].name = str_first(STR("0a1A0"), 1 + prng_below(&prng, 5));
            rig.entries[i].name = str_from(rig.entries[i].name, prng_below(&prng, 4));
            rig.entries[i].bytes = prng_below(&prng, 2);
            rig.entries[i].modified_seconds = (int64_t)prng_below(&prng, 3) - 1;
        }
        memcpy(&again, &rig, sizeof rig);
        rig_shuffle(again.entries, again.count, &prng);
        listing_sort(rig.entries, rig.count);
        listing_sort(again.entries, again.count);
        for (size_t i = 0; i < rig.count; i++) {
            const struct listing_entry *a = &rig.entries[i], *b = &again.entries[i];
            cr_assert(a->kind == b->kind && str_equal(a->name, b->name) && a->bytes == b->bytes &&
                      a->modified_seconds == b->modified_seconds);
        }
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void expect_json(const char *label, struct listing listing, struct str expected)
{
    struct blob *blob = listing_to_json(&listing);
    struct str got = text_of(blob);
    cr_expect(str_equal(got, expected), "%s: %.*s", label, (int)got.length, got.at);
    blob_drop(blob);
}

Test(listing, writes_json_with_all_members)
{
    static const struct listing_entry entries[] = {
        {STR_INIT("c"), LISTING_DIRECTORY, 4096, 1764076800},
        {STR_INIT("d e"), LISTING_FILE, 1234, 1764076801},
        {STR_INIT("big"), LISTING_FILE, UINT64_MAX, -1},
    };
    expect_json("some", (struct listing){STR("a/b"), entries, 3, false},
                STR("{\"path\":\"/a/b/\",\"truncated\":false,\"entries\":[\n"
                    "{\"name\":\"c\",\"type\":\"directory\",\"href\":\"c/\","
                    "\"mtime\":\"2025-11-25T13:20:00Z\"},\n"
                    "{\"name\":\"d e\",\"type\":\"file\",\"size\":1234,\"href\":\"d%20e\","
                    "\"mtime\":\"2025-11-25T13:20:01Z\"},\n"
                    "{\"name\":\"big\",\"type\":\"file\",\"size\":18446744073709551615,"
                    "\"href\":\"big\",\"mtime\":\"1969-12-31T23:59:59Z\"}\n]}\n"));
    expect_json("none, at the root", (struct listing){STR(""), NULL, 0, false},
                STR("{\"path\":\"/\",\"truncated\":false,\"entries\":[\n]}\n"));
    expect_json("not all", (struct listing){STR("\""), entries, 1, true},
                STR("{\"path\":\"/\\\"/\",\"truncated\":true,\"entries\":[\n"
                    "{\"name\":\"c\",\"type\":\"directory\",\"href\":\"c/\","
                    "\"mtime\":\"2025-11-25T13:20:00Z\"}\n]}\n"));
}

/* Takes the escape at the start of *REST. Returns its meaning. */
static char take_escape(struct str *rest)
{
    char escaped = rest->length >= 2 ? rest->at[1] : '?';
    if (escaped != 'u') {
        cr_assert(escaped == '"' || escaped == '\\', "\\%c", escaped);
        *rest = str_from(*rest, 2);
        return escaped;
    }
    cr_assert(rest->length >= 6 && str_starts_with(str_from(*rest, 2), STR("00")));
    int high = char_hex(rest->at[4]), low = char_hex(rest->at[5]);
    cr_assert(high >= 0 && low >= 0);
    *rest = str_from(*rest, 6);
    return (char)(high << 4 | low);
}

/* RFC 8259 section 7: string = quotation-mark *char quotation-mark. Takes one off *REST and decodes
 * it. */
static struct str take_string(struct str *rest, char *to)
{
    char *end = to;
    cr_assert(rest->length > 0 && rest->at[0] == '"');
    *rest = str_from(*rest, 1);
    while (rest->length > 0 && rest->at[0] != '"') {
        if (rest->at[0] == '\\') {
            *end++ = take_escape(rest);
            continue;
        }
        struct str before = *rest, character = utf8_take(rest);
        cr_assert((uint8_t)character.at[0] >= 0x20, "a control character");
        cr_assert(str_equal(character, str_first(before, character.length)), "UTF-8");
        end = str_put(end, character);
    }
    cr_assert_gt(rest->length, 0, "a string that never ends");
    *rest = str_from(*rest, 1);
    return (struct str){to, (size_t)(end - to)};
}

static void take(struct str *rest, struct str expected)
{
    cr_assert(str_starts_with(*rest, expected), "%s expected, not %.*s", expected.at,
              (int)size_min(rest->length, 40), rest->at);
    *rest = str_from(*rest, expected.length);
}

static bool is_utf8(struct str text)
{
    while (text.length > 0) {
        struct str before = text, character = utf8_take(&text);
        if (!str_equal(character, str_first(before, character.length)))
            return false;
    }
    return true;
}

static void take_entry(struct str *rest, const struct listing_entry *entry)
{
    char name[512], reference[512];
    take(rest, STR("{\"name\":"));
    struct str got = take_string(rest, name);
    cr_assert(!is_utf8(entry->name) || str_equal(got, entry->name), "%.*s", (int)got.length,
              got.at);
    take(rest, STR(",\"type\":"));
    bool directory = entry->kind == LISTING_DIRECTORY;
    take(rest, directory ? STR("\"directory\"") : STR("\"file\",\"size\":"));
    while (rest->length > 0 && char_is_digit(rest->at[0]))
        *rest = str_from(*rest, 1);
    take(rest, STR(",\"href\":"));
    got = take_string(rest, reference);
    cr_assert(rig_leads_to(got, entry), "%.*s", (int)got.length, got.at);
    take(rest, STR(",\"mtime\":"));
    cr_assert_eq(take_string(rest, name).length, sizeof "1994-11-06T08:49:37Z" - 1);
    take(rest, STR("}"));
}

/* Names of any bytes: the result is JSON, contains every name that is UTF-8, and links to every
 * entry. */
Test(listing, writes_valid_json_for_any_names)
{
    struct prng prng = {8259};
    for (int round = 0; round < 20000; round++) {
        struct listing_rig rig;
        char path[1024];
        rig_fill(&rig, &prng);
        struct listing listing = {STR("a"), rig.entries, rig.count, prng_below(&prng, 2) == 0};
        if (rig.count > 0)
            listing.path = rig.entries[0].name;
        struct blob *blob = listing_to_json(&listing);
        struct str rest = text_of(blob);
        take(&rest, STR("{\"path\":"));
        take_string(&rest, path);
        take(&rest, STR(",\"truncated\":"));
        take(&rest, listing.truncated ? STR("true") : STR("false"));
        take(&rest, STR(",\"entries\":["));
        for (size_t i = 0; i < rig.count; i++) {
            take(&rest, i > 0 ? STR(",\n") : STR("\n"));
            take_entry(&rest, &rig.entries[i]);
        }
        take(&rest, STR("\n]}\n"));
        cr_assert_eq(rest.length, 0);
        blob_drop(blob);
    }
}

Test(listing, returns_null_when_out_of_memory)
{
    struct listing listing = {.path = STR("a")};
    faults_fail(FAULT_MEMORY, 0, 2, ENOMEM);
    cr_expect_null(listing_to_json(&listing));
    cr_expect_null(listing_to_html(&listing));
    faults_clear();
}
