/* hashed_names: names that bundlers have written (bundler_names/), and names that have identifiers
 * of every kind in them. */
#include "http/hashed_names.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Directories ------------------------------------------------------------------------------ */

enum { NAMES_MAX = 400, DIRECTORIES_MAX = 80, NAME_BYTES = 160 };

struct directory {
    char path[NAME_BYTES];
    char text[NAMES_MAX][NAME_BYTES];
    struct str names[NAMES_MAX];
    bool expected[NAMES_MAX];
    bool hashed[NAMES_MAX];
    size_t count;
    struct hash_forms forms; /* its own */
};

static struct directory directories[DIRECTORIES_MAX];
static size_t directory_count;

static struct directory *directory_of(struct str path)
{
    for (size_t i = 0; i < directory_count; i++) {
        if (str_equal(str_of(directories[i].path), path))
            return &directories[i];
    }
    cr_assert_lt(directory_count, DIRECTORIES_MAX);
    struct directory *directory = &directories[directory_count++];
    directory->count = 0;
    *str_put(directory->path, path) = '\0';
    return directory;
}

/* Adds the file PATH. EXPECTED: it has a hash in its name. */
static void add(const char *path, bool expected)
{
    struct str text = str_of(path);
    size_t slash = str_find_last(text, '/');
    bool below = slash < text.length;
    struct directory *directory = directory_of(below ? str_first(text, slash) : STR(""));
    cr_assert_lt(directory->count, NAMES_MAX);
    char *copy = directory->text[directory->count];
    *str_put(copy, below ? str_from(text, slash + 1) : text) = '\0';
    directory->names[directory->count] = str_of(copy);
    directory->expected[directory->count++] = expected;
}

static void judge_one(struct directory *directory, const struct hash_forms *beside,
                      struct hash_forms *ret)
{
    struct hashed_names names = {directory->names, directory->count, beside, directory->hashed};
    cr_assert_eq(hashed_names_judge(&names, ret), 0);
}

/* Judges all directories as a site does. */
static void judge(void)
{
    for (size_t i = 0; i < directory_count; i++)
        judge_one(&directories[i], NULL, &directories[i].forms);
    for (size_t i = 0; i < directory_count; i++) {
        struct directory *directory = &directories[i];
        struct hash_forms beside = {.count = 0}, own;
        struct path path;
        unsigned index = 0;
        while (hashed_names_next_beside(str_of(directory->path), &index, &path)) {
            const struct hash_forms *forms = &directory_of(path_view(&path))->forms;
            for (unsigned j = 0; j < forms->count && beside.count < HASH_FORMS_MAX; j++)
                beside.items[beside.count++] = forms->items[j];
        }
        judge_one(directory, &beside, &own);
        for (size_t j = 0; j < directory->count; j++) {
            char name[2 * NAME_BYTES];
            snprintf(name, sizeof name, "%s/%s", directory->path, directory->text[j]);
            directory->hashed[j] =
                hashed_names_is_output(str_of(name)) ||
                (directory->hashed[j] && hashed_names_may_have(directory->names[j]));
        }
    }
}

struct tally {
    unsigned hashed, recognised, wrong;
};

static struct tally count(void)
{
    struct tally tally = {0};
    for (size_t i = 0; i < directory_count; i++) {
        for (size_t j = 0; j < directories[i].count; j++) {
            bool expected = directories[i].expected[j], hashed = directories[i].hashed[j];
            tally.hashed += expected;
            tally.recognised += expected && hashed;
            tally.wrong += !expected && hashed;
            cr_expect(expected || !hashed, "%s/%s", directories[i].path, directories[i].text[j]);
        }
    }
    return tally;
}

static void clear(void)
{
    directory_count = 0;
}

/* --- Random names ----------------------------------------------------------------------------- */

static struct prng prng = {4711};

/* Writes PATTERN to TO, with N random characters in place of each "%NC". C is their set: x
 * hexadecimal digits, d decimal digits, S base32, z small letters and digits, Z capitals and
 * digits, L letters and digits, B base64url. */
