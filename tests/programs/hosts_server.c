/* hosts-server: a server with several sites, for the end-to-end tests of hosts.
 *
 * hosts-server SITES PORT ROOT [options]: pipelined-server PORT ROOT [options], whose settings
 * get the sites in the file SITES, until a configuration file can name them. Each line is a
 * site: its root ("-": the one of the command line, first), then words: NAME=VALUE is a site's
 * option by its long name, the others are names of hosts. */
#include "config/command_line.h"
#include "config/options.h"
#include "observe/log.h"
#include "server/server.h"

#include <stdio.h>
#include <string.h>

static const struct profile profile = {
    .name = "hosts-server",
    .summary = "several sites, for tests",
    .limits = {.minor_max = 1, .keepalive = true, .inflight_max = 64},
};

static const struct option_spec *find_option(struct str name)
{
    size_t count;
    const struct option_spec *options = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_equal(str_of(options[i].name), name))
            return &options[i];
    }
    return NULL;
}

/* Adds WORD of a line to SITE. 0 or a negative errno. */
static int add_word(struct settings *settings, struct site_settings *site, const char *word,
                    struct problem *problem)
{
    struct str text = str_of(word);
    size_t equals = str_find(text, '=');
    const struct option_spec *option = find_option(str_first(text, equals));
    if (equals == text.length || !option)
        return arena_list_append(&site->hosts, &settings->arena, text);
    struct setting setting = {option, site, word + equals + 1, SETTING_COMMAND_LINE};
    return settings_set(settings, &setting, problem);
}

/* Adds the site of LINE, which it changes. 0 or a negative errno. */
static int add_line(struct settings *settings, char *line, struct problem *problem)
{
    char *rest = NULL, *root = strtok_r(line, " \n", &rest);
    struct site_settings *site =
        strcmp(root, "-") == 0 ? settings->sites[0] : settings_add_site(settings);
    if (!site)
        return -1;
    if (strcmp(root, "-") != 0)
        site->root_text = arena_copy(&settings->arena, str_of(root));
    int error = 0;
    for (char *word; !error && (word = strtok_r(NULL, " \n", &rest));)
        error = add_word(settings, site, word, problem);
    return error;
}

static int add_sites(struct settings *settings, const char *path, struct problem *problem)
{
    char line[4096];
    int error = 0;
    FILE *file = fopen(path, "re");
    problem_set(problem, "cannot read the sites in '%s'", path);
    if (!file)
        return -1;
    while (!error && fgets(line, sizeof line, file))
        error = add_line(settings, line, problem);
    fclose(file);
    return error;
}

int main(int argc, char **argv)
{
    struct problem problem;
    enum command command;
    struct settings *settings = settings_create();
    const struct command_line line = {profile.name, argc - 1, argv + 1};
    log_open(profile.name);
    if (argc < 2 || !settings || command_line_parse(&line, settings, &command, &problem) < 0 ||
        add_sites(settings, argv[1], &problem) < 0) {
        log_problem(&problem);
        return 2;
    }
    int status = server_run(&profile, settings);
    settings_unref(settings);
    return status;
}
