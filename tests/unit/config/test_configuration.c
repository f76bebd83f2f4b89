/* configuration: what counts of a command line, the environment, a file and the defaults. */
#include "config/options.h"
#include "support/configuration_rig.h"

#include <stdlib.h>

TestSuite(configuration, .init = set_up, .fini = tear_down);

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
    expect_made("root = x\naccess-log = syslog:log\n", "", "");
    snprintf(expected, sizeof expected, "syslog:%s/log", tree.path);
    cr_expect_str_eq(settings->sites[0]->access_log.at, expected);
}

Test(configuration, finds_sockets_beside_its_own_file)
{
    char expected[600];
    expect_made("root = x\nlisten = unix:run/s mode=0600\nadmin = unix:a\n", "", "");
    snprintf(expected, sizeof expected, "unix:%s/run/s mode=0600", tree.path);
    cr_expect_str_eq(settings->listeners[0]->listens.items[0], expected);
    snprintf(expected, sizeof expected, "unix:%s/a", tree.path);
    cr_expect_str_eq(settings->process.admin.at, expected);
    expect_made("root = x\nlisten = unix:/s\nlisten = unix:@s\nlisten = 80\nadmin = 90\n", "", "");
    cr_expect_str_eq(settings->listeners[0]->listens.items[0], "unix:/s");
    cr_expect_str_eq(settings->listeners[0]->listens.items[1], "unix:@s");
    cr_expect_str_eq(settings->listeners[0]->listens.items[2], "80");
    cr_expect_str_eq(settings->process.admin.at, "90");
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
