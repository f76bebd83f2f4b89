/* h1_parse: see h1_parse.h. */
#include "h1/h1_parse.h"

#include "base/num.h"
#include "base/scan.h"
#include "http/authority.h"

/* --- Looking for the end ------------------------------------------------------------------- */

/* The length of the head that VIEW begins with, blank line included, or 0 if its end is not there.
 * Lines that end in a bare LF count here, so that they are refused now and not by a timeout. */
static size_t find_end(struct h1_parse *state, struct str view)
{
    while (state->scanned < view.length) {
        const char *lf = memchr(view.at + state->scanned, '\n', view.length - state->scanned);
        if (!lf) {
            state->scanned = (uint16_t)view.length;
            break;
        }
        uint32_t index = (uint32_t)(lf - view.at);
        uint32_t line_bytes = index - state->line_first;
        state->scanned = (uint16_t)(index + 1);
        state->line_first = state->scanned;
        if (line_bytes == 0 || (line_bytes == 1 && lf[-1] == '\r'))
            return index + 1;
    }
    return 0;
}

/* --- The request line, RFC 9112 section 3 --------------------------------------------------- */

/* The four forms of section 3.2: authority-form is CONNECT's and its only one, asterisk-form is for
 * OPTIONS, origin-form and absolute-form for all the others. A target without a path counts as "/".
 * TARGET has its first '?', if any, at MARK. */
static enum http_status parse_target(struct str target, size_t mark, struct request *ret)
{
    if (target.at[0] == '/' && ret->method != HTTP_CONNECT) {
        ret->path = str_first(target, mark);
        if (mark < target.length)
            ret->query = str_from(target, mark + 1);
        return HTTP_NONE;
    }
    ret->path = STR("/");
    if (ret->method == HTTP_CONNECT)
        return authority_is_complete(target) ? HTTP_NONE : HTTP_BAD_REQUEST;
    if (ret->method == HTTP_OPTIONS && str_equal(target, STR("*")))
        return HTTP_NONE;
    if (!authority_cut(&target))
        return HTTP_BAD_REQUEST;
    mark = str_find(target, '?');
    if (mark > 0)
        ret->path = str_first(target, mark);
    if (mark < target.length)
        ret->query = str_from(target, mark + 1);
    return HTTP_NONE;
}

/* Parsing stops: the message is refused with STATUS. */
static const char *refuse(struct request *ret, enum http_status status)
{
    ret->refusal = status;
    return NULL;
}

/* What follows here takes bytes from AT to END and returns the place behind what it has taken. NULL: it
 * is refused, and ret->refusal says how, or, if that is HTTP_NONE, it goes on behind END. */

/* method SP, section 3.1. */
static const char *take_method(const char *at, const char *end, struct request *ret)
{
    if (end - at >= 4 && memcmp(at, "GET ", 4) == 0) {
        ret->method = HTTP_GET;
        return at + 4;
    }
    const char *method_end = scan_chosen(SCAN_TOKEN, at, end);
    if (method_end == end)
        return NULL;
    if (method_end == at || *method_end != ' ')
        return refuse(ret, HTTP_BAD_REQUEST);
    ret->method = http_method_of((struct str){at, (size_t)(method_end - at)});
    return method_end + 1;
}

/* HTTP-version CRLF, section 2.3: exactly "HTTP/" DIGIT "." DIGIT. */
static const char *take_version(const char *at, const char *end, struct request *ret)
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

/* method SP request-target SP HTTP-version CRLF, single spaces. */
static const char *take_request_line(const char *at, const char *end, struct request *ret)
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
    if (target_end == target || *target_end != ' ')
        return refuse(ret, HTTP_BAD_REQUEST);
    const char *next = take_version(target_end + 1, end, ret);
    if (!next)
        return NULL;
    struct str text = {target, (size_t)(target_end - target)};
    ret->refusal = parse_target(text, (size_t)(mark - target), ret);
    return ret->refusal ? NULL : next;
}

/* --- Fields, RFC 9112 section 5 ------------------------------------------------------------- */

/* What has been seen of the fields that decide the framing. */
struct framing {
    bool length_seen;
    bool coding_seen;
    bool host_seen;
    bool unsupported; /* a coding that we don't know: 501, unless something is worse */
    const char *end;  /* of the input: what is behind a value may be read */
};

typedef enum http_status field_reader(struct str value, struct request *ret, struct framing *);

