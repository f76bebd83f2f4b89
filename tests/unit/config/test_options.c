/* options: the command line, good and bad; each mistake is one line that says what to do. */
#include "base/str.h"
#include "base/version.h"
#include "config/options.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

enum { ARGUMENTS_MAX = 40 };

static const struct profile profile = {.name = "test-server", .summary = "a server in a test"};

struct outcome {
    enum options_result result;
    struct options options;
    const char *out; /* valid until the next parse, as is ERR */
    const char *err;
};

/* Parses the NULL-terminated ARGUMENTS, without the program's name. */
static struct outcome parse(const char *const *arguments)
{
    static char *out_text, *err_text;
    struct outcome outcome = {.options = {.port = 4711}};
    char *argv[ARGUMENTS_MAX + 1] = {NULL};
    size_t out_bytes, err_bytes;
    int argc = 1;

    free(out_text);
    free(err_text);
    FILE *out = open_memstream(&out_text, &out_bytes);
    FILE *err = open_memstream(&err_text, &err_bytes);
    for (; *arguments; arguments++) {
        cr_assert(argc < ARGUMENTS_MAX);
        argv[argc++] = (char *)(uintptr_t)*arguments;
    }
    outcome.result = options_parse(&outcome.options, &profile, argc, argv, out, err);
    fclose(out);
    fclose(err);
    outcome.out = out_text;
    outcome.err = err_text;
    return outcome;
}

static void expect_one_line(const struct outcome *outcome, const char *label)
{
    const char *newline = strchr(outcome->err, '\n');
    const char *semicolon = strchr(outcome->err, ';');

    cr_expect_eq(outcome->result, OPTIONS_USAGE, "%s", label);
    cr_expect(newline && newline[1] == '\0', "%s: one line: \"%s\"", label, outcome->err);
    cr_expect(str_starts_with(str_of(outcome->err), STR("test-server: ")), "%s", label);
    cr_expect(semicolon, "%s: says what to do: \"%s\"", label, outcome->err);
    cr_expect_str_eq(outcome->out, "", "%s", label);
    cr_expect_eq(outcome->options.port, 4711, "%s: *RET is untouched", label);
}

static uint64_t number_at(const struct options *options, const struct option_spec *spec)
{
    const void *field = (const char *)options + spec->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (spec->field_bytes == sizeof(wide)) {
        memcpy(&wide, field, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, field, sizeof(narrow));
    return narrow;
}

static const struct option_spec *spec_of(const char *name)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    cr_assert(false, "no option %s", name);
    return NULL;
}

Test(options, defaults_are_those_of_the_issue)
{
    static const char *const arguments[] = {"8080", "site", NULL};
    struct outcome outcome = parse(arguments);
    const struct options *options = &outcome.options;

    cr_assert_eq(outcome.result, OPTIONS_RUN);
    cr_expect_eq(options->port, 8080);
    cr_expect_str_eq(options->root, "site");
    cr_expect_eq(options->threads, 0);
    cr_expect_eq(options->bind_count, 0);
    cr_expect_eq(options->backend, BACKEND_AUTO);
    cr_expect_eq(options->idle_ms, 60000);
    cr_expect_eq(options->header_ms, 15000);
    cr_expect_eq(options->drain_ms, 5000);
    cr_expect_eq(options->head_bytes_max, 8192);
    cr_expect_eq(options->body_bytes_max, 65536);
    cr_expect_eq(options->connections_max, 0);
    cr_expect_eq(options->backlog, 4096);
    cr_expect_eq(options->cache_bytes, MIB(64));
    cr_expect_eq(options->cache_valid_ms, 1000);
    cr_expect_null(options->mime_types_path);
    cr_expect_str_eq(options->index, "index.html");
    cr_expect_null(options->fallback);
    cr_expect_null(options->cache_control, "auto");
    cr_expect_eq(options->header_count, 0);
    cr_expect_not(options->listing);
    cr_expect_not(options->cors);
    cr_expect_str_eq(outcome.out, "");
    cr_expect_str_eq(outcome.err, "");
}

