/* hashed_names_rig: directories of names, which are judged as a site does, and the result. */
#ifndef SLUICE_TESTS_HASHED_NAMES_RIG_H
#define SLUICE_TESTS_HASHED_NAMES_RIG_H

#include "http/hashed_names.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Directories ------------------------------------------------------------------------------ */

enum { NAMES_MAX = 400, DIRECTORIES_MAX = 80, NAME_BYTES = 160 };

struct directory {
    char path[NAME_BYTES];
    char text[NAMES_MAX][NAME_BYTES];
    struct str names[NAMES_MAX];
    bool expected[NAMES_MAX];
    bool hashed[NAMES_MAX];
    size_t count;
    struct hash_forms forms; /* its own */
};

static struct directory directories[DIRECTORIES_MAX];
static size_t directory_count;

static inline struct directory *directory_of(struct str path)
{
    for (size_t i = 0; i < directory_count; i++) {
        if (str_equal(str_of(directories[i].path), path))
            return &directories[i];
    }
    cr_assert_lt(directory_count, DIRECTORIES_MAX);
    struct directory *directory = &directories[directory_count++];
    directory->count = 0;
    *str_put(directory->path, path) = '\0';
    return directory;
}

/* Adds the file PATH. EXPECTED: it has a hash in its name. */
static inline void add(const char *path, bool expected)
{
    struct str text = str_of(path);
    size_t slash = str_find_last(text, '/');
    bool below = slash < text.length;
    struct directory *directory = directory_of(below ? str_first(text, slash) : STR(""));
    cr_assert_lt(directory->count, NAMES_MAX);
    char *copy = directory->text[directory->count];
    *str_put(copy, below ? str_from(text, slash + 1) : text) = '\0';
    directory->names[directory->count] = str_of(copy);
    directory->expected[directory->count++] = expected;
}

static inline void judge_one(struct directory *directory, const struct hash_forms *beside,
                             struct hash_forms *ret)
{
    struct hashed_names names = {directory->names, directory->count, beside, directory->hashed};
    cr_assert_eq(hashed_names_judge(&names, ret), 0);
}

/* Judges all directories as a site does. */
static inline void judge(void)
{
    for (size_t i = 0; i < directory_count; i++)
        judge_one(&directories[i], NULL, &directories[i].forms);
    for (size_t i = 0; i < directory_count; i++) {
        struct directory *directory = &directories[i];
        struct hash_forms beside = {.count = 0}, own;
        struct path path;
        unsigned index = 0;
        while (hashed_names_next_beside(str_of(directory->path), &index, &path)) {
            const struct hash_forms *forms = &directory_of(path_view(&path))->forms;
            for (unsigned j = 0; j < forms->count && beside.count < HASH_FORMS_MAX; j++)
                beside.items[beside.count++] = forms->items[j];
        }
        judge_one(directory, &beside, &own);
        for (size_t j = 0; j < directory->count; j++) {
            char name[2 * NAME_BYTES];
            snprintf(name, sizeof name, "%s/%s", directory->path, directory->text[j]);
            directory->hashed[j] =
                hashed_names_is_output(str_of(name)) ||
                (directory->hashed[j] && hashed_names_may_have(directory->names[j]));
        }
    }
}

struct tally {
    unsigned hashed, recognised, wrong;
};

static inline struct tally count(void)
{
    struct tally tally = {0};
    for (size_t i = 0; i < directory_count; i++) {
        for (size_t j = 0; j < directories[i].count; j++) {
            bool expected = directories[i].expected[j], hashed = directories[i].hashed[j];
            tally.hashed += expected;
            tally.recognised += expected && hashed;
            tally.wrong += !expected && hashed;
            cr_expect(expected || !hashed, "%s/%s", directories[i].path, directories[i].text[j]);
        }
    }
    return tally;
}

static inline void clear(void)
{
    directory_count = 0;
}

/* --- Random names ----------------------------------------------------------------------------- */

static struct prng prng = {4711};

/* Writes PATTERN to TO, with N random characters in place of each "%NC". C is their set: x
 * hexadecimal digits, d decimal digits, S base32, z small letters and digits, Z capitals and
 * digits, L letters and digits, B base64url. */
static inline void fill(char *to, const char *pattern)
{
    static const struct {
        char name;
        const char *characters;
    } sets[] = {
        {'x', "0123456789abcdef"},
        {'d', "0123456789"},
        {'S', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
        {'L', "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {'Z', "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {'z', "0123456789abcdefghijklmnopqrstuvwxyz"},
        {'B', "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"},
    };
    while (*pattern) {
        if (*pattern != '%') {
            *to++ = *pattern++;
            continue;
        }
        char *end;
        unsigned long length = strtoul(pattern + 1, &end, 10);
        size_t set = 0;
        while (sets[set].name != *end)
            set++;
        const char *characters = sets[set].characters;
        for (; length > 0; length--)
            *to++ = characters[prng_below(&prng, strlen(characters))];
        pattern = end + 1;
    }
    *to = '\0';
}

/* Adds the names in FILE: lines that begin with '+' for a name with a hash, '-' for one without. */
static inline void read_names(const char *file)
{
    const char *top = getenv("SLUICE_TOP");
    char path[512], line[2 * NAME_BYTES];
    snprintf(path, sizeof path, "%s/tests/unit/http/bundler_names/%s.txt", top ? top : ".", file);
    FILE *names = fopen(path, "re");
    cr_assert_not_null(names, "%s", path);
    while (fgets(line, sizeof line, names)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '+' || line[0] == '-')
            add(line + 1, line[0] == '+');
    }
    fclose(names);
}

#endif