static void fill(char *to, const char *pattern)
{
    static const struct {
        char name;
        const char *characters;
    } sets[] = {
        {'x', "0123456789abcdef"},
        {'d', "0123456789"},
        {'S', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
        {'L', "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {'Z', "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {'z', "0123456789abcdefghijklmnopqrstuvwxyz"},
        {'B', "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"},
    };
    while (*pattern) {
        if (*pattern != '%') {
            *to++ = *pattern++;
            continue;
        }
        char *end;
        unsigned long length = strtoul(pattern + 1, &end, 10);
        size_t set = 0;
        while (sets[set].name != *end)
            set++;
        const char *characters = sets[set].characters;
        for (; length > 0; length--)
            *to++ = characters[prng_below(&prng, strlen(characters))];
        pattern = end + 1;
    }
    *to = '\0';
}

/* --- Bundlers --------------------------------------------------------------------------------- */

/* Adds the names in FILE: lines that begin with '+' for a name with a hash, '-' for one without. */
static void read_names(const char *file)
{
    const char *top = getenv("SLUICE_TOP");
    char path[512], line[2 * NAME_BYTES];
    snprintf(path, sizeof path, "%s/tests/unit/http/bundler_names/%s.txt", top ? top : ".", file);
    FILE *names = fopen(path, "re");
    cr_assert_not_null(names, "%s", path);
    while (fgets(line, sizeof line, names)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '+' || line[0] == '-')
            add(line + 1, line[0] == '+');
    }
    fclose(names);
}

Test(hashed_names, recognises_what_bundlers_write)
{
    static const char *const tools[] = {"vite",      "webpack", "next",    "astro",
                                        "sveltekit", "parcel",  "esbuild", "rollup"};
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        clear();
        read_names(tools[i]);
        judge();
        struct tally tally = count();
        printf("hashed names, %-10s %3u of %3u recognised, %5.1f %%, %u others\n", tools[i],
               tally.recognised, tally.hashed, 100.0 * tally.recognised / tally.hashed,
               tally.wrong);
        cr_expect_gt(tally.hashed, 20, "%s", tools[i]);
        cr_expect_geq(tally.recognised * 100, tally.hashed * 95, "%s", tools[i]);
        cr_expect_eq(tally.wrong, 0, "%s", tools[i]);
    }
}

/* The smallest builds: a page or two, a style sheet, some pictures. */
Test(hashed_names, recognises_small_builds)
{
    static const char *const builds[][7] = {
        {"index%s.js", "index%s.css", "logo%s.svg"},
        {"main%s.js", "admin%s.js", "main%s.css", "hero%s.png", "text%s.woff2"},
        {"main%s.js", "main%s.css", "1%s.js", "2%s.js", "logo%s.png", "hero%s.webp"},
    };
    static const struct {
        const char *tool, *hash;
    } forms[] = {{"Vite", "-%8B"},     {"Parcel", ".%8x"},         {"webpack", ".%20x"},
                 {"Next.js", "-%16x"}, {"esbuild", "-%8S"},        {"Django", ".%12x"},
                 {"Phoenix", "-%32x"}, {"Rollup, base36", "-%8z"}, {"Propshaft", "-%40x"}};
    enum { ROUNDS = 300 };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct tally all = {0};
        for (size_t j = 0; j < COUNT_OF(builds) * ROUNDS; j++) {
            clear();
            for (size_t k = 0; builds[j % COUNT_OF(builds)][k]; k++) {
                char hash[NAME_BYTES], name[2 * NAME_BYTES];
                const char *form = builds[j % COUNT_OF(builds)][k], *place = strchr(form, '%');
                fill(hash, forms[i].hash);
                snprintf(name, sizeof name, "%.*s%s%s", (int)(place - form), form, hash, place + 2);
                add(name, true);
            }
            judge();
            struct tally tally = count();
            all.hashed += tally.hashed;
            all.recognised += tally.recognised;
        }
        printf("small builds, %-15s %4u of %4u recognised, %5.1f %%\n", forms[i].tool,
               all.recognised, all.hashed, 100.0 * all.recognised / all.hashed);
        cr_expect_geq(all.recognised * 100, all.hashed * 90, "%s", forms[i].tool);
    }
}

/* --- Identifiers ------------------------------------------------------------------------------ */

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

Test(hashed_names, does_not_take_identifiers_for_hashes)
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

Test(hashed_names, does_not_take_identifiers_of_all_kinds_together_for_hashes)
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

Test(hashed_names, does_not_take_a_series_beside_a_build_for_hashes)
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

