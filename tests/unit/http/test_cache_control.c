/* cache_control: names that tools really write, and names that only resemble them. */
#include "http/cache_control.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
    const char *label;
    const char *name;
};

static bool is_immutable(struct str name)
{
    struct str input = guard_copy(name);
    struct str value = cache_control_for_name(input);
    guard_drop(input);
    bool immutable = str_equal(value, STR("public, max-age=31536000, immutable"));
    cr_expect(immutable || str_equal(value, STR("no-cache")), "%.*s", (int)value.length, value.at);
    return immutable;
}

static void expect_rows(const struct row *rows, size_t count, bool immutable)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(is_immutable(str_of(rows[i].name)), immutable, "%s: %s", rows[i].label,
                     rows[i].name);
}

Test(cache_control, recognises_names_that_bundlers_write)
{
    static const struct row rows[] = {
        {"Vite 5", "app-BfJk3x9Q.js"},
        {"Vite 5, style", "assets/index-DX3kQ9vL.css"},
        {"Vite 5, picture", "assets/react-CH7do9hT.svg"},
        {"Vite 5, font", "assets/Inter-B2xQ7kLm.woff2"},
        {"Vite 5, wasm", "assets/core_bg-C4fZ81aW.wasm"},
        {"Vite 5, source map", "app-BfJk3x9Q.js.map"},
        {"Vite 4", "assets/index-3f2a9c1b.js"},
        {"Vite 2", "assets/vendor.8d84e296.js"},
        {"Astro", "_astro/index.DRf8L97S.js"},
        {"Astro, style", "_astro/about.B7xK2mQp.css"},
        {"webpack", "main.819c85524fb5842b5454.js"},
        {"webpack, style", "1.main.a33dbbf0ee4cecaf7099.css"},
        {"webpack, asset module", "0b5e7d3a9c1f4e8d2b6a.woff2"},
        {"Create React App", "static/js/2.ef2371b4.chunk.js"},
        {"Create React App, main", "static/js/main.3f2a9c1b.js"},
        {"Create React App, map", "static/css/main.5f361e03.chunk.css.map"},
        {"Create React App, picture", "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg"},
        {"Vue CLI", "js/chunk-vendors.7b2c3d4e.js"},
        {"Next.js", "_next/static/chunks/webpack-5239c39170a42ef0.js"},
        {"Next.js, two", "_next/static/chunks/974ec2d0-d7f52b4dad063e40.js"},
        {"Next.js, page", "_next/static/chunks/pages/_app-4ce47ffa64d5cee5.js"},
        {"Next.js, polyfills", "polyfills-c67a75d1b6f99dc8.js"},
        {"Next.js, style", "_next/static/css/5f3a1b9c7d2e4f60.css"},
        {"Next.js, font, preloaded", "_next/static/media/e4af272ccee01ff0-s.p.woff2"},
        {"Next.js, font", "_next/static/media/26a46d62cd723877-s.woff2"},
        {"Next.js, picture", "_next/static/media/hero.8b2c4d6e.png"},
        {"Gatsby", "app-1a2b3c4d5e6f7a8b9c0d.js"},
        {"Angular 17", "main-5INX3RTS.js"},
        {"esbuild", "out/index-4QTUN3ID.js"},
        {"esbuild, chunk", "chunk-H7Q3LX5M.js"},
        {"esbuild, style", "styles-K2XW7PQA.css"},
        {"Angular 12", "main.0f3a5c7d9b1e2f4a6c8d.js"},
        {"Angular 12, short", "runtime-0a1b2c3d4e5f6a7b.js"},
        {"Parcel", "index.5cea5a2c.js"},
        {"Django", "admin/css/base.27e20196a850.css"},
        {"Rails, Propshaft", "application-6d58c9e6e3b5d4a7edbb8bf4ddc3ba18ae4bc6f4.css"},
        {"Rails, Sprockets",
         "application-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.js"},
        {"Phoenix", "app-5d41402abc4b2a76b9719d911017c592.js"},
        {"Hugo", "main.min.9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.css"},
        {"an MD5", "main.5d41402abc4b2a76b9719d911017c592.css"},
        {"min after the hash", "chunk.3f2a9c1b.min.js"},
        {"min and map after the hash", "app.3f2a9c1b.min.js.map"},
        {"bundle after the hash", "app.3f2a9c1b.bundle.js"},
        {"an underscore before", "app_3f2a9c1b.js"},
        {"a tilde before", "vendors~3f2a9c1b.js"},
        {"a file name alone", "main.3f2a9c1b.js"},
        {"a path from the root", "/a/main.3f2a9c1b.js"},
    };
    expect_rows(rows, COUNT_OF(rows), true);
}

