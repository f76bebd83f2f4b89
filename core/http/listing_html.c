/* listing: see listing.h. HTML. */
#include "base/date.h"
#include "base/num.h"
#include "base/utf8.h"
#include "http/listing.h"
#include "http/writer.h"

/* Escapes CHARACTER for HTML, which allows no control characters: those are shown as control
 * pictures (U+2400 and following). */
static struct str escape_html(struct str character, char room[static WRITER_ESCAPE_BYTES])
{
    uint8_t byte = (uint8_t)character.at[0];
    switch (byte) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    case 0x7f:
        return STR("\xe2\x90\xa1");
    case 0xc2: /* U+0080 to U+00BF; the control characters among them have no pictures */
        return (uint8_t)character.at[1] < 0xa0 ? STR(UTF8_REPLACEMENT) : character;
    default:
        if (byte >= ' ')
            return character;
        *str_put(room, STR("\xe2\x90")) = (char)(0x80 + byte);
        return (struct str){room, 3};
    }
}

/* First sizes and colours, then the page from top to bottom. On a narrow screen a row is the name
 * with size and time below it, all of it covered by the link. The signs before the names are CSS
 * shapes, not characters or images, so they look the same everywhere and no security policy blocks
 * them. */
#define STYLE                                                                              \
    ":root{color-scheme:light dark;--paper:#f5f9f7;--row:#e6f0ee;--ink:#10262f;"           \
    "--soft:#475f68;--line:#c8d9d7;--link:#0b6274;--sign:#8fa5ab}\n"                       \
    "@media(prefers-color-scheme:dark){:root{--paper:#081820;--row:#112b36;"               \
    "--ink:#e0ecea;--soft:#9fb8bc;--line:#21414c;--link:#6fced4;--sign:#5f7d86}}\n"        \
    "*{box-sizing:border-box}\n"                                                           \
    "body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,"      \
    "sans-serif;text-size-adjust:100%;-webkit-text-size-adjust:100%}\n"                    \
    "main{max-width:62rem;margin:auto;padding:clamp(1rem,4vw,2.5rem) clamp(.4rem,3vw,"     \
    "2rem)}\n"                                                                             \
    "h1{margin:0 .6rem .2rem;font-size:clamp(1.3rem,4vw,1.7rem);line-height:1.4;"          \
    "white-space:pre-wrap;overflow-wrap:anywhere}\n"                                       \
    "h1 span{display:block;font-size:.9rem;font-weight:400;color:var(--soft)}\n"           \
    "h1 a{padding:.3em 0;margin-right:.15em}\n"                                            \
    "a{color:var(--link);text-decoration:none}\n"                                          \
    "a:hover{text-decoration:underline;text-underline-offset:.2em}\n"                      \
    "a:focus-visible{outline:.15rem solid;outline-offset:-.15rem;border-radius:.3rem}\n"   \
    "table{width:100%;border-spacing:0;font-variant-numeric:tabular-nums}\n"               \
    "caption,footer{padding:0 .6rem 1rem;text-align:left;font-size:.9rem;"                 \
    "color:var(--soft)}\n"                                                                 \
    "strong{color:var(--ink)}\n"                                                           \
    "footer{padding-top:1.2rem}\n"                                                         \
    "footer a{text-decoration:underline;text-underline-offset:.2em}\n"                     \
    "th,td{padding:.4rem .6rem;border-bottom:1px solid var(--line);color:var(--soft);"     \
    "white-space:nowrap}\n"                                                                \
    "th{position:sticky;top:0;background:var(--paper);font-size:.85rem;font-weight:600;"   \
    "text-align:left}\n"                                                                   \
    "td{vertical-align:top}\n"                                                             \
    "th:nth-child(2),td:nth-child(2){text-align:right}\n"                                  \
    "td:first-child{padding:0;white-space:pre-wrap;overflow-wrap:anywhere}\n"              \
    "tbody tr:hover{background:var(--row)}\n"                                              \
    "td a{display:flex;gap:.75rem;padding:.4rem .6rem}\n"                                  \
    "td a::before{content:\"\";flex:none;width:1.05rem;height:1.05rem;"                    \
    "margin-top:.22rem;background:var(--sign);forced-color-adjust:none;"                   \
    "clip-path:polygon(12% 0,62% 0,62% 30%,90% 30%,90% 100%,12% 100%)}\n"                  \
    "td a[href$=\"/\"]::before{background:var(--link);clip-path:polygon(0 8%,38% 8%,"      \
    "50% 24%,100% 24%,100% 92%,0 92%)}\n"                                                  \
    "td a[href=\"../\"]::before{clip-path:polygon(50% 4%,96% 52%,64% 52%,64% 96%,"         \
    "36% 96%,36% 52%,4% 52%)}\n"                                                           \
    "@media(max-width:40rem){\n"                                                           \
    "table,tbody,caption{display:block}\n"                                                 \
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n" \
    "tr{display:grid;grid-template-columns:auto 1fr;"                                      \
    "border-bottom:1px solid var(--line)}\n"                                               \
    "td{border:0;font-size:.9rem}\n"                                                       \
    "td:first-child{grid-area:1/1/3/3;font-size:1rem}\n"                                   \
    "td:nth-child(2){grid-area:2/1;padding:0 0 .6rem 2.4rem;pointer-events:none}\n"        \
    "td:nth-child(3){grid-area:2/2;padding:0 0 .6rem 1rem;pointer-events:none}\n"          \
    "td:empty+td{padding-left:0}\n"                                                        \
    "td a{height:100%;padding:.65rem .6rem 2.1rem}\n"                                      \
    "td a[href=\"../\"]{padding-bottom:.65rem}\n"                                          \
    "tbody{border-top:1px solid var(--line)}\n"                                            \
    "}\n"

static void put_html(struct writer *w, struct str text)
{
    writer_put_escaped(w, text, escape_html);
}

/* The path as links, one for each parent directory; the last part, the directory itself, is
 * plain. */
static void put_crumbs(struct writer *w, struct str path)
{
    size_t depth = path.length > 0;
    for (size_t i = 0; i < path.length; i++)
        depth += path.at[i] == '/';
    struct str part = STR(""), rest = path;
    for (;; depth--) {
        if (depth > 0) {
            writer_put(w, STR("<a href=\""));
            for (size_t i = 0; i < depth; i++)
                writer_put(w, STR("../"));
            writer_put(w, STR("\">"));
        } else {
            writer_put(w, STR("<b>"));
        }
        if (part.length > 0) {
            writer_put(w, STR("<bdi>"));
            put_html(w, part);
            writer_put(w, STR("</bdi>"));
        }
        writer_put(w, depth > 0 ? STR("/</a>") : STR("/</b>"));
        if (depth == 0)
            break;
        part = str_first(rest, str_find(rest, '/'));
        rest = str_from(rest, part.length + 1);
    }
}

static void put_count(struct writer *w, size_t count, struct str one, struct str many)
{
    writer_put_u64(w, count);
    writer_put(w, STR(" "));
    writer_put(w, count == 1 ? one : many);
}

static void put_size(struct writer *w, uint64_t bytes)
{
    char size[16];
    num_write_size(size, bytes);
    writer_put(w, str_of(size));
}

/* "2 directories, 5 files, 1.5 MiB" */
static void put_summary(struct writer *w, const struct listing *listing)
{
    size_t directories = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const struct listing_entry *entry = &listing->entries[i];
        directories += entry->kind == LISTING_DIRECTORY;
        if (entry->kind == LISTING_FILE && __builtin_add_overflow(bytes, entry->bytes, &bytes))
            bytes = UINT64_MAX;
    }
    size_t files = listing->count - directories;
    if (directories > 0)
        put_count(w, directories, STR("directory"), STR("directories"));
    if (directories > 0 && files > 0)
        writer_put(w, STR(", "));
    if (files > 0) {
        put_count(w, files, STR("file"), STR("files"));
        writer_put(w, STR(", "));
        put_size(w, bytes);
    }
    if (listing->count == 0)
        writer_put(w, STR("Nothing to list"));
    if (listing->truncated) {
        writer_put(w, STR("<br><strong>This directory has more entries: only the first "));
        writer_put_u64(w, listing->count);
        writer_put(w, STR(" are listed.</strong>"));
    }
}

