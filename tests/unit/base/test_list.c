/* list: contents and order. */
#include "base/list.h"
#include "support/prng.h"

#include <criterion/criterion.h>

Test(list, takes_nodes_in_the_order_of_appending)
{
    struct list list, nodes[3] = {{0}};
    list_init(&list);
    cr_expect(list_is_empty(&list));
    cr_expect_null(list_take_first(&list));
    for (int i = 0; i < 3; i++)
        list_append(&list, &nodes[i]);
    cr_expect_not(list_is_empty(&list));
    for (int i = 0; i < 3; i++)
        cr_expect_eq(list_take_first(&list), &nodes[i]);
    cr_expect(list_is_empty(&list));
    cr_expect_null(list_take_first(&list));
}

Test(list, puts_a_prepended_node_first)
{
    struct list list, nodes[3] = {{0}};
    list_init(&list);
    list_prepend(&list, &nodes[1]);
    list_append(&list, &nodes[2]);
    list_prepend(&list, &nodes[0]);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(list_take_first(&list), &nodes[i]);
    cr_expect(list_is_empty(&list));
}

Test(list, reports_whether_a_node_is_linked)
{
    struct list list, node = {0};
    list_init(&list);
    cr_expect_not(list_linked(&node));
    list_append(&list, &node);
    cr_expect(list_linked(&node));
    list_remove(&node);
    cr_expect_not(list_linked(&node));
    cr_expect(list_is_empty(&list));
    list_append(&list, &node);
    cr_expect_eq(list_take_first(&list), &node);
    cr_expect_not(list_linked(&node), "taken is removed");
}

Test(list, ignores_removal_of_an_unlinked_node)
{
    struct list node = {0};
    list_remove(&node);
    list_remove(&node);
    cr_expect_not(list_linked(&node));
}

Test(list, moves_a_node_to_another_list)
{
    struct list a, b, nodes[2] = {{0}};
    list_init(&a);
    list_init(&b);
    list_append(&a, &nodes[0]);
    list_append(&a, &nodes[1]);
    list_remove(&nodes[0]);
    list_append(&b, &nodes[0]);
    cr_expect_eq(list_take_first(&a), &nodes[1]);
    cr_expect_eq(list_take_first(&b), &nodes[0]);
    cr_expect(list_is_empty(&a) && list_is_empty(&b));
}

enum { NODES = 16 };

/* A list, and an array with the expected order of its nodes. */
struct modelled {
    struct list list;
    struct list nodes[NODES];
    struct list *order[NODES];
    size_t count;
};

static size_t index_of(const struct modelled *m, const struct list *node)
{
    size_t i = 0;
    while (i < m->count && m->order[i] != node)
        i++;
    return i;
}

static void forget(struct modelled *m, size_t index)
{
    for (size_t i = index + 1; i < m->count; i++)
        m->order[i - 1] = m->order[i];
    m->count--;
}

static void check(const struct modelled *m)
{
    const struct list *at = &m->list;
    cr_assert_eq(list_is_empty(&m->list), m->count == 0);
    for (size_t i = 0; i < m->count; i++) {
        cr_assert_eq(at->next, m->order[i]);
        cr_assert_eq(at->next->previous, at);
        at = at->next;
    }
    cr_assert_eq(at->next, &m->list, "it ends where it should");
    cr_assert_eq(m->list.previous, at);
}

/* Each of 0 to 2 nodes after each of 0 to 2 others. */
Test(list, splices_all_nodes_to_the_end)
{
    for (size_t kept = 0; kept <= 2; kept++) {
        for (size_t moved = 0; moved <= 2; moved++) {
            struct list list, from, nodes[4] = {{0}};
            list_init(&list);
            list_init(&from);
            for (size_t i = 0; i < kept + moved; i++)
                list_append(i < kept ? &list : &from, &nodes[i]);
            list_splice(&list, &from);
            cr_expect(list_is_empty(&from));
            for (size_t i = 0; i < kept + moved; i++)
                cr_expect_eq(list_take_first(&list), &nodes[i], "%zu and %zu", kept, moved);
            cr_expect(list_is_empty(&list));
        }
    }
}

Test(list, agrees_with_an_array_under_random_operations)
{
    struct modelled m = {0};
    struct prng prng = {61};
    list_init(&m.list);
    for (int step = 0; step < 50000; step++) {
        struct list *node = &m.nodes[prng_below(&prng, NODES)];
        size_t index = index_of(&m, node);
        cr_assert_eq(list_linked(node), index < m.count);
        if (prng_below(&prng, 4) == 0) {
            struct list *first = m.count > 0 ? m.order[0] : NULL;
            cr_assert_eq(list_take_first(&m.list), first);
            if (first)
                forget(&m, 0);
        } else if (index < m.count) {
            list_remove(node);
            forget(&m, index);
        } else {
            list_append(&m.list, node);
            m.order[m.count++] = node;
        }
        check(&m);
    }
}
