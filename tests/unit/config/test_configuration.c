/* configuration: what counts of a command line, the environment, a file and the defaults; every
 * mistake in a file with its line. */
#include "config/command_line.h"
#include "config/options.h"
#include "config/settings_print.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <threads.h>
#include <unistd.h>

enum { WORDS_MAX = 24 };

static struct tree tree;
static struct settings *settings;
static char path[512];
static char mistake[PROBLEM_TEXT_BYTES]; /* "": none */
static enum command command;
static struct subcommand_call call; /* of the latest command line */

static const struct subcommand_option own_options[] = {
    {.name = "field", .letter = 'H', .argument = "FIELD", .help = "A field."},
    {.name = "quick", .help = "Be quick."},
};
static const struct subcommand own_subcommands[] = {
    {.name = "check",
     .usage = "[ROOT]",
     .summary = "Check.",
     .takes_settings = true,
     .reports_all = true},
    {.name = "try",
     .usage = "[ROOT] URL",
     .summary = "Try.",
     .takes_settings = true,
     .positionals = 1,
     .options = own_options,
     .option_count = COUNT_OF(own_options)},
    {.name = "alone",
     .usage = "[FILE]",
     .summary = "Be alone.",
     .positionals = 1,
     .options = own_options,
     .option_count = COUNT_OF(own_options)},
};
static const struct profile profile = {
    .name = "sluice",
    .summary = "a server in a test",
    .form = PROFILE_CONFIGURED,
    .subcommands = {own_subcommands, COUNT_OF(own_subcommands)},
};

static void set_up(void)
{
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/sluice.conf", tree.path);
}

static void tear_down(void)
{
    settings_unref(settings);
    settings = NULL;
    tree_fini(&tree);
}

TestSuite(configuration, .init = set_up, .fini = tear_down);

/* Splits TEXT at its spaces into WORDS, after the first COUNT of them. */
static int split(char *text, char **words, int count)
{
    for (char *rest, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        cr_assert_lt(count, WORDS_MAX - 1);
        words[count++] = word;
    }
    words[count] = NULL;
    return count;
}

/* Makes settings of the configuration file CONFIG (NULL: none), the command line WORDS and the
 * VARIABLES. Returns the error. */
static int make(const char *config, const char *words, const char *variables)
{
    static char word_text[512], variable_text[512], option[600];
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "sluice"}, *environment[WORDS_MAX];
    struct problem problem;
    snprintf(word_text, sizeof word_text, "%s", words);
    snprintf(variable_text, sizeof variable_text, "%s", variables);
    split(variable_text, environment, 0);
    int argc = split(word_text, argv, 1);
    if (config) {
        tree_write(&tree, "sluice.conf", str_of(config));
        snprintf(option, sizeof option, "--config=%s", path);
        argv[argc++] = option;
    }
    const struct command_line line = {
        .program = "sluice",
        .argc = argc,
        .argv = argv,
        .form = PROFILE_CONFIGURED,
        .environment = environment,
        .call = &call,
    };
    call = (struct subcommand_call){.profile = &profile};
    settings_unref(settings);
    settings = settings_create();
    int error = command_line_parse(&line, settings, &command, &problem);
    mistake[0] = '\0';
    if (error)
        problem_text(&problem, mistake);
    return error;
}

static void expect_made(const char *config, const char *words, const char *variables)
{
    cr_assert_eq(make(config, words, variables), 0, "%s", mistake);
}

/* --- Without a file ----------------------------------------------------------------------------- */

Test(configuration, serves_the_current_directory_to_this_machine_by_default)
{
    expect_made(NULL, "", "");
    cr_expect_eq(command, COMMAND_SERVE);
    cr_assert_eq(settings->site_count, 1);
    cr_expect_str_eq(settings->sites[0]->root_text.at, ".");
    cr_assert_eq(settings->listener_count, 1);
    cr_expect_eq(settings->listeners[0]->port, 8080);
    cr_assert_eq(settings->listeners[0]->addresses.count, 1);
    cr_expect_str_eq(settings->listeners[0]->addresses.items[0], "localhost");
    cr_expect(settings->local_by_default);
}

