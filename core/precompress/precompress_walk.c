/* precompress_walk: see precompress_walk.h. */
#include "precompress/precompress_walk.h"

#include "http/content_coding.h"
#include "precompress/precompress_temporary.h"
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct precompress_pending {
    struct precompress_pending *next;
    char path[]; /* below ROOT; "" for ROOT */
};

static int append(struct precompress_walk *walk, const char *path)
{
    const size_t bytes = strlen(path) + 1;
    struct precompress_pending *pending = malloc(sizeof *pending + bytes);
    if (!pending)
        return -ENOMEM;
    memcpy(pending->path, path, bytes);
    pending->next = walk->pending;
    walk->pending = pending;
    return 0;
}

int precompress_walk_init(struct precompress_walk *ret, int root_fd,
                          const struct site_settings *site, uint64_t bytes_min)
{
    *ret = (struct precompress_walk){.root_fd = root_fd, .site = site, .bytes_min = bytes_min};
    return append(ret, "");
}

void precompress_walk_fini(struct precompress_walk *walk)
{
    struct precompress_pending *next;
    for (struct precompress_pending *at = walk->pending; at; at = next) {
        next = at->next;
        free(at);
    }
    if (walk->directory)
        closedir(walk->directory);
}

/* --- What is worth compressing ---------------------------------------------------------------- */

/* Whether files of TYPE are made smaller by compression: besides pictures and the like, documents
 * that are archives inside are not, and nothing is known of an unknown type. */
static bool type_compresses(struct str type)
{
    static const struct str not [] = {
        STR_INIT("application/octet-stream"), STR_INIT("application/pdf"),
        STR_INIT("application/epub+zip"),     STR_INIT("application/vnd.openxmlformats"),
        STR_INIT("application/vnd.oasis"),    STR_INIT("application/vnd.google-earth.kmz"),
        STR_INIT("model/vnd.usdz"),           STR_INIT("application/java-archive"),
        STR_INIT("application/vnd.debian"),   STR_INIT("application/vnd.android"),
        STR_INIT("application/x-bittorrent"),
    };
    for (size_t i = 0; i < COUNT_OF(not ); i++) {
        if (str_starts_with(type, not [i]))
            return false;
    }
    return !mime_is_compressed(type);
}

/* The length of NAME without the suffix of a coding; 0: it has none. */
static size_t stem_bytes(struct str name)
{
    for (unsigned i = CONTENT_CODING_IDENTITY + 1; i < CONTENT_CODING_COUNT; i++) {
        const struct str suffix = content_coding_texts[i].suffix;
        if (name.length > suffix.length && str_ends_with(name, suffix))
            return name.length - suffix.length;
    }
    return 0;
}

/* Whether the server serves NAME, in the directory of WALK. */
static bool is_served(const struct precompress_walk *walk, const char *name)
{
    const bool top = walk->path_bytes == 0;
    if (name[0] == '.')
        return top && strcmp(name, ".well-known") == 0;
    return !top || !site_settings_is_private(walk->site, str_of(name));
}

/* --- Directories ------------------------------------------------------------------------------ */

/* Opens the next directory to come; its path is in RET. Returns 1, 0 if none is left, or a negative
 * errno. */
static int open_next(struct precompress_walk *walk, struct precompress_entry *ret)
{
    struct precompress_pending *next = walk->pending;
    if (!next)
        return 0;
    walk->pending = next->next;
    const size_t length = strlen(next->path);
    memcpy(ret->path, next->path, length + 1);
    memcpy(walk->path, next->path, length + 1);
    free(next);
    walk->path_bytes = length;
    if (length > 0)
        walk->path[walk->path_bytes++] = '/';
    const int fd = root_open_below(walk->root_fd, length > 0 ? ret->path : ".",
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, IO_BY_JOB);
    if (fd < 0)
        return fd;
    walk->directory = fdopendir(fd);
    if (walk->directory)
        return 1;
    const int error = -errno;
    close(fd);
    return error;
}

/* Whether the file of the orphan RET, whose name without the suffix has STEM bytes, is missing. */
static bool is_orphan(const struct precompress_walk *walk, struct precompress_entry *ret,
                      size_t stem)
{
    struct stat status;
    char *end = ret->path + ret->name_at + stem;
    *end = '\0';
    const bool missing = fstatat(dirfd(walk->directory), ret->path + ret->name_at, &status,
                                 AT_SYMLINK_NOFOLLOW) < 0 &&
                         errno == ENOENT;
    *end = '.';
    return missing;
}

/* Judges NAME in the open directory. Returns 1 with an entry, 0 if it is not one, or a negative
 * errno. */
static int judge(struct precompress_walk *walk, const char *name, struct precompress_entry *ret)
{
    struct stat status;
    const struct str text = str_of(name);
    const bool temporary = precompress_temporary_is_name(name);
    if (!temporary && !is_served(walk, name))
        return 0;
    if (walk->path_bytes + text.length > PATH_BYTES_MAX - 1)
        return -ENAMETOOLONG;
    memcpy(ret->path, walk->path, walk->path_bytes);
    memcpy(ret->path + walk->path_bytes, name, text.length + 1);
    ret->name_at = walk->path_bytes;
    if (fstatat(dirfd(walk->directory), name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(status.st_mode))
        return temporary ? 0 : append(walk, ret->path);
    if (!S_ISREG(status.st_mode))
        return 0;
    const size_t stem = stem_bytes(text);
    ret->kind = temporary  ? PRECOMPRESS_TEMPORARY
                : stem > 0 ? PRECOMPRESS_ORPHAN
                           : PRECOMPRESS_FILE;
    if (temporary)
        return 1;
    if (stem > 0)
        return is_orphan(walk, ret, stem);
    return (uint64_t)status.st_size >= walk->bytes_min &&
           type_compresses(mime_of(walk->site->mime, str_of(ret->path)));
}

int precompress_walk_next(struct precompress_walk *walk, struct precompress_entry *ret)
{
    int result = 0;
    while (result == 0) {
        if (!walk->directory) {
            const int opened = open_next(walk, ret);
            if (opened <= 0)
                return opened;
        }
        errno = 0;
        const struct dirent *item = readdir(walk->directory);
        if (item) {
            result = judge(walk, item->d_name, ret);
            continue;
        }
        const int error = errno;
        memcpy(ret->path, walk->path, walk->path_bytes);
        ret->path[walk->path_bytes] = '\0';
        closedir(walk->directory);
        walk->directory = NULL;
        result = -error;
    }
    return result;
}

int precompress_entry_open_directory(int root_fd, const struct precompress_entry *entry)
{
    char directory[PATH_BYTES_MAX + 1] = ".";
    if (entry->name_at > 0)
        *str_put(directory, (struct str){entry->path, entry->name_at - 1}) = '\0';
    return root_open_below(root_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, IO_BY_JOB);
}
