/* changes: what is the newest state, by whichever worker it was published, and who has to check
 * again. */
#include "site/changes.h"
#include "support/faults.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { PATHS = 100 };

static struct changes *changes;
static struct changes_site *sites[2];

static void set_up(void)
{
    changes = changes_create(PATHS);
    cr_assert_not_null(changes);
    for (size_t i = 0; i < COUNT_OF(sites); i++) {
        sites[i] = changes_site_create();
        cr_assert_not_null(sites[i]);
    }
}

static void tear_down(void)
{
    faults_clear();
    changes_destroy(changes);
    for (size_t i = 0; i < COUNT_OF(sites); i++)
        changes_site_destroy(sites[i]);
}

TestSuite(changes, .init = set_up, .fini = tear_down);

/* Whether what was published with MARK is the newest still. */
static bool is_newest(const struct changes_mark *mark)
{
    return atomic_load(mark->word) == mark->seen;
}

/* A hash in bucket BUCKET, of the path PATH. */
static uint64_t hash_of(uint64_t path, uint64_t bucket)
{
    return path << 33 | bucket;
}

static uint64_t epoch(void)
{
    return atomic_load(changes_epoch(changes));
}

static struct changes_mark publish(uint64_t hash, uint64_t fingerprint)
{
    struct changes_ticket ticket = changes_begin(changes, hash);
    struct changes_mark mark = {NULL, 0};
    cr_assert(changes_publish(&ticket, hash, fingerprint, &mark));
    cr_assert(is_newest(&mark));
    return mark;
}

Test(changes, ends_the_mark_of_an_older_state)
{
    struct changes_mark old = publish(hash_of(1, 5), 10);
    struct changes_mark same = publish(hash_of(1, 5), 10);
    cr_expect(is_newest(&old), "workers that agree leave each other alone");
    struct changes_mark new = publish(hash_of(1, 5), 20);
    cr_expect(!is_newest(&old) && !is_newest(&same));
    cr_expect(is_newest(&new));
}

Test(changes, keeps_paths_of_one_bucket_apart)
{
    struct changes_mark first = publish(hash_of(1, 5), 10), second = publish(hash_of(2, 5), 10);
    struct changes_mark new = publish(hash_of(1, 5), 20);
    cr_expect(!is_newest(&first));
    cr_expect(is_newest(&second) && is_newest(&new));
}

/* A file that goes and comes again as it was: the other state between ends no lease of the same
 * state. */
Test(changes, takes_a_state_that_has_returned_for_the_same)
{
    struct changes_mark missing = publish(hash_of(1, 5), 404);
    struct changes_mark there = publish(hash_of(1, 5), 200);
    cr_expect_not(is_newest(&missing));
    publish(hash_of(1, 5), 404);
    cr_expect(is_newest(&missing));
    cr_expect_not(is_newest(&there));
}

Test(changes, gives_no_mark_to_what_was_examined_before_another_state_was_published)
{
    uint64_t hash = hash_of(1, 5);
    struct changes_mark mark = {NULL, 7};
    struct changes_ticket early = changes_begin(changes, hash);
    cr_expect(changes_is_current(&early));
    struct changes_mark new = publish(hash, 20);
    cr_expect_not(changes_is_current(&early));
    cr_expect_not(changes_publish(&early, hash, 10, &mark));
    cr_expect_eq(mark.seen, 7);
    cr_expect_not(is_newest(&new), "which of the two is newer isn't known");
    new = publish(hash, 20);
    cr_expect(changes_publish(&early, hash, 20, &mark), "the same state");
    cr_expect(is_newest(&mark) && is_newest(&new));
}

/* Two late results in a row don't bring an old mark back to life. */
Test(changes, leaves_old_marks_ended_after_several_late_results)
{
    uint64_t hash = hash_of(1, 5);
    struct changes_mark mark;
    struct changes_ticket early = changes_begin(changes, hash);
    struct changes_mark new = publish(hash, 20);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_not(changes_publish(&early, hash, 10 + 2 * i, &mark));
        cr_expect_not(is_newest(&new));
    }
}