Test(configuration, takes_root_port_and_addresses)
{
    expect_made(NULL, "site -p 80 --bind 0.0.0.0", "");
    cr_expect_str_eq(settings->sites[0]->root_text.at, "site");
    cr_expect_eq(settings->listeners[0]->port, 80);
    cr_expect_str_eq(settings->listeners[0]->addresses.items[0], "0.0.0.0");
    cr_expect_not(settings->local_by_default);
    expect_made(NULL, "--root site --listen 81 --listen 127.0.0.1:82", "");
    cr_expect_str_eq(settings->sites[0]->root_text.at, "site");
    cr_expect_not(settings->local_by_default);
    cr_assert_eq(settings->listener_count, 2);
    cr_expect_eq(settings->listeners[0]->port, 81);
    cr_expect_eq(settings->listeners[0]->addresses.count, 0, "every address");
    cr_expect_eq(settings->listeners[1]->port, 82);
    cr_expect_str_eq(settings->listeners[1]->addresses.items[0], "127.0.0.1");
}

/* getopt(3). */
Test(configuration, takes_a_value_attached_to_a_letter)
{
    static const struct {
        const char *words, *says;
    } mistakes[] = {
        {"-p", "--port needs a value; give it as --port=N"},
        {"-p8o", "--port '8o' is not a number; give one from 0 to 65535"},
        {"-p=81", "--port '=81' is not a number; give one from 0 to 65535"},
        {"-port 81", "unknown option '-port'; did you mean '--port'? (--help lists all)"},
        {"-port=81", "unknown option '-port'; did you mean '--port'? (--help lists all)"},
        {"-xp81", "unknown option '-xp81'; --help lists all"},
    };
    expect_made(NULL, "-p81 site", "");
    cr_expect_eq(settings->listeners[0]->port, 81);
    cr_expect_str_eq(settings->sites[0]->root_text.at, "site");
    expect_made(NULL, "-Vh", "");
    cr_expect_eq(command, COMMAND_VERSION);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        cr_expect_eq(make(NULL, mistakes[i].words, ""), -EINVAL, "%s", mistakes[i].words);
        cr_expect_str_eq(mistake, mistakes[i].says);
    }
}