/* Where the digits at AT end, which end somewhere. */
static const char *scan_digits(const char *at)
{
    while (char_is_digit(*at))
        at++;
    return at;
}

/* RFC 9112 section 3.2: exactly one, and well-formed. */
static enum http_status read_host(struct str value, struct request *ret, struct framing *framing)
{
    /* Nearly always a name and perhaps a port; behind VALUE stands what belongs to neither. */
    const char *end = value.at + value.length, *at = scan_name(value.at, framing->end);
    if (*at == ':')
        at = scan_digits(at + 1);
    if (framing->host_seen || !(at == end || authority_is_host(value)))
        return HTTP_BAD_REQUEST;
    framing->host_seen = true;
    ret->fields[HTTP_FIELD_HOST] = value;
    return HTTP_NONE;
}

/* RFC 9110 section 8.6, RFC 9112 section 6.3: one number; no list, even of equal ones. */
static enum http_status read_content_length(struct str value, struct request *ret,
                                            struct framing *framing)
{
    if (framing->length_seen || !num_parse_u64(value, &ret->content_bytes))
        return HTTP_BAD_REQUEST;
    framing->length_seen = true;
    ret->framing = HTTP_FRAMING_LENGTH;
    return HTTP_NONE;
}

/* What CODINGS, the list in Transfer-Encoding, comes to. Chunked alone is all we know. A list that chunked
 * does not end leaves the message without an end (RFC 9112 section 6.3); chunked twice, or with a
 * parameter, is an error (sections 6.1 and 7.1). So is what another reader might take otherwise: an
 * empty element. What is left asks for a coding that we don't know (section 6.1). */
static enum http_status judge_codings(struct str codings)
{
    static const struct str chunked = STR_INIT("chunked");
    if (str_equal_nocase(codings, chunked))
        return HTTP_NONE;
    struct str coding = {0}, before = {0};
    bool unknown = false;
    while (str_next_item(&codings, &coding)) {
        if (before.at && str_equal_nocase(before, chunked))
            return HTTP_BAD_REQUEST;
        unknown = unknown || before.at;
        before = coding;
    }
    bool ends = coding.at && str_equal_nocase(coding, chunked);
    return ends && unknown ? HTTP_NOT_IMPLEMENTED : HTTP_BAD_REQUEST;
}

static enum http_status read_transfer_encoding(struct str value, struct request *ret,
                                               struct framing *framing)
{
    if (framing->coding_seen)
        return HTTP_BAD_REQUEST;
    framing->coding_seen = true;
    ret->framing = HTTP_FRAMING_CHUNKED;
    return judge_codings(value);
}

/* Whether what stands at AT, part of a name or a value and as long as KNOWN, is it but for the case of its
 * letters. KNOWN is small letters and '-', four bytes at least. Bit 0x20 set makes small letters of
 * capital ones, and makes no byte of a name or a value into a letter or '-' that wasn't one. Words
 * overlap where the length is no multiple of theirs. */
static bool is_known(const char *at, struct str known)
{
    enum { WORD = sizeof(uint32_t) };

    for (size_t i = 0;; i += WORD) {
        uint32_t word, expected;
        i = size_min(i, known.length - WORD);
        memcpy(&word, at + i, WORD);
        memcpy(&expected, known.at + i, WORD);
        if ((word | 0x20202020u) != expected)
            return false;
        if (i + WORD == known.length)
            return true;
    }
}

/* RFC 9110 section 7.6.1. */
static enum http_status read_connection(struct str value, struct request *ret,
                                        struct framing *framing)
{
    static const struct str keep_alive = STR_INIT("keep-alive");
    struct str option;
    (void)framing;
    if (value.length == keep_alive.length && is_known(value.at, keep_alive)) {
        ret->keep_alive = true; /* as browsers say */
        return HTTP_NONE;
    }
    while (str_next_item(&value, &option)) {
        ret->close = ret->close || str_equal_nocase(option, STR("close"));
        ret->keep_alive = ret->keep_alive || str_equal_nocase(option, STR("keep-alive"));
    }
    return HTTP_NONE;
}

/* RFC 9110 section 10.1.1. */
static enum http_status read_expect(struct str value, struct request *ret, struct framing *framing)
{
    (void)framing;
    ret->expects_continue = ret->expects_continue || str_list_has(value, STR("100-continue"));
    return HTTP_NONE;
}

/* Where a name stands among the known ones: by its length, its first and its last letter, in a table
 * that is large enough for each to have a place of its own. (Two rows in one place would be an
 * initializer overridden, of which the compiler warns.) */
