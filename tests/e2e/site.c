/* site: see site.h. A test that is killed cannot clean up, so site_create also removes the sites of
 * test processes that are no longer there: the name carries the process id. */
#include "site.h"
#include "e2e.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "sluice-e2e-"

static const char *parents[16];
static size_t parent_count;

/* --- Making and removing the directory -------------------------------------------------------- */

static int open_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)where;
    if (kind == FTW_D || kind == FTW_DNR)
        chmod(path, 0700);
    return 0;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, open_one, 16, FTW_PHYS);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_orphans(void)
{
    DIR *directory = opendir("/tmp");
    struct dirent *entry;

    while (directory && (entry = readdir(directory)) != NULL) {
        struct stat stat;
        const char *path = text_format("/tmp/%s", entry->d_name);
        pid_t pid;

        if (strncmp(entry->d_name, NAME, strlen(NAME)) != 0)
            continue;
        pid = (pid_t)strtol(entry->d_name + strlen(NAME), NULL, 10);
        if (pid <= 0)
            continue;
        if (kill(pid, 0) < 0 && errno == ESRCH && lstat(path, &stat) == 0 &&
            S_ISDIR(stat.st_mode) && stat.st_uid == geteuid())
            remove_tree(path);
    }
    if (directory)
        closedir(directory);
}

void site_create(struct site *site)
{
    if (parent_count == 0)
        remove_orphans();
    cr_assert(parent_count < COUNT_OF(parents), "too many sites in one test");
    snprintf(site->parent, sizeof(site->parent), "/tmp/" NAME "%d-XXXXXX", (int)getpid());
    cr_assert(mkdtemp(site->parent) != NULL, "mkdtemp: %s", strerror(errno));
    parents[parent_count++] = text_format("%s", site->parent);
    snprintf(site->path, sizeof(site->path), "%s/root", site->parent);
    /* Others must be able to enter: some servers run as user 65534. */
    cr_assert(chmod(site->parent, 0755) == 0 && mkdir(site->path, 0755) == 0, "%s: %s", site->path,
              strerror(errno));
}

void sites_remove_all(void)
{
    while (parent_count > 0)
        remove_tree(parents[--parent_count]);
}

/* --- What is in it ---------------------------------------------------------------------------- */

const char *site_path(const struct site *site, const char *path)
{
    return text_format("%s/%s", site->path, path);
}

/* The absolute path of PATH. Makes the directories that lead to it. */
static const char *prepare(const struct site *site, const char *path)
{
    const char *whole = site_path(site, path);
    char *part = strdup(whole);

    cr_assert(part != NULL);
    for (char *slash = part + strlen(site->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        cr_assert(mkdir(part, 0755) == 0 || errno == EEXIST, "mkdir %s: %s", part, strerror(errno));
        *slash = '/';
    }
    return whole;
}

static void write_file(const char *path, const void *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
    for (size_t written = 0; written < length;) {
        ssize_t count = write(fd, (const char *)data + written, length - written);

        cr_assert(count > 0, "%s: %s", path, strerror(errno));
        written += (size_t)count;
    }
    close(fd);
}

void site_set_time(const struct site *site, const char *path, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    cr_assert(utimensat(AT_FDCWD, site_path(site, path), times, AT_SYMLINK_NOFOLLOW) == 0,
              "utimensat %s: %s", path, strerror(errno));
}

void site_write(const struct site *site, const char *path, const void *data, size_t length)
{
    write_file(prepare(site, path), data, length);
    site_set_time(site, path, SITE_TIME);
}

void site_write_text(const struct site *site, const char *path, const char *text)
{
    site_write(site, path, text, strlen(text));
}

void site_create_application(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<title>app</title>");
    site_write_text(site, "404.html", "<title>lost</title>");
}

struct view site_fill(const struct site *site, const char *path, size_t length, uint64_t seed)
{
    struct view content = content_make(length, seed);

    site_write(site, path, content.data, content.length);
    return content;
}

void site_write_sparse(const struct site *site, const char *path, off_t length)
{
    site_write(site, path, "", 0);
    cr_assert(truncate(site_path(site, path), length) == 0, "truncate: %s", strerror(errno));
    site_set_time(site, path, SITE_TIME);
}

void site_replace_text(const struct site *site, const char *path, const char *text)
{
    const char *fresh = text_format("%s/fresh", site->parent);

    write_file(fresh, text, strlen(text));
    cr_assert(rename(fresh, site_path(site, path)) == 0, "rename: %s", strerror(errno));
}

void site_replace_link(const struct site *site, const char *path, const char *target)
{
    const char *fresh = text_format("%s/fresh-link", site->parent);

    cr_assert(symlink(target, fresh) == 0, "symlink: %s", strerror(errno));
    cr_assert(rename(fresh, site_path(site, path)) == 0, "rename: %s", strerror(errno));
}

void site_mkdir(const struct site *site, const char *path)
{
    cr_assert(mkdir(prepare(site, path), 0755) == 0, "mkdir %s: %s", path, strerror(errno));
}

void site_link(const struct site *site, const char *path, const char *target)
{
    cr_assert(symlink(target, prepare(site, path)) == 0, "symlink %s: %s", path, strerror(errno));
}

void site_fifo(const struct site *site, const char *path)
{
    cr_assert(mkfifo(prepare(site, path), 0644) == 0, "mkfifo %s: %s", path, strerror(errno));
}

void site_socket(const struct site *site, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", prepare(site, path));
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
              "socket %s: %s", path, strerror(errno));
    close(fd);
}

void site_chmod(const struct site *site, const char *path, mode_t mode)
{
    cr_assert(chmod(site_path(site, path), mode) == 0, "chmod %s: %s", path, strerror(errno));
}
