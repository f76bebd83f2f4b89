/* request: see request.h. */
#include "http/request.h"

/* Makes all fields absent, a few at a time: compilers write that as a few stores. For the whole
 * array at once gcc writes REP STOS, which takes longer to start than the rest of the request. */
static void clear_fields(struct str fields[static HTTP_FIELD_COUNT])
{
    enum { PIECE = 4, WHOLE = HTTP_FIELD_COUNT / PIECE * PIECE };

    for (unsigned i = 0; i < WHOLE; i += PIECE)
        memset(&fields[i], 0, PIECE * sizeof fields[0]);
    memset(&fields[WHOLE], 0, (HTTP_FIELD_COUNT - WHOLE) * sizeof fields[0]);
}

void request_init(struct request *ret)
{
    ret->method = HTTP_METHOD_OTHER;
    ret->refusal = HTTP_NONE;
    ret->more_count = 0; /* MORE itself is not read then */
    ret->authority = ret->path = ret->query = (struct str){0};
    clear_fields(ret->fields);
}

/* --- Fields ------------------------------------------------------------------------------------- */

/* RFC 9110: sections 13.1.1, 13.1.2, 12.5.1, 12.5.3. */
static const bool is_list[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_IF_MATCH] = true,
    [HTTP_FIELD_IF_NONE_MATCH] = true,
    [HTTP_FIELD_ACCEPT] = true,
    [HTTP_FIELD_ACCEPT_ENCODING] = true,
};

/* Keeps VALUE of another line. False if there is no room. */
static bool keep_more(struct request *request, enum http_field field, struct str value)
{
    if (request->more_count == REQUEST_MORE_MAX)
        return false;
    request->more[request->more_count++] = (struct request_more){field, value};
    return true;
}

/* Makes FIELD present and empty for good: the places of its lines in MORE are not reused. */
static void empty_field(struct request *request, enum http_field field)
{
    request->fields[field].length = 0;
    for (unsigned i = 0; i < request->more_count; i++) {
        if (request->more[i].field == field)
            request->more[i].value.length = 0;
    }
}

/* Whether the values that FIELD has, and VALUE, can be joined. */
static bool can_join(const struct request *request, enum http_field field, struct str value)
{
    size_t bytes = request->fields[field].length + 2 + value.length;
    for (unsigned i = 0; i < request->more_count; i++) {
        if (request->more[i].field == field)
            bytes += 2 + request->more[i].value.length;
    }
    return bytes <= REQUEST_JOINED_BYTES_MAX;
}

void request_add_field(struct request *request, enum http_field field, struct str value)
{
    if (!request->fields[field].at)
        request->fields[field] = value;
    else if (!is_list[field] || !can_join(request, field, value) ||
             !keep_more(request, field, value))
        empty_field(request, field);
}

/* Writes VALUE to TO, after ", " unless TO is FIRST, where the joined value begins. Writes nothing
 * for an empty VALUE: empty elements are left out (RFC 9110 section 5.6.1). Returns the end. */
static char *join(char *first, char *to, struct str value)
{
    if (value.length == 0)
        return to;
    if (to > first)
        to = str_put(to, STR(", "));
    return str_put(to, value);
}

struct str request_field_joined(const struct request *request, enum http_field field, char *scratch)
{
    struct str value = request->fields[field];
    char *end = NULL;
    for (unsigned i = 0; i < request->more_count; i++) {
        if (request->more[i].field != field)
            continue;
        if (!end)
            end = join(scratch, scratch, value);
        end = join(scratch, end, request->more[i].value);
    }
    return end ? (struct str){scratch, (size_t)(end - scratch)} : value;
}

/* --- An owned request --------------------------------------------------------------------------- */

size_t request_bytes(const struct request *request)
{
    size_t bytes = request->authority.length + request->path.length + request->query.length;
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++)
        bytes += request->fields[i].length;
    for (unsigned i = 0; i < request->more_count; i++)
        bytes += request->more[i].value.length;
    return bytes;
}

/* Copies VIEW to TO. Absent views stay absent. Returns the end of the copy. */
static char *copy_view(struct str *ret, struct str view, char *to)
{
    *ret = (struct str){view.at ? to : NULL, view.length};
    return str_put(to, view);
}

void request_copy(struct request *ret, const struct request *request, char *to)
{
    request_init(ret);
    ret->method = request->method;
    ret->refusal = request->refusal;
    ret->more_count = request->more_count;
    to = copy_view(&ret->authority, request->authority, to);
    to = copy_view(&ret->path, request->path, to);
    to = copy_view(&ret->query, request->query, to);
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++)
        to = copy_view(&ret->fields[i], request->fields[i], to);
    for (unsigned i = 0; i < request->more_count; i++) {
        ret->more[i].field = request->more[i].field;
        to = copy_view(&ret->more[i].value, request->more[i].value, to);
    }
}
