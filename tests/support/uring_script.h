/* uring_script: a kernel of the test's own for the engine over io_uring, which completes requests
 * in the order and with the results that a test wants, and refuses them.
 *
 * The unit binary is linked with -Wl,--wrap for the functions of system/uring.h (URING_WRAPPED in
 * the Makefile). They pass through until uring_script_begin; rings that are made from then on are
 * the script's. The loop runs on the test's thread: each wait of the engine is a step of the
 * test, which completes requests, and the loop's turn follows. Sockets are real, so that calls on
 * them work. One ring at a time; not thread-safe. */
#ifndef SLUICE_TESTS_URING_SCRIPT_H
#define SLUICE_TESTS_URING_SCRIPT_H

#include "loop/uring_peer.h"

#ifdef SLUICE_HAVE_LIBURING

/* A request that the engine has made and the script has not completed. */
struct uring_request {
    enum uring_opcode opcode; /* of its identity; a cancellation is OP_CANCEL or its like */
    uint64_t identity;
    uint64_t cancels; /* of a cancellation: the identity of the request; else 0 */
    int fd;
    short events;
    bool multishot;
    const char *bytes; /* of a send: the first piece */
    size_t length;     /* of a send: bytes in all */
};

typedef void uring_step(void);

/* From now on rings are the script's. The engine's waits are STEPS, COUNT of them, in order; the
 * wait after the last one fails with ECANCELED, which ends the loop. */
void uring_script_begin(uring_step *const *steps, unsigned count);

/* The time that the engine was ready to wait in the present step, in milliseconds; -1: for ever. */
int uring_script_wait_ms(void);

/* The oldest request with OPCODE. NULL: no such request. */
const struct uring_request *uring_script_find(enum uring_opcode opcode);

/* The number of requests with OPCODE. */
unsigned uring_script_count(enum uring_opcode opcode);

/* The number of requests with OPCODE that have been made since the beginning. */
unsigned uring_script_asked(enum uring_opcode opcode);

/* Completes the oldest request with OPCODE, which there must be, with RESULT. ON: it is multishot
 * and goes on. */
void uring_script_complete(enum uring_opcode opcode, int result, bool on);

/* Adds a completion of IDENTITY, whether or not there is such a request. */
void uring_script_report(uint64_t identity, int result, unsigned flags);

/* Completes the oldest receive with BYTES in a buffer. */
void uring_script_receive(struct str bytes, bool on);

/* The same for IDENTITY, whose receive need not exist any more. */
void uring_script_receive_for(uint64_t identity, struct str bytes, bool on);

/* Cancellations wait until this is called with false. */
void uring_script_hold_cancels(bool hold);

/* The next COUNT requests with OPCODE are refused: no room. */
void uring_script_refuse(enum uring_opcode opcode, unsigned count);

/* The number of buffers that the engine has not given back. */
unsigned uring_script_lent(void);

#endif
#endif
