/* mime: the built-in types, which part of a name counts, and types files. */
#include "http/mime.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct mime *mime;

static void set_up(void)
{
    mime = mime_create();
    cr_assert_not_null(mime);
}

static void tear_down(void)
{
    mime_destroy(mime);
}

TestSuite(mime, .init = set_up, .fini = tear_down);

static void expect_type(const char *name, const char *type)
{
    struct str got = mime_of(mime, guard_copy(str_of(name)));
    cr_expect(str_equal(got, str_of(type)), "%s: %.*s", name, (int)got.length, got.at);
}

Test(mime, knows_the_types_of_the_web)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"a.html", "text/html; charset=utf-8"},
        {"a.htm", "text/html; charset=utf-8"},
        {"a.css", "text/css; charset=utf-8"},
        {"a.js", "text/javascript; charset=utf-8"},
        {"a.mjs", "text/javascript; charset=utf-8"},
        {"a.txt", "text/plain; charset=utf-8"},
        {"a.md", "text/markdown; charset=utf-8"},
        {"a.csv", "text/csv; charset=utf-8"},
        {"a.ics", "text/calendar; charset=utf-8"},
        {"a.vtt", "text/vtt; charset=utf-8"},
        {"a.json", "application/json"},
        {"a.map", "application/json"},
        {"a.jsonld", "application/ld+json"},
        {"a.webmanifest", "application/manifest+json"},
        {"a.wasm", "application/wasm"},
        {"a.xml", "application/xml"},
        {"a.rss", "application/rss+xml"},
        {"a.atom", "application/atom+xml"},
        {"a.xhtml", "application/xhtml+xml"},
        {"a.jpg", "image/jpeg"},
        {"a.jpeg", "image/jpeg"},
        {"a.svg", "image/svg+xml"},
        {"a.png", "image/png"},
        {"a.webp", "image/webp"},
        {"a.avif", "image/avif"},
        {"a.gif", "image/gif"},
        {"a.bmp", "image/bmp"},
        {"a.ico", "image/vnd.microsoft.icon"},
        {"a.woff", "font/woff"},
        {"a.woff2", "font/woff2"},
        {"a.ttf", "font/ttf"},
        {"a.otf", "font/otf"},
        {"a.mp4", "video/mp4"},
        {"a.m4v", "video/mp4"},
        {"a.webm", "video/webm"},
        {"a.mov", "video/quicktime"},
        {"a.ogv", "video/ogg"},
        {"a.mp3", "audio/mpeg"},
        {"a.m4a", "audio/mp4"},
        {"a.ogg", "audio/ogg"},
        {"a.oga", "audio/ogg"},
        {"a.opus", "audio/ogg"},
        {"a.wav", "audio/wav"},
        {"a.flac", "audio/flac"},
        {"a.glb", "model/gltf-binary"},
        {"a.gltf", "model/gltf+json"},
        {"a.pdf", "application/pdf"},
        {"a.epub", "application/epub+zip"},
        {"a.doc", "application/msword"},
        {"a.zip", "application/zip"},
        {"a.gz", "application/gzip"},
        {"a.tar.gz", "application/gzip"},
        {"a.zst", "application/zstd"},
        {"a.tar", "application/x-tar"},
        {"a.7z", "application/x-7z-compressed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_type(rows[i].name, rows[i].type);
}

