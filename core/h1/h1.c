/* h1: see h1.h. */
#include "h1/h1.h"

#include "base/num.h"

/* A body up to this size is copied after its head: one piece to gather instead of two, and no
 * reference to hold. Larger bodies are sent from where they are. For a single response both cost
 * about the same: CPU time per request relative to the practical limit, copied and not: 612 bytes
 * 1.11 and 1.13, 2 KiB 1.06 and 1.09, 4 KiB 1.15 and 1.05. But a batch of 16 larger ones would not
 * fit into the queue's text. */
enum { COPY_BYTES_MAX = 512 };

void h1_init(struct h1 *session)
{
    *session = (struct h1){0};
}

/* --- Input ------------------------------------------------------------------------------------ */

/* The bytes of the empty lines at the start of INPUT, which are ignored (RFC 9112 section 2.2). */
static size_t empty_lines(struct str input)
{
    size_t bytes = 0;
    while (input.length - bytes >= 2 && memcmp(input.at + bytes, "\r\n", 2) == 0)
        bytes += 2;
    return bytes;
}

static enum h1_step next_head(struct h1 *session, const struct h1_limits *limits, struct str input,
                              struct h1_head *ret_head, size_t *ret_bytes)
{
    if (session->inflight >= limits->inflight_max)
        return H1_WAIT;
    if (input.length > 0 && input.at[0] == '\r') {
        *ret_bytes = empty_lines(input);
        if (*ret_bytes > 0)
            return H1_SKIP;
        if (input.length == 1)
            return H1_MORE;
    }
    switch (h1_parse(&session->parse, input, limits->head_bytes_max, ret_head, ret_bytes)) {
    case H1_PARSE_MORE:
        return H1_MORE;
    case H1_PARSE_HEAD:
        if (ret_head->framing == H1_FRAMING_LENGTH &&
            ret_head->content_bytes > limits->body_bytes_max)
            ret_head->request.refusal = HTTP_CONTENT_TOO_LARGE;
        break;
    case H1_PARSE_BAD:
        break;
    }
    return H1_REQUEST;
}

/* Begins the next head: the union no longer holds anything of a body. */
static void begin_head(struct h1 *session)
{
    session->state = H1_STATE_HEAD;
    session->parse = (struct h1_parse){0};
}

static enum h1_step next_body(struct h1 *session, struct str input, size_t *ret_bytes)
{
    if (input.length == 0)
        return H1_MORE;
    *ret_bytes = session->body_left < input.length ? session->body_left : input.length;
    session->body_left -= *ret_bytes;
    if (session->body_left == 0)
        begin_head(session);
    return H1_SKIP;
}

/* Malformed or too large content in chunks ends the session, because the next request cannot be
 * found. The request that it belongs to has been answered. */
static enum h1_step next_chunked(struct h1 *session, const struct h1_limits *limits,
                                 struct str input, size_t *ret_bytes)
{
    switch (chunked_skip(&session->chunked, input, limits->body_bytes_max, ret_bytes)) {
    case CHUNKED_MORE:
        return *ret_bytes > 0 ? H1_SKIP : H1_MORE;
    case CHUNKED_DONE:
        begin_head(session);
        return H1_SKIP;
    case CHUNKED_BAD:
    case CHUNKED_TOO_LARGE:
        break;
    }
    session->state = H1_STATE_ENDED;
    return H1_ENDED;
}

