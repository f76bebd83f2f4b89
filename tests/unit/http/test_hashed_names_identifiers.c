/* hashed_names: names that have identifiers of every kind in them, which are not hashes. */
#include "support/hashed_names_rig.h"

static const struct {
    const char *kind, *pattern;
} kinds[] = {
    {"MAC address, one maker", "cam-b827eb%6x.jpg"},
    {"MAC address", "phone-%12x.png"},
    {"MAC address with hyphens", "%2x-%2x-%2x-%2x-%2x-%2x.jpg"},
    {"UUID 4", "photo-%8x-%4x-4%3x-8%3x-%12x.jpg"},
    {"UUID 7", "018f3b9c-%4x-7%3x-9%3x-%12x.webp"},
    {"UUID, bare", "%12x4%3x8%15x.jpg"},
    {"UUID, script", "widget-%8x-%4x-4%3x-8%3x-%12x.js"},
    {"MD5", "avatar-%32x.png"},
    {"MD5, bare", "%32x.png"},
    {"SHA-1", "scan-%40x.jpg"},
    {"SHA-256", "%64x.json"},
    {"user", "user-%8x.webp"},
    {"user, dot", "user.%8x.webp"},
    {"user, underscore", "user_%8x.png"},
    {"user, script", "user-%8x.js"},
    {"user, style", "theme.%8x.css"},
    {"user, 16 digits", "user-%16x.jpg"},
    {"user, 20 digits", "user-%20x.jpg"},
    {"ObjectId", "avatar-65a1%20x.png"},
    {"uniqid", "upload-65a1%9x.png"},
    {"date", "photo-2023%3d1.jpg"},
    {"date, script", "report-2023011%1d.js"},
    {"date and time", "IMG_2023011%1d_%5d0.jpg"},
    {"time", "17%11d.png"},
    {"colour", "icon-%6x.svg"},
    {"colour with alpha", "icon-%8x.svg"},
    {"colour, style", "theme-%6x.css"},
    {"commit", "build-%7x.js"},
    {"commit, long", "build-%40x.js"},
    {"telephone", "call-49%9d.mp3"},
    {"telephone, 8 digits", "call-%8d.mp3"},
    {"number, script", "page-%8d.js"},
    {"YouTube", "thumb-%11B.jpg"},
    {"YouTube, bare", "%11B.jpg"},
    {"8 characters, picture", "upload-%8B.png"},
    {"8 characters, script", "post-%8B.js"},
    {"git object", "%38x"},
    {"ISBN", "978%10d.jpg"},
    {"ISBN, 10", "book-%10d.jpg"},
    {"package", "lib-%1d.%1d.%2d.js"},
    {"package, min", "jquery-3.%1d.%1d.min.js"},
    {"camera", "DSC0%4d.jpg"},
    {"camera, serial", "IMG-%8Z.jpg"},
    {"maildir", "17%8d.M%5d0P%3d.host"},
    {"digest", "sha256-%64x.tar.gz"},
    {"ULID", "01H%23Z.jpg"},
    {"nanoid", "file-%21L.png"},
    {"snowflake", "17%16d.mp4"},
    {"geohash", "tile-u4p%5z.png"},
    {"Plus code", "place-8F%6Z.jpg"},
    {"booking", "ticket-%6Z.pdf"},
    {"counter", "frame-000000%2x.png"},
    {"counter, script", "part-000000%2x.js"},
    {"short link", "%8z.png"},
    {"product, many names", "shoe-%2Z-%8Z.webp"},
};

/* Scripts and style sheets as people call them. */
static const char *const plain[] = {
    "app.js",
    "style.css",
    "site-overview.js",
    "main-homepage.css",
    "jquery-3.7.1.min.js",
    "bootstrap.bundle.min.js",
    "three.r150.module.js",
    "lib-Web3Auth.js",
    "polyfill-Es6Shims.js",
    "app-userInfo.js",
    "v8-compile.js",
    "report-20240101.js",
    "normalize.css",
    "react-18.2.0.production.min.js",
    "bootstrap-icons.woff2",
    "Roboto-Regular.ttf",
    "my-App-v2Bx.js",
    "app-deadbeef.js",
    "hits-decade90.js",
};

static void add_kind(const char *pattern, unsigned count)
{
    char name[NAME_BYTES];
    for (unsigned i = 0; i < count; i++) {
        fill(name, pattern);
        add(name, false);
    }
}

Test(hashed_names_identifiers, does_not_take_identifiers_for_hashes)
{
    static const unsigned counts[] = {1, 2, 3, 5, 20, 100};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        unsigned names = 0, wrong = 0;
        for (size_t j = 0; j < 2 * COUNT_OF(counts); j++) {
            clear();
            add_kind(kinds[i].pattern, counts[j / 2]);
            for (size_t k = 0; j % 2 && k < COUNT_OF(plain); k++)
                add(plain[k], false);
            judge();
            wrong += count().wrong;
            names += counts[j / 2];
        }
        printf("identifiers, %-26s %3u names, %u false\n", kinds[i].kind, names, wrong);
        cr_expect_eq(wrong, 0, "%s", kinds[i].kind);
    }
}

Test(hashed_names_identifiers, does_not_take_identifiers_of_all_kinds_together_for_hashes)
{
    clear();
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        add_kind(kinds[i].pattern, 5);
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        add(plain[i], false);
    judge();
    cr_expect_eq(count().wrong, 0);
}

/* Pictures with many names and a hash cannot be distinguished from those of the build, and scripts
 * are part of it. */
static bool may_be_of_build(const char *kind)
{
    return strstr(kind, "script") || strstr(kind, "style") || strstr(kind, "many names");
}

Test(hashed_names_identifiers, does_not_take_a_series_beside_a_build_for_hashes)
{
    static const char *const tools[] = {"vite", "webpack", "esbuild", "parcel"};
    static const char *const roots[] = {"site/assets", "eight", "hashed", ""};
    char pattern[NAME_BYTES];
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            if (may_be_of_build(kinds[k].kind))
                continue;
            clear();
            read_names(tools[i]);
            for (unsigned n = 0; n < 50; n++) {
                snprintf(pattern, sizeof pattern, "%s%s", roots[i], *roots[i] ? "/" : "");
                fill(pattern + strlen(pattern), kinds[k].pattern);
                add(pattern, false);
            }
            judge();
            cr_expect_eq(count().wrong, 0, "%s: %s", tools[i], kinds[k].kind);
        }
    }
}

Test(hashed_names_identifiers, takes_two_hexadecimal_pictures_of_one_name_for_a_series)
{
    static const char *const build[] = {"main-3f2a9c1b.js", "vendor-91ab03ce.js",
                                        "runtime-7be2d04f.js", "app-c40d8e61.css"};
    static const char *const others[] = {"avatar-b827eb1a.png", "avatar-0c1de2f7.png",
                                         "order-4c81e2f0.pdf", "feed-91ab03ce.json"};
    clear();
    for (size_t i = 0; i < COUNT_OF(build); i++)
        add(build[i], true);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        add(others[i], false);
    judge();
    cr_expect_eq(count().wrong, 0);
    for (size_t i = 0; i < COUNT_OF(build) + COUNT_OF(others); i++)
        cr_expect_eq(directories[0].hashed[i], i < COUNT_OF(build), "%s", directories[0].text[i]);
}
