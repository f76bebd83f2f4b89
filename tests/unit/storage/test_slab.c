/* slab: order of lending, bounds, and poisoning. */
#include "storage/slab.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif

Test(slab, lends_last_in_first_out)
{
    struct slab slab;
    slab_init(&slab, 128, 8, 8);
    void *a = slab_take(&slab), *b = slab_take(&slab), *c = slab_take(&slab);
    slab_give(&slab, a);
    slab_give(&slab, c);
    slab_give(&slab, b);
    cr_expect_eq(slab_take(&slab), b);
    cr_expect_eq(slab_take(&slab), c);
    cr_expect_eq(slab_take(&slab), a);
    slab_give(&slab, a);
    slab_give(&slab, b);
    slab_give(&slab, c);
    slab_fini(&slab);
}

Test(slab, lends_at_most_objects_max)
{
    struct slab slab;
    slab_init(&slab, 64, 3, 1);
    void *objects[3];
    for (int i = 0; i < 3; i++)
        cr_assert_not_null(objects[i] = slab_take(&slab));
    cr_expect_null(slab_take(&slab));
    cr_expect_eq(slab.lent_count, 3);
    slab_give(&slab, objects[1]);
    cr_expect_eq(slab.lent_count, 2);
    cr_assert_not_null(objects[1] = slab_take(&slab));
    cr_expect_null(slab_take(&slab));
    for (int i = 0; i < 3; i++)
        slab_give(&slab, objects[i]);
    slab_fini(&slab);
}

Test(slab, frees_what_is_idle_and_counts_it)
{
    struct slab slab;
    slab_init(&slab, 64, 100, 4);
    void *objects[6];
    for (int i = 0; i < 6; i++)
        objects[i] = slab_take(&slab);
    for (int i = 0; i < 5; i++)
        slab_give(&slab, objects[i]);
    cr_expect_eq(slab.freed_bytes, 64, "one more than it keeps");
    slab_shrink(&slab);
    cr_expect_eq(slab.idle_count, 0);
    cr_expect_eq(slab.freed_bytes, 5 * 64);
    slab_give(&slab, objects[5]);
    slab_fini(&slab);
}

Test(slab, keeps_at_most_keep_max_idle)
{
    struct slab slab;
    slab_init(&slab, 64, 100, 4);
    void *objects[100];
    for (int i = 0; i < 100; i++)
        objects[i] = slab_take(&slab);
    cr_expect_eq(slab.idle_count, 0);
    for (uint32_t i = 0; i < 100; i++) {
        slab_give(&slab, objects[i]);
        cr_expect_eq(slab.idle_count, i < 4 ? i + 1 : 4);
    }
    cr_expect_eq(slab.lent_count, 0);
    slab_fini(&slab);
    cr_expect_null(slab.idle);
    cr_expect_eq(slab.idle_count, 0);
}

Test(slab, lends_and_keeps_nothing_with_bounds_of_0)
{
    struct slab slab;
    slab_init(&slab, 64, 0, 4);
    cr_expect_null(slab_take(&slab));
    slab_fini(&slab);
    slab_init(&slab, 64, 1, 0);
    slab_give(&slab, slab_take(&slab));
    cr_expect_null(slab.idle);
    slab_fini(&slab);
}

Test(slab, never_lends_overlapping_objects)
{
    enum { OBJECTS = 32, BYTES = 192 };
    struct slab slab;
    slab_init(&slab, BYTES, OBJECTS, 7);
    unsigned char *lent[OBJECTS];
    size_t count = 0;
    struct prng prng = {42};
    for (int step = 0; step < 100000; step++) {
        if (prng_below(&prng, 2) == 0) {
            unsigned char *object = slab_take(&slab);
            cr_assert_eq(object == NULL, count == OBJECTS);
            if (object == NULL)
                continue;
            cr_assert_eq((uintptr_t)object % 64, 0, "aligned to a cache line");
            memset(object, (int)((uintptr_t)object >> 6 & 0xff), BYTES);
            lent[count++] = object;
        } else if (count > 0) {
            size_t which = prng_below(&prng, count);
            unsigned char *object = lent[which], mark = (uintptr_t)object >> 6 & 0xff;
            for (size_t i = 0; i < BYTES; i++)
                cr_assert_eq(object[i], mark, "another borrower wrote here");
            slab_give(&slab, object);
            lent[which] = lent[--count];
        }
        cr_assert_eq(slab.lent_count, count);
        cr_assert_leq(slab.idle_count, 7);
    }
    while (count > 0)
        slab_give(&slab, lent[--count]);
    slab_fini(&slab);
}

#ifdef TEST_ASAN
/* Whether ACT on an idle object ends its process. ASan's report is discarded. */
static bool dies(void (*act)(struct slab *, volatile char *))
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        struct slab slab;
        slab_init(&slab, 64, 2, 2);
        volatile char *object = slab_take(&slab);
        slab_give(&slab, (void *)(uintptr_t)object);
        act(&slab, object);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void do_nothing(struct slab *slab, volatile char *object)
{
    (void)slab, (void)object;
}

static void write_first(struct slab *slab, volatile char *object)
{
    (void)slab;
    object[0] = 1;
}

static void write_last(struct slab *slab, volatile char *object)
{
    (void)slab;
    object[63] = 1;
}

static void take_and_write(struct slab *slab, volatile char *object)
{
    slab_take(slab);
    object[0] = object[63] = 1;
}

Test(slab, poisons_idle_objects)
{
    cr_expect_not(dies(do_nothing));
    cr_expect(dies(write_first));
    cr_expect(dies(write_last));
    cr_expect_not(dies(take_and_write));
}
#endif