Test(hashed_names, takes_two_hexadecimal_pictures_of_one_name_for_a_series)
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

/* --- Neighbours ------------------------------------------------------------------------------- */

static void expect_hashed(const char *const *names, bool expected)
{
    clear();
    for (; *names; names++)
        add(*names, expected);
    judge();
    for (size_t i = 0; i < directory_count; i++) {
        for (size_t j = 0; j < directories[i].count; j++)
            cr_expect_eq(directories[i].hashed[j], expected, "%s", directories[i].text[j]);
    }
}

Test(hashed_names, never_judges_a_name_by_itself)
{
    static const char *const rows[][4] = {
        {"main.819c85524fb5842b5454.js"},
        {"index-BfJk3x9Q.js"},
        {"index-BfJk3x9Q.js", "index-BfJk3x9Q.js.map"},
        {"main-5INX3RTS.js"},
        {"main.3f2a9c1b.js", "logo.5d4e6f70.svg", "hero.0a1b7c2d.png"},
        {"react-CH7do9hT.svg", "hero-CLDdwZDr.png", "vite-BF8QNONU.svg"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_hashed(rows[i], false);
}

Test(hashed_names, takes_a_script_with_its_style_sheet)
{
    static const char *const rows[][6] = {
        {"main.819c85524fb5842b5454.js", "main.0b5e7d3a9c1f4e8d2b6a.css",
         "main.819c85524fb5842b5454.js.LICENSE.txt", "c0ffee7d3a9c1f4e8d2b.woff2"},
        {"index-BfJk3x9Q.js", "index-DX3kQ9vL.css", "index-BfJk3x9Q.js.map", "react-CH7do9hT.svg"},
        {"main-5INX3RTS.js", "styles-K2XW7PQA.css", "chunk-H7Q3LX5M.js"},
        {"base.27e20196a850.css", "actions.8b51e00af0c5.js"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_hashed(rows[i], true);
}

Test(hashed_names, follows_the_forms_of_directories_beside)
{
    static const char *const build[] = {
        "static/js/main.3f2a9c1b.js", "static/js/2.ef2371b4.js", "static/css/main.5f361e03.css",
        "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg", NULL};
    static const char *const people[] = {"people/logo.6ce24c58.svg", "people/anna.5f36ae03.svg",
                                         NULL};
    expect_hashed(build, true);
    expect_hashed(people, false);
    clear();
    for (unsigned i = 0; build[i]; i++)
        add(build[i], true);
    add("static/users/anna.5f36ae03.png", false);
    judge();
    cr_expect_eq(count().wrong, 0);
}

Test(hashed_names, needs_one_name_where_only_bundlers_write)
{
    static const char *const hashed[] = {"_next/static/css/5f3a1b9c7d2e4f60.css",
                                         "sub/_next/static/chunks/3d6qbkndmp9_v.js",
                                         "_astro/about.B7xK2mQp.css",
                                         "_astro/hero.CkEjJ8W7_H0oxf.webp",
                                         "_app/immutable/chunks/C7sNCQfX.js",
                                         "_nuxt/BfJk3x9Q.js"};
    static const char *const others[] = {"_next/static/chunks/main.js",
                                         "_next/static/chunks/overview.js",
                                         "_astro/robots.txt",
                                         "_next/5f3a1b9c7d2e4f60.css",
                                         "my_astro/about.B7xK2mQp.css",
                                         "_astro.B7xK2mQp.css",
                                         "_app/immutable/entry/app.js",
                                         "_app/version.json",
                                         ""};
    for (size_t i = 0; i < COUNT_OF(hashed); i++)
        cr_expect(hashed_names_is_output(str_of(hashed[i])), "%s", hashed[i]);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        cr_expect_not(hashed_names_is_output(str_of(others[i])), "%s", others[i]);
}

Test(hashed_names, judges_any_bytes)
{
    static const char alphabet[] = "..--__~~aAbB0123jscsmapmin/\xc3";
    char path[48];
    for (int round = 0; round < 3000; round++) {
        clear();
        for (int i = 0; i < 4; i++) {
            size_t length = prng_below(&prng, sizeof path);
            for (size_t j = 0; j < length; j++)
                path[j] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
            path[length] = '\0';
            add(path, false);
        }
        judge();
    }
}
