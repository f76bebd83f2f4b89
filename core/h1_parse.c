/* h1_parse: see h1_parse.h. */
#include "h1_parse.h"

#include "num.h"

/* What a byte may be part of. */
enum {
    TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
    TARGET = 2, /* VCHAR: what a request target may hold before it is looked at closely */
    VALUE = 4,  /* field-content and white space in it: VCHAR, obs-text, SP, HTAB; section 5.5 */
    HOST = 8,   /* reg-name, IP-literal and port: RFC 3986 section 3.2.2 */
};

#define VISIBLE (TARGET | VALUE)
#define ALNUM   (TOKEN | VISIBLE | HOST)

/* clang-format off */
static const uint8_t byte_class[256] = {
    ['\t'] = VALUE, [' '] = VALUE,
    ['0' ... '9'] = ALNUM, ['A' ... 'Z'] = ALNUM, ['a' ... 'z'] = ALNUM,
    ['!'] = TOKEN | VISIBLE | HOST, ['$'] = TOKEN | VISIBLE | HOST, ['%'] = TOKEN | VISIBLE | HOST,
    ['&'] = TOKEN | VISIBLE | HOST, ['\''] = TOKEN | VISIBLE | HOST, ['*'] = TOKEN | VISIBLE | HOST,
    ['+'] = TOKEN | VISIBLE | HOST, ['-'] = TOKEN | VISIBLE | HOST, ['.'] = TOKEN | VISIBLE | HOST,
    ['_'] = TOKEN | VISIBLE | HOST, ['~'] = TOKEN | VISIBLE | HOST,
    ['#'] = TOKEN | VALUE, /* begins a fragment, which is never sent */
    ['^'] = TOKEN | VISIBLE, ['`'] = TOKEN | VISIBLE,
    ['|'] = TOKEN | VISIBLE,
    ['('] = VISIBLE | HOST, [')'] = VISIBLE | HOST, [','] = VISIBLE | HOST, [';'] = VISIBLE | HOST,
    ['='] = VISIBLE | HOST, [':'] = VISIBLE | HOST, ['['] = VISIBLE | HOST, [']'] = VISIBLE | HOST,
    ['"'] = VISIBLE, ['/'] = VISIBLE, ['<'] = VISIBLE, ['>'] = VISIBLE, ['?'] = VISIBLE,
    ['@'] = VISIBLE, ['\\'] = VISIBLE, ['{'] = VISIBLE, ['}'] = VISIBLE,
    [0x80 ... 0xff] = VALUE,
};
/* clang-format on */

/* How many bytes from FIRST to END are all of CLASS. */
static size_t span_of(const char *first, const char *end, unsigned class)
{
    const char *at = first;
    while (at < end && (byte_class[(uint8_t)*at] & class))
        at++;
    return (size_t)(at - first);
}

/* --- Looking for the end ------------------------------------------------------------------- */

/* The length of the head that VIEW begins with, blank line included, or 0 if its end is not there.
 * Lines that end in a bare LF count here, so that they are refused now and not by a timeout. */
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
        state->line_first = index + 1;
        if (line_bytes == 0 || (line_bytes == 1 && lf[-1] == '\r'))
            return index + 1;
    }
    return 0;
}

/* --- The request line, RFC 9112 section 3 --------------------------------------------------- */

/* HTTP-version, section 2.3: exactly "HTTP/" DIGIT "." DIGIT. Returns the refusal, or HTTP_NONE. */
static enum http_status parse_version(struct str version, struct request *ret)
{
    if (version.length != 8 || memcmp(version.at, "HTTP/", 5) != 0 ||
        !char_is_digit(version.at[5]) || version.at[6] != '.' || !char_is_digit(version.at[7]))
        return HTTP_BAD_REQUEST;
    if (version.at[5] != '1')
        return HTTP_VERSION_NOT_SUPPORTED;
    ret->minor = (unsigned)(version.at[7] - '0');
    return HTTP_NONE;
}

