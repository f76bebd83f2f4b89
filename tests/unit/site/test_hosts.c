/* hosts: which site answers for an authority, and which names are refused. */
#include "site/hosts.h"
#include "support/faults.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { SITES_MAX = 8 };

static struct arena arena;
static struct site_settings settings[SITES_MAX];
static const struct site_settings *sites[SITES_MAX];
static uint32_t site_count;

static void tear_down(void)
{
    faults_clear();
    arena_fini(&arena);
}

TestSuite(hosts, .fini = tear_down);

/* Adds a site with the NAMES, separated by spaces. */
static void add_site(const char *names)
{
    struct site_settings *site = &settings[site_count];
    struct str rest = str_of(names);
    *site = (struct site_settings){.root = "/srv"};
    while (rest.length > 0) {
        struct str name = str_first(rest, str_find(rest, ' '));
        cr_assert_eq(arena_list_append(&site->hosts, &arena, name), 0);
        rest = str_from(rest, name.length + 1);
    }
    sites[site_count++] = site;
}

static int try_create(struct hosts **ret, struct problem *ret_problem)
{
    return hosts_create(ret, &(struct hosts_sites){.items = sites, .count = site_count},
                        ret_problem);
}

static struct hosts *create(void)
{
    struct hosts *hosts = NULL;
    struct problem problem;
    cr_assert_eq(try_create(&hosts, &problem), 0, "%s", problem.what);
    return hosts;
}

/* The site for TEXT, which is not read beyond its end. */
static uint32_t find(const struct hosts *hosts, const char *text)
{
    struct str authority = guard_copy(str_of(text));
    uint32_t site = hosts_find(hosts, authority);
    guard_drop(authority);
    return site;
}

Test(hosts, finds_exact_then_wildcard_then_default)
{
    static const struct {
        const char *authority;
        uint32_t site;
    } rows[] = {
        {"example.org", 0},
        {"EXAMPLE.org", 0},
        {"example.org:8080", 0},
        {"example.org:", 0},
        {"example.org.", 0},
        {"Example.Org.:80", 0},
        {"example.org..", 3},
        {"www.example.org", 1},
        {"WWW.example.org:1", 1},
        {"a.example.org", 2},
        {"a.example.org.:80", 2},
        {"a.b.example.org", 3},
        {".example.org", 3},
        {"example.com", 3},
        {"xexample.org", 3},
        {"org", 3},
        {"", 3},
        {":80", 3},
        {".", 3},
        {"[::1]", 4},
        {"[::1]:8080", 4},
        {"[::A]:8080", 4},
        {"[::2]", 3},
        {"[::1", 3},
        {"127.0.0.1", 4},
        {"127.0.0.1:80", 4},
        {"0.0.1", 3},
        {"xn--bcher-kva.example", 4},
    };
    add_site("example.org");
    add_site("www.example.org");
    add_site("*.example.org");
    add_site("*");
    add_site("[::1] 127.0.0.1 XN--Bcher-kva.example. [::a]");
    struct hosts *hosts = create();
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(find(hosts, rows[i].authority), rows[i].site, "%s", rows[i].authority);
    cr_expect_eq(hosts_find(hosts, STR_ABSENT), 3);
    hosts_destroy(hosts);
}

Test(hosts, know_which_site_has_a_name)
{
    add_site("example.org *.example.org");
    struct hosts *hosts = create();
    cr_expect_eq(hosts_find_name(hosts, STR("EXAMPLE.org:80")), 0);
    cr_expect_eq(hosts_find_name(hosts, STR("a.example.org")), 0);
    cr_expect_eq(hosts_find_name(hosts, STR("a.b.example.org")), HOSTS_NONE);
    cr_expect_eq(hosts_find_name(hosts, STR("other.example")), HOSTS_NONE);
    cr_expect_eq(hosts_find_name(hosts, STR_ABSENT), HOSTS_NONE);
    cr_expect_eq(hosts_find(hosts, STR("other.example")), 0, "the only site");
    hosts_destroy(hosts);
    add_site("*");
    hosts = create();
    cr_expect_eq(hosts_find_name(hosts, STR("other.example")), HOSTS_NONE);
    cr_expect_eq(hosts_find(hosts, STR("other.example")), 1);
    hosts_destroy(hosts);
}

/* Four labels: as long as a host name may be. */
static void write_longest(char to[static 257])
{
    memset(to, 'a', 256);
    to[63] = to[127] = to[191] = '.';
    to[255] = to[256] = '\0';
}

