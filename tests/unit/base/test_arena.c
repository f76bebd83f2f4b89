/* arena: memory of one owner, freed at once. Run with AddressSanitizer it proves that nothing is
 * lost. */
#include "base/arena.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>

Test(arena, gives_zeroed_aligned_memory_that_does_not_overlap)
{
    enum { COUNT = 300 };
    struct arena arena = {.left = 0};
    unsigned char *parts[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        parts[i] = arena_alloc(&arena, i);
        cr_assert_not_null(parts[i]);
        cr_expect_eq((uintptr_t)parts[i] % alignof(max_align_t), 0);
        for (unsigned j = 0; j < i; j++)
            cr_assert_eq(parts[i][j], 0, "part %u, byte %u", i, j);
        memset(parts[i], (int)(i % 255 + 1), i);
    }
    for (unsigned i = 0; i < COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            cr_assert_eq(parts[i][j], i % 255 + 1, "part %u, byte %u", i, j);
    arena_fini(&arena);
}

Test(arena, gives_more_than_a_chunk_at_once)
{
    struct arena arena = {.left = 0};
    char *small = arena_alloc(&arena, 10), *large = arena_alloc(&arena, 100000);
    cr_assert(small && large);
    memset(large, 1, 100000);
    cr_expect_eq(small[9], 0);
    cr_expect_null(arena_alloc(&arena, SIZE_MAX));
    cr_expect_null(arena_alloc(&arena, SIZE_MAX - 5));
    arena_fini(&arena);
}

Test(arena, copies_text_and_ends_it_in_a_nul)
{
    struct arena arena = {.left = 0};
    char original[] = "text";
    struct str copy = arena_copy(&arena, (struct str){original, 3});
    original[0] = 'x';
    cr_expect(str_equal(copy, STR("tex")));
    cr_expect_str_eq(copy.at, "tex");
    struct str empty = arena_copy(&arena, STR_ABSENT);
    cr_expect(empty.at && empty.length == 0);
    cr_expect_str_eq(empty.at, "");
    arena_fini(&arena);
    cr_expect_null(arena.chunks);
    cr_expect(str_equal(arena_copy(&arena, STR("again")), STR("again")), "it can be used again");
    arena_fini(&arena);
}

Test(arena, lists_keep_their_order_as_they_grow)
{
    enum { COUNT = 100 };
    struct arena arena = {.left = 0};
    struct arena_list list = {.count = 0};
    char text[8];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "%u", i);
        cr_assert_eq(arena_list_append(&list, &arena, str_of(text)), 0);
    }
    cr_assert_eq(list.count, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "%u", i);
        cr_expect_str_eq(list.items[i], text);
    }
    arena_fini(&arena);
}

Test(arena, refuses_without_memory_and_leaves_lists_as_they_were)
{
    struct arena arena = {.left = 0};
    struct arena_list list = {.count = 0};
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    cr_expect_null(arena_alloc(&arena, 1));
    cr_expect_null(arena_copy(&arena, STR("x")).at);
    cr_expect_eq(arena_list_append(&list, &arena, STR("x")), -ENOMEM);
    cr_expect_eq(list.count, 0);
    faults_clear();
    cr_expect_eq(arena_list_append(&list, &arena, STR("x")), 0);
    arena_fini(&arena);
}