Test(mime, uses_the_last_extension_of_the_last_segment)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"index.HTML", "text/html; charset=utf-8"},
        {"IMG_0001.JpG", "image/jpeg"},
        {"dir/sub/a.png", "image/png"},
        {"/a.png", "image/png"},
        {"dir.html/a.png", "image/png"},
        {"a.css.png", "image/png"},
        {"a..png", "image/png"},
        {".hidden.png", "image/png"},
        {"dir.html/README", "application/octet-stream"},
        {"dir.html/", "application/octet-stream"},
        {"README", "application/octet-stream"},
        {".html", "application/octet-stream"}, /* a dotfile, not an extension */
        {"dir/.html", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.html.", "application/octet-stream"},
        {".", "application/octet-stream"},
        {"..", "application/octet-stream"},
        {"", "application/octet-stream"},
        {"html", "application/octet-stream"},
        {"a.unheard-of", "application/octet-stream"},
        {"a.htmlx", "application/octet-stream"},
        {"a.ht", "application/octet-stream"},
        {"a.html ", "application/octet-stream"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_type(rows[i].name, rows[i].type);
    cr_expect(str_equal(mime_of(mime, (struct str){NULL, 0}), STR("application/octet-stream")));
    cr_expect(str_equal(mime_of(mime, STR("a.html\0")), STR("application/octet-stream")));
}

Test(mime, knows_well_known_files_without_an_extension)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        {".well-known/apple-app-site-association", "application/json"},
        {"apple-app-site-association", "application/json"},
        {"a/apple-app-site-association", "application/octet-stream"},
        {".well-known/openid-configuration", "application/json"},
        {".well-known/oauth-authorization-server", "application/json"},
        {".well-known/nodeinfo", "application/json"},
        {".well-known/com.apple.remotemanagement", "application/json"}, /* not an extension */
        {".well-known/matrix/server", "application/json"},
        {".well-known/webfinger", "application/jrd+json"},
        {".well-known/host-meta", "application/xrd+xml"},
        {".well-known/host-meta.json", "application/json"},
        {".well-known/assetlinks.json", "application/json"},
        {".well-known/security.txt", "text/plain; charset=utf-8"},
        {".well-known/acme-challenge/token", "application/octet-stream"},
        {".well-known/acme-challenge/webfinger", "application/octet-stream"},
        {".well-known/WebFinger", "application/octet-stream"}, /* paths have a case */
        {".well-known/webfinger2", "application/octet-stream"},
        {".well-known/web", "application/octet-stream"},
        {".well-known/", "application/octet-stream"},
        {"openid-configuration", "application/octet-stream"},
        {"a/.well-known/webfinger", "application/octet-stream"},
        {".well-knownwebfinger", "application/octet-stream"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_type(rows[i].name, rows[i].type);
}

static int read_types(struct str text, struct problem *ret_problem)
{
    return mime_read(mime, text, "my.types", ret_problem);
}

Test(mime, reads_types_files)
{
    struct problem problem = {.line = 99};
    struct str text = STR("# a comment\n"
                          "\n"
                          "application/x-new  new NEWER\tnewest # and why\n"
                          "text/x-plain plain\r\n"
                          "text/x-latin;charset=iso-8859-1 latin\n"
                          "text/x-flowed;format=flowed;Charset=us-ascii flowed\n"
                          "text/x-other;xcharset=1 other\n"
                          "application/javascript js\n"
                          "application/nothing\n"
                          "text/html-first html\n"
                          "image/png html\n"
                          "application/gpkg gpkg.tar\n"
                          "application/last last");
    cr_assert_eq(read_types(text, &problem), 0);
    cr_expect_eq(problem.line, 99);
    expect_type("a.new", "application/x-new");
    expect_type("a.newer", "application/x-new");
    expect_type("a.Newest", "application/x-new");
    expect_type("a.plain", "text/x-plain"); /* as written: no charset is added */
    expect_type("a.latin", "text/x-latin;charset=iso-8859-1");
    expect_type("a.flowed", "text/x-flowed;format=flowed;Charset=us-ascii");
    expect_type("a.other", "text/x-other;xcharset=1");
    expect_type("a.js", "application/javascript");
    expect_type("a.html", "image/png"); /* a later line wins, over the built-in table too */
    expect_type("a.gpkg.tar", "application/x-tar");
    expect_type("a.last", "application/last"); /* no newline at the end of the file */
    expect_type("a.css", "text/css; charset=utf-8");
    expect_type("a.why", "application/octet-stream");
}

Test(mime, keeps_earlier_results_valid_when_overridden)
{
    struct problem problem;
    cr_assert_eq(read_types(STR("a/first x\n"), &problem), 0);
    struct str first = mime_of(mime, STR("a.x"));
    cr_assert_eq(read_types(STR("a/second x\n"), &problem), 0);
    cr_expect(str_equal(first, STR("a/first")));
    expect_type("a.x", "a/second");
}

Test(mime, refuses_malformed_lines)
{
    static const char *const rows[] = {
        "types {",
        "html",
        "text/",
        "/html x",
        "text/html/x x",
        "te(xt/html x",
        "text/ht\x01ml x",
        "text/html;a=\x80 x",
        "text/html;a=\x1f x",
        "text/html;a=\x7f x",
        "\xc3\xa4/b x",
        "a;b/c x",
        "text/html; charset=utf-8 html",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        struct problem problem = {.line = 0};
        snprintf(text, sizeof text, "a/before before\n\n%s\na/after after\n", rows[i]);
        cr_expect_eq(read_types(str_of(text), &problem), -EINVAL, "%s", rows[i]);
        cr_expect_eq(problem.line, 3, "%s", rows[i]);
        cr_expect_str_eq(problem.what, "not a media type", "%s", rows[i]);
        cr_expect_str_eq(problem.file, "my.types", "%s", rows[i]);
        expect_type("a.before", "a/before");
        expect_type("a.after", "application/octet-stream");
    }
    struct problem problem = {.line = 0};
    cr_expect_eq(read_types(STR("text/a\0b x\n"), &problem), -EINVAL, "NUL");
    cr_expect_eq(problem.line, 1);
}
Test(mime, takes_thousands_of_types)
{
    struct problem problem;
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    for (int i = 0; i < 5000; i++)
        fprintf(memory, "application/x-%d e%d\n", i, i);
    fclose(memory);
    cr_assert_eq(read_types((struct str){text, length}, &problem), 0);
    free(text);
    for (int i = 0; i < 5000; i++) {
        char name[32], type[32];
        snprintf(name, sizeof name, "a.E%d", i);
        snprintf(type, sizeof type, "application/x-%d", i);
        expect_type(name, type);
    }
    expect_type("a.html", "text/html; charset=utf-8");
}

Test(mime, reads_the_system_s_file)
{
    static char text[1 << 20];
    FILE *file = fopen("/etc/mime.types", "r");
    if (file == NULL)
        cr_skip_test("no /etc/mime.types here (package media-types)");
    const size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    cr_assert_lt(length, sizeof text);
    struct problem problem = {.line = 0};
    cr_expect_eq(mime_read(mime, (struct str){text, length}, "mime.types", &problem), 0,
                 "line %u: %s", problem.line, problem.what);
    expect_type("a.html", "text/html");
    expect_type("a.jpg", "image/jpeg");
}

Test(mime, recognises_types_that_are_compressed_already)
{
    static const struct {
        struct str type;
        bool compressed;
    } rows[] = {
        {STR_INIT("image/png"), true},
        {STR_INIT("IMAGE/JPEG"), true},
        {STR_INIT("image/svg+xml"), false},
        {STR_INIT("image/bmp"), false},
        {STR_INIT("video/mp4"), true},
        {STR_INIT("audio/mpeg"), true},
        {STR_INIT("audio/wav"), false},
        {STR_INIT("font/woff2"), true},
        {STR_INIT("font/ttf"), false},
        {STR_INIT("application/zip"), true},
        {STR_INIT("application/gzip"), true},
        {STR_INIT("text/html; charset=utf-8"), false},
        {STR_INIT("text/css"), false},
        {STR_INIT("application/wasm"), false},
        {STR_INIT("application/json"), false},
        {STR_INIT("application/octet-stream"), false},
        {STR_INIT(""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(mime_is_compressed(rows[i].type), rows[i].compressed, "%s", rows[i].type.at);
}

Test(mime, is_equal_when_every_name_has_the_same_type)
{
    struct problem problem;
    struct mime *other = mime_create();
    cr_expect(mime_equal(mime, other));
    cr_assert_eq(read_types(STR("a/first x\n"), &problem), 0);
    cr_expect_not(mime_equal(mime, other), "another extension");
    cr_expect_not(mime_equal(other, mime), "one less");
    mime_destroy(other);
    other = mime;
    mime = mime_create();
    cr_assert_eq(read_types(STR("a/second x\n"), &problem), 0);
    cr_expect_not(mime_equal(mime, other), "another type");
    cr_assert_eq(read_types(STR("a/first X\n"), &problem), 0);
    cr_expect(mime_equal(mime, other), "the case of an extension does not matter");
    struct str kept = mime_of(other, STR("a.x"));
    mime_keep(mime, other); /* AddressSanitizer reports what is lost, or used after it was freed */
    cr_expect(str_equal(kept, STR("a/first")));
}