Test(options, numbers_sizes_and_times)
{
    static const struct {
        const char *name, *value;
        bool taken;
        uint64_t number;
    } rows[] = {
        {"threads", "1", true, 1},
        {"threads", "1024", true, 1024},
        {"threads", "0", false, 0},
        {"threads", "1025", false, 0},
        {"threads", "4294967297", false, 0}, /* not 1 */
        {"threads", "99999999999999999999", false, 0},
        {"threads", "-1", false, 0},
        {"threads", "two", false, 0},
        {"threads", "", false, 0},
        {"backlog", "1", true, 1},
        {"backlog", "65535", true, 65535},
        {"backlog", "0", false, 0},
        {"backlog", "65536", false, 0},
        {"max-connections", "1", true, 1},
        {"max-connections", "10000000", true, 10000000},
        {"max-connections", "0", false, 0},
        {"max-connections", "10000001", false, 0},
        {"idle-timeout", "1.5s", true, 1500},
        {"idle-timeout", "2m", true, 120000},
        {"idle-timeout", "1ms", true, 1},
        {"idle-timeout", "24h", true, 86400000},
        {"idle-timeout", "0", false, 0},
        {"idle-timeout", "25h", false, 0},
        {"idle-timeout", "1d", false, 0},
        {"idle-timeout", "4294967297ms", false, 0},
        {"header-timeout", "10", true, 10000},
        {"header-timeout", "250ms", true, 250},
        {"header-timeout", "0s", false, 0},
        {"header-timeout", "x", false, 0},
        {"drain-timeout", "0", true, 0},
        {"drain-timeout", "1h", true, 3600000},
        {"drain-timeout", "86401s", false, 0},
        {"drain-timeout", "-5", false, 0},
        {"max-head", "512", true, 512},
        {"max-head", "8K", true, OPTIONS_HEAD_BYTES_MAX},
        {"max-head", "511", false, 0},
        {"max-head", "8193", false, 0},
        {"max-head", "16K", false, 0},
        {"max-head", "8X", false, 0},
        {"max-body", "0", true, 0},
        {"max-body", "5G", true, 5368709120},
        {"max-body", "2048G", false, 0},
        {"max-body", "1.K", false, 0},
        {"cache-bytes", "0", true, 0},
        {"cache-bytes", "1MiB", true, 1 << 20},
        {"cache-bytes", "8589934592", true, 8589934592},
        {"cache-bytes", "many", false, 0},
        {"cache-valid", "0", true, 0},
        {"cache-valid", "500ms", true, 500},
        {"cache-valid", "2d", false, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char label[96], option[40], joined[80];
        snprintf(option, sizeof(option), "--%s", rows[i].name);
        snprintf(joined, sizeof(joined), "--%s=%s", rows[i].name, rows[i].value);
        const char *const forms[][5] = {
            {"8080", "site", joined},
            {option, rows[i].value, "8080", "site"},
            {"8080", option, rows[i].value, "site"},
        };
        for (size_t form = 0; form < COUNT_OF(forms); form++) {
            struct outcome outcome = parse(forms[form]);
            snprintf(label, sizeof(label), "%s, form %zu", joined, form);
            if (!rows[i].taken) {
                expect_one_line(&outcome, label);
                cr_expect(strstr(outcome.err, "from "), "%s: says the range", label);
                continue;
            }
            cr_expect_eq(outcome.result, OPTIONS_RUN, "%s: %s", label, outcome.err);
            uint64_t found = number_at(&outcome.options, spec_of(rows[i].name));
            cr_expect_eq(found, rows[i].number, "%s: %" PRIu64, label, found);
        }
    }
}

Test(options, every_number_takes_its_limits_and_nothing_beyond)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &table[i];
        const char *unit = spec->kind == OPTION_KIND_SPAN ? "ms" : "";
        if (spec->kind != OPTION_KIND_NUMBER && spec->kind != OPTION_KIND_SPAN &&
            spec->kind != OPTION_KIND_SIZE)
            continue;
        const struct {
            uint64_t value;
            bool taken;
        } rows[] = {{spec->least, true},
                    {spec->most, true},
                    {spec->most + 1, false},
                    {spec->least - 1, false}};
        for (size_t row = 0; row < COUNT_OF(rows) - (spec->least == 0); row++) {
            char text[80];
            snprintf(text, sizeof(text), "--%s=%" PRIu64 "%s", spec->name, rows[row].value, unit);
            const char *const arguments[] = {"1", "site", text, NULL};
            struct outcome outcome = parse(arguments);
            cr_expect_eq(outcome.result, rows[row].taken ? OPTIONS_RUN : OPTIONS_USAGE, "%s", text);
        }
        if (spec->field_bytes == sizeof(uint32_t))
            cr_expect(spec->most <= UINT32_MAX, "%s", spec->name);
    }
}