Test(configuration, knows_its_commands)
{
    static const struct {
        const char *words;
        enum command command;
    } rows[] = {
        {"check", COMMAND_SUBCOMMAND},     {"check site -p 1", COMMAND_SUBCOMMAND},
        {"alone", COMMAND_SUBCOMMAND},     {"check --help", COMMAND_HELP},
        {"help check", COMMAND_HELP},      {"help", COMMAND_HELP},
        {"help --nonsense", COMMAND_HELP}, {"--help", COMMAND_HELP},
        {"-V", COMMAND_VERSION},           {"--print-config", COMMAND_PRINT},
        {"./check", COMMAND_SERVE},        {"site", COMMAND_SERVE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_made(NULL, rows[i].words, "");
        cr_expect_eq(command, rows[i].command, "%s", rows[i].words);
    }
}

Test(configuration, gives_subcommands_their_own_options_and_arguments)
{
    expect_made(NULL, "try site -H a --quick /x --field=b -p 1", "");
    cr_expect_str_eq(call.subcommand->name, "try");
    cr_expect_str_eq(settings->sites[0]->root_text.at, "site");
    cr_expect_str_eq(call.positionals[0], "/x");
    cr_expect_str_eq(subcommand_value(&call, "field", 0), "a");
    cr_expect_str_eq(subcommand_value(&call, "field", 1), "b");
    cr_expect_null(subcommand_value(&call, "field", 2));
    cr_expect_str_eq(subcommand_value(&call, "quick", 0), "");
    expect_made(NULL, "try -Ha=b /x", "");
    cr_expect_str_eq(subcommand_value(&call, "field", 0), "a=b");
    expect_made(NULL, "try /x", "");
    cr_expect_str_eq(call.positionals[0], "/x");
    cr_expect_str_eq(settings->sites[0]->root_text.at, ".");
    expect_made(NULL, "alone --quick", "");
    cr_expect_null(call.positionals[0]);
    cr_expect_eq(settings->site_count, 0);
}

Test(configuration, refuses_what_a_subcommand_does_not_take)
{
    static const struct {
        const char *words;
        const char *says;
    } rows[] = {
        {"alone --threads 2", "unknown option '--threads'; sluice help alone lists all"},
        {"alone --quik",
         "unknown option '--quik'; did you mean '--quick'? (sluice help alone lists "
         "all)"},
        {"try --qui",
         "unknown option '--qui'; did you mean '--quick'? (sluice help try lists all)"},
        {"try --thread 2",
         "unknown option '--thread'; did you mean '--threads'? (--help lists all)"},
        {"alone a b", "'b' is one argument too many; sluice help alone shows how it is called"},
        {"try a b c", "'c' is one argument too many; sluice help try shows how it is called"},
        {"alone --quick=1", "--quick takes no value; remove '=1'"},
        {"alone -H", "--field needs a value; give it as --field=FIELD"},
        {"check --quick", "unknown option '--quick'; --help lists all"},
        {"help me", "'me' is not a command; sluice help lists all"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(make(NULL, rows[i].words, ""), -EINVAL, "%s", rows[i].words);
        cr_expect_str_eq(mistake, rows[i].says);
    }
}

Test(configuration, shows_how_a_subcommand_is_called)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    options_help_subcommand(&profile, &own_subcommands[1], out);
    options_help(&profile, out);
    fclose(out);
    cr_expect(strstr(text, "Usage: sluice try [ROOT] URL\n\nTry.\n"), "%s", text);
    cr_expect(strstr(text, "  -H, --field FIELD "), "%s", text);
    cr_expect(strstr(text, "      --quick "), "%s", text);
    cr_expect(strstr(text, "\n  alone  "), "%s", text);
    free(text);
}

/* --- Sources ------------------------------------------------------------------------------------ */

static uint32_t threads_of(const char *config, const char *words, const char *variables)
{
    expect_made(config, words, variables);
    return settings->process.threads;
}

Test(configuration, prefers_the_command_line_to_the_environment_to_the_file)
{
    cr_expect_eq(threads_of("root = x\n", "", ""), 0);
    cr_expect_eq(threads_of("root = x\nthreads = 2\n", "", ""), 2);
    cr_expect_eq(threads_of("root = x\nthreads = 2\n", "", "SLUICE_THREADS=3"), 3);
    cr_expect_eq(threads_of("root = x\nthreads = 2\n", "--threads 4", "SLUICE_THREADS=3"), 4);
    cr_expect_eq(threads_of(NULL, "--threads 4", "SLUICE_THREADS=3"), 4);
    cr_expect_eq(threads_of("root = x\nthreads = 2\n", "--threads 4 --threads 5", ""), 5);
}

Test(configuration, replaces_lists_of_weaker_sources)
{
    static const char config[] = "root = x\nindex = a\nindex = b\n";
    expect_made(config, "", "");
    cr_assert_eq(settings->sites[0]->indexes.count, 2);
    expect_made(config, "", "SLUICE_INDEX=c");
    cr_assert_eq(settings->sites[0]->indexes.count, 1);
    cr_expect_str_eq(settings->sites[0]->indexes.items[0], "c");
    expect_made(config, "--index d --index e", "SLUICE_INDEX=c");
    cr_assert_eq(settings->sites[0]->indexes.count, 2);
    cr_expect_str_eq(settings->sites[0]->indexes.items[1], "e");
    expect_made("root = x\nimmutable = /a/*\n", "--immutable /b/*", "");
    cr_assert_eq(settings->sites[0]->immutable.count, 2, "with the default");
    cr_expect_str_eq(settings->sites[0]->immutable.items[1], "/b/*");
}

/* In whatever order the sources are read. */
Test(configuration, keeps_a_stronger_value_that_came_first)
{
    settings = settings_create();
    struct site_settings *site = settings_add_site(settings);
    struct setting setting = {.option = option_find(STR("index")),
                              .scope = site,
                              .text = "strong",
                              .source = SETTING_COMMAND_LINE};
    struct problem problem;
    cr_assert_eq(settings_set(settings, &setting, &problem), 0);
    setting.text = "weak";
    setting.source = SETTING_ENVIRONMENT;
    cr_assert_eq(settings_set(settings, &setting, &problem), 0);
    cr_assert_eq(site->indexes.count, 1);
    cr_expect_str_eq(site->indexes.items[0], "strong");
    cr_expect_eq(settings_source(settings, site, setting.option), SETTING_COMMAND_LINE);
}

Test(configuration, gives_settings_above_the_sections_to_every_site)
{
    expect_made("root = x\ncors = yes\nindex = all\n"
                "[site a]\nlisting = yes\n"
                "[site b c]\nroot = y\ncors = no\nindex = own\n",
                "", "");
    cr_assert_eq(settings->site_count, 2);
    const struct site_settings *first = settings->sites[0], *second = settings->sites[1];
    cr_expect(first->cors && first->listing);
    cr_expect(!second->cors && !second->listing);
    cr_expect_eq(second->hosts.count, 2);
    cr_expect_str_eq(second->hosts.items[1], "c");
    cr_assert_eq(second->indexes.count, 1);
    cr_expect_str_eq(second->indexes.items[0], "own");
    cr_expect_str_eq(first->indexes.items[0], "all");
    cr_expect(str_ends_with(first->root_text, STR("/x")));
    cr_expect(str_ends_with(second->root_text, STR("/y")));
    cr_expect_eq(second->line, 6);
    expect_made("[site a]\nroot = x\n[site b]\nroot = y\nindex = own\n", "--index all", "");
    cr_expect_str_eq(settings->sites[0]->indexes.items[0], "all");
    cr_expect_str_eq(settings->sites[1]->indexes.items[0], "all");
}

Test(configuration, finds_files_beside_its_own)
{
    char expected[600];
    expect_made("root = www/a\n", "", "");
    snprintf(expected, sizeof expected, "%s/www/a", tree.path);
    cr_expect_str_eq(settings->sites[0]->root_text.at, expected);
    expect_made("root = /srv\n", "", "");
    cr_expect_str_eq(settings->sites[0]->root_text.at, "/srv");
    expect_made("root = x\naccess-log = -\n", "", "");
    cr_expect_str_eq(settings->sites[0]->access_log.at, "-", "not a file");
    expect_made("root = x\naccess-log = syslog:\n", "", "");
    cr_expect_str_eq(settings->sites[0]->access_log.at, "syslog:");
    expect_made("root = x\naccess-log = a.log\n", "", "");
    cr_expect(str_ends_with(settings->sites[0]->access_log, STR("/a.log")));
}

Test(configuration, reads_flags_as_words)
{
    static const struct {
        const char *variable;
        bool value;
    } rows[] = {
        {"SLUICE_CORS=yes", true}, {"SLUICE_CORS=true", true},   {"SLUICE_CORS=1", true},
        {"SLUICE_CORS=no", false}, {"SLUICE_CORS=false", false}, {"SLUICE_CORS=0", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_made("root = x\ncors = yes\n", "", rows[i].variable);
        cr_expect_eq(settings->sites[0]->cors, rows[i].value, "%s", rows[i].variable);
    }
    cr_expect_eq(make(NULL, "", "SLUICE_CORS=maybe"), -EINVAL);
    cr_expect_str_eq(mistake, "SLUICE_CORS 'maybe' is neither yes nor no; write yes or no");
}

Test(configuration, reads_the_file_that_the_environment_names)
{
    char variable[600];
    tree_write(&tree, "sluice.conf", STR("root = x\nthreads = 7\n"));
    snprintf(variable, sizeof variable, "SLUICE_CONFIG=%s", path);
    expect_made(NULL, "", variable);
    cr_expect_eq(settings->process.threads, 7);
}

Test(configuration, takes_an_empty_variable_as_not_set)
{
    expect_made(NULL, "",
                "SLUICE_CONFIG= SLUICE_THREADS= SLUICE_CORS= SLUICE_INDEX= SLUICE_XYZZY=");
    cr_expect_eq(settings->site_count, 1);
    cr_expect_eq(settings->process.threads, 0);
    cr_expect_not(settings->sites[0]->cors);
    cr_expect_eq(settings->sites[0]->indexes.count, 0);
    cr_expect_eq(settings->notices.count, 0);
    cr_expect_eq(threads_of("root = x\nthreads = 2\n", "", "SLUICE_THREADS="), 2);
}

/* A Service called "sluice" must not keep the server from starting. */
Test(configuration, ignores_what_kubernetes_sets)
{
    expect_made(NULL, "",
                "SLUICE_PORT=tcp://10.0.0.1:80 SLUICE_SERVICE_HOST=10.0.0.1 SLUICE_SERVICE_PORT=80 "
                "SLUICE_PORT_80_TCP=tcp://10.0.0.1:80 SLUICE_PORT_80_TCP_PROTO=tcp "
                "SLUICE_WEB_SERVICE_PORT_HTTP=80 OTHER=1");
    cr_expect_eq(settings->listeners[0]->port, 8080);
    cr_assert_eq(settings->notices.count, 1);
    cr_expect(strstr(settings->notices.items[0], "Kubernetes"), "%s", settings->notices.items[0]);
    expect_made(NULL, "", "SLUICE_PORT=81");
    cr_expect_eq(settings->listeners[0]->port, 81);
    cr_expect_eq(settings->notices.count, 0);
}

Test(configuration, warns_of_unknown_variables)
{
    expect_made(NULL, "", "SLUICE_THREDS=1 SLUICE_=1 SLUICE_XYZZY=1 SLUICE_HELP=1");
    cr_assert_eq(settings->notices.count, 4);
    cr_expect_str_eq(settings->notices.items[0],
                     "the variable SLUICE_THREDS has no effect; did you mean SLUICE_THREADS?");
    cr_expect_str_eq(settings->notices.items[2], "the variable SLUICE_XYZZY has no effect");
}

/* --- Mistakes ----------------------------------------------------------------------------------- */

Test(configuration, names_file_and_line_of_each_mistake)
{
    static const struct {
        const char *config;
        unsigned line; /* 0: none is named */
        const char *says;
    } rows[] = {
        {"", 0, "no site is named; write root = DIRECTORY, or sections [site NAME]"},
        {"# empty\n", 0, "no site is named"},
        {"[site a]\n[site b]\nroot = x\n", 1, "the site has no root; write root = DIRECTORY below"},
        {"root = x\nthreads = two\n", 2, "threads 'two' is not a number"},
        {"root = x\nlistng = yes\n", 2, "the key 'listng' is not known; did you mean 'listing'?"},
        {"root = x\nxyzzy = yes\n", 2, "keys are the long options that --help lists"},
        {"root = x\nhelp = yes\n", 2, "the key 'help' is not known"},
        {"root = x\nconfig = y\n", 2, "the key 'config' is not known"},
        {"root = x\nlisting = on\n", 2, "listing 'on' is neither yes nor no"},
        {"root = x\nthreads = 1\n\nthreads = 1\n", 4, "threads is given twice: line 2 has it too"},
        {"root = x\nroot = y\n", 2, "root is given twice: line 1 has it too"},
        {"[site a]\nroot = x\nroot = y\n", 3, "root is given twice: line 2 has it too"},
        {"[site a]\nroot = x\nthreads = 2\n", 3, "threads is for the whole server; move it above"},
        {"[server]\n", 1, "the section is not known; write [site example.org]"},
        {"[sites a]\n", 1, "the section is not known"},
        {"[]\n", 1, "the section is not known"},
        {"[site]\n", 1, "the section names no host; write [site example.org], or [site *]"},
        {"root = x\nlisting\n", 2, "the line has no ="},
        {"root = x\nlisten = 443 tls\n", 2, "listen has tls, which needs a certificate"},
        {"root = x\nlisten = 80\nbind = ::1\n", 3, "bind is given beside listen"},
        {"root = x\nlisten = 80\nport = 8080\n", 3, "port is given beside listen"},
        {"root = x\nlisten = 80\nlisten = 80\n", 3, "listen '80' is where another one listens too"},
        {"root = x\nlisten = 443 tls\nlisten = 80\n", 2, "listen has tls, which needs"},
        {"root = x\nlisten = 81 proxy\nlisten = 80\n", 2, "listen has proxy, and no proxy"},
        {"root = x\nlisten = :80\n", 2, "listen ':80' has no address before the colon"},
        {"root = x\nkey = k.pem\n", 2, "has no --cert before it"},
        {"root = x\nhsts = 60\n", 2, "hsts needs HTTPS"},
        {"root = x\nheader = X-A: 1\n", 2, "header 'X-A: 1' is not a rule"},
        {"root = x\ncanonical = a:80\n", 2, "canonical 'a:80' is not a host name"},
        {"root = x\ncanonical = *.a\n", 2, "canonical '*.a' is not a host name"},
        {"root = \n", 1, "root is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char place[600];
        cr_expect_eq(make(rows[i].config, "", ""), -EINVAL, "\"%s\"", rows[i].config);
        cr_expect(strstr(mistake, rows[i].says), "\"%s\": %s", rows[i].config, mistake);
        snprintf(place, sizeof place, "%s, line %u: ", path, rows[i].line);
        if (rows[i].line > 0)
            cr_expect(strncmp(mistake, place, strlen(place)) == 0, "\"%s\": %s", rows[i].config,
                      mistake);
    }
}

/* And none that only follows from another one. */
Test(configuration, finds_all_mistakes_in_how_options_go_together)
{
    enum { LINES_MAX = 5 };
    static const struct {
        const char *config;
        const char *says[LINES_MAX];
    } rows[] = {
        {"root = x\nlisten = 81 tls\nlisten = 82 proxy\nlisten = 81\nport = 1\nbind = ::1\n"
         "http-port = 80\nlisten = 83\n",
         {"line 5: port is given beside listen", "line 6: bind is given beside listen",
          "line 4: listen '81' is where another one listens too",
          "line 3: listen has proxy, and no proxy is trusted",
          "line 2: listen has tls, which needs a certificate"}},
        {"root = x\nhttp-port = 80\nhsts = 1\ntls-min = 1.3\n",
         {"line 2: http-port needs HTTPS", "line 3: hsts needs HTTPS",
          "line 4: tls-min needs HTTPS"}},
        {"root = x\nlisten = 81 tls\nkey = k\nhsts = 1\n", {"has no --cert before it"}},
#ifdef SLUICE_HAVE_OPENSSL
        {"root = x\nlisten = 81 tsl\ncert = c\n", {"line 2: listen '81 tsl'"}},
        {"root = x\nself-signed = yes\ncert = c\nhsts = 1\nport = 81\nhttp-port = 81\n",
         {"line 2: self-signed is given beside --cert", "line 4: hsts is given beside",
          "line 6: http-port is the same port"}},
#endif
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned count = 0;
        cr_assert_eq(make(rows[i].config, "check", ""), 0, "\"%s\": %s", rows[i].config, mistake);
        for (; count < LINES_MAX && rows[i].says[count]; count++) {
            char text[PROBLEM_TEXT_BYTES] = "";
            if (count < settings->problems->count)
                problem_text(&settings->problems->items[count], text);
            cr_expect(strstr(text, rows[i].says[count]), "\"%s\": %s", rows[i].says[count], text);
        }
        cr_expect_eq(settings->problems->count, count, "\"%s\"", rows[i].config);
    }
}

Test(configuration, refuses_a_root_beside_a_file)
{
    cr_expect_eq(make("root = x\n", "site", ""), -EINVAL);
    cr_expect(strstr(mistake, "ROOT 'site' is given beside the configuration"), "%s", mistake);
    cr_expect_eq(make(NULL, "a b", ""), -EINVAL);
    cr_expect(strstr(mistake, "'b' is one argument too many; give ROOT only"), "%s", mistake);
}

Test(configuration, reports_a_file_that_cannot_be_read)
{
    char words[600];
    cr_expect_eq(make(NULL, "--config /nonexistent/x", ""), -ENOENT);
    cr_expect(strstr(mistake, "'/nonexistent/x' cannot be read: No such file"), "%s", mistake);
    snprintf(words, sizeof words, "--config %s", tree.path);
    cr_expect_eq(make(NULL, words, ""), -EISDIR);
    char *large = malloc((4 << 20) + 2);
    memset(large, '\n', (4 << 20) + 1);
    large[(4 << 20) + 1] = '\0';
    cr_expect_eq(make(large, "", ""), -EFBIG);
    cr_expect(strstr(mistake, "keep it below 4 MiB"), "%s", mistake);
    large[4 << 20] = '\0';
    cr_expect_eq(make(large, "", ""), -EINVAL, "of 4 MiB: %s", mistake);
    free(large);
}

static int feed(void *unused)
{
    (void)unused;
    int fd = open(path, O_WRONLY); /* waits for the reader */
    poll(NULL, 0, 50);
    const bool written = write(fd, "root = /a\n", 10) == 10;
    poll(NULL, 0, 50);
    return written && write(fd, "index = b\n", 10) == 10 && close(fd) == 0 ? 0 : 1;
}

Test(configuration, reads_a_pipe_and_does_not_wait_for_ever, .timeout = 120)
{
    char words[600];
    thrd_t writer;
    snprintf(words, sizeof words, "--config %s", path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(thrd_create(&writer, feed, NULL), thrd_success);
    cr_assert_eq(make(NULL, words, ""), 0, "%s", mistake);
    thrd_join(writer, NULL);
    cr_expect_str_eq(settings->sites[0]->root_text.at, "/a");
    cr_expect_eq(settings->sites[0]->indexes.count, 1);
    cr_expect_eq(make(NULL, words, ""), -ETIMEDOUT);
    cr_expect(strstr(mistake, "it is a pipe, and nothing comes from it"), "%s", mistake);
    unlink(path);
}

Test(configuration, takes_a_thousand_sites)
{
    enum { SITES = 1000, SITE_BYTES = 64 };
    static char text[SITES * SITE_BYTES + 64];
    char *at = text + sprintf(text, "cors = yes\nindex = a\nindex = b\n");
    for (unsigned i = 0; i < SITES; i++)
        at += sprintf(at, "[site h%u.example *.h%u.example]\nroot = /srv/%u\n", i, i, i);
    expect_made(text, "", "");
    cr_assert_eq(settings->site_count, SITES);
    cr_expect_eq(settings->sites[999]->line, 4 + 2 * 999);
    cr_expect_str_eq(settings->sites[999]->root_text.at, "/srv/999");
}

/* --- Print ---------------------------------------------------------------------------------------- */

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

Test(configuration, prints_each_setting_with_its_source)
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
Test(configuration, prints_what_it_can_read)
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
