/* tls_file: see tls_file.h. */
#include "tls/tls_file.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct problem *ret_problem, const char *path, int error)
{
    if (error == -ENOMEM) {
        problem_set_no_memory(ret_problem);
        return error;
    }
    problem_set(ret_problem, "cannot be read: %s", strerror(-error));
    if (error == -EACCES)
        problem_remedy(ret_problem, "let the user that the server runs as read it");
    problem_in_file(ret_problem, path, 0, 0);
    return error;
}

static int refuse(struct problem *ret_problem, const char *path, const char *what)
{
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "give a file in PEM");
    problem_in_file(ret_problem, path, 0, 0);
    return -EINVAL;
}

/* Fills FILE from FD. It ends where the file ended when it was opened, or before. 0 or a negative
 * errno. */
static int read_content(int fd, struct tls_file *file)
{
    size_t bytes = file->identity.bytes, done = 0;
    char *to = malloc(bytes + 1); /* malloc(0) may give NULL */
    if (!to)
        return -ENOMEM;
    while (done < bytes) {
        ssize_t got = pread(fd, to + done, bytes - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int error = got < 0 ? -errno : 0;
            file->content = (struct str){to, done};
            return error;
        }
        done += (size_t)got;
    }
    file->content = (struct str){to, done};
    return 0;
}

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int tls_file_try(const char *path, struct problem *ret_problem)
{
    int fd = open_file(path);
    if (fd < 0)
        return fail(ret_problem, path, fd);
    close(fd);
    return 0;
}

int tls_file_read(struct tls_file *file, const char *path, struct problem *ret_problem)
{
    struct stat status;
    int fd = open_file(path);
    if (fd < 0)
        return fail(ret_problem, path, fd);
    int error = fstat(fd, &status) < 0 ? -errno : 0;
    if (error) {
        error = fail(ret_problem, path, error);
    } else if (!S_ISREG(status.st_mode)) {
        error = refuse(ret_problem, path,
                       S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    } else if (status.st_size > TLS_FILE_BYTES_MAX) {
        error = refuse(ret_problem, path, "longer than 1 MiB");
    } else {
        blob_identify(&status, &file->identity);
        error = read_content(fd, file);
        if (error)
            error = fail(ret_problem, path, error);
    }
    close(fd);
    return error;
}

void tls_file_fini(struct tls_file *file)
{
    char *at = (char *)(uintptr_t)file->content.at;
    if (at)
        OPENSSL_cleanse(at, file->content.length);
    free(at);
    *file = (struct tls_file){.content = STR_ABSENT};
}

bool tls_file_is_at(const char *path, const struct blob_identity *identity)
{
    struct stat status;
    struct blob_identity now;
    if (stat(path, &status) < 0)
        return false;
    blob_identify(&status, &now);
    return blob_identity_equal(identity, &now);
}

#endif