Test(options, other_values)
{
    static const char *const arguments[] = {
        "--bind", "127.0.0.1", "0",    "--bind=::1",   "--backend=epoll",
        "--bind", "[fe80::1]", "/srv", "--mime-types", "a=b.types",
        "--bind", "localhost", NULL};
    struct outcome outcome = parse(arguments);
    const struct options *options = &outcome.options;

    cr_assert_eq(outcome.result, OPTIONS_RUN, "%s", outcome.err);
    cr_expect_eq(options->port, 0);
    cr_expect_str_eq(options->root, "/srv");
    cr_assert_eq(options->bind_count, 4);
    cr_expect_str_eq(options->binds[0], "127.0.0.1");
    cr_expect_str_eq(options->binds[1], "::1");
    cr_expect_str_eq(options->binds[2], "[fe80::1]");
    cr_expect_str_eq(options->binds[3], "localhost");
    cr_expect_eq(options->backend, BACKEND_EPOLL);
    cr_expect_str_eq(options->mime_types_path, "a=b.types");
}

Test(options, order_repetition_and_the_end_of_options)
{
    static const struct {
        const char *label;
        const char *arguments[8];
        uint16_t port;
        const char *root;
        uint32_t threads;
    } rows[] = {
        {"the last one wins", {"--threads=1", "80", "a", "--threads", "7"}, 80, "a", 7},
        {"between", {"80", "--threads", "3", "a"}, 80, "a", 3},
        {"after --", {"--threads=3", "--", "80", "--threads=4"}, 80, "--threads=4", 3},
        {"-- in the middle", {"80", "--", "-"}, 80, "-", 0},
        {"-- twice", {"80", "--", "--"}, 80, "--", 0},
        {"a single dash", {"80", "-"}, 80, "-", 0},
        {"leading zeros", {"0080", "a"}, 80, "a", 0},
        {"least", {"0", "a"}, 0, "a", 0},
        {"most", {"65535", "a"}, 65535, "a", 0},
        {"a root that is a number", {"80", "81"}, 80, "81", 0},
        {"a root with a newline", {"80", "a\nb"}, 80, "a\nb", 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome outcome = parse(rows[i].arguments);
        cr_expect_eq(outcome.result, OPTIONS_RUN, "%s: %s", rows[i].label, outcome.err);
        if (outcome.result != OPTIONS_RUN)
            continue;
        cr_expect_eq(outcome.options.port, rows[i].port, "%s", rows[i].label);
        cr_expect_str_eq(outcome.options.root, rows[i].root, "%s", rows[i].label);
        cr_expect_eq(outcome.options.threads, rows[i].threads, "%s", rows[i].label);
    }
}

Test(options, each_mistake_is_one_line_that_names_it)
{
    static const struct {
        const char *label;
        const char *says; /* part of the line */
        const char *arguments[8];
    } rows[] = {
        {"nothing", "PORT and ROOT are missing", {NULL}},
        {"port only", "ROOT is missing", {"8080"}},
        {"root only", "PORT or ROOT is missing", {"site"}},
        {"only options", "PORT and ROOT are missing", {"--threads=2"}},
        {"one too many", "'b' is one argument too many", {"80", "a", "b"}},
        {"swapped", "did you swap the two?", {"site", "8080"}},
        {"no port", "PORT 'http' is not a port", {"http", "site"}},
        {"port too big", "from 0", {"65536", "site"}},
        {"port far too big", "PORT '4294967376'", {"4294967376", "site"}},
        {"negative port", "PORT '-1'", {"-1", "site"}},
        {"empty port", "PORT ''", {"", "site"}},
        {"empty root", "ROOT is empty", {"80", ""}},
        {"missing value", "--threads needs a value", {"80", "site", "--threads"}},
        {"help with a value", "--help takes no value", {"--help=yes"}},
        {"unknown backend", "choose auto, epoll or io_uring", {"80", "site", "--backend=kqueue"}},
        {"part of a backend", "choose auto, epoll or io_uring", {"80", "site", "--backend=epol"}},
        {"no file", "--mime-types is empty", {"80", "site", "--mime-types="}},
        {"a host name", "is a name", {"80", "site", "--bind", "example.com"}},
        {"a port behind", "has a port", {"80", "site", "--bind", "127.0.0.1:80"}},
        {"no address", "is not an address", {"80", "site", "--bind=300.1.1.1"}},
        {"an empty address", "is not an address", {"80", "site", "--bind="}},
        {"a newline", "unknown option '--a?b'", {"80", "site", "--a\nb"}},
        {"a newline in a value", "--threads '1?2'", {"80", "site", "--threads=1\n2"}},
        {"an escape", "'--?[2J'", {"--\033[2J"}},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome outcome = parse(rows[i].arguments);
        expect_one_line(&outcome, rows[i].label);
        cr_expect(strstr(outcome.err, rows[i].says), "%s: \"%s\"", rows[i].label, outcome.err);
    }
}

Test(options, a_long_argument_still_gives_one_line)
{
    char *text = malloc(100001);
    memset(text, 'a', 100000);
    text[100000] = '\0';
    const char *const arguments[] = {"80", "site", text, NULL};
    struct outcome outcome = parse(arguments);
    const char *newline = strchr(outcome.err, '\n');

    cr_expect_eq(outcome.result, OPTIONS_USAGE);
    cr_expect(newline && newline[1] == '\0');
    memcpy(text, "--", 2);
    outcome = parse(arguments);
    newline = strchr(outcome.err, '\n');
    cr_expect(newline && newline[1] == '\0');
    free(text);
}

Test(options, seventeen_addresses_are_too_many)
{
    char texts[OPTIONS_BINDS_MAX + 1][32];
    const char *arguments[OPTIONS_BINDS_MAX + 4] = {"80", "site"};

    for (int i = 0; i <= OPTIONS_BINDS_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "--bind=127.0.0.%d", i);
        arguments[2 + i] = texts[i];
        struct outcome outcome = parse(arguments);
        if (i < OPTIONS_BINDS_MAX)
            cr_expect_eq(outcome.result, OPTIONS_RUN, "%d", i);
        else
            expect_one_line(&outcome, "too many");
    }
}