/* reg-name or IPv4address: bytes of HOST but for brackets, escapes whole. RFC 3986 section 3.2.2. */
static bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (!(byte_class[(uint8_t)c] & HOST) || c == '[' || c == ']' || c == ':')
            return false;
        if (c == '%' &&
            (name.length - i < 3 || char_hex(name.at[i + 1]) < 0 || char_hex(name.at[i + 2]) < 0))
            return false;
    }
    return true;
}

/* What stands between the brackets of an IP-literal: an IPv6 address, or IPvFuture. */
static bool literal_is_valid(struct str literal)
{
    if (literal.length > 0 && char_lower(literal.at[0]) == 'v') {
        size_t dot = str_find(literal, '.');
        return dot > 1 && dot + 1 < literal.length && name_is_valid(str_first(literal, dot));
    }
    size_t colons = 0;
    for (size_t i = 0; i < literal.length; i++) {
        char c = literal.at[i];
        colons += c == ':';
        if (c != ':' && c != '.' && char_hex(c) < 0)
            return false;
    }
    return colons >= 2;
}

/* uri-host [ ":" port ], RFC 9110 section 7.2; may be empty. */
static bool host_is_valid(struct str host)
{
    size_t name_bytes = str_find(host, ':');
    bool valid;
    if (host.length > 0 && host.at[0] == '[') {
        size_t close = str_find(host, ']');
        valid = close < host.length && literal_is_valid((struct str){host.at + 1, close - 1});
        name_bytes = close + 1;
    } else {
        valid = name_is_valid(str_first(host, name_bytes));
    }
    struct str port = str_from(host, name_bytes);
    if (port.length > 0 && port.at[0] != ':')
        return false;
    for (size_t i = 1; i < port.length; i++)
        valid = valid && char_is_digit(port.at[i]);
    return valid;
}

/* Cuts "http://authority" off an absolute-form target (section 3.2.2), which leaves "/path?query" or
 * nothing. False if it is no such thing. */
static bool cut_authority(struct str *target)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (!str_equal_nocase(str_first(*target, schemes[i].length), schemes[i]))
            continue;
        struct str rest = str_from(*target, schemes[i].length);
        size_t authority = size_min(str_find(rest, '/'), str_find(rest, '?'));
        if (authority == 0 || rest.at[0] == ':' || !host_is_valid(str_first(rest, authority)))
            return false; /* an empty host is invalid here, RFC 9110 section 4.2.1 */
        *target = str_from(rest, authority);
        return true;
    }
    return false;
}

/* uri-host ":" port, section 3.2.3: neither may be missing, RFC 9110 section 9.3.6. */
static bool authority_is_valid(struct str authority)
{
    size_t colon = str_find_last(authority, ':');
    return colon > 0 && colon + 1 < authority.length &&
           char_is_digit(authority.at[authority.length - 1]) && host_is_valid(authority);
}

/* The four forms of section 3.2: authority-form is CONNECT's and its only one, asterisk-form is for
 * OPTIONS, origin-form and absolute-form for all the others. A target without a path counts as "/". */
static enum http_status parse_target(struct str target, struct request *ret)
{
    ret->path = STR("/");
    if (ret->method == HTTP_CONNECT)
        return authority_is_valid(target) ? HTTP_NONE : HTTP_BAD_REQUEST;
    if (ret->method == HTTP_OPTIONS && str_equal(target, STR("*")))
        return HTTP_NONE;
    if (target.at[0] != '/' && !cut_authority(&target))
        return HTTP_BAD_REQUEST;
    size_t mark = str_find(target, '?');
    if (mark > 0)
        ret->path = str_first(target, mark);
    if (mark < target.length)
        ret->query = str_from(target, mark + 1);
    return HTTP_NONE;
}

