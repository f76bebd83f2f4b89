/* uring_script: see uring_script.h. */
#include "support/uring_script.h"

#ifdef SLUICE_HAVE_LIBURING

#include "support/tree.h"

#include <errno.h>
#include <stdlib.h>

enum { REQUESTS_MAX = 512, COMPLETIONS_MAX = 512, OPCODES = OP_CANCEL + 1 };

static struct {
    uring_step *const *steps;
    unsigned step_count;
    unsigned step;
    bool on;
    int wait_ms;
    bool holds_cancels;
    unsigned refusals[OPCODES];
    unsigned asked[OPCODES];
    struct uring_request requests[REQUESTS_MAX]; /* the oldest first */
    unsigned request_count;
    unsigned head, tail; /* of the completions */
    struct io_uring_cqe completions[COMPLETIONS_MAX];
    struct uring *uring;
    bool lent[1 << 16];
} script;

void uring_script_begin(uring_step *const *steps, unsigned count)
{
    script.on = true;
    script.steps = steps;
    script.step_count = count;
}

int uring_script_wait_ms(void)
{
    return script.wait_ms;
}

void uring_script_hold_cancels(bool hold)
{
    script.holds_cancels = hold;
}

void uring_script_refuse(enum uring_opcode opcode, unsigned count)
{
    script.refusals[opcode] = count;
}

unsigned uring_script_asked(enum uring_opcode opcode)
{
    return script.asked[opcode];
}

/* --- Requests --------------------------------------------------------------------------------- */

const struct uring_request *uring_script_find(enum uring_opcode opcode)
{
    for (unsigned i = 0; i < script.request_count; i++) {
        if (script.requests[i].opcode == opcode)
            return &script.requests[i];
    }
    return NULL;
}

unsigned uring_script_count(enum uring_opcode opcode)
{
    unsigned count = 0;
    for (unsigned i = 0; i < script.request_count; i++)
        count += script.requests[i].opcode == opcode;
    return count;
}

/* Makes REQUEST. False: it is refused. */
static bool ask(struct uring_request request)
{
    request.opcode = conn_table_opcode_of(request.identity);
    if (script.refusals[request.opcode] > 0) {
        script.refusals[request.opcode]--;
        return false;
    }
    tree_must(script.request_count < REQUESTS_MAX, "requests");
    script.requests[script.request_count++] = request;
    script.asked[request.opcode]++;
    return true;
}

static void remove_request(unsigned index)
{
    script.request_count--;
    memmove(&script.requests[index], &script.requests[index + 1],
            (script.request_count - index) * sizeof script.requests[0]);
}

/* The index of the request with IDENTITY, which is not a cancellation; -1: no such request. */
static int index_of(uint64_t identity)
{
    for (unsigned i = 0; i < script.request_count; i++) {
        if (script.requests[i].identity == identity && script.requests[i].cancels == 0)
            return (int)i;
    }
    return -1;
}

/* --- Completions ------------------------------------------------------------------------------ */

void uring_script_report(uint64_t identity, int result, unsigned flags)
{
    tree_must(script.tail - script.head < COMPLETIONS_MAX, "completions");
    script.completions[script.tail++ % COMPLETIONS_MAX] =
        (struct io_uring_cqe){.user_data = identity, .res = result, .flags = flags};
}

/* Completes the request with IDENTITY, if there is one. */
static void complete(uint64_t identity, int result, unsigned flags)
{
    int index = index_of(identity);
    if (index >= 0 && !(flags & IORING_CQE_F_MORE))
        remove_request((unsigned)index);
    uring_script_report(identity, result, flags);
}

void uring_script_complete(enum uring_opcode opcode, int result, bool on)
{
    const struct uring_request *request = uring_script_find(opcode);
    tree_must(request != NULL, "a request to complete");
    tree_must(request->multishot || !on, "a multishot request");
    complete(request->identity, result, on ? IORING_CQE_F_MORE : 0);
}

void uring_script_receive_for(uint64_t identity, struct str bytes, bool on)
{
    unsigned buffer = 0;
    while (script.lent[buffer])
        buffer++;
    tree_must(buffer < script.uring->sizes.buffers, "a free buffer");
    tree_must(bytes.length <= script.uring->sizes.buffer_bytes, "a buffer that is large enough");
    memcpy(script.uring->bytes + (size_t)buffer * script.uring->sizes.buffer_bytes, bytes.at,
           bytes.length);
    script.lent[buffer] = true;
    complete(identity, (int)bytes.length,
             buffer << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER |
                 (on ? (unsigned)IORING_CQE_F_MORE : 0));
}

void uring_script_receive(struct str bytes, bool on)
{
    const struct uring_request *request = uring_script_find(OP_RECEIVE);
    tree_must(request != NULL, "a receive");
    uring_script_receive_for(request->identity, bytes, on);
}

/* Takes back the buffers that have been given back since the last wait. */
static void collect_buffers(struct uring *uring)
{
    unsigned mask = uring->sizes.buffers - 1;
    for (unsigned i = 0; i < uring->given_back; i++) {
        unsigned buffer = uring->group->bufs[(uring->group->tail + i) & mask].bid;
        tree_must(script.lent[buffer], "a buffer is given back twice");
        script.lent[buffer] = false;
    }
    io_uring_buf_ring_advance(uring->group, (int)uring->given_back);
    uring->given_back = 0;
}

