/* problem_list: see problem_list.h. */
#include "base/problem_list.h"

#include <errno.h>
#include <string.h>

/* Whether A and B are the same mistake at the same place of a file. */
static bool is_same(const struct problem *a, const struct problem *b)
{
    return a->line == b->line && a->column == b->column && strcmp(a->file, b->file) == 0 &&
           strcmp(a->option, b->option) == 0 && strcmp(a->what, b->what) == 0;
}

int problem_list_keep(struct problem_list *list, int error, const struct problem *problem)
{
    if (error == 0 || error == -ENOMEM || !list)
        return error;
    for (unsigned i = 0; i < list->count; i++) {
        if (is_same(&list->items[i], problem))
            return 0;
    }
    if (list->count < PROBLEM_LIST_MAX)
        list->items[list->count++] = *problem;
    else
        list->has_more = true;
    return 0;
}

bool problem_list_has_option(const struct problem_list *list, const char *option)
{
    for (unsigned i = 0; list && i < list->count; i++) {
        if (strcmp(list->items[i].option, option) == 0)
            return true;
    }
    return false;
}
