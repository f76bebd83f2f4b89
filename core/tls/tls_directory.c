/* tls_directory: see tls_directory.h. */
#include "tls/tls_directory.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int tls_directory_is_at(const char *path)
{
    struct stat status;
    return stat(path, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? 1 : 0;
}

const char *tls_directory_path(const char *path, const char *name, const char *file,
                               struct arena *arena)
{
    const struct str slash = STR("/"), parts[] = {str_of(path), str_of(name), str_of(file)};
    size_t length = sizeof "//";
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        length += parts[i].length;
    char *text = arena_alloc(arena, length);
    if (!text)
        return NULL;
    char *end = str_put(text, parts[0]);
    if (!str_ends_with(parts[0], slash))
        end = str_put(end, slash);
    if (parts[1].length > 0)
        end = str_put(str_put(end, parts[1]), slash);
    str_put(end, parts[2]);
    return text;
}

/* Whether NAME has a certificate: 1 or 0, or -ENOMEM. A directory that cannot be searched may have
 * one; reading it says why not. */
static int has_pair(const char *path, const char *name, struct arena *arena)
{
    struct stat status;
    const char *cert_path = tls_directory_path(path, name, TLS_DIRECTORY_CERT, arena);
    if (!cert_path)
        return -ENOMEM;
    return stat(cert_path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR) ? 1 : 0;
}

/* Adds the names in DIRECTORY, which is open at PATH, that have a pair. 0 or a negative errno. */
static int add_names(DIR *directory, const char *path, struct arena *arena, struct arena_list *ret)
{
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        int has = entry->d_name[0] == '.' ? 0 : has_pair(path, entry->d_name, arena);
        if (has > 0)
            has = arena_list_append(ret, arena, str_of(entry->d_name));
        if (has < 0)
            return has;
    }
    return -errno;
}

static int list(const char *path, struct arena *arena, struct arena_list *ret)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    DIR *directory = fdopendir(fd);
    if (!directory) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    int error = add_names(directory, path, arena, ret);
    closedir(directory);
    if (error)
        return error;
    int has = ret->count > 0 ? 0 : has_pair(path, "", arena);
    return has > 0 ? arena_list_append(ret, arena, STR("")) : has;
}

int tls_directory_list(const char *path, struct arena *arena, struct arena_list *ret,
                       struct problem *ret_problem)
{
    int error = list(path, arena, ret);
    if (error == -ENOMEM) {
        problem_set_no_memory(ret_problem);
    } else if (error) {
        problem_set(ret_problem, "cannot be read: %s", strerror(-error));
        problem_remedy(ret_problem, "let the user that the server runs as read it");
    } else if (ret->count == 0) {
        error = -ENOENT;
        problem_set(ret_problem, "no certificates in it");
        problem_remedy(ret_problem, "give a directory that has " TLS_DIRECTORY_CERT
                                    " and " TLS_DIRECTORY_KEY ", or subdirectories with them");
    }
    if (error && error != -ENOMEM)
        problem_in_file(ret_problem, path, 0, 0);
    return error;
}

#endif
