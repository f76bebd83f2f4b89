/* h1_parse: see h1_parse.h. */
#include "h1/h1_parse.h"

#include "base/scan.h"
#include "base/utf8.h"
#include "h1/h1_fields.h"
#include "http/authority.h"

/* --- The end of a head ------------------------------------------------------------------------ */

/* The length of the head that VIEW begins with, blank line included; 0 if VIEW does not hold its
 * end. Lines that end in a bare LF count here, so that they are refused now and not by a
 * timeout. */
static size_t find_end(struct h1_parse *state, struct str view)
{
    while (state->scanned < view.length) {
        const char *lf = memchr(view.at + state->scanned, '\n', view.length - state->scanned);
        if (!lf) {
            state->scanned = (uint32_t)view.length;
            break;
        }
        uint32_t index = (uint32_t)(lf - view.at);
        uint32_t line_bytes = index - state->line_first;
        state->scanned = index + 1;
        state->line_first = state->scanned;
        if (line_bytes == 0 || (line_bytes == 1 && lf[-1] == '\r'))
            return index + 1;
    }
    return 0;
}

/* --- The request line, RFC 9112 section 3 ----------------------------------------------------- */

/* The four forms of section 3.2: authority-form belongs to CONNECT alone, asterisk-form to
 * OPTIONS, origin-form and absolute-form to all other methods. A target without a path means
 * "/". TARGET has its first '?', if any, at MARK. */
static enum http_status parse_target(struct str target, size_t mark, struct request *ret)
{
    if (target.at[0] == '/' && ret->method != HTTP_CONNECT) {
        ret->path = str_first(target, mark);
        if (mark < target.length)
            ret->query = str_from(target, mark + 1);
        return HTTP_NONE;
    }
    ret->path = STR("/");
    if (ret->method == HTTP_OPTIONS && str_equal(target, STR("*"))) {
        ret->path = target;
        return HTTP_NONE;
    }
    if (ret->method == HTTP_CONNECT) {
        ret->authority = target;
        return authority_is_complete(target) ? HTTP_NONE : HTTP_BAD_REQUEST;
    }
    if (!authority_cut(&target, &ret->authority))
        return HTTP_BAD_REQUEST;
    mark = str_find(target, '?');
    if (mark > 0)
        ret->path = str_first(target, mark);
    if (mark < target.length)
        ret->query = str_from(target, mark + 1);
    return HTTP_NONE;
}

/* Ends parsing: the request is refused with STATUS. */
static const char *refuse(struct h1_head *ret, enum http_status status)
{
    ret->request.refusal = status;
    return NULL;
}

/* The functions below take bytes from AT to END and return the end of what they took. NULL: the
 * request is refused and its refusal is set; or, if the refusal is HTTP_NONE, the bytes end too
 * early. */

/* method SP, section 3.1. */
static const char *take_method(const char *at, const char *end, struct h1_head *ret)
{
    if (end - at >= 4 && memcmp(at, "GET ", 4) == 0) {
        ret->request.method = HTTP_GET;
        return at + 4;
    }
    const char *method_end = scan_chosen(SCAN_TOKEN, at, end);
    if (method_end == end)
        return NULL;
    if (method_end == at || *method_end != ' ')
        return refuse(ret, HTTP_BAD_REQUEST);
    ret->request.method = http_method_of((struct str){at, (size_t)(method_end - at)});
    return method_end + 1;
}

/* HTTP-version CRLF, section 2.3: exactly "HTTP/" DIGIT "." DIGIT. */
static const char *take_version(const char *at, const char *end, struct h1_head *ret)
{
    enum { VERSION_BYTES = 8 };

    if (end - at < VERSION_BYTES + 2)
        return NULL;
    if (memcmp(at, "HTTP/", 5) != 0 || !char_is_digit(at[5]) || at[6] != '.' ||
        !char_is_digit(at[7]) || at[8] != '\r' || at[9] != '\n')
        return refuse(ret, HTTP_BAD_REQUEST);
    if (at[5] != '1')
        return refuse(ret, HTTP_VERSION_NOT_SUPPORTED);
    ret->minor = (unsigned)(at[7] - '0');
    return at + VERSION_BYTES + 2;
}

/* The end of a target that begins at TARGET and has bytes beyond ASCII: clients should encode them
 * (RFC 3986 section 2.1), but many send UTF-8 as it is. Results as above. */
