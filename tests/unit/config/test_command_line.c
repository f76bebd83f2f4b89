/* command_line: good and bad command lines, and the values that they set. */
#include "support/command_line_rig.h"

#include <inttypes.h>

TestSuite(command_line, .fini = drop_last);

Test(command_line, has_the_documented_defaults)
{
    static const char *const arguments[] = {"8080", "site", NULL};
    struct outcome outcome = parse(arguments);
    const struct process_settings *process = outcome.process;
    const struct site_settings *site = outcome.site;
    cr_assert(serves(&outcome));
    cr_expect_eq(outcome.settings->listener_count, 1);
    cr_expect_eq(outcome.settings->site_count, 1);
    cr_expect_eq(outcome.listener->port, 8080);
    cr_expect_eq(outcome.listener->addresses.count, 0);
    cr_expect_eq(outcome.listener->backlog, 4096);
    cr_expect_eq(process->threads, 0);
    cr_expect_eq(process->backend, BACKEND_AUTO);
    cr_expect_eq(process->idle_ms, 75000);
    cr_expect_eq(process->header_ms, 15000);
    cr_expect_eq(process->drain_ms, 30000);
    cr_expect_eq(process->drain_grace_ms, 1000);
    cr_expect_eq(process->head_bytes_max, 16384);
    cr_expect_eq(process->body_bytes_max, 65536);
    cr_expect_eq(process->connections_max, 0);
    cr_expect_eq(process->cache_bytes, MIB(64));
    cr_expect_eq(site->hosts.count, 0);
    cr_expect_str_eq(site->root_text.at, "site");
    cr_expect_eq(site->cache_valid_ms, 1000);
    cr_expect_null(site->mime_types_path.at);
    cr_expect_eq(site_settings_index_count(site), 1);
    cr_expect_str_eq(site_settings_index(site, 0).at, "index.html");
    cr_expect_str_eq(site->error_page.at, "404.html");
    cr_expect_str_eq(site->rules_name.at, "_headers");
    cr_expect_null(site->fallback.at);
    cr_expect_null(site->cache_control.at, "auto");
    cr_expect_eq(site->headers.count, 0);
    cr_expect_not(site->listing);
    cr_expect_not(site->cors);
}

Test(command_line, reads_numbers_sizes_and_times_in_each_form)
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
        {"drain-grace", "0", true, 0},
        {"drain-grace", "250ms", true, 250},
        {"drain-grace", "86401s", false, 0},
        {"drain-timeout", "0", true, 0},
        {"drain-timeout", "1h", true, 3600000},
        {"drain-timeout", "86401s", false, 0},
        {"drain-timeout", "-5", false, 0},
        {"max-head", "512", true, 512},
        {"max-head", "8K", true, 8192},
        {"max-head", "64K", true, 65536},
        {"max-head", "511", false, 0},
        {"max-head", "65537", false, 0},
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
        snprintf(option, sizeof option, "--%s", rows[i].name);
        snprintf(joined, sizeof joined, "--%s=%s", rows[i].name, rows[i].value);
        const char *const forms[][5] = {
            {"8080", "site", joined},
            {option, rows[i].value, "8080", "site"},
            {"8080", option, rows[i].value, "site"},
        };
        for (size_t form = 0; form < COUNT_OF(forms); form++) {
            struct outcome outcome = parse(forms[form]);
            snprintf(label, sizeof label, "%s, form %zu", joined, form);
            if (!rows[i].taken) {
                expect_mistake(&outcome, label);
                cr_expect(strstr(outcome.mistake, "from "), "%s: says the range", label);
                continue;
            }
            cr_expect(serves(&outcome), "%s: %s", label, outcome.mistake);
            uint64_t found = number_of(&outcome, option_of(rows[i].name));
            cr_expect_eq(found, rows[i].number, "%s: %" PRIu64, label, found);
        }
    }
}

Test(command_line, collects_addresses_and_takes_other_values)
{
    static const char *const arguments[] = {
        "--bind", "127.0.0.1", "0",    "--bind=::1",   "--backend=epoll",
        "--bind", "[fe80::1]", "/srv", "--mime-types", "a=b.types",
        "--bind", "localhost", NULL};
    struct outcome outcome = parse(arguments);
    const struct arena_list *addresses = &outcome.listener->addresses;
    cr_assert(serves(&outcome), "%s", outcome.mistake);
    cr_expect_eq(outcome.listener->port, 0);
    cr_expect_str_eq(outcome.site->root_text.at, "/srv");
    cr_assert_eq(addresses->count, 4);
    cr_expect_str_eq(addresses->items[0], "127.0.0.1");
    cr_expect_str_eq(addresses->items[1], "::1");
    cr_expect_str_eq(addresses->items[2], "[fe80::1]");
    cr_expect_str_eq(addresses->items[3], "localhost");
    cr_expect_eq(outcome.process->backend, BACKEND_EPOLL);
    cr_expect_str_eq(outcome.site->mime_types_path.at, "a=b.types");
}

Test(command_line, keeps_no_pointer_into_its_arguments)
{
    char root[] = "site", address[] = "--bind=127.0.0.1", index[] = "--index=home.htm";
    const char *const arguments[] = {"80", root, address, index, NULL};
    struct outcome outcome = parse(arguments);
    cr_assert(serves(&outcome), "%s", outcome.mistake);
    memset(root, 'x', sizeof root);
    memset(address, 'x', sizeof address);
    memset(index, 'x', sizeof index);
    cr_expect_str_eq(outcome.site->root_text.at, "site");
    cr_expect_str_eq(outcome.listener->addresses.items[0], "127.0.0.1");
    cr_expect_str_eq(outcome.site->indexes.items[0], "home.htm");
}