Test(hosts, takes_no_longer_name_for_the_longest_host)
{
    char text[257];
    write_longest(text);
    add_site("example.org");
    add_site(text);
    add_site("*");
    struct hosts *hosts = create();
    cr_expect_eq(find(hosts, text), 1);
    text[255] = 'a'; /* a host if it was cut at 255 bytes */
    cr_expect_eq(find(hosts, text), 2);
    text[255] = '.'; /* the root's dot: the same host */
    cr_expect_eq(find(hosts, text), 1);
    hosts_destroy(hosts);
}

Test(hosts, finds_none_without_a_default)
{
    add_site("example.org");
    add_site("example.com");
    struct hosts *hosts = create();
    cr_expect_eq(find(hosts, "example.com"), 1);
    cr_expect_eq(find(hosts, "example.net"), HOSTS_NONE);
    cr_expect_eq(find(hosts, ""), 0, "a request of HTTP/1.0 goes to the first site");
    cr_expect_eq(hosts_find(hosts, STR_ABSENT), 0);
    hosts_destroy(hosts);
}

Test(hosts, lets_one_site_alone_answer_everything)
{
    static const char *const names[] = {"", "example.org"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        site_count = 0;
        add_site(names[i]);
        struct hosts *hosts = create();
        cr_expect_eq(find(hosts, "example.com"), 0);
        cr_expect_eq(hosts_find(hosts, STR_ABSENT), 0);
        hosts_destroy(hosts);
    }
}

Test(hosts, finds_each_of_a_thousand)
{
    enum { NAMES = 1000 };
    static char text[NAMES * 20];
    for (uint32_t site = 0; site < 4; site++) {
        text[0] = '\0';
        for (unsigned i = site; i < NAMES; i += 4)
            snprintf(text + strlen(text), 24, "%sh%u.example", text[0] ? " " : "", i);
        add_site(text);
    }
    struct hosts *hosts = create();
    for (unsigned i = 0; i < NAMES; i++) {
        char name[32];
        snprintf(name, sizeof name, "H%u.example:%u", i, i + 1);
        cr_assert_eq(find(hosts, name), i % 4, "%s", name);
    }
    cr_expect_eq(find(hosts, "h1000.example"), HOSTS_NONE);
    hosts_destroy(hosts);
}

Test(hosts, refuses_names_that_no_request_can_have)
{
    static const struct {
        const char *name, *what;
    } rows[] = {
        {"example.org:80", "has a port"},
        {"[::1]:80", "has a port"},
        {"a..b", "label"},
        {".org", "label"},
        {"a.*", "asterisk"},
        {"*.*.org", "asterisk"},
        {"**", "asterisk"},
        {"*.", "not a host name"},
        {"b\xc3\xbc"
         "cher.example",
         "is not in ASCII, in which clients send it (xn--"},
        {"a b", "not a host name"},
        {"a/b", "not a host name"},
        {"[::1", "not a host name"},
        {"a2345678901234567890123456789012345678901234567890123456789012345.org", "label"},
        {"EXAMPLE.org.", "twice"},
        {"*.Example.net", "twice"},
        {"*", "twice"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hosts *hosts = NULL;
        struct problem problem = {.what = ""};
        site_count = 0;
        add_site("example.org *.example.net *");
        add_site("");
        cr_assert_eq(arena_list_append(&settings[1].hosts, &arena, str_of(rows[i].name)), 0);
        cr_expect_eq(try_create(&hosts, &problem), -EINVAL, "%s", rows[i].name);
        cr_expect_not_null(strstr(problem.what, rows[i].what), "%s: %s", rows[i].name,
                           problem.what);
        cr_expect_not_null(strstr(problem.what, rows[i].name));
        cr_expect_null(hosts);
    }
}

Test(hosts, refuses_a_site_without_a_name_among_several)
{
    struct hosts *hosts = NULL;
    struct problem problem;
    add_site("example.org");
    add_site("");
    cr_expect_eq(try_create(&hosts, &problem), -EINVAL);
    cr_expect_not_null(strstr(problem.what, "/srv"));
}

Test(hosts, reports_that_memory_is_out)
{
    add_site("example.org *.example.net");
    for (unsigned skip = 0; skip < 2; skip++) {
        struct hosts *hosts = NULL;
        struct problem problem;
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_eq(try_create(&hosts, &problem), -ENOMEM);
        faults_clear();
        cr_expect_null(hosts);
    }
    hosts_destroy(NULL);
}
