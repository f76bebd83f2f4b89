/* worker_change: what a running worker needs for another generation is made as a whole or not at
 * all, and it serves on. */
#include "support/faults.h"
#include "support/worker_rig.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct worker_rig rig;
static struct generation *generation;

static void set_up(void)
{
    worker_rig_init(&rig);
    rig.config.changed_fd = eventfd(0, EFD_CLOEXEC);
    worker_rig_start(&rig);
}

static void tear_down(void)
{
    faults_clear();
    worker_rig_fini(&rig);
    generation_unref(generation);
    close(rig.config.changed_fd);
}

TestSuite(worker_change, .init = set_up, .fini = tear_down, .timeout = 60);

/* A generation with the same site, and with HTTPS if SECURE. */
static void make_generation(bool secure)
{
    struct problem problem;
    struct settings *settings = settings_create();
    settings_add_site(settings)->root_text = str_of(rig.tree.path);
    settings->process.self_signed = secure;
    cr_assert_eq(generation_create(&generation, settings, NULL, &problem), 0, "%s", problem.what);
    cr_assert_eq(generation_follow(generation, NULL, &problem), 0, "%s", problem.what);
    settings_unref(settings);
}

/* Changes the worker over to the generation; its listener stays. Allocation number SKIP of the
 * preparation fails. 0 or the error. */
static int change_over(unsigned skip, struct problem *ret_problem)
{
    static const struct origin origins[ORIGINS_MAX];
    static const uint8_t listener_origins[1];
    const struct worker_next next = {
        .generation = generation,
        .tls = https_shared(generation->https),
        .origins = origins,
        .listeners = &rig.listener,
        .listener_origins = listener_origins,
        .listener_count = 1,
    };
    struct worker_change *change;
    uint64_t count;
    faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
    const int error = worker_prepare(rig.worker, &next, &change, ret_problem);
    faults_clear();
    if (error)
        return error;
    worker_change(rig.worker, change);
    cr_assert_eq(read(rig.config.changed_fd, &count, sizeof count), sizeof count);
    return 0;
}

/* Tries it once, and whether the worker serves on. Returns whether it changed over. */
static bool changes_over(unsigned skip)
{
    struct problem problem = {.what = ""};
    const int error = change_over(skip, &problem);
    cr_expect(error == 0 || (error == -ENOMEM && *problem.what != '\0'), "%d", error);
    cr_expect(worker_rig_serves_small(&rig));
    return error == 0;
}

static void survives_without_memory(bool secure)
{
    unsigned skip = 0;
    make_generation(secure);
    cr_expect_eq(https_shared(generation->https) != NULL, secure);
    while (!changes_over(skip))
        cr_assert_lt(++skip, 100);
    cr_expect_gt(skip, 0);
    cr_expect(changes_over(1000000), "a second time");
}

Test(worker_change, is_left_out_as_a_whole_without_memory)
{
    survives_without_memory(false);
}

#ifdef SLUICE_HAVE_OPENSSL

Test(worker_change, to_tls_is_left_out_as_a_whole_without_memory)
{
    survives_without_memory(true);
}

#endif
