/* listing_html: the page, by the HTML standard (WHATWG, sections 13.1 and 13.2). */
#include "base/utf8.h"
#include "support/listing_rig.h"

#include <criterion/criterion.h>

static struct blob *page_of(struct listing listing)
{
    struct blob *blob = listing_to_html(&listing);
    cr_assert_not_null(blob);
    return blob;
}

static struct str text_of(const struct blob *blob)
{
    return (struct str){blob->bytes, blob->length};
}

static size_t find(struct str text, const char *what)
{
    const char *found = text.length > 0 ? memmem(text.at, text.length, what, strlen(what)) : NULL;
    return found ? (size_t)(found - text.at) : text.length;
}

static bool has(struct str text, const char *what)
{
    return find(text, what) < text.length;
}

/* The text between the first BEFORE in *REST and the AFTER that follows; *REST moves past both. */
static struct str take_between(struct str *rest, const char *before, const char *after)
{
    size_t first = find(*rest, before);
    cr_assert_lt(first, rest->length, "no %s", before);
    *rest = str_from(*rest, first + strlen(before));
    size_t length = find(*rest, after);
    cr_assert_lt(length, rest->length, "no %s after %s", after, before);
    struct str between = str_first(*rest, length);
    *rest = str_from(*rest, length + strlen(after));
    return between;
}

static void expect_text(const char *label, struct str got, const char *expected)
{
    cr_expect(str_equal(got, str_of(expected)), "%s: %.*s", label, (int)got.length, got.at);
}

