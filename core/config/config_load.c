/* config_load: see config_load.h. */
#include "config/config_load.h"

#include "base/hash.h"
#include "config/config_file.h"
#include "config/options.h"
#include "system/whole_file.h"

#include <errno.h>
#include <stdlib.h>

struct load {
    struct settings *settings;
    struct listener_settings *listener;
    const char *path;           /* in the settings' arena */
    struct site_settings *site; /* of the current section; NULL: above the first one */
    struct setting_list common; /* settings for every site */
    struct config_file file;
    struct problem *problem;
    bool has_section;
    bool skips;         /* the current section is wrong, so its values are of no site */
    bool root_in_doubt; /* above the first section, as in site_settings */
};

/* --- Bytes ------------------------------------------------------------------------------------ */

/* Reads the file PATH. *RET_BYTES is *given*, free() it. Returns the length or a negative errno. */
static ssize_t read_file(const char *path, char **ret_bytes, struct problem *ret_problem)
{
    const ssize_t length = whole_file_read(path, CONFIG_LOAD_BYTES_MAX, ret_bytes);
    if (length == -ENOMEM) {
        problem_set_no_memory(ret_problem);
    } else if (length < 0) {
        problem_set(ret_problem, "the configuration '%s' cannot be read: %s", path,
                    whole_file_reason((int)length));
        problem_remedy(ret_problem,
                       length == -EFBIG ? "keep it below 4 MiB" : "name a readable file");
    }
    return length;
}

/* --- Mistakes ----------------------------------------------------------------------------------- */

static int no_memory(const struct load *load)
{
    problem_set_no_memory(load->problem);
    return -ENOMEM;
}

/* Puts what is wrong with the current line into load->problem. Returns -EINVAL. */
static int refuse(const struct load *load, const char *what, const char *remedy)
{
    problem_set(load->problem, "%s", what);
    problem_remedy(load->problem, "%s", remedy);
    problem_in_file(load->problem, load->path, load->file.line, 0);
    return -EINVAL;
}

static int refuse_key(const struct load *load)
{
    struct str name = load->file.name;
    const struct option_spec *meant = option_nearest(name);
    problem_set(load->problem, "the key '%.*s' is not known", (int)size_min(name.length, 80),
                name.at);
    if (meant && meant->scope != OPTION_SCOPE_NONE)
        problem_remedy(load->problem, "did you mean '%s'?", meant->name);
    else
        problem_remedy(load->problem, "keys are the long options that --help lists");
    problem_in_file(load->problem, load->path, load->file.line, 0);
    return -EINVAL;
}

/* After a mistake in the current line: if the line may have been a root, none is missing. */
static void doubt_root(struct load *load)
{
    const struct option_spec *option = NULL;
    if (load->file.name.at)
        option = option_find(load->file.name);
    if (load->file.name.at && !option)
        option = option_nearest(load->file.name);
    if (load->skips || (option && strcmp(option->name, "root") != 0))
        return;
    if (load->site)
        load->site->root_in_doubt = true;
    else
        load->root_in_doubt = true;
}

