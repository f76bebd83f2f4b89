/* descriptors: see descriptors.h. */
#include "server/descriptors.h"

#include "observe/log_file.h"
#include "server/process.h"

#include <errno.h>
#include <stdlib.h>

static int in_log(const char *name)
{
    return name ? log_file_descriptor(name) : -1;
}

int descriptors_close_others(const struct settings *settings, const struct inherited *inherited,
                             int parent_fd, struct problem *ret_problem)
{
    const unsigned given = inherited ? inherited->count : 0;
    int *kept = calloc(2 * (size_t)settings->site_count + given + 2, sizeof *kept);
    unsigned count = 0;
    if (!kept) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < settings->site_count; i++) {
        kept[count++] = process_descriptor_in(settings->sites[i]->root);
        kept[count++] = in_log(settings->sites[i]->access_log.at);
    }
    for (unsigned i = 0; i < given; i++)
        kept[count++] = inherited->items[i].fd;
    kept[count++] = in_log(settings->process.error_log.at);
    kept[count++] = parent_fd;
    process_close_inherited_descriptors(kept, count);
    free(kept);
    return 0;
}