static void put_row(struct writer *w, const struct listing_entry *entry)
{
    char time[DATE_RFC3339_BYTES];
    struct str written = {time, sizeof time};
    struct str slash = entry->kind == LISTING_DIRECTORY ? STR("/") : STR("");
    writer_put(w, STR("<tr><td><a href=\""));
    writer_put_encoded(w, entry->name);
    writer_put(w, slash);
    writer_put(w, STR("\"><bdi>"));
    put_html(w, entry->name);
    writer_put(w, slash);
    writer_put(w, STR("</bdi></a><td>"));
    if (entry->kind == LISTING_FILE)
        put_size(w, entry->bytes);
    writer_put(w, STR("<td><time datetime=\""));
    date_write_rfc3339(time, entry->modified_seconds);
    writer_put(w, written);
    writer_put(w, STR("\">"));
    writer_put(w, str_first(written, sizeof "1994-11-06" - 1));
    writer_put(w, STR(" "));
    writer_put(w, str_first(str_from(written, sizeof "1994-11-06T" - 1), sizeof "08:49" - 1));
    writer_put(w, STR("</time>\n"));
}

static void write_html(struct writer *w, const void *what)
{
    const struct listing *listing = what;
    bool root = listing->path.length == 0;
    writer_put(w, STR("<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                      "<meta name=viewport content=\"width=device-width\">\n<title>Index of /"));
    put_html(w, listing->path);
    writer_put(w, root ? STR("") : STR("/"));
    writer_put(w, STR("</title>\n"
                      "<link rel=alternate type=application/json href=\"?format=json\">\n"
                      "<style>\n" STYLE "</style>\n<main>\n<h1><span>Index of </span>"));
    put_crumbs(w, listing->path);
    writer_put(w, STR("</h1>\n<table>\n<caption>"));
    put_summary(w, listing);
    writer_put(w, STR("</caption>\n<thead><tr><th scope=col>Name<th scope=col>Size"
                      "<th scope=col>Modified\n<tbody>\n"));
    if (!root)
        writer_put(w, STR("<tr><td><a href=\"../\">Parent directory</a><td><td>\n"));
    for (size_t i = 0; i < listing->count; i++)
        put_row(w, &listing->entries[i]);
    writer_put(w,
               STR("</table>\n<footer>Times are in UTC. "
                   "<a href=\"?format=json\">This list as JSON</a></footer>\n</main>\n</html>\n"));
}

struct blob *listing_to_html(const struct listing *listing)
{
    return writer_compose(write_html, listing);
}