static const char *take_raw_target(const char *target, const char *end, struct h1_head *ret)
{
    const char *at = target;
    while (at < end && (scan_is(SCAN_TARGET, *at) || (uint8_t)*at >= 0x80))
        at++;
    if (at == end)
        return NULL;
    bool good = *at == ' ' && utf8_is_valid((struct str){target, (size_t)(at - target)});
    return good ? at : refuse(ret, HTTP_BAD_REQUEST);
}

/* method SP request-target SP HTTP-version CRLF, single spaces. */
static const char *take_request_line(const char *at, const char *end, struct h1_head *ret)
{
    const char *target = take_method(at, end, ret);
    if (!target)
        return NULL;
    const char *mark = scan_path(target, end);
    const char *target_end = mark;
    if (mark < end && *mark == '?')
        target_end = scan_chosen(SCAN_TARGET, mark, end);
    if (target_end == end)
        return NULL;
    if (*target_end != ' ') {
        target_end = take_raw_target(target, end, ret);
        if (!target_end)
            return NULL;
        mark = target + str_find((struct str){target, (size_t)(target_end - target)}, '?');
    }
    if (target_end == target)
        return refuse(ret, HTTP_BAD_REQUEST);
    const char *next = take_version(target_end + 1, end, ret);
    if (!next)
        return NULL;
    struct str text = {target, (size_t)(target_end - target)};
    enum http_status refusal = parse_target(text, (size_t)(mark - target), &ret->request);
    return refusal ? refuse(ret, refusal) : next;
}

/* --- The whole head --------------------------------------------------------------------------- */

/* A head, blank line included. */
static const char *take_head(const char *at, const char *end, struct h1_head *ret)
{
    struct h1_fields fields = {.end = end};
    h1_head_init(ret);
    at = take_request_line(at, end, ret);
    while (at && !(at < end && *at == '\r'))
        at = h1_fields_take(&fields, at, ret);
    if (!at || end - at < 2)
        return NULL;
    if (at[1] != '\n')
        return refuse(ret, HTTP_BAD_REQUEST);
    enum http_status refusal = h1_fields_check(&fields, ret);
    return refusal ? refuse(ret, refusal) : at + 2;
}

/* Judges a head whose end has not come yet: by its request line, once that is complete (so that
 * a bad one need not wait for a timeout), and by its length. HTTP_NONE: nothing is wrong so far. */
static enum http_status judge_beginning(struct h1_parse *state, struct str view, bool full,
                                        struct h1_head *ret)
{
    h1_head_init(ret);
    if (state->line_first == 0)
        return full ? HTTP_URI_TOO_LONG : HTTP_NONE;
    if (!state->line_judged || full) { /* again if full: *RET then describes the request */
        state->line_judged = true;
        if (!take_request_line(view.at, view.at + view.length, ret)) /* the line is complete */
            return ret->request.refusal ? ret->request.refusal : HTTP_BAD_REQUEST;
    }
    return full ? HTTP_FIELDS_TOO_LARGE : HTTP_NONE;
}

enum h1_parse_result h1_parse(struct h1_parse *state, struct str input, size_t head_bytes_max,
                              struct h1_head *ret, size_t *ret_head_bytes)
{
    assert(head_bytes_max <= H1_PARSE_BYTES_MAX);
    if (input.length == 0)
        return H1_PARSE_MORE;
    /* Nearly always the head is complete and good, and one pass is enough. A head that comes in
     * pieces is parsed when its end has been found, so that single bytes don't cost a pass each. */
    struct str view = str_first(input, head_bytes_max);
    bool fresh = state->scanned == 0;
    size_t head_bytes = fresh ? view.length : find_end(state, view);
    const char *end = head_bytes > 0 ? take_head(view.at, view.at + head_bytes, ret) : NULL;
    if (end) {
        *state = (struct h1_parse){0};
        *ret_head_bytes = (size_t)(end - view.at);
        return H1_PARSE_HEAD;
    }
    if (fresh)
        head_bytes = find_end(state, view);
    enum http_status refusal = HTTP_BAD_REQUEST;
    if (head_bytes > 0) /* complete, and yet not good */
        refusal = ret->request.refusal ? ret->request.refusal : HTTP_BAD_REQUEST;
    else if (scan_is(SCAN_TOKEN, input.at[0]))
        refusal = judge_beginning(state, view, view.length == head_bytes_max, ret);
    /* else no method begins so: it is not HTTP (a TLS handshake, say), and no end would come */
    if (!refusal)
        return H1_PARSE_MORE;
    *state = (struct h1_parse){0};
    ret->request.refusal = refusal;
    *ret_head_bytes = head_bytes;
    return H1_PARSE_BAD;
}