Test(listing_html, has_a_title_and_a_link_to_the_parent)
{
    static const struct {
        const char *label;
        struct str path;
        const char *title, *heading;
        bool parent;
    } rows[] = {
        {"the root", STR_INIT(""), "Index of /", "<b>/</b>", false},
        {"one down", STR_INIT("a"), "Index of /a/", "<a href=\"../\">/</a><b><bdi>a</bdi>/</b>",
         true},
        {"three down", STR_INIT("a/b c/d"), "Index of /a/b c/d/",
         "<a href=\"../../../\">/</a><a href=\"../../\"><bdi>a</bdi>/</a>"
         "<a href=\"../\"><bdi>b c</bdi>/</a><b><bdi>d</bdi>/</b>",
         true},
        {"markup", STR_INIT("</title>&\"'"), "Index of /&lt;/title&gt;&amp;&quot;&#39;/",
         "<a href=\"../../\">/</a><a href=\"../\"><bdi>&lt;</bdi>/</a>"
         "<b><bdi>title&gt;&amp;&quot;&#39;</bdi>/</b>",
         true},
        {"no UTF-8", STR_INIT("\xff"), "Index of /\xef\xbf\xbd/",
         "<a href=\"../\">/</a><b><bdi>\xef\xbf\xbd</bdi>/</b>", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str path = guard_copy(rows[i].path);
        struct blob *blob = page_of((struct listing){path, NULL, 0, false});
        struct str rest = text_of(blob);
        expect_text(rows[i].label, take_between(&rest, "<title>", "</title>"), rows[i].title);
        expect_text(rows[i].label, take_between(&rest, "<h1><span>Index of </span>", "</h1>"),
                    rows[i].heading);
        cr_expect_eq(has(rest, "<a href=\"../\">Parent directory</a>"), rows[i].parent, "%s",
                     rows[i].label);
        blob_drop(blob);
        guard_drop(path);
    }
}

Test(listing_html, has_a_row_for_each_entry)
{
    static const struct {
        struct listing_entry entry;
        const char *row;
    } rows[] = {
        {{STR_INIT("a.txt"), LISTING_FILE, 1572864, 1764076800},
         "<a href=\"a.txt\"><bdi>a.txt</bdi></a><td>1.5 MiB<td>"
         "<time datetime=\"2025-11-25T13:20:00Z\">2025-11-25 13:20</time>"},
        {{STR_INIT("d"), LISTING_DIRECTORY, 4096, 59},
         "<a href=\"d/\"><bdi>d/</bdi></a><td><td>"
         "<time datetime=\"1970-01-01T00:00:59Z\">1970-01-01 00:00</time>"},
        {{STR_INIT("javascript:alert(1)"), LISTING_FILE, 0, 0}, /* not a scheme */
         "<a href=\"javascript%3Aalert%281%29\"><bdi>javascript:alert(1)</bdi></a><td>0 B<td>"
         "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00</time>"},
        {{STR_INIT("<i>\"&'"), LISTING_FILE, 0, 0},
         "<a href=\"%3Ci%3E%22%26%27\"><bdi>&lt;i&gt;&quot;&amp;&#39;</bdi></a><td>0 B<td>"
         "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00</time>"},
        {{STR_INIT("\n\x7f\xc2\x80\xc2\x9f\xc2\xa0\xff\\"), LISTING_FILE, 0,
          0}, /* U+009F: the last control character */
         "<a href=\"%0A%7F%C2%80%C2%9F%C2%A0%FF%5C\"><bdi>\xe2\x90\x8a\xe2\x90\xa1\xef\xbf\xbd\xef\xbf\xbd\xc2\xa0"
         "\xef\xbf\xbd\\</bdi></a><td>0 B<td>"
         "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00</time>"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listing_entry entry = rows[i].entry;
        entry.name = guard_copy(entry.name);
        struct blob *blob = page_of((struct listing){STR(""), &entry, 1, false});
        struct str rest = text_of(blob);
        expect_text(rows[i].entry.name.at, take_between(&rest, "<tbody>\n<tr><td>", "\n</table>"),
                    rows[i].row);
        blob_drop(blob);
        guard_drop(entry.name);
    }
}

Test(listing_html, sums_up_entries_and_bytes)
{
#define D                                         \
    {                                             \
        STR_INIT("d"), LISTING_DIRECTORY, 4096, 0 \
    }
#define F                                    \
    {                                        \
        STR_INIT("f"), LISTING_FILE, 1000, 0 \
    }
#define G                                          \
    {                                              \
        STR_INIT("g"), LISTING_FILE, UINT64_MAX, 0 \
    }
    static const struct {
        struct listing_entry entries[3];
        size_t count;
        bool truncated;
        const char *caption;
    } rows[] = {
        {{D}, 0, false, "Nothing to list"},
        {{D}, 1, false, "1 directory"},
        {{D, D}, 2, false, "2 directories"},
        {{F}, 1, false, "1 file, 1000 B"},
        {{F, F}, 2, false, "2 files, 2 KiB"},
        {{D, F, F}, 3, false, "1 directory, 2 files, 2 KiB"},
        {{G, G, F}, 3, false, "3 files, 16 EiB"}, /* saturated at 64 bits */
        {{F},
         1,
         true,
         "1 file, 1000 B<br><strong>This directory has more entries: only the first 1 are "
         "listed.</strong>"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct blob *blob =
            page_of((struct listing){STR("a"), rows[i].entries, rows[i].count, rows[i].truncated});
        struct str rest = text_of(blob);
        expect_text("caption", take_between(&rest, "<caption>", "</caption>"), rows[i].caption);
        blob_drop(blob);
    }
}

/* A strict Content-Security-Policy refuses scripts, images, fonts and everything from other
 * origins. */
Test(listing_html, needs_no_script_and_no_other_resource)
{
    static const char *const refused[] = {
        "<script", "<img",   "<svg",    "<iframe", "url(",   "@import",
        "src=",    "style=", "onclick", "http:",   "https:", "data:"};
    struct blob *blob = page_of((struct listing){STR("a/b"), NULL, 0, true});
    struct str page = text_of(blob);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        cr_expect_not(has(page, refused[i]), "%s", refused[i]);
    cr_expect(
        str_starts_with(page, STR("<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n")));
    cr_expect(has(page, "<meta name=viewport content=\"width=device-width\">"));
    cr_expect(has(page, "color-scheme:light dark"));
    blob_drop(blob);
}

/* The text that the HTML source TEXT, which contains no elements, means. */
static struct str unescape(struct str text, char *to)
{
    static const struct {
        struct str reference;
        char c;
    } references[] = {{STR_INIT("&amp;"), '&'},
                      {STR_INIT("&lt;"), '<'},
                      {STR_INIT("&gt;"), '>'},
                      {STR_INIT("&quot;"), '"'},
                      {STR_INIT("&#39;"), '\''}};
    size_t length = 0;
    while (text.length > 0) {
        size_t i = 0;
        while (i < COUNT_OF(references) && !str_starts_with(text, references[i].reference))
            i++;
        if (i < COUNT_OF(references)) {
            to[length++] = references[i].c;
            text = str_from(text, references[i].reference.length);
        } else {
            cr_assert_neq(text.at[0], '&', "an ampersand alone");
            to[length++] = text.at[0];
            text = str_from(text, 1);
        }
    }
    return (struct str){to, length};
}

/* Whether a page may contain NAME unchanged: UTF-8 without control characters. */
static bool is_showable(struct str name)
{
    while (name.length > 0) {
        struct str before = name, character = utf8_take(&name);
        uint8_t first = (uint8_t)character.at[0];
        if (!str_equal(character, str_first(before, character.length)) || first < 0x20 ||
            first == 0x7f || (first == 0xc2 && (uint8_t)character.at[1] < 0xa0))
            return false;
    }
    return true;
}

/* Every element is one of the page's own: a name cannot inject any. */
static void check_elements(struct str page, size_t rows)
{
    static const char *const known[] = {"!doctype", "html",    "meta",  "title", "link", "style",
                                        "main",     "h1",      "span",  "a",     "b",    "bdi",
                                        "table",    "caption", "thead", "tr",    "th",   "tbody",
                                        "td",       "time",    "footer"};
    size_t links = 0;
    for (size_t at = 0; at < page.length; at++) {
        uint8_t byte = (uint8_t)page.at[at];
        cr_assert(byte >= 0x20 || byte == '\n', "a control character");
        if (byte != '<')
            continue;
        struct str tag = str_from(page, at + 1);
        tag = str_from(tag, tag.at[0] == '/');
        tag = str_first(tag, size_min(str_find(tag, '>'), str_find(tag, ' ')));
        size_t i = 0;
        while (i < COUNT_OF(known) && !str_equal(tag, str_of(known[i])))
            i++;
        cr_assert_lt(i, COUNT_OF(known), "<%.*s>", (int)tag.length, tag.at);
        links += str_equal(tag, STR("a")) && page.at[at + 1] != '/';
    }
    cr_assert_eq(links, rows + 3, "the root, the parent, JSON, and one for each entry");
}

Test(listing_html, writes_valid_html_for_any_names)
{
    struct prng prng = {5};
    for (int round = 0; round < 5000; round++) {
        struct listing_rig rig;
        char text[2048];
        rig_fill(&rig, &prng);
        struct blob *blob = page_of((struct listing){STR("x"), rig.entries, rig.count, false});
        struct str rest = text_of(blob);
        check_elements(rest, rig.count);
        take_between(&rest, "<tbody>\n", "Parent directory</a><td><td>\n");
        for (size_t i = 0; i < rig.count; i++) {
            const struct listing_entry *entry = &rig.entries[i];
            struct str row = take_between(&rest, "<tr><td>", "</time>\n");
            struct str reference = take_between(&row, "<a href=\"", "\"><bdi>");
            struct str shown = take_between(&row, "", "</bdi></a><td>");
            cr_assert(rig_leads_to(reference, entry), "%.*s", (int)reference.length, reference.at);
            struct str name = unescape(shown, text);
            if (entry->kind == LISTING_DIRECTORY)
                name.length--;
            cr_assert(!is_showable(entry->name) || str_equal(name, entry->name), "%.*s",
                      (int)shown.length, shown.at);
        }
        take_between(&rest, "</table>\n", "</html>\n");
        cr_assert_eq(rest.length, 0);
        blob_drop(blob);
    }
}

/* The same directory in any order, sorted, gives the same page. */
Test(listing_html, is_the_same_page_for_any_initial_order)
{
    struct prng prng = {6};
    for (int round = 0; round < 1000; round++) {
        struct listing_rig rig;
        rig_fill(&rig, &prng);
        struct listing listing = {STR("x"), rig.entries, rig.count, false};
        listing_sort(rig.entries, rig.count);
        struct blob *once = page_of(listing);
        rig_shuffle(rig.entries, rig.count, &prng);
        listing_sort(rig.entries, rig.count);
        struct blob *again = page_of(listing);
        cr_assert(str_equal(text_of(once), text_of(again)));
        blob_drop(once);
        blob_drop(again);
    }
}
