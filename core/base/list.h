/* list: intrusive circular doubly linked lists.
 *
 * Owns nothing: a node is embedded in its owner and is in at most one list at a time. The list
 * itself is a node, whose NEXT is the first element and whose PREVIOUS is the last. All operations
 * take constant time and cannot fail. */
#ifndef SLUICE_LIST_H
#define SLUICE_LIST_H

#include "base/base.h"

struct list {
    struct list *next; /* NULL: the node is not in a list */
    struct list *previous;
};

/* Makes LIST empty. */
static inline void list_init(struct list *list)
{
    list->next = list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* Whether NODE is in a list. A node is all zeros before it is first linked. */
static inline bool list_linked(const struct list *node)
{
    return node->next != NULL;
}

/* Adds NODE, which is not in a list, at the end. */
static inline void list_append(struct list *list, struct list *node)
{
    assert(!list_linked(node));
    node->next = list;
    node->previous = list->previous;
    list->previous->next = node;
    list->previous = node;
}

/* Adds NODE, which is not in a list, at the front. */
static inline void list_prepend(struct list *list, struct list *node)
{
    list_append(list->next, node);
}

/* Removes NODE from the list that it is in. */
static inline void list_unlink(struct list *node)
{
    assert(list_linked(node));
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
}

/* Like list_unlink, but does nothing if NODE is not in a list. */
static inline void list_remove(struct list *node)
{
    if (list_linked(node))
        list_unlink(node);
}

/* Removes and returns the first node. NULL: the list is empty. */
static inline struct list *list_take_first(struct list *list)
{
    struct list *node = list->next;
    if (node == list)
        return NULL;
    list_unlink(node);
    return node;
}

/* Moves all nodes of FROM to the end of LIST. */
static inline void list_splice(struct list *list, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->previous = list->previous;
    list->previous->next = from->next;
    from->previous->next = list;
    list->previous = from->previous;
    list_init(from);
}

#endif
