/* hashed_names: names that bundlers have written (bundler_names/). */
#include "support/hashed_names_rig.h"

/* --- Bundlers --------------------------------------------------------------------------------- */

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
