/* settings_print: what --print-config writes. */
#include "config/settings_print.h"
#include "support/configuration_rig.h"

#include <stdlib.h>

TestSuite(settings_print, .init = set_up, .fini = tear_down);

/* What --print-config writes; free() it. */
static char *print(void)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    settings_print(settings, out);
    fclose(out);
    return text;
}

Test(settings_print, prints_each_setting_with_its_source)
{
    static const char *const lines[] = {
        "threads = 3                              # SLUICE_THREADS\n",
        "idle-timeout = 75s                       # default\n",
        "min-rate = 1                             # command line\n",
        "listing = yes                            # command line\n",
        "header = \"/*: X-A: #1\"                   # ",
    };
    expect_made("# c\nheader = \"/*: X-A: #1\"\nroot = x\n", "--min-rate 1 --listing",
                "SLUICE_THREADS=3");
    char *text = print();
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        cr_expect(strstr(text, lines[i]), "%s in:\n%s", lines[i], text);
    cr_expect(strstr(text, "sluice.conf, line 2\n"), "%s", text);
    free(text);
}

/* The output is a configuration file that means the same. */
Test(settings_print, prints_what_it_can_read)
{
    static const char config[] =
        "listen = 127.0.0.1:81\nlisten = 82\nthreads = 3\n"
        "[site a *.a]\nroot = x\nindex = i\nindex = j\ncanonical = a\n"
        "[site *]\nroot = y\ncache-control = \"\"\nheader = \"/*: X-A: \\\"1\\\" #\"\n";
    expect_made(config, "", "");
    char *first = print();
    expect_made(first, "", "");
    cr_assert_eq(settings->site_count, 2);
    cr_assert_eq(settings->listener_count, 2);
    cr_expect_eq(settings->sites[0]->indexes.count, 2);
    cr_expect_eq(settings->sites[1]->cache_control.length, 0);
    cr_expect_str_eq(settings->sites[1]->headers.items[0], "/*: X-A: \"1\" #");
    char *second = print();
    for (char *a = first, *b = second; *a || *b;) { /* without the sources, which differ */
        size_t i = strcspn(a, "\n"), j = strcspn(b, "\n");
        size_t key_a = size_min(i, strcspn(a, "\n#")), key_b = size_min(j, strcspn(b, "\n#"));
        if (!memchr(a, '"', i))
            cr_expect(str_equal(str_trim((struct str){a, key_a}), str_trim((struct str){b, key_b})),
                      "%.*s\n%.*s", (int)i, a, (int)j, b);
        a += i + (a[i] != '\0');
        b += j + (b[j] != '\0');
    }
    free(first);
    free(second);
}
