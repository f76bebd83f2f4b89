/* settings: see settings.h. */
#include "config/settings.h"

#include "base/hash.h"
#include "config/config_site.h"
#include "config/options.h"
#include "http/content_coding.h"

#include <errno.h>
#include <stdlib.h>

/* A value that was set: which one, and where it comes from. */
struct setting_record {
    struct setting_record *next;
    const void *scope;
    const struct option_spec *option;
    const char *text; /* NULL: a flag */
    const char *file; /* NULL: none */
    unsigned line;
    enum setting_source source;
};

const char *backend_name(enum backend backend)
{
    static const char *const names[] = {
        [BACKEND_AUTO] = "auto", [BACKEND_EPOLL] = "epoll", [BACKEND_IO_URING] = "io_uring"};
    static_assert(COUNT_OF(names) == BACKEND_COUNT, "one name a backend");
    return names[backend];
}

struct settings *settings_create(void)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (!settings)
        return NULL;
    atomic_init(&settings->references, 1);
    if (options_set_defaults(OPTION_SCOPE_PROCESS, &settings->process, &settings->arena))
        return settings;
    settings_unref(settings);
    return NULL;
}

struct settings *settings_ref(struct settings *settings)
{
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return settings;
}

void settings_unref(struct settings *settings)
{
    /* Everything that other users did with it happens before it is freed. */
    if (!settings || atomic_fetch_sub_explicit(&settings->references, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < settings->site_count; i++)
        config_site_fini(settings->sites[i]);
    mime_destroy(settings->built_in_types);
    arena_fini(&settings->arena);
    free(settings);
}

/* Makes room for another pointer in an array of COUNT in ARENA. Returns the array, or NULL. */
static void **grow(struct arena *arena, void **items, unsigned count, unsigned *room)
{
    if (count < *room)
        return items;
    unsigned larger_room = *room ? 2 * *room : 4;
    void **larger = arena_alloc(arena, larger_room * sizeof *larger);
    if (!larger)
        return NULL;
    if (count > 0)
        memcpy(larger, items, count * sizeof *larger);
    *room = larger_room;
    return larger;
}

struct listener_settings *settings_add_listener(struct settings *settings)
{
    struct listener_settings *listener = arena_alloc(&settings->arena, sizeof *listener);
    void **items = grow(&settings->arena, (void **)settings->listeners, settings->listener_count,
                        &settings->listener_room);
    if (!listener || !items)
        return NULL;
    settings->listeners = (struct listener_settings **)items;
    listener->http_port = LISTENER_NONE;
    listener->hsts_seconds = LISTENER_NONE;
    if (!options_set_defaults(OPTION_SCOPE_LISTENER, listener, &settings->arena))
        return NULL;
    return settings->listeners[settings->listener_count++] = listener;
}

struct site_settings *settings_add_site(struct settings *settings)
{
    struct site_settings *site = arena_alloc(&settings->arena, sizeof *site);
    void **items = grow(&settings->arena, (void **)settings->sites, settings->site_count,
                        &settings->site_room);
    if (!site || !items)
        return NULL;
    settings->sites = (struct site_settings **)items;
    site->error_page = STR(SITE_ERROR_PAGE);
    site->rules_name = STR(SITE_RULES_NAME);
    site->codings = CONTENT_CODING_ALL_CODED;
    if (!options_set_defaults(OPTION_SCOPE_SITE, site, &settings->arena))
        return NULL;
    return settings->sites[settings->site_count++] = site;
}

/* --- Values ------------------------------------------------------------------------------------- */

/* The number of the chain that has the values of SCOPE, among those of others. */
static size_t chain_of(const void *scope)
{
    return hash_bytes(0, (struct str){(const char *)&scope, sizeof scope}) & (SETTINGS_CHAINS - 1);
}

/* The latest value of the field of OPTION in SCOPE; options may share a field. NULL: none. */
static const struct setting_record *latest(const struct settings *settings, const void *scope,
                                           const struct option_spec *option)
{
    const struct setting_record *record = settings->records[chain_of(scope)];
    while (record && (record->scope != scope || record->option->offset != option->offset))
        record = record->next;
    return record;
}

/* The latest value of OPTION itself in SCOPE. NULL: none. */
static const struct setting_record *find(const struct settings *settings, const void *scope,
                                         const struct option_spec *option)
{
    const struct setting_record *record = settings->records[chain_of(scope)];
    while (record && (record->scope != scope || record->option != option))
        record = record->next;
    return record;
}

static int refuse_twice(const struct setting *setting, const struct setting_record *former,
                        struct problem *ret_problem)
{
    problem_set(ret_problem, "is given twice: line %u has it too", former->line);
    problem_remedy(ret_problem, "remove one of the two");
    problem_of_option(ret_problem, setting->option->name);
    return -EINVAL;
}

/* Keeps where SETTING comes from. 0 or -ENOMEM. */
static int note(struct settings *settings, const struct setting *setting)
{
    struct setting_record *record = arena_alloc(&settings->arena, sizeof *record);
    struct setting_record **chain = &settings->records[chain_of(setting->scope)];
    const char *text = setting->text;
    if (record && text)
        text = arena_copy(&settings->arena, str_of(text)).at;
    if (!record || (setting->text && !text))
        return -ENOMEM;
    *record = (struct setting_record){
        .next = *chain,
        .scope = setting->scope,
        .option = setting->option,
        .text = text,
        .file = setting->file,
        .line = setting->line,
        .source = setting->source,
    };
    *chain = record;
    return 0;
}

/* Stores SETTING, which is at least as strong as what its field has. */
static int store(struct settings *settings, const struct setting *setting,
                 const struct setting_record *former, struct problem *ret_problem)
{
    const struct option_target target = {setting->scope, &settings->arena};
    const bool replaces = former && former->source < setting->source;
    int error = 0;
    if (replaces && option_is_repeatable(setting->option) &&
        !option_clear(setting->option, &target))
        error = -ENOMEM;
    else if (former && !replaces && setting->file && !option_is_repeatable(setting->option))
        return refuse_twice(setting, former, ret_problem);
    else
        error = option_set(setting->option, &target, setting->text, ret_problem);
    if (error == 0)
        error = note(settings, setting);
    if (error == -ENOMEM)
        problem_set_no_memory(ret_problem);
    return error;
}

int settings_set(struct settings *settings, const struct setting *setting,
                 struct problem *ret_problem)
{
    const struct setting_record *former = latest(settings, setting->scope, setting->option);
    if (former && former->source > setting->source)
        return 0;
    int error = store(settings, setting, former, ret_problem);
    if (error && setting->file)
        problem_in_file(ret_problem, setting->file, setting->line, 0);
    return error;
}

int settings_set_all(struct settings *settings, struct listener_settings *listener,
                     const struct setting *setting, struct problem *ret_problem)
{
    struct setting one = *setting;
    int error = 0;
    if (setting->option->scope != OPTION_SCOPE_SITE) {
        const bool process = setting->option->scope == OPTION_SCOPE_PROCESS;
        one.scope = process ? (void *)&settings->process : (void *)listener;
        return settings_set(settings, &one, ret_problem);
    }
    for (unsigned i = 0; !error && i < settings->site_count; i++) {
        one.scope = settings->sites[i];
        error = settings_set(settings, &one, ret_problem);
    }
    return error;
}

enum setting_source settings_source(const struct settings *settings, const void *scope,
                                    const struct option_spec *option)
{
    const struct setting_record *record = find(settings, scope, option);
    return record ? record->source : SETTING_DEFAULT;
}

bool settings_find(const struct settings *settings, const void *scope,
                   const struct option_spec *option, unsigned index, struct setting *ret)
{
    const struct setting_record *field = latest(settings, scope, option), *record;
    const struct setting_record *chain = settings->records[chain_of(scope)], *first = NULL;
    unsigned count = 0;
    if (!field)
        return false;
    for (record = chain; record; record = record->next)
        count +=
            record->scope == scope && record->option == option && record->source == field->source;
    if (!option_is_repeatable(option) && count > 1)
        count = 1;
    if (index >= count)
        return false;
    for (record = chain; record; record = record->next) {
        if (record->scope != scope || record->option != option || record->source != field->source)
            continue;
        first = record;
        if (--count == index)
            break;
    }
    *ret = (struct setting){
        .option = option,
        .text = first->text,
        .source = first->source,
        .file = first->file,
        .line = first->line,
    };
    return true;
}

void settings_locate(const struct settings *settings, const void *scope, struct problem *problem)
{
    const struct option_spec *option =
        option_find(problem->option[0] ? str_of(problem->option) : STR("root"));
    const struct setting_record *record = option ? find(settings, scope, option) : NULL;
    if (record && record->file && !problem->file[0])
        problem_in_file(problem, record->file, record->line, 0);
}

int setting_list_append(struct setting_list *list, struct arena *arena,
                        const struct setting *setting)
{
    if (list->count == list->room) {
        const unsigned room = list->room ? 2 * list->room : 16;
        struct setting *items = arena_alloc(arena, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *setting;
    return 0;
}

/* --- All of them -------------------------------------------------------------------------------- */

int settings_prepare(struct settings *settings, struct problem *ret_problem)
{
    int error = 0;
    if (!settings->built_in_types)
        settings->built_in_types = mime_create();
    if (!settings->built_in_types) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; !error && i < settings->site_count; i++)
        error = config_site_prepare(settings->sites[i], settings, ret_problem);
    return error;
}

int settings_reread_types(struct settings *settings, struct problem *ret_problem)
{
    int result = 0;
    for (unsigned i = 0; i < settings->site_count; i++) {
        int error = config_site_reread_types(settings->sites[i], ret_problem);
        if (error)
            result = error;
    }
    return result;
}