enum h1_step h1_next(struct h1 *session, const struct h1_limits *limits, struct str input,
                     struct h1_head *ret_head, size_t *ret_bytes)
{
    switch (session->state) {
    case H1_STATE_HEAD:
        return next_head(session, limits, input, ret_head, ret_bytes);
    case H1_STATE_BODY:
        return next_body(session, input, ret_bytes);
    case H1_STATE_CHUNKED:
        return next_chunked(session, limits, input, ret_bytes);
    case H1_STATE_ENDED:
        break;
    }
    return H1_ENDED;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* Whether the connection ends after the response to HEAD: RFC 9112 section 9.3; also after a
 * message that was not understood, because nothing after it can be trusted (section 9.2). */
static bool is_last(const struct h1 *session, const struct h1_limits *limits,
                    const struct h1_head *head)
{
    if (!limits->keepalive || session->closing || head->request.refusal || head->close)
        return true;
    if (limits->requests_max > 0 && session->requests + 1 >= limits->requests_max)
        return true;
    if (head->minor == 0 && !head->keep_alive)
        return true;
    /* After a final response to Expect the client may or may not send the content (RFC 9110 section
     * 10.1.1), so the next bytes cannot be interpreted. */
    return head->expects_continue &&
           (head->framing == H1_FRAMING_CHUNKED || head->content_bytes > 0);
}

enum { VERSION_BYTES = sizeof "HTTP/1.x " - 1 };

/* The fields that the session itself adds, and the end of the status line before them. */
#define AFTER_STATUS "\r\nServer: " FIELDS_SERVER "\r\nDate: "

static struct str connection_line(const struct h1_head *head, bool last)
{
    if (last)
        return STR("\r\nConnection: close\r\n");
    if (head->minor == 0)
        return STR("\r\nConnection: keep-alive\r\n");
    return STR("\r\n");
}

static struct str prepared_lines(const struct plan *plan)
{
    struct field_block block = plan_prepared(plan);
    return field_block_lines(&block);
}

/* A plan as the pieces of an HTTP/1 message. */
struct message {
    unsigned minor;
    struct str status;
    struct str connection;
    struct str prepared;
    struct str site;
    struct str copied; /* the body, if it is copied after the head */
    const struct plan *plan;
};

/* Makes a message of PLAN. A body in memory of up to COPY_MAX bytes is copied after the head. */
static void message_make(struct message *ret, unsigned minor_max, const struct h1_head *head,
                         const struct plan *plan, bool last, size_t copy_max)
{
    *ret = (struct message){
        .minor = head->minor < minor_max ? head->minor : minor_max,
        .status = http_status_line(plan->status),
        .connection = connection_line(head, last),
        .prepared = prepared_lines(plan),
        .site = plan->page_fields ? field_block_lines(plan->page_fields) : STR_ABSENT,
        .plan = plan,
    };
    if (plan->body_omitted)
        return;
    ret->copied = plan->text;
    if (plan->part_count == 1) {
        const struct outq_part *part = &plan->parts[0];
        if (part->blob->fd < 0 && part->length <= copy_max)
            ret->copied = (struct str){part->blob->bytes + part->first, part->length};
    }
}

/* The number of the plan's parts that follow the written text. */
static unsigned message_parts(const struct message *message)
{
    bool none = message->plan->body_omitted || message->copied.at;
    return none ? 0 : message->plan->part_count;
}

/* An upper bound of the bytes that message_write writes. */
static size_t message_bytes(const struct message *message)
{
    const struct plan *plan = message->plan;
    size_t bytes = VERSION_BYTES + message->status.length + sizeof AFTER_STATUS + DATE_BYTES +
                   message->connection.length + message->prepared.length + message->site.length +
                   message->copied.length + 2;
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct plan_field *field = &plan->fields[i];
        bytes += field->name.length + field->value.length + 4;
        if (field->query.length > 0)
            bytes += path_query_bytes(field->query);
    }
    if (plan_needs_length(plan))
        bytes += sizeof "Content-Length: \r\n" + NUM_U64_DIGITS_MAX;
    return bytes;
}

/* The offset of Date's value in the text from message_write. */
static size_t message_date_at(const struct message *message)
{
    return VERSION_BYTES + message->status.length + sizeof AFTER_STATUS - 1;
}

/* Writes the status line, the fields, the empty line, and a copied body. Returns the number of
 * bytes. */
static size_t message_write(char *to, const struct message *message, const struct date_now *now)
{
    const struct plan *plan = message->plan;
    char *at = str_put(to, STR("HTTP/1.x "));
    to[VERSION_BYTES - 2] = (char)('0' + message->minor);
    at = str_put(at, message->status);
    at = str_put(at, STR(AFTER_STATUS));
    at = str_put(at, (struct str){now->text, DATE_BYTES});
    at = str_put(at, message->connection);
    at = str_put(at, message->prepared);
    at = str_put(at, message->site);
    for (unsigned i = 0; i < plan->field_count; i++) {
        at = str_put(at, plan->fields[i].name);
        at = str_put(at, STR(": "));
        at = str_put(at, plan->fields[i].value);
        at = path_put_query(at, plan->fields[i].query);
        at = str_put(at, STR("\r\n"));
    }
    if (plan_needs_length(plan)) {
        at = str_put(at, STR("Content-Length: "));
        at += num_write_u64(at, plan->content_bytes);
        at = str_put(at, STR("\r\n"));
    }
    at = str_put(at, STR("\r\n"));
    at = str_put(at, message->copied);
    return (size_t)(at - to);
}

