/* store: when a revalidation looks up the siblings of a file, too. */
#include "support/store_rig.h"

TestSuite(store_siblings, .init = store_rig_init, .fini = store_rig_fini, .timeout = 120);

/* Enables codings, and lets all earlier changes be long ago. */
static void settle_siblings(void)
{
    codings = CONTENT_CODING_ALL_CODED;
    make_files(1 << 20, 10);
    faults_shift_clock(SETTLED_AFTER_SECONDS);
    now.seconds = time(NULL) + SETTLED_AFTER_SECONDS;
}

static void set_time(const char *name, int64_t seconds)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
    cr_assert_eq(utimensat(tree.fd, name, times, 0), 0);
}

/* The number of openat2 calls for a revalidation of the file that has VARIANTS. */
static unsigned look_again(unsigned variants)
{
    pass_ms(VALID_MS);
    unsigned calls = opens();
    struct resource *resource = get("file.txt");
    calls = opens() - calls;
    cr_assert_not_null(resource);
    cr_expect_eq(resource->variant_count, variants);
    resource_drop(resource);
    return calls;
}

/* The same, the least of several tries: other processes that rename files may keep the kernel from
 * answering without waiting. */
static unsigned look_again_least(unsigned variants)
{
    unsigned least = UINT_MAX;
    for (unsigned i = 0; i < 5; i++) {
        unsigned calls = look_again(variants);
        least = calls < least ? calls : least;
    }
    return least;
}

Test(store_siblings, are_looked_up_when_names_were_added)
{
    enum { SIBLINGS = 3, PLAIN = 1, FOLDER = 1 }; /* openat2 for each */
    tree_fill(&tree, "site/file.txt", 1000, 1);
    settle_siblings();
    cr_expect_eq(look_again_least(1), FOLDER + PLAIN);
    tree_fill(&tree, "site/file.txt.br", 500, 2);
    now.seconds = time(NULL) + SETTLED_AFTER_SECONDS;
    look_again(2);
    look_again(2);
    cr_expect_geq(look_again_least(2), PLAIN + SIBLINGS, "one that is there may change");
    cr_assert_eq(unlinkat(tree.fd, "site/file.txt.br", 0), 0);
    now.seconds = time(NULL) + SETTLED_AFTER_SECONDS;
    cr_expect_eq(look_again_least(1), FOLDER + PLAIN);
}

/* Regardless of the directory: some file systems never update it. */
Test(store_siblings, are_looked_up_from_time_to_time)
{
    enum { SIBLINGS = 3, PLAIN = 1, LOOKS = 256 };
    tree_fill(&tree, "site/file.txt", 1000, 1);
    settle_siblings();
    unsigned full = 0;
    for (unsigned i = 0; i < LOOKS; i++)
        full += look_again(1) >= PLAIN + SIBLINGS;
    cr_expect_geq(full, LOOKS / 64, "%u of %u looks", full, LOOKS);
}

/* No name was added, and yet there is a sibling. */
Test(store_siblings, are_noticed_that_appear_without_a_new_name)
{
    tree_fill(&tree, "site/file.txt.br", 500, 2);
    set_time("site/file.txt.br", 1000);
    tree_fill(&tree, "site/file.txt", 1000, 1);
    tree_dir(&tree, "site/d");
    cr_assert_eq(symlinkat("d/target", tree.fd, "site/file.txt.gz"), 0);
    settle_siblings();
    for (unsigned i = 0; i < 3; i++)
        look_again(1); /* one is older, the other is a dangling link */
    set_time("site/file.txt.br", time(NULL) + 1);
    look_again(2);
    tree_fill(&tree, "site/d/target", 400, 3);
    look_again(3);
}

/* The directory was checked before the name was added; a job revalidates the file after that. */
Test(store_siblings, are_looked_up_by_a_job_itself)
{
    tree_fill(&tree, "site/file.txt", 1000, 1);
    tree_fill(&tree, "site/other.txt", 1000, 2);
    settle_siblings();
    look_again(1);
    expect_file("other.txt", 1000, 2);
    pass_ms(VALID_MS);
    expect_file("other.txt", 1000, 2);
    tree_fill(&tree, "site/file.txt.br", 500, 3);
    faults_fail(FAULT_OPENAT2_CACHED, 0, FAULT_ALWAYS, EAGAIN);
    struct resource *resource = get("file.txt");
    cr_expect_eq(resource->variant_count, 2);
    resource_drop(resource);
}