/* LINE without its CRLF. method SP request-target SP HTTP-version, single spaces. */
static enum http_status parse_request_line(struct str line, struct request *ret)
{
    const char *end = line.at + line.length;
    size_t method_bytes = span_of(line.at, end, TOKEN);
    const char *target = line.at + method_bytes + 1;
    if (method_bytes == 0 || target >= end || target[-1] != ' ')
        return HTTP_BAD_REQUEST;
    ret->method = http_method_of((struct str){line.at, method_bytes});
    size_t target_bytes = span_of(target, end, TARGET);
    const char *version = target + target_bytes + 1;
    if (target_bytes == 0 || version >= end || version[-1] != ' ')
        return HTTP_BAD_REQUEST;
    enum http_status refusal = parse_version((struct str){version, (size_t)(end - version)}, ret);
    return refusal ? refusal : parse_target((struct str){target, target_bytes}, ret);
}

/* --- Fields, RFC 9112 section 5 ------------------------------------------------------------- */

/* What has been seen of the fields that decide the framing. */
struct framing {
    bool length_seen;
    bool coding_seen;
    bool host_seen;
};

typedef enum http_status field_reader(struct str value, struct request *ret, struct framing *);

/* RFC 9112 section 3.2: exactly one, and well-formed. */
static enum http_status read_host(struct str value, struct request *ret, struct framing *framing)
{
    if (framing->host_seen || !host_is_valid(value))
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

/* RFC 9110 section 7.6.1. */
static enum http_status read_connection(struct str value, struct request *ret,
                                        struct framing *framing)
{
    (void)framing;
    ret->close = ret->close || str_list_has(value, STR("close"));
    ret->keep_alive = ret->keep_alive || str_list_has(value, STR("keep-alive"));
    return HTTP_NONE;
}

/* RFC 9110 section 10.1.1. */
static enum http_status read_expect(struct str value, struct request *ret, struct framing *framing)
{
    (void)framing;
    ret->expects_continue = ret->expects_continue || str_list_has(value, STR("100-continue"));
    return HTTP_NONE;
}

/* What is done with a field: it is read, or its value is kept. */
static const struct field_name {
    struct str name;
    field_reader *read;   /* NULL: kept */
    enum http_field kept; /* as this */
} known_fields[] = {
    {STR_INIT("host"), .read = read_host},
    {STR_INIT("connection"), .read = read_connection},
    {STR_INIT("if-none-match"), .kept = HTTP_FIELD_IF_NONE_MATCH},
    {STR_INIT("if-modified-since"), .kept = HTTP_FIELD_IF_MODIFIED_SINCE},
    {STR_INIT("range"), .kept = HTTP_FIELD_RANGE},
    {STR_INIT("if-range"), .kept = HTTP_FIELD_IF_RANGE},
    {STR_INIT("if-match"), .kept = HTTP_FIELD_IF_MATCH},
    {STR_INIT("if-unmodified-since"), .kept = HTTP_FIELD_IF_UNMODIFIED_SINCE},
    {STR_INIT("content-length"), .read = read_content_length},
    {STR_INIT("transfer-encoding"), .read = read_transfer_encoding},
    {STR_INIT("expect"), .read = read_expect},
    {STR_INIT("accept"), .kept = HTTP_FIELD_ACCEPT},
    {STR_INIT("accept-encoding"), .kept = HTTP_FIELD_ACCEPT_ENCODING},
};

static enum http_status read_field(struct str name, struct str value, struct request *ret,
                                   struct framing *framing)
{
    for (size_t i = 0; i < COUNT_OF(known_fields); i++) {
        const struct field_name *known = &known_fields[i];
        if (!str_equal_nocase(known->name, name))
            continue;
        if (known->read)
            return known->read(value, ret, framing);
        http_field_add(ret, known->kept, value);
        break;
    }
    return HTTP_NONE;
}

/* LINE without its CRLF: field-name ":" OWS field-value OWS. No white space before the colon, no line
 * folding (sections 5.1 and 5.2). */
static enum http_status parse_field(struct str line, struct request *ret, struct framing *framing)
{
    const char *end = line.at + line.length;
    size_t name_bytes = span_of(line.at, end, TOKEN);
    if (name_bytes == 0 || name_bytes == line.length || line.at[name_bytes] != ':')
        return HTTP_BAD_REQUEST;
    struct str value = str_from(line, name_bytes + 1);
    if (span_of(value.at, end, VALUE) != value.length)
        return HTTP_BAD_REQUEST;
    return read_field((struct str){line.at, name_bytes}, str_trim(value), ret, framing);
}

/* --- The whole head ------------------------------------------------------------------------- */

/* Takes the next line off *REST, without its CRLF. False if it ends in a bare LF. */
static bool next_line(struct str *rest, struct str *ret_line)
{
    size_t lf = str_find(*rest, '\n');
    if (lf == rest->length || lf == 0 || rest->at[lf - 1] != '\r')
        return false;
    *ret_line = str_first(*rest, lf - 1);
    *rest = str_from(*rest, lf + 1);
    return true;
}

/* What can be said only when all fields are known. */
static enum http_status check_head(const struct request *request, const struct framing *framing)
{
    if (request->minor >= 1 && !framing->host_seen)
        return HTTP_BAD_REQUEST; /* RFC 9112 section 3.2 */
    if (framing->coding_seen && (framing->length_seen || request->minor == 0))
        return HTTP_BAD_REQUEST; /* RFC 9112 section 6.1: both is an attack, or sounds like one */
    return HTTP_NONE;
}

static enum http_status parse_head(struct str head, struct request *ret)
{
    struct framing framing = {0};
    struct str line;
    if (!next_line(&head, &line))
        return HTTP_BAD_REQUEST;
    enum http_status refusal = parse_request_line(line, ret);
    enum http_status unsupported = HTTP_NONE;
    while (!refusal) {
        if (!next_line(&head, &line))
            return HTTP_BAD_REQUEST;
        if (line.length == 0)
            break;
        refusal = parse_field(line, ret, &framing);
        if (refusal == HTTP_NOT_IMPLEMENTED) { /* a malformed line further on weighs more */
            unsupported = refusal;
            refusal = HTTP_NONE;
        }
    }
    if (!refusal)
        refusal = check_head(ret, &framing);
    return refusal ? refusal : unsupported;
}

/* What can be said of a head whose end isn't there yet: the refusal of its request line, once that is
 * complete (so that it needn't wait for a timeout), or of its length. HTTP_NONE: nothing yet. */
static enum http_status judge_beginning(struct h1_parse *state, struct str view, bool full,
                                        struct request *ret)
{
    if (state->line_first == 0)
        return full ? HTTP_URI_TOO_LONG : HTTP_NONE;
    if (!state->line_judged || full) { /* if full, for what it says of the request */
        struct str line;
        state->line_judged = true;
        enum http_status refusal =
            next_line(&view, &line) ? parse_request_line(line, ret) : HTTP_BAD_REQUEST;
        if (refusal)
            return refusal;
    }
    return full ? HTTP_FIELDS_TOO_LARGE : HTTP_NONE;
}

enum h1_parse_result h1_parse(struct h1_parse *state, struct str input, size_t head_bytes_max,
                              struct request *ret, size_t *ret_head_bytes)
{
    if (input.length == 0)
        return H1_PARSE_MORE;
    struct str view = str_first(input, head_bytes_max);
    struct request request = {.minor = 1};
    size_t head_bytes = 0;
    enum http_status refusal = HTTP_BAD_REQUEST;
    /* A first byte that begins no method: not HTTP (a TLS handshake, say); don't wait for more. */
    if (byte_class[(uint8_t)input.at[0]] & TOKEN) {
        head_bytes = find_end(state, view);
        refusal = head_bytes > 0
                      ? parse_head(str_first(input, head_bytes), &request)
                      : judge_beginning(state, view, view.length == head_bytes_max, &request);
        if (head_bytes == 0 && !refusal)
            return H1_PARSE_MORE;
    }
    *state = (struct h1_parse){0};
    *ret = request;
    ret->refusal = refusal;
    *ret_head_bytes = head_bytes;
    return refusal ? H1_PARSE_BAD : H1_PARSE_HEAD;
}