/* Keeps load->problem, the reason for ERROR, if all mistakes are wanted. Returns 0 to go on. */
static int keep(const struct load *load, int error)
{
    return problem_list_keep(load->settings->problems, error, load->problem);
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Makes the path in the value of the current line, if it has one, relative to the directory of the
 * configuration, in the arena. *RET may be the value itself. 0 or -ENOMEM. */
static int resolve(const struct load *load, const struct option_spec *option, const char **ret)
{
    const char *slash = strrchr(load->path, '/');
    const size_t directory = slash ? (size_t)(slash + 1 - load->path) : 0;
    struct str value = load->file.value;
    const char *file = option_file_in(option, value.at);
    *ret = value.at;
    if (!file || strchr("/ \t", *file) || directory == 0) /* absolute, or none */
        return 0;
    char *whole = arena_alloc(&load->settings->arena, directory + value.length + 1);
    if (!whole)
        return -ENOMEM;
    const struct str before = {value.at, (size_t)(file - value.at)};
    char *at = str_put(str_put(whole, before), (struct str){load->path, directory});
    *str_put(at, str_of(file)) = '\0';
    *ret = whole;
    return 0;
}

/* Keeps SETTING, which is above the first section, for each site. */
static int keep_common(struct load *load, struct setting *setting)
{
    struct arena *arena = &load->settings->arena;
    for (unsigned i = 0; i < load->common.count && !option_is_repeatable(setting->option); i++) {
        if (load->common.items[i].option != setting->option)
            continue;
        problem_set(load->problem, "is given twice: line %u has it too",
                    load->common.items[i].line);
        problem_remedy(load->problem, "remove one of the two");
        problem_of_option(load->problem, setting->option->name);
        problem_in_file(load->problem, load->path, setting->line, 0);
        return -EINVAL;
    }
    setting->text = arena_copy(arena, str_of(setting->text)).at;
    if (!setting->text || setting_list_append(&load->common, arena, setting) < 0)
        return no_memory(load);
    return 0;
}

/* Takes the current line, a key and its value. */
static int take_value(struct load *load)
{
    const struct option_spec *option = option_find(load->file.name);
    struct setting setting = {.option = option, .file = load->path, .line = load->file.line};
    if (!option || option->scope == OPTION_SCOPE_NONE)
        return refuse_key(load);
    if (resolve(load, option, &setting.text) < 0)
        return no_memory(load);
    const bool certificate =
        option->kind == OPTION_KIND_CERTIFICATE || option->kind == OPTION_KIND_KEY;
    if (option->scope == OPTION_SCOPE_SITE && load->site) {
        setting.source = SETTING_SECTION;
        setting.scope = load->site;
        return settings_set(load->settings, &setting, load->problem);
    }
    setting.source = SETTING_FILE;
    if (option->scope == OPTION_SCOPE_SITE)
        return keep_common(load, &setting);
    if (!load->site || certificate)
        return settings_set_all(load->settings, load->listener, &setting, load->problem);
    int error = refuse(load, "is for the whole server", "move it above the first section");
    problem_of_option(load->problem, option->name);
    return error;
}

/* --- Sites ------------------------------------------------------------------------------------ */

/* Adds a site with the settings that are for all. 0 or a negative errno. */
static int add_site(struct load *load)
{
    struct site_settings *site = settings_add_site(load->settings);
    int error = 0;
    if (!site)
        return no_memory(load);
    site->file = load->path;
    site->root_in_doubt = load->root_in_doubt;
    for (unsigned i = 0; !error && i < load->common.count; i++) {
        struct setting *common = &load->common.items[i];
        common->scope = site;
        error = settings_set(load->settings, common, load->problem);
        if (error && strcmp(common->option->name, "root") == 0)
            site->root_in_doubt = true;
        error = keep(load, error);
    }
    load->site = site;
    return error;
}

/* Takes the current line, a section. */
static int take_section(struct load *load)
{
    struct str rest = load->file.name;
    const struct str kind = STR("site");
    if (!str_starts_with(rest, kind) ||
        (rest.length > kind.length && !char_is_space(rest.at[kind.length])))
        return refuse(load, "the section is not known", "write [site example.org]");
    rest = str_trim(str_from(rest, kind.length));
    if (rest.length == 0)
        return refuse(load, "the section names no host",
                      "write [site example.org], or [site *] for all others");
    int error = add_site(load);
    if (error)
        return error;
    load->site->line = load->file.line;
    while (rest.length > 0) {
        size_t end = 0;
        while (end < rest.length && !char_is_space(rest.at[end]))
            end++;
        if (arena_list_append(&load->site->hosts, &load->settings->arena, str_first(rest, end)) < 0)
            return no_memory(load);
        rest = str_trim(str_from(rest, end));
    }
    return 0;
}

/* Takes the current line, a value in a section that is wrong: its key alone can be checked. */
static int skip_value(struct load *load)
{
    const struct option_spec *option = option_find(load->file.name);
    return option && option->scope != OPTION_SCOPE_NONE ? 0 : refuse_key(load);
}

/* Takes the current line, which is ITEM. */
static int take_item(struct load *load, enum config_file_item item)
{
    int error = -EINVAL;
    if (item == CONFIG_FILE_SECTION)
        error = take_section(load);
    else if (item == CONFIG_FILE_VALUE)
        error = load->skips ? skip_value(load) : take_value(load);
    if (load->file.is_section) {
        load->has_section = true;
        load->skips = error != 0;
    } else if (error) {
        doubt_root(load);
    }
    return keep(load, error);
}

static int take_items(struct load *load)
{
    enum config_file_item item;
    int error = 0;
    while (!error && (item = config_file_next(&load->file, load->problem)) != CONFIG_FILE_END)
        error = take_item(load, item);
    return error || load->has_section ? error : add_site(load);
}

int config_load(struct settings *settings, struct listener_settings *listener, const char *path,
                struct problem *ret_problem)
{
    char *bytes = NULL;
    struct load load = {
        .settings = settings,
        .listener = listener,
        .path = arena_copy(&settings->arena, str_of(path)).at,
        .problem = ret_problem,
    };
    if (!load.path)
        return no_memory(&load);
    ssize_t length = read_file(path, &bytes, ret_problem);
    if (length < 0)
        return (int)length;
    settings->config_path = load.path;
    settings->config_digest = hash_bytes(0, (struct str){bytes, (size_t)length});
    config_file_init(&load.file, load.path, (struct str){bytes, (size_t)length});
    int error = take_items(&load);
    free(bytes);
    return error;
}