Test(command_line, is_noted_as_the_source_of_what_it_sets)
{
    static const char *const arguments[] = {"80", "site", "--threads=2", "--cors", NULL};
    struct outcome outcome = parse(arguments);
    cr_expect_eq(settings_source(outcome.settings, outcome.process, option_of("threads")),
                 SETTING_COMMAND_LINE);
    cr_expect_eq(settings_source(outcome.settings, outcome.site, option_of("cors")),
                 SETTING_COMMAND_LINE);
    cr_expect_eq(settings_source(outcome.settings, outcome.process, option_of("backend")),
                 SETTING_DEFAULT);
    cr_expect_eq(settings_source(outcome.settings, outcome.process, option_of("cors")),
                 SETTING_DEFAULT, "of another scope");
}

Test(command_line, takes_arguments_in_any_order_and_the_last_value)
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
        cr_expect(serves(&outcome), "%s: %s", rows[i].label, outcome.mistake);
        if (!serves(&outcome))
            continue;
        cr_expect_eq(outcome.listener->port, rows[i].port, "%s", rows[i].label);
        cr_expect_str_eq(outcome.site->root_text.at, rows[i].root, "%s", rows[i].label);
        cr_expect_eq(outcome.process->threads, rows[i].threads, "%s", rows[i].label);
    }
}

Test(command_line, names_each_mistake_in_one_line)
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
        {"an address with a port", "has a port", {"80", "site", "--bind", "127.0.0.1:80"}},
        {"no address", "is not an address", {"80", "site", "--bind=300.1.1.1"}},
        {"an empty address", "is not an address", {"80", "site", "--bind="}},
        {"a newline", "unknown option '--a?b'", {"80", "site", "--a\nb"}},
        {"a newline in a value", "--threads '1?2'", {"80", "site", "--threads=1\n2"}},
        {"an escape", "'--?[2J'", {"--\033[2J"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome outcome = parse(rows[i].arguments);
        expect_mistake(&outcome, rows[i].label);
        cr_expect(strstr(outcome.mistake, rows[i].says), "%s: \"%s\"", rows[i].label,
                  outcome.mistake);
    }
}

Test(command_line, shortens_a_long_argument_in_its_message)
{
    char *text = malloc(100001);
    memset(text, 'a', 100000);
    text[100000] = '\0';
    const char *const arguments[] = {"80", "site", text, NULL};
    struct outcome outcome = parse(arguments);
    expect_mistake(&outcome, "an argument too many");
    memcpy(text, "--", 2);
    outcome = parse(arguments);
    expect_mistake(&outcome, "an unknown option");
    free(text);
}

Test(command_line, refuses_a_seventeenth_address)
{
    char texts[OPTIONS_ADDRESSES_MAX + 1][32];
    const char *arguments[OPTIONS_ADDRESSES_MAX + 4] = {"80", "site"};

    for (int i = 0; i <= OPTIONS_ADDRESSES_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "--bind=127.0.0.%d", i);
        arguments[2 + i] = texts[i];
        struct outcome outcome = parse(arguments);
        if (i < OPTIONS_ADDRESSES_MAX)
            cr_expect(serves(&outcome), "%d", i);
        else
            expect_mistake(&outcome, "too many");
    }
}

Test(command_line, refuses_a_ninth_index)
{
    const char *arguments[OPTIONS_NAMES_MAX + 4] = {"80", "site"};
    for (int i = 0; i <= OPTIONS_NAMES_MAX; i++) {
        arguments[2 + i] = "--index=a.htm";
        struct outcome outcome = parse(arguments);
        if (i < OPTIONS_NAMES_MAX) {
            cr_expect(serves(&outcome), "%d", i);
            continue;
        }
        expect_mistake(&outcome, "too many");
        cr_expect(strstr(outcome.mistake, "8 names are the limit"), "%s", outcome.mistake);
    }
}

Test(command_line, suggests_the_nearest_name)
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
        expect_mistake(&outcome, rows[i].given);
        cr_expect(strstr(outcome.mistake, "unknown option"), "%s", outcome.mistake);
        const char *hint = strstr(outcome.mistake, "did you mean ");
        cr_expect_eq(hint != NULL, rows[i].meant != NULL, "%s", outcome.mistake);
        if (hint && rows[i].meant)
            cr_expect(strstr(hint, rows[i].meant), "%s", outcome.mistake);
    }
}

Test(command_line, stops_at_help_and_version)
{
    static const struct {
        const char *arguments[4];
        enum command command;
    } rows[] = {
        {{"--help"}, COMMAND_HELP},
        {{"-h"}, COMMAND_HELP},
        {{"80", "--help", "--nonsense"}, COMMAND_HELP},
        {{"--version"}, COMMAND_VERSION},
        {{"-V", "--help"}, COMMAND_VERSION},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome outcome = parse(rows[i].arguments);
        cr_expect_eq(outcome.error, 0, "row %zu: %s", i, outcome.mistake);
        cr_expect_eq(outcome.command, rows[i].command, "row %zu", i);
    }
}