/* A long examination gets its mark, however often other paths of its bucket are confirmed. */
Test(changes, keeps_tickets_current_while_other_paths_are_confirmed)
{
    publish(hash_of(1, 5), 10);
    struct changes_ticket unknown = changes_begin(changes, hash_of(2, 5));
    struct changes_ticket known = changes_begin(changes, hash_of(1, 5));
    publish(hash_of(3, 5), 30);
    cr_expect_not(changes_is_current(&unknown), "a new word may have taken a place");
    unknown = changes_begin(changes, hash_of(2, 5));
    publish(hash_of(3, 5), 30);
    cr_expect(changes_is_current(&unknown));
    known = changes_begin(changes, hash_of(1, 5));
    publish(hash_of(3, 5), 30);
    cr_expect(changes_is_current(&known));
    publish(hash_of(1, 5), 10);
    cr_expect_not(changes_is_current(&known), "the path may have had another state meanwhile");
    struct changes_mark mark;
    cr_expect(changes_publish(&unknown, hash_of(2, 5), 20, &mark));
    cr_expect(is_newest(&mark));
}

/* A path without room displaces another one, which has to check again; nothing is taken for
 * something else. */
Test(changes, ends_marks_early_when_a_bucket_is_full)
{
    enum { MANY = 50 };
    struct changes_mark marks[MANY];
    unsigned newest = 0;
    for (unsigned i = 0; i < MANY; i++)
        marks[i] = publish(hash_of(i, 5), 10);
    for (unsigned i = 0; i < MANY; i++)
        newest += is_newest(&marks[i]);
    cr_expect_eq(newest, 5);
}

/* Against a model that remembers each path's last state: a mark is never the newest when its
 * state is not. */
Test(changes, never_takes_an_older_state_for_the_newest)
{
    enum { ROUNDS = 100000, MODEL_PATHS = 300 };
    static uint64_t states[MODEL_PATHS];
    static struct {
        struct changes_mark mark;
        uint64_t state;
    } marks[MODEL_PATHS];
    struct prng prng = {1};
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned path = (unsigned)prng_below(&prng, MODEL_PATHS);
        uint64_t hash = hash_of(path, path % 64);
        if (prng_below(&prng, 2))
            states[path] = 2 * (1 + prng_below(&prng, 5));
        struct changes_mark mark = publish(hash, states[path]);
        unsigned kept = (unsigned)prng_below(&prng, 2);
        if (kept) {
            marks[path].mark = mark;
            marks[path].state = states[path];
        }
        if (marks[path].mark.word && is_newest(&marks[path].mark))
            cr_assert_eq(marks[path].state, states[path]);
    }
}

Test(changes, moves_the_epoch_when_a_site_changes_only)
{
    struct changes_mark mark;
    uint64_t before = epoch();
    struct changes_ticket ticket = changes_begin_site(changes, sites[1]);
    cr_expect(changes_publish_site(&ticket, 10, &mark));
    cr_expect_neq(epoch(), before);
    cr_expect_eq(changes_site_word(changes, sites[1]), mark.seen);
    cr_expect_eq(changes_site_word(changes, sites[0]), 0);
    before = epoch();
    ticket = changes_begin_site(changes, sites[1]);
    cr_expect(changes_publish_site(&ticket, 10, &mark));
    publish(hash_of(1, 5), 10);
    cr_expect_eq(epoch(), before);
    struct changes_ticket early = changes_begin_site(changes, sites[1]);
    ticket = early;
    cr_expect(changes_publish_site(&ticket, 20, &mark));
    cr_expect_neq(epoch(), before);
    before = epoch();
    cr_expect_not(changes_publish_site(&early, 10, &mark));
    cr_expect_neq(epoch(), before);
    cr_expect_neq(changes_site_word(changes, sites[1]), mark.seen);
}

Test(changes, shares_nothing_without_other_stores)
{
    struct changes_mark mark = {NULL, 1};
    struct changes_ticket ticket = changes_begin(NULL, 5);
    cr_expect(changes_is_current(&ticket));
    cr_expect(changes_publish(&ticket, 5, 10, &mark));
    cr_expect(changes_publish(&ticket, 5, 20, &mark));
    cr_expect(is_newest(&mark));
    ticket = changes_begin_site(NULL, NULL);
    cr_expect(changes_publish_site(&ticket, 10, &mark));
    cr_expect_eq(changes_site_word(NULL, NULL), 0);
    cr_expect_eq(atomic_load(changes_epoch(NULL)), 0);
}

Test(changes, reports_that_memory_is_out)
{
    for (unsigned skip = 0; skip < 2; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_null(changes_create(PATHS));
        faults_clear();
    }
    changes_destroy(NULL);
}
