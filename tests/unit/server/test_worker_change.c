/* worker_change: what a running worker needs for another generation is made as a whole or not at
 * all, and it serves on. */
#include "support/faults.h"
#include "support/worker_rig.h"
#include "system/listener_end.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct worker_rig rig;
static struct generation *generation;
static const struct origin origins[ORIGINS_MAX];

static void set_up(void)
{
    worker_rig_init(&rig);
    rig.config.origins = origins;
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

/* Changes the worker over to the generation and to the rig's listener, whose connections have
 * origin ORIGIN. Allocation number SKIP of the preparation fails. 0 or the error. */
static int change_over_to(uint8_t origin, unsigned skip, struct problem *ret_problem)
{
    const uint8_t listener_origins[] = {origin};
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

/* Its listener stays as it is. */
static int change_over(unsigned skip, struct problem *ret_problem)
{
    return change_over_to(0, skip, ret_problem);
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

/* --- Origins ---------------------------------------------------------------------------------- */

/* Has the worker change over to ORIGIN. */
static void use_origin(uint8_t origin)
{
    struct problem problem;
    cr_assert_eq(change_over_to(origin, FAULT_ALWAYS, &problem), 0);
}

/* Waits until ORIGIN is in use, or is not, as USED says. */
static bool origin_becomes(uint8_t origin, bool used)
{
    for (unsigned ms = 0; (worker_origins(rig.worker) >> origin & 1) != used; ms++) {
        if (ms == WORKER_RIG_PATIENCE_MS)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

/* A listener that ends accepts connections for more than a second. */
Test(worker_change, the_origin_of_a_listener_that_ends_is_in_use_as_long_as_it_is)
{
    enum { FORMER = 7, LATTER = 14 };
    const uint16_t port = rig.port;
    make_generation(false);
    use_origin(FORMER);
    rig.listener = wire_listen(&rig.port);
    use_origin(LATTER);
    cr_expect_eq(worker_origins(rig.worker), UINT64_C(1) << FORMER | UINT64_C(1) << LATTER);
    int late = wire_connect(port);
    cr_assert(wire_send(late, STR("GET /small.txt HTTP/1.1\r\n")));
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, 1));
    poll(NULL, 0, LISTENER_END_MS + LISTENER_END_REFUSES_MS + 100);
    cr_expect(origin_becomes(FORMER, true), "a connection has it");
    close(late);
    cr_expect(worker_rig_counts(&rig, COUNTER_CONNECTIONS_CLOSED, 1));
    worker_survey(rig.worker);
    cr_expect(origin_becomes(FORMER, false));
}

Test(worker_change, the_origin_of_a_listener_is_free_when_that_has_ended)
{
    enum { FORMER = 7, LATTER = 14 };
    make_generation(false);
    use_origin(FORMER);
    rig.listener = wire_listen(&rig.port);
    use_origin(LATTER);
    cr_expect(origin_becomes(FORMER, true));
    cr_expect(origin_becomes(FORMER, false));
    cr_expect(origin_becomes(LATTER, true));
}

#ifdef SLUICE_HAVE_OPENSSL

Test(worker_change, to_tls_is_left_out_as_a_whole_without_memory)
{
    survives_without_memory(true);
}

#endif
