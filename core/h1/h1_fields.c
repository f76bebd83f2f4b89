/* h1_fields: see h1_fields.h. */
#include "h1/h1_fields.h"

#include "base/num.h"
#include "base/scan.h"
#include "http/authority.h"

/* --- Fields about the message ----------------------------------------------------------------- */

typedef enum http_status field_reader(struct str value, struct h1_head *head,
                                      struct h1_fields *fields);

/* The end of the digits at AT. A byte that is not a digit follows them. */
static const char *scan_digits(const char *at)
{
    while (char_is_digit(*at))
        at++;
    return at;
}

/* RFC 9112 section 3.2: exactly one, and well-formed. The authority of an absolute target
 * overrides it (section 3.2.2). */
static enum http_status read_host(struct str value, struct h1_head *head, struct h1_fields *fields)
{
    /* Nearly always a name and perhaps a port; the byte after VALUE belongs to neither. */
    const char *end = value.at + value.length, *at = scan_name(value.at, fields->end);
    if (*at == ':')
        at = scan_digits(at + 1);
    if (fields->host_seen || !(at == end || authority_is_host(value)))
        return HTTP_BAD_REQUEST;
    fields->host_seen = true;
    if (!head->request.authority.at)
        head->request.authority = value;
    return HTTP_NONE;
}

/* RFC 9110 section 8.6, RFC 9112 section 6.3: one number. A list is refused, even of equal
 * numbers. */
static enum http_status read_content_length(struct str value, struct h1_head *head,
                                            struct h1_fields *fields)
{
    if (fields->length_seen || !num_parse_u64(value, &head->content_bytes))
        return HTTP_BAD_REQUEST;
    fields->length_seen = true;
    head->framing = H1_FRAMING_LENGTH;
    return HTTP_NONE;
}

/* Judges CODINGS, the list in Transfer-Encoding. Chunked alone is supported. A list that does
 * not end with chunked leaves the message without an end (RFC 9112 section 6.3); chunked twice,
 * or with a parameter, is an error (sections 6.1 and 7.1). So is an empty element, which another
 * reader might understand differently. Any other list asks for an unknown coding (section 6.1). */
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

static enum http_status read_transfer_encoding(struct str value, struct h1_head *head,
                                               struct h1_fields *fields)
{
    if (fields->coding_seen)
        return HTTP_BAD_REQUEST;
    fields->coding_seen = true;
    head->framing = H1_FRAMING_CHUNKED;
    return judge_codings(value);
}

/* Whether the bytes at AT, part of a name or a value and as long as KNOWN, equal KNOWN without
 * regard to case. KNOWN consists of small letters and '-', at least four bytes. Setting bit 0x20
 * makes capital letters small, and turns no other byte of a name or a value into a letter or
 * '-'. Words overlap where the length is not a multiple of theirs. */
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
static enum http_status read_connection(struct str value, struct h1_head *head,
                                        struct h1_fields *fields)
{
    static const struct str keep_alive = STR_INIT("keep-alive");
    struct str option;
    (void)fields;
    if (value.length == keep_alive.length && is_known(value.at, keep_alive)) {
        head->keep_alive = true; /* as browsers write it */
        return HTTP_NONE;
    }
    while (str_next_item(&value, &option)) {
        head->close = head->close || str_equal_nocase(option, STR("close"));
        head->keep_alive = head->keep_alive || str_equal_nocase(option, STR("keep-alive"));
    }
    return HTTP_NONE;
}

/* RFC 9110 section 10.1.1. */
static enum http_status read_expect(struct str value, struct h1_head *head,
                                    struct h1_fields *fields)
{
    (void)fields;
    head->expects_continue = head->expects_continue || str_list_has(value, STR("100-continue"));
    return HTTP_NONE;
}

/* --- All fields ------------------------------------------------------------------------------- */

/* The slot of a name among the known ones, by its length, its first and its last letter. The
 * table is large enough to give each name a slot of its own. (Two names in one slot would be an
 * initializer overridden, which compilers warn of.) */
enum { KNOWN_SLOTS = 32 };
#define KNOWN_SLOT(length, first, last) \
    ((8 * (length) + ((first) | 0x20) + ((last) | 0x20)) % KNOWN_SLOTS)

/* The fields that are used: READ reads the value; without it the value is kept as KEPT. Names
 * are in small letters and at least four bytes long. */
static const struct field_name {
    struct str name;
    field_reader *read;
    enum http_field kept;
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
    [KNOWN_SLOT(14, 's', 't')] = {STR_INIT("sec-fetch-dest"), .kept = HTTP_FIELD_SEC_FETCH_DEST},
};

/* The known field called NAME, a token. NULL: not known. */
static const struct field_name *find_known(struct str name)
{
    unsigned first = (uint8_t)name.at[0], last = (uint8_t)name.at[name.length - 1];
    const struct field_name *known = &known_fields[KNOWN_SLOT(name.length, first, last)];
    return known->name.length == name.length && is_known(name.at, known->name) ? known : NULL;
}

static const char *refuse(struct h1_head *head, enum http_status status)
{
    head->request.refusal = status;
    return NULL;
}

/* No white space before the colon, no line folding (RFC 9112 sections 5.1 and 5.2). */
const char *h1_fields_take(struct h1_fields *fields, const char *at, struct h1_head *head)
{
    const char *end = fields->end, *colon = scan_token(at, end);
    if (colon == end)
        return NULL;
    if (colon == at || *colon != ':')
        return refuse(head, HTTP_BAD_REQUEST);
    const char *value = colon + 1;
    if (value < end && *value == ' ')
        value++;
    const char *value_end = scan_value(value, end);
    if (end - value_end < 2)
        return NULL;
    if (value_end[0] != '\r' || value_end[1] != '\n')
        return refuse(head, HTTP_BAD_REQUEST);
    const struct field_name *known = find_known((struct str){at, (size_t)(colon - at)});
    if (!known)
        return value_end + 2;
    struct str text = str_trim((struct str){value, (size_t)(value_end - value)});
    enum http_status refusal = HTTP_NONE;
    if (known->read)
        refusal = known->read(text, head, fields);
    else
        request_add_field(&head->request, known->kept, text);
    if (refusal == HTTP_NOT_IMPLEMENTED) /* a malformed line further on weighs more */
        fields->unsupported = true;
    else if (refusal)
        return refuse(head, refusal);
    return value_end + 2;
}

enum http_status h1_fields_check(const struct h1_fields *fields, const struct h1_head *head)
{
    if (head->minor >= 1 && !fields->host_seen)
        return HTTP_BAD_REQUEST; /* RFC 9112 section 3.2 */
    if (fields->coding_seen && (fields->length_seen || head->minor == 0))
        return HTTP_BAD_REQUEST; /* RFC 9112 section 6.1: both is an attack, or looks like one */
    return fields->unsupported ? HTTP_NOT_IMPLEMENTED : HTTP_NONE;
}