/* Whether the client has announced with this request that it sends no more. */
static bool is_peer_done(const struct h1_head *head)
{
    bool declared = head->close || (head->minor == 0 && !head->keep_alive);
    return declared && !head->request.refusal && head->framing == H1_FRAMING_NONE;
}

/* Updates the session after the response to HEAD has been queued. */
static void advance(struct h1 *session, const struct h1_head *head, bool last)
{
    session->requests++;
    session->inflight++;
    if (last) {
        session->peer_done = is_peer_done(head);
        session->state = H1_STATE_ENDED;
    } else if (head->framing == H1_FRAMING_CHUNKED) {
        chunked_init(&session->chunked);
        session->state = H1_STATE_CHUNKED;
    } else if (head->content_bytes > 0) {
        session->body_left = head->content_bytes;
        session->state = H1_STATE_BODY;
    }
}

bool h1_answer(struct h1 *session, const struct h1_limits *limits, const struct h1_head *head,
               const struct plan *plan, struct outq *output, const struct date_now *now)
{
    bool last = is_last(session, limits, head);
    struct message message;
    message_make(&message, limits->minor_max, head, plan, last, COPY_BYTES_MAX);
    unsigned parts = message_parts(&message);
    char *text = outq_reserve(output, message_bytes(&message), parts);
    if (!text)
        return false;
    size_t text_bytes = message_write(text, &message, now);
    outq_push(output, text_bytes, plan->parts, parts);
    advance(session, head, last);
    return true;
}

/* --- Memos ------------------------------------------------------------------------------------ */

/* Whether REQUEST has conditions that depend on the time. */
static bool has_dates(const struct request *request)
{
    return request->fields[HTTP_FIELD_IF_MODIFIED_SINCE].at ||
           request->fields[HTTP_FIELD_IF_UNMODIFIED_SINCE].at ||
           request->fields[HTTP_FIELD_IF_RANGE].at;
}

struct h1_memo *h1_memorize(const struct h1 *session, const struct h1_limits *limits,
                            struct str bytes, const struct h1_head *head, const struct plan *plan,
                            struct resource *resource, const struct date_now *now)
{
    if (!h1_may_repeat(session, limits) || head->request.refusal ||
        head->framing != H1_FRAMING_NONE || plan->part_count > 1)
        return NULL;
    struct h1_memo_end end = {
        .status = plan->status,
        .body_bytes = plan_body_bytes(plan),
        .last = is_last(session, limits, head),
        .peer_done = is_peer_done(head),
    };
    struct message message;
    message_make(&message, limits->minor_max, head, plan, end.last, H1_MEMO_BODY_BYTES_MAX);
    struct h1_memo *memo =
        h1_memo_create(bytes, message_bytes(&message), message_parts(&message) ? plan->parts : NULL,
                       resource, end, now);
    if (memo) {
        size_t written = message_write(h1_memo_answer(memo), &message, now);
        h1_memo_written(memo, written, message_date_at(&message), has_dates(&head->request));
    }
    return memo;
}

bool h1_repeat(struct h1 *session, const struct h1_memo *memo, struct outq *output)
{
    if (!outq_reserve(output, 0, memo->part_count))
        return false;
    outq_push(output, 0, memo->parts, memo->part_count);
    session->requests++;
    session->inflight++;
    if (memo->end.last) {
        session->peer_done = memo->end.peer_done;
        session->state = H1_STATE_ENDED;
    }
    return true;
}

void h1_sent(struct h1 *session, unsigned count)
{
    assert(session->inflight >= count);
    session->inflight = (uint16_t)(session->inflight - count);
}
