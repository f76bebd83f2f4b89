/* descriptors: see descriptors.h. */
#include "server/descriptors.h"

#include "observe/log_file.h"
#include "server/process.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int in_log(const char *name)
{
    return name ? log_file_descriptor(name) : -1;
}

/* Appends FD to KEPT, unless it is a standard descriptor, or none. */
static void keep(int *kept, unsigned *count, int fd)
{
    if (fd > STDERR_FILENO)
        kept[(*count)++] = fd;
}

/* Makes room for EXTRA more than SETTINGS name, and lists those. NULL: out of memory. */
static int *list(const struct settings *settings, unsigned extra, unsigned *ret_count)
{
    int *kept = calloc(2 * (size_t)settings->site_count + 1 + extra, sizeof *kept);
    unsigned count = 0;
    if (!kept)
        return NULL;
    for (unsigned i = 0; i < settings->site_count; i++) {
        keep(kept, &count, process_descriptor_in(settings->sites[i]->root));
        keep(kept, &count, in_log(settings->sites[i]->access_log.at));
    }
    keep(kept, &count, in_log(settings->process.error_log.at));
    *ret_count = count;
    return kept;
}

int descriptors_list(const struct settings *settings, int **ret)
{
    unsigned count;
    int *kept = list(settings, 0, &count);
    if (!kept)
        return -ENOMEM;
    *ret = kept;
    return (int)count;
}

int descriptors_close_others(const struct settings *settings, const struct inherited *inherited,
                             int parent_fd, struct problem *ret_problem)
{
    const unsigned given = inherited ? inherited->count : 0;
    unsigned count;
    int *kept = list(settings, given + 1, &count);
    if (!kept) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < given; i++)
        keep(kept, &count, inherited->items[i].fd);
    keep(kept, &count, parent_fd);
    process_close_inherited_descriptors(kept, count);
    free(kept);
    return 0;
}