Test(cache_control, does_not_take_other_names_for_hashes)
{
    static const struct row rows[] = {
        {"nothing", ""},
        {"a directory", "/"},
        {"a directory with a hash", "a.3f2a9c1b.js/"},
        {"a hash in the directory", "app.3f2a9c1b/main.js"},
        {"a page", "index.html"},
        {"a page with a hash", "index.3f2a9c1b.html"},
        {"a document", "report-3f2a9c1b.pdf"},
        {"an archive", "release-5d41402abc4b2a76b9719d911017c592.zip"},
        {"a program", "setup-Win10x64.exe"},
        {"data", "data-3f2a9c1b.json"},
        {"a device's address", "phone-00a0c9a4c8b9.json"},
        {"no extension", "app-3f2a9c1b"},
        {"an unknown one", "app.3f2a9c1b.zzz"},
        {"a licence", "main.3f2a9c1b.js.LICENSE.txt"},
        {"a map of nothing", "3f2a9c1b5d41402a.map"},
        {"a map of a picture", "a-3f2a9c1b.png.map"},
        {"a point at the end", "app.3f2a9c1b.js."},
        {"the hash is the extension", "app.3f2a9c1b"},
        {"capitals in the extension", "app.3f2a9c1b.JS"},
        {"a library", "jquery-3.7.1.min.js"},
        {"another", "bootstrap-icons.woff2"},
        {"another", "bootstrap.bundle.min.js"},
        {"a version and a name", "three.r150.module.js"},
        {"a font", "Roboto-Regular.ttf"},
        {"a variable font", "InterVariable-Italic.woff2"},
        {"a date", "report-20240101.json"},
        {"a date", "photo-20240101.png"},
        {"a date and a time", "IMG_20240101_120000.jpg"},
        {"a phone's picture", "PXL_20240101_120000123.jpg"},
        {"a date in letters", "photo-1dec2023.jpg"},
        {"a date in letters", "calendar.2023feb1.js"},
        {"digits", "photo-12345678.png"},
        {"digits, many", "photo-1234567890123456.png"},
        {"a time in milliseconds", "banner-1704067200000.png"},
        {"a time and a letter", "main.1704067200a.js"},
        {"a word", "app-deadbeef.js"},
        {"a word", "app.defaced.css"},
        {"a word and a year", "hits-decade90.js"},
        {"a word and digits", "x.facade01.css"},
        {"one digit only", "app.abcdefa1.js"},
        {"one letter only", "app.1234567a.js"},
        {"both cases", "app.3F2a9C1b5d.css"},
        {"an article's number", "article-3F2A9C1B.png"},
        {"7 digits", "app.3f2a9c1.js"},
        {"9 digits", "app.3f2a9c1b5.js"},
        {"PHP's uniqid", "upload-65a1b2c3d4e5f.png"},
        {"a MongoDB ObjectId", "avatar-507f1f77bcf86cd799439011.png"},
        {"a UUID, version 4", "photo-550e8400-e29b-41d4-a716-4a6655c40d00.jpg"},
        {"a UUID, in code", "550e8400-e29b-41d4-a716-4a6655c40d00.js"},
        {"a UUID and min", "x.550e8400-e29b-41d4-a716-4a6655c40d00.min.js"},
        {"a UUID, in capitals", "550E8400-E29B-41D4-A716-4a6655c40d00.js"},
        {"a UUID, bare", "avatar-550e8400e29b41d4a7164a6655c40d00.png"},
        {"a UUID, bare, version 7", "avatar-018f3b9c7d2a7e4b9c1d2e3f4a5b6c7d.png"},
        {"a hashed mail address", "5d41402abc4b2a76b9719d911017c592.png"},
        {"a short name that is all hash", "3f2a9c1b.js"},
        {"the same with a separator", "-3f2a9c1b.js"},
        {"the same, base64url", "BfJk3x9Q.js"},
        {"a user's number", "user_3f2a9c1b.png"},
        {"a camera", "DSCF2345.JPG"},
        {"a camera", "x-DSCF2345.jpg"},
        {"an article, base32", "shoe-A2B3C4D5.jpg"},
        {"a product", "apple-iPhone15.png"},
        {"a product", "iPhone15.png"},
        {"a product", "apple-iPhone5s.png"},
        {"a product", "apple-iPadAir2.png"},
        {"a product", "PS4Pro2x.png"},
        {"a library in camel case", "lib-Web3Auth.js"},
        {"a library in camel case", "polyfill-Es6Shims.js"},
        {"a library in camel case", "jquery.Utf8Text.js"},
        {"a library in camel case", "x-I18nText.js"},
        {"a library in camel case", "Mp4ToAvi.js"},
        {"a library in camel case", "x-Mp4ToAvi.js"},
        {"a release", "app-RELEASE2.js"},
        {"base32 with a separator that its tools do not use", "lib.WEB3AUTH.js"},
        {"base32 with a digit it has not", "app-K1XW8PQA.js"},
        {"base32 in lower case", "index-yncrx2yp.js"},
        {"v8-compile", "v8-compile.js"},
        {"v8-compile-cache", "v8-compile-cache.js"},
        {"sizes", "icon-192x192.png"},
        {"sizes", "favicon-32x32.png"},
        {"a hash in the middle", "app.3f2a9c1b.legacy.js"},
        {"a hash first", "3f2a9c1b-app.js"},
        {"a hyphen in it: missed", "index-Ab-3xY9z.js"},
        {"an underscore in it: missed", "index-Ab_3xY9z.js"},
        {"a name that ends so", "my-App-v2Bx.js"},
        {"no digit in it: missed", "index-DiwrgTda.js"},
        {"a control character", "app-Bf\x01k3x9Q.js"},
        {"beyond ASCII", "app-Bf\xc3\xa4"
                         "3x9Q.js"},
        {"a dotfile", ".js"},
        {"only words", "min.chunk.js"},
        {"only separators", "-.-_.js"},
    };
    expect_rows(rows, COUNT_OF(rows), false);
    cr_expect_not(is_immutable((struct str){NULL, 0}));
}

