/* faults_site: see faults_run.h. The files that the scenario requests. */
#include "faults_run.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
    LARGE_BYTES = 300000, /* sent by sendfile */
    OLD_BYTES = 40000,    /* hashed by a job */
    SHRINKING_BYTES = 8 << 20,
};

static void set_time(const struct tree *tree, const char *name, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    tree_must(utimensat(tree->fd, name, times, 0) == 0, name);
}

void scenario_resize(const struct tree *tree, const char *name, off_t bytes)
{
    int fd = openat(tree->fd, name, O_WRONLY | O_CLOEXEC);
    tree_must(fd >= 0 && ftruncate(fd, bytes) == 0, name);
    close(fd);
}

void scenario_fill(const struct tree *tree)
{
    static const time_t then = 784111777, undated = 315532800; /* 1980-01-01 */
    tree_write(tree, "index.html", STR("<!doctype html>\n<p>Hello\n"));
    tree_write(tree, "_headers", STR("/*\n  X-Rule: yes\n"));
    tree_write(tree, "page.html", STR("<!doctype html>\n<p>A page\n"));
    tree_write(tree, "page.html.gz", STR("(gzip)"));
    tree_write(tree, "mime.types", STR("application/x-test test\n"));
    tree_dir(tree, "dir");
    tree_write(tree, "dir/a.txt", STR("a"));
    tree_write(tree, "dir/b.test", STR("b"));
    tree_fill(tree, "small.txt", 900, 1);
    tree_fill(tree, "large.bin", LARGE_BYTES, 2);
    tree_fill(tree, "old.bin", OLD_BYTES, 3);
    tree_write(tree, "shrinking.bin", STR(""));
    scenario_resize(tree, "shrinking.bin", SHRINKING_BYTES);
    tree_write(tree, "changing.txt", STR("first"));
    set_time(tree, "dir/a.txt", then);
    set_time(tree, "dir/b.test", then);
    set_time(tree, "page.html", then);
    set_time(tree, "page.html.gz", then);
    set_time(tree, "large.bin", then);
    set_time(tree, "old.bin", undated);
}
