/* hashed_files: see hashed_files.h. */
#include "site/hashed_files.h"

#include "base/clock.h"
#include "base/hash.h"
#include "http/hashed_names.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    WAYS = 8, /* places for a file */
    SETS = HASHED_FILES_MAX / WAYS,
};

/* Content that is not one. */
enum { CHANGED = 1 };

struct file {
    uint64_t name;    /* hash of root and path; 0: none */
    uint64_t content; /* fingerprint, or CHANGED */
};

/* The one that was noted last is the first in its set. */
struct hashed_files {
    struct hashed_directories *directories;
    pthread_mutex_t lock;
    uint64_t secret;
    struct file sets[SETS][WAYS];
};

struct hashed_files *hashed_files_create(void)
{
    struct hashed_files *files = calloc(1, sizeof *files);
    if (!files)
        return NULL;
    pthread_mutex_init(&files->lock, NULL);
    files->secret = hash_secret(files);
    files->directories = hashed_directories_create();
    if (files->directories)
        return files;
    hashed_files_destroy(files);
    return NULL;
}

void hashed_files_destroy(struct hashed_files *files)
{
    if (!files)
        return;
    hashed_directories_destroy(files->directories);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

/* What identifies content. One is not compared with the other. */
enum mark { MARK_DIGEST, MARK_TIME };

static uint64_t name_of(const struct hashed_files *files, const struct hashed_query *query,
                        enum mark mark)
{
    uint64_t root = hash_bytes(files->secret + mark, str_of(query->root));
    return hash_bytes(root, path_view(query->path)) | 1;
}

/* The index in SET of the file NAME; WAYS: it has none. */
static unsigned find(const struct file *set, uint64_t name)
{
    unsigned i = 0;
    while (i < WAYS && set[i].name != name)
        i++;
    return i;
}

static bool has_changed(struct hashed_files *files, uint64_t name)
{
    const struct file *set = files->sets[name / 2 % SETS];
    pthread_mutex_lock(&files->lock);
    unsigned i = find(set, name);
    bool changed = i < WAYS && set[i].content == CHANGED;
    pthread_mutex_unlock(&files->lock);
    return changed;
}

int hashed_files_ask(struct hashed_files *files, const struct hashed_query *query, bool *ret)
{
    *ret = false;
    if (!files || query->path->directory)
        return 0;
    int error = hashed_directories_ask(files->directories, query, clock_monotonic_ms(), ret);
    if (!error && *ret)
        *ret = !has_changed(files, name_of(files, query, MARK_DIGEST)) &&
               !has_changed(files, name_of(files, query, MARK_TIME));
    return error;
}

/* The index in SET of the file that makes room: the one noted longest ago that has not changed, if
 * there is any. */
static unsigned to_replace(const struct file *set)
{
    for (unsigned i = WAYS; i > 0; i--) {
        if (set[i - 1].content != CHANGED)
            return i - 1;
    }
    return WAYS - 1;
}

/* Notes FILE. Returns whether it was never seen with another content. */
static bool note(struct hashed_files *files, struct file file)
{
    struct file *set = files->sets[file.name / 2 % SETS];
    pthread_mutex_lock(&files->lock);
    unsigned i = find(set, file.name);
    if (i < WAYS && set[i].content != file.content)
        file.content = CHANGED;
    if (i == WAYS)
        i = to_replace(set);
    memmove(set + 1, set, i * sizeof *set);
    set[0] = file;
    pthread_mutex_unlock(&files->lock);
    return file.content != CHANGED;
}

bool hashed_files_note(struct hashed_files *files, const struct hashed_query *query,
                       const struct loaded *loaded)
{
    const struct blob_identity *identity = &loaded->identity;
    const uint64_t words[] = {identity->bytes, (uint64_t)identity->modified.tv_sec,
                              (uint64_t)identity->modified.tv_nsec};
    struct str path = path_view(query->path), content = {(const char *)words, sizeof words};
    enum mark mark = loaded->digested ? MARK_DIGEST : MARK_TIME;
    if (!files || query->path->directory ||
        (!hashed_names_may_have(path) && !hashed_names_is_output(path)))
        return true;
    if (loaded->digested)
        content = (struct str){loaded->digest, sizeof loaded->digest};
    struct file file = {name_of(files, query, mark), hash_bytes(files->secret, content) | 2};
    return note(files, file);
}