enum { KNOWN_SLOTS = 32 };
#define KNOWN_SLOT(length, first, last) \
    (((length) + 2 * ((first) | 0x20) + 4 * ((last) | 0x20)) % KNOWN_SLOTS)

/* What is done with a field: it is read, or its value is kept. Names in small letters, of four bytes at
 * least. */
static const struct field_name {
    struct str name;
    field_reader *read;   /* NULL: kept */
    enum http_field kept; /* as this */
} known_fields[KNOWN_SLOTS] = {
    [KNOWN_SLOT(4, 'h', 't')] = {STR_INIT("host"), .read = read_host},
    [KNOWN_SLOT(10, 'c', 'n')] = {STR_INIT("connection"), .read = read_connection},
    [KNOWN_SLOT(14, 'c', 'h')] = {STR_INIT("content-length"), .read = read_content_length},
    [KNOWN_SLOT(17, 't', 'g')] = {STR_INIT("transfer-encoding"), .read = read_transfer_encoding},
    [KNOWN_SLOT(6, 'e', 't')] = {STR_INIT("expect"), .read = read_expect},
    [KNOWN_SLOT(6, 'a', 't')] = {STR_INIT("accept"), .kept = HTTP_FIELD_ACCEPT},
    [KNOWN_SLOT(15, 'a', 'g')] = {STR_INIT("accept-encoding"), .kept = HTTP_FIELD_ACCEPT_ENCODING},
    [KNOWN_SLOT(5, 'r', 'e')] = {STR_INIT("range"), .kept = HTTP_FIELD_RANGE},
    [KNOWN_SLOT(8, 'i', 'e')] = {STR_INIT("if-range"), .kept = HTTP_FIELD_IF_RANGE},
    [KNOWN_SLOT(8, 'i', 'h')] = {STR_INIT("if-match"), .kept = HTTP_FIELD_IF_MATCH},
    [KNOWN_SLOT(13, 'i', 'h')] = {STR_INIT("if-none-match"), .kept = HTTP_FIELD_IF_NONE_MATCH},
    [KNOWN_SLOT(17, 'i', 'e')] = {STR_INIT("if-modified-since"),
                                  .kept = HTTP_FIELD_IF_MODIFIED_SINCE},
    [KNOWN_SLOT(19, 'i', 'e')] = {STR_INIT("if-unmodified-since"),
                                  .kept = HTTP_FIELD_IF_UNMODIFIED_SINCE},
};

/* The field called NAME, a token, if it is a known one; else NULL. */
static const struct field_name *find_known(struct str name)
{
    unsigned first = (uint8_t)name.at[0], last = (uint8_t)name.at[name.length - 1];
    const struct field_name *known = &known_fields[KNOWN_SLOT(name.length, first, last)];
    return known->name.length == name.length && is_known(name.at, known->name) ? known : NULL;
}

/* field-name ":" OWS field-value OWS CRLF. No white space before the colon, no line folding (sections
 * 5.1 and 5.2). */
static const char *take_field(const char *at, const char *end, struct request *ret,
                              struct framing *framing)
{
    const char *colon = scan_token(at, end);
    if (colon == end)
        return NULL;
    if (colon == at || *colon != ':')
        return refuse(ret, HTTP_BAD_REQUEST);
    const char *value = colon + 1;
    if (value < end && *value == ' ')
        value++;
    const char *value_end = scan_value(value, end);
    if (end - value_end < 2)
        return NULL;
    if (value_end[0] != '\r' || value_end[1] != '\n')
        return refuse(ret, HTTP_BAD_REQUEST);
    const struct field_name *known = find_known((struct str){at, (size_t)(colon - at)});
    if (!known)
        return value_end + 2;
    struct str text = str_trim((struct str){value, (size_t)(value_end - value)});
    if (known->read)
        ret->refusal = known->read(text, ret, framing);
    else
        http_field_add(ret, known->kept, text);
    if (ret->refusal == HTTP_NOT_IMPLEMENTED) { /* a malformed line further on weighs more */
        framing->unsupported = true;
        ret->refusal = HTTP_NONE;
    }
    return ret->refusal ? NULL : value_end + 2;
}

/* --- The whole head ------------------------------------------------------------------------- */