Test(options, the_nearest_name_is_suggested)
{
    static const struct {
        const char *given, *meant; /* NULL: none is near */
    } rows[] = {
        {"--thread", "'--threads'"},
        {"--threads-", "'--threads'"},
        {"--htreads=2", "'--threads'"},
        {"-threads", "'--threads'"},
        {"--idle", "'--idle-timeout'"},
        {"--idle-time=3", "'--idle-timeout'"},
        {"--idletimeout", "'--idle-timeout'"},
        {"--max-conections", "'--max-connections'"},
        {"--cache-byte", "'--cache-bytes'"},
        {"--Bind", "'--bind'"},
        {"--mimetypes", "'--mime-types'"},
        {"--hlep", "'--help'"},
        {"--verison", "'--version'"},
        {"--frobnicate", NULL},
        {"--x", NULL},
        {"-x", NULL},
        {"-vh", NULL},
        {"--=", NULL},
        {"---", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const arguments[] = {"80", "site", rows[i].given, NULL};
        struct outcome outcome = parse(arguments);
        expect_one_line(&outcome, rows[i].given);
        cr_expect(strstr(outcome.err, "unknown option"), "%s", outcome.err);
        const char *hint = strstr(outcome.err, "did you mean ");
        cr_expect_eq(hint != NULL, rows[i].meant != NULL, "%s", outcome.err);
        if (hint && rows[i].meant)
            cr_expect(strstr(hint, rows[i].meant), "%s", outcome.err);
    }
}

Test(options, every_name_with_one_slip_is_recognised)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(table[i].name);
        for (size_t at = 0; at < length; at++) {
            char given[64], meant[64];
            snprintf(given, sizeof(given), "--%s", table[i].name);
            snprintf(meant, sizeof(meant), "'--%s'", table[i].name);
            memmove(&given[2 + at], &given[3 + at], length - at); /* one byte left out */
            const char *const arguments[] = {"80", "site", given, NULL};
            struct outcome outcome = parse(arguments);
            bool begins_another = strcmp(given, "--ind") == 0; /* index, not only bind */
            cr_expect(begins_another || strstr(outcome.err, meant), "%s: %s", given, outcome.err);
        }
    }
}

