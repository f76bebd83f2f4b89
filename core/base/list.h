/* list: intrusive circular lists.
 *
 * Owns nothing: a node is embedded in its owner, and in at most one list at a time. A list is a node of
 * its own. All operations are O(1) and can't fail. */
#ifndef SLUICE_LIST_H
#define SLUICE_LIST_H

#include "base/base.h"

struct list {
    struct list *next; /* NULL: a node that is in no list */
    struct list *previous;
};

/* An empty list. */
static inline void list_init(struct list *list)
{
    list->next = list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Whether NODE (zero at first) is in a list. */
static inline bool list_linked(const struct list *node)
{
    return node->next != NULL;
}

static inline void list_append(struct list *list, struct list *node)
{
    assert(!list_linked(node));
    node->next = list;
    node->previous = list->previous;
    list->previous->next = node;
    list->previous = node;
}

/* To the front. */
static inline void list_prepend(struct list *list, struct list *node)
{
    list_append(list->next, node);
}

/* NODE is in a list. */
static inline void list_unlink(struct list *node)
{
    assert(list_linked(node));
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
}

/* Like list_unlink; no effect on a node that is in no list. */
static inline void list_remove(struct list *node)
{
    if (list_linked(node))
        list_unlink(node);
}

/* The first node, removed from the list, or NULL. */
static inline struct list *list_take_first(struct list *list)
{
    struct list *node = list->next;
    if (node == list)
        return NULL;
    list_unlink(node);
    return node;
}

#endif