/* What can be said only when all fields are known. */
static enum http_status check_head(const struct request *request, const struct framing *framing)
{
    if (request->minor >= 1 && !framing->host_seen)
        return HTTP_BAD_REQUEST; /* RFC 9112 section 3.2 */
    if (framing->coding_seen && (framing->length_seen || request->minor == 0))
        return HTTP_BAD_REQUEST; /* RFC 9112 section 6.1: both is an attack, or sounds like one */
    return framing->unsupported ? HTTP_NOT_IMPLEMENTED : HTTP_NONE;
}

/* No field is there. In pieces, for which compilers write a few stores; for all of it at once gcc writes a
 * REP STOS, which takes longer to begin than the rest of the request. */
static void clear_fields(struct str fields[static HTTP_FIELD_COUNT])
{
    enum { PIECE = 4, WHOLE = HTTP_FIELD_COUNT / PIECE * PIECE };

    for (unsigned i = 0; i < WHOLE; i += PIECE)
        memset(&fields[i], 0, PIECE * sizeof fields[0]);
    memset(&fields[WHOLE], 0, (HTTP_FIELD_COUNT - WHOLE) * sizeof fields[0]);
}

static void request_init(struct request *ret)
{
    ret->method = HTTP_METHOD_OTHER;
    ret->refusal = HTTP_NONE;
    ret->minor = 1;
    ret->framing = HTTP_FRAMING_NONE;
    ret->content_bytes = 0;
    ret->close = ret->keep_alive = ret->expects_continue = false;
    ret->more_count = 0; /* so nothing of MORE counts */
    ret->path = ret->query = (struct str){0};
    clear_fields(ret->fields);
}

/* A head, blank line included. */
static const char *take_head(const char *at, const char *end, struct request *ret)
{
    struct framing framing = {.end = end};
    request_init(ret);
    at = take_request_line(at, end, ret);
    while (at && !(at < end && *at == '\r'))
        at = take_field(at, end, ret, &framing);
    if (!at || end - at < 2)
        return NULL;
    if (at[1] != '\n')
        return refuse(ret, HTTP_BAD_REQUEST);
    ret->refusal = check_head(ret, &framing);
    return ret->refusal ? NULL : at + 2;
}

/* What can be said of a head whose end isn't there yet: the refusal of its request line, once that is
 * complete (so that it needn't wait for a timeout), or of its length. HTTP_NONE: nothing yet. */
static enum http_status judge_beginning(struct h1_parse *state, struct str view, bool full,
                                        struct request *ret)
{
    request_init(ret);
    if (state->line_first == 0)
        return full ? HTTP_URI_TOO_LONG : HTTP_NONE;
    if (!state->line_judged || full) { /* if full, for what it says of the request */
        state->line_judged = true;
        if (!take_request_line(view.at, view.at + view.length, ret))
            return ret->refusal ? ret->refusal : HTTP_BAD_REQUEST; /* the line is all there */
    }
    return full ? HTTP_FIELDS_TOO_LARGE : HTTP_NONE;
}

enum h1_parse_result h1_parse(struct h1_parse *state, struct str input, size_t head_bytes_max,
                              struct request *ret, size_t *ret_head_bytes)
{
    assert(head_bytes_max <= UINT16_MAX);
    if (input.length == 0)
        return H1_PARSE_MORE;
    /* Nearly always a head is all there, and good: one pass then. One that comes in pieces is parsed when
     * its end has been found, so that a byte at a time costs no more than it should. */
    struct str view = str_first(input, head_bytes_max);
    bool fresh = state->scanned == 0;
    size_t head_bytes = fresh ? view.length : find_end(state, view);
    const char *behind = head_bytes > 0 ? take_head(view.at, view.at + head_bytes, ret) : NULL;
    if (behind) {
        *state = (struct h1_parse){0};
        *ret_head_bytes = (size_t)(behind - view.at);
        return H1_PARSE_HEAD;
    }
    if (fresh)
        head_bytes = find_end(state, view);
    enum http_status refusal = HTTP_BAD_REQUEST;
    if (head_bytes > 0)
        refusal =
            ret->refusal ? ret->refusal : HTTP_BAD_REQUEST; /* cut short, and yet at its end */
    else if (scan_is(SCAN_TOKEN, input.at[0]))
        refusal = judge_beginning(state, view, view.length == head_bytes_max, ret);
    /* else it begins no method: not HTTP (a TLS handshake, say); don't wait for more */
    if (!refusal)
        return H1_PARSE_MORE;
    *state = (struct h1_parse){0};
    ret->refusal = refusal;
    *ret_head_bytes = head_bytes;
    return H1_PARSE_BAD;
}