Test(options, help_lists_every_option_with_its_default)
{
    static const char *const forms[][2] = {{"--help"}, {"-h"}};
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t form = 0; form < COUNT_OF(forms); form++) {
        struct outcome outcome = parse(forms[form]);
        cr_assert_eq(outcome.result, OPTIONS_SHOWN);
        cr_expect_str_eq(outcome.err, "");
        cr_expect(strstr(outcome.out, "test-server PORT ROOT [options]"));
        for (size_t i = 0; i < count; i++) {
            char entry[64];
            snprintf(entry, sizeof(entry), "--%s %s", table[i].name,
                     table[i].argument ? table[i].argument : "");
            cr_expect(strstr(outcome.out, entry), "%s", entry);
            snprintf(entry, sizeof(entry), "%s)", table[i].initial ? table[i].initial : "");
            cr_expect(!table[i].initial || strstr(outcome.out, entry), "%s", table[i].name);
            cr_expect(table[i].help[strlen(table[i].help) - 1] == '.', "%s", table[i].name);
        }
        for (unsigned group = 0; group < OPTION_GROUP_COUNT; group++)
            cr_expect(strstr(outcome.out, option_group_title((enum option_group)group)));
        for (struct str rest = str_of(outcome.out); rest.length > 0;) {
            size_t width = str_find(rest, '\n');
            cr_expect(width <= 80, "%.*s", (int)width, rest.at);
            rest = str_from(rest, width + 1);
        }
    }
}

Test(options, version_is_told)
{
    static const char *const forms[][2] = {{"--version"}, {"-V"}};

    for (size_t form = 0; form < COUNT_OF(forms); form++) {
        struct outcome outcome = parse(forms[form]);
        cr_expect_eq(outcome.result, OPTIONS_SHOWN);
        cr_expect_str_eq(outcome.out,
                         "test-server (Sluice) " SLUICE_VERSION "\n" SLUICE_LICENCE "\n");
        cr_expect_str_eq(outcome.err, "");
    }
}

Test(options, names_are_unique_and_neutral)
{
    size_t count;
    const struct option_spec *table = options_table(&count);

    for (size_t i = 0; i < count; i++) {
        cr_expect(strlen(table[i].name) < 32, "%s", table[i].name);
        cr_expect_eq(strspn(table[i].name, "abcdefghijklmnopqrstuvwxyz-"), strlen(table[i].name));
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(table[i].name, table[j].name);
            cr_expect(!table[i].letter || table[i].letter != table[j].letter);
        }
    }
}

Test(options, what_is_said_about_the_site)
{
    static const char *const arguments[] = {"80",
                                            "site",
                                            "--index=home.htm",
                                            "--spa",
                                            "/app/index.html",
                                            "--cache-control",
                                            "max-age=60",
                                            "--header",
                                            "/*: X-A: 1",
                                            "--header=/b: ! X-A",
                                            "--listing",
                                            "--cors",
                                            NULL};
    struct outcome outcome = parse(arguments);
    const struct options *options = &outcome.options;
    cr_assert_eq(outcome.result, OPTIONS_RUN, "%s", outcome.err);
    cr_expect_str_eq(options->index, "home.htm");
    cr_expect_str_eq(options->fallback, "app/index.html", "below ROOT");
    cr_expect_str_eq(options->cache_control, "max-age=60");
    cr_assert_eq(options->header_count, 2);
    cr_expect_str_eq(options->headers[0], "/*: X-A: 1");
    cr_expect_str_eq(options->headers[1], "/b: ! X-A");
    cr_expect(options->listing && options->cors);
}

Test(options, mistakes_about_the_site)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"index", ""},
        {"index", "a/b"},
        {"index", ".hidden"},
        {"spa", ""},
        {"spa", "/"},
        {"spa", "dir/"},
        {"cache-control", "a\nb"},
        {"header", ""},
        {"header", "X-A: 1"},
        {"header", "/a"},
        {"header", "/a: X A: 1"},
        {"header", "/a: Content-Length: 1"},
        {"header", "/a: X-A:"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char given[64];
        snprintf(given, sizeof given, "--%s=%s", rows[i].name, rows[i].value);
        const char *const arguments[] = {"80", "site", given, NULL};
        struct outcome outcome = parse(arguments);
        expect_one_line(&outcome, given);
    }
}

/* The README's table is written by hand. */
Test(options, every_option_is_in_the_readme)
{
    static char text[1 << 16];
    char name[512], row[64];
    const char *top = getenv("SLUICE_TOP");
    snprintf(name, sizeof name, "%s/README.md", top ? top : ".");
    FILE *file = fopen(name, "re");
    cr_assert_not_null(file, "%s", name);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(row, sizeof row, "`--%s%s%s`", table[i].name, table[i].argument ? " " : "",
                 table[i].argument ? table[i].argument : "");
        cr_expect(strstr(text, row), "%s", row);
    }
}