unsigned uring_script_lent(void)
{
    unsigned count = 0;
    collect_buffers(script.uring);
    for (unsigned i = 0; i < script.uring->sizes.buffers; i++)
        count += script.lent[i];
    return count;
}

/* Carries out the cancellations: a request that is found ends with ECANCELED; for another one the
 * cancellation fails. */
static void cancel_requests(void)
{
    for (unsigned i = 0; i < script.request_count;) {
        struct uring_request request = script.requests[i];
        if (request.cancels == 0) {
            i++;
            continue;
        }
        remove_request(i);
        if (index_of(request.cancels) >= 0)
            complete(request.cancels, -ECANCELED, 0);
        else
            uring_script_report(request.identity, -ENOENT, 0);
        i = 0;
    }
}

/* --- The functions of uring.h ----------------------------------------------------------------- */

/* The names are the linker's, see faults.c.
 * NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

int __real_uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret);
int __wrap_uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret);

int __wrap_uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret)
{
    if (!script.on)
        return __real_uring_init(uring, sizes, ret);
    *uring = (struct uring){.sizes = *sizes, .made = true};
    void *group = calloc(sizes->buffers, sizeof(struct io_uring_buf));
    uring->group = group;
    uring->bytes = calloc(sizes->buffers, sizes->buffer_bytes);
    tree_must(uring->group && uring->bytes, "calloc");
    uring->ring.cq.khead = &script.head;
    uring->ring.cq.ktail = &script.tail;
    uring->ring.cq.cqes = script.completions;
    uring->ring.cq.ring_mask = COMPLETIONS_MAX - 1;
    script.uring = uring;
    return 0;
}

void __real_uring_fini(struct uring *uring);
void __wrap_uring_fini(struct uring *uring);

void __wrap_uring_fini(struct uring *uring)
{
    if (!script.on) {
        __real_uring_fini(uring);
        return;
    }
    if (uring->made) {
        free(uring->group);
        free(uring->bytes);
    }
    uring->made = false;
}

int __real_uring_begin(struct uring *uring);
int __wrap_uring_begin(struct uring *uring);

int __wrap_uring_begin(struct uring *uring)
{
    return script.on ? 0 : __real_uring_begin(uring);
}

int __real_uring_wait(struct uring *uring, int ms);
int __wrap_uring_wait(struct uring *uring, int ms);

int __wrap_uring_wait(struct uring *uring, int ms)
{
    if (!script.on)
        return __real_uring_wait(uring, ms);
    collect_buffers(uring);
    script.wait_ms = ms;
    if (!script.holds_cancels)
        cancel_requests();
    if (script.step == script.step_count)
        return -ECANCELED;
    script.steps[script.step++]();
    return 0;
}

bool __real_uring_ask_receive(struct uring *uring, int fd, uint64_t identity);
bool __wrap_uring_ask_receive(struct uring *uring, int fd, uint64_t identity);

bool __wrap_uring_ask_receive(struct uring *uring, int fd, uint64_t identity)
{
    return script.on
               ? ask((struct uring_request){.identity = identity, .fd = fd, .multishot = true})
               : __real_uring_ask_receive(uring, fd, identity);
}

bool __real_uring_ask_accept(struct uring *uring, int fd, uint64_t identity);
bool __wrap_uring_ask_accept(struct uring *uring, int fd, uint64_t identity);

bool __wrap_uring_ask_accept(struct uring *uring, int fd, uint64_t identity)
{
    return script.on
               ? ask((struct uring_request){.identity = identity, .fd = fd, .multishot = true})
               : __real_uring_ask_accept(uring, fd, identity);
}

bool __real_uring_ask_poll(struct uring *uring, int fd, short events, uint64_t identity);
bool __wrap_uring_ask_poll(struct uring *uring, int fd, short events, uint64_t identity);

bool __wrap_uring_ask_poll(struct uring *uring, int fd, short events, uint64_t identity)
{
    return script.on ? ask((struct uring_request){.identity = identity, .fd = fd, .events = events})
                     : __real_uring_ask_poll(uring, fd, events, identity);
}

bool __real_uring_ask_poll_multishot(struct uring *uring, int fd, short events, uint64_t identity);
bool __wrap_uring_ask_poll_multishot(struct uring *uring, int fd, short events, uint64_t identity);

bool __wrap_uring_ask_poll_multishot(struct uring *uring, int fd, short events, uint64_t identity)
{
    if (!script.on)
        return __real_uring_ask_poll_multishot(uring, fd, events, identity);
    return ask((struct uring_request){
        .identity = identity, .fd = fd, .events = events, .multishot = true});
}

bool __real_uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                           uint64_t identity);
bool __wrap_uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                           uint64_t identity);

bool __wrap_uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                           uint64_t identity)
{
    if (!script.on)
        return __real_uring_ask_send(uring, fd, pieces, count, identity);
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].iov_len;
    return ask((struct uring_request){
        .identity = identity, .fd = fd, .bytes = pieces[0].iov_base, .length = length});
}

bool __real_uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed);
bool __wrap_uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed);

bool __wrap_uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed)
{
    return script.on
               ? ask((struct uring_request){.identity = failed, .cancels = identity, .fd = -1})
               : __real_uring_ask_cancel(uring, identity, failed);
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

#endif
