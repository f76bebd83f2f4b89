/* settings: see settings.h. */
#include "config/settings.h"

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

int settings_set(struct settings *settings, const struct setting *setting,
                 struct problem *ret_problem)
{
    const struct option_target target = {setting->scope, &settings->arena};
    struct setting_record *record = arena_alloc(&settings->arena, sizeof *record);
    int error = record ? option_set(setting->option, &target, setting->text, ret_problem) : -ENOMEM;
    if (!record)
        problem_set_no_memory(ret_problem);
    if (error)
        return error;
    *record = (struct setting_record){
        .next = settings->records,
        .scope = setting->scope,
        .option = setting->option,
        .source = setting->source,
    };
    settings->records = record;
    return 0;
}

enum setting_source settings_source(const struct settings *settings, const void *scope,
                                    const struct option_spec *option)
{
    for (const struct setting_record *record = settings->records; record; record = record->next) {
        if (record->scope == scope && record->option == option)
            return record->source;
    }
    return SETTING_DEFAULT;
}

int settings_prepare(struct settings *settings, struct problem *ret_problem)
{
    int error = 0;
    for (unsigned i = 0; !error && i < settings->site_count; i++)
        error = config_site_prepare(settings->sites[i], &settings->arena, ret_problem);
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
