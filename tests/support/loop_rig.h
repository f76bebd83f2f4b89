/* loop_rig: a loop with one listener on loopback. */
#ifndef SLUICE_TESTS_LOOP_RIG_H
#define SLUICE_TESTS_LOOP_RIG_H

#include "loop/loop.h"
#include "support/wire.h"

#include <criterion/criterion.h>

/* A loop of ENGINE for CONNS, which listens on *RET_PORT. *Given*: loop_destroy. */
static inline struct loop *loop_rig_create(const struct loop_engine *engine,
                                           struct conn_table *conns, uint64_t drain_ms,
                                           uint16_t *ret_port)
{
    struct loop *loop = NULL;
    int listener = wire_listen(ret_port);
    const struct loop_config config = {
        .context = conns->context,
        .conns = conns,
        .listeners = &listener,
        .listener_count = 1,
        .drain_ms = drain_ms,
    };
    cr_assert_eq(loop_create(&loop, engine, &config), 0);
    return loop;
}

#endif
