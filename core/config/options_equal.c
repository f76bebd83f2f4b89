/* options_equal: whether two sets of settings have the same values. See options.h, settings.h. */
#include "config/options.h"
#include "config/settings.h"

/* How the field of a kind is compared. */
enum comparison {
    COMPARE_BYTES, /* numbers, names of a set, flags */
    COMPARE_TEXT,  /* struct str */
    COMPARE_LIST,  /* struct arena_list */
    COMPARE_PATHS, /* struct certificate_paths */
};

static enum comparison comparison_of(const struct option_spec *option)
{
    if (option->kind == OPTION_KIND_CERTIFICATE || option->kind == OPTION_KIND_KEY)
        return COMPARE_PATHS;
    if (option_is_repeatable(option))
        return COMPARE_LIST;
    /* The fields of all other kinds are smaller. */
    return option->field_bytes == sizeof(struct str) ? COMPARE_TEXT : COMPARE_BYTES;
}

static bool are_texts_equal(struct str a, struct str b)
{
    return !a.at == !b.at && str_equal(a, b);
}

static bool are_lists_equal(const struct arena_list *a, const struct arena_list *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    }
    return true;
}

static bool are_paths_equal(const struct certificate_paths *a, const struct certificate_paths *b)
{
    return are_lists_equal(&a->certificates, &b->certificates) &&
           are_lists_equal(&a->keys, &b->keys);
}

bool option_equal(const struct option_spec *option, const void *a, const void *b)
{
    const void *left = (const char *)a + option->offset;
    const void *right = (const char *)b + option->offset;
    switch (comparison_of(option)) {
    case COMPARE_TEXT:
        return are_texts_equal(*(const struct str *)left, *(const struct str *)right);
    case COMPARE_LIST:
        return are_lists_equal(left, right);
    case COMPARE_PATHS:
        return are_paths_equal(left, right);
    case COMPARE_BYTES:
        break;
    }
    return memcmp(left, right, option->field_bytes) == 0;
}

bool settings_site_equal(const struct site_settings *a, const struct site_settings *b)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].scope == OPTION_SCOPE_SITE && !option_equal(&table[i], a, b))
            return false;
    }
    return are_lists_equal(&a->hosts, &b->hosts) && strcmp(a->root, b->root) == 0 &&
           mime_equal(a->mime, b->mime);
}