/* A missed hash costs only a 304, but not all may be missed: of random hashes at least the shares
 * are recognised that the comments in cache_control.c promise. */
Test(cache_control, recognises_the_promised_share_of_hashes)
{
    static const struct {
        const char *alphabet;
        unsigned length, share_least; /* percent */
    } rows[] = {
        {"0123456789abcdef", 8, 65},
        {"0123456789abcdef", 16, 95},
        {"0123456789abcdef", 20, 98},
        {"0123456789abcdef", 32, 92},
        {"0123456789abcdef", 64, 99},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 8, 60},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 8, 25},
    };
    struct prng prng = {15};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned found = 0, count = 5000;
        for (unsigned round = 0; round < count; round++) {
            char hash[80], name[128];
            for (unsigned j = 0; j < rows[i].length; j++)
                hash[j] = rows[i].alphabet[prng_below(&prng, strlen(rows[i].alphabet))];
            snprintf(name, sizeof name, "assets/main-%.*s.js", (int)rows[i].length, hash);
            found += str_equal(cache_control_for_name(str_of(name)), STR("no-cache")) ? 0 : 1;
        }
        cr_expect_geq(found * 100, rows[i].share_least * count, "row %zu: %u of %u", i, found,
                      count);
    }
}

Test(cache_control, gives_a_valid_value_for_any_bytes)
{
    static const char alphabet[] = "..--__~~aAbB0123jscsmapmin/";
    struct prng prng = {16};
    for (int round = 0; round < 20000; round++) {
        char bytes[48];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        is_immutable((struct str){bytes, length});
    }
}
