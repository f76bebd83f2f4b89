/* response: see response.h. */
#include "response.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *keep(const char *data, size_t length)
{
    return text_format("%.*s", (int)length, data);
}

/* "HTTP/1.x NNN reason" */
static const char *parse_status_line(struct response *response, struct view line)
{
    const char *data = line.data;

    if (line.length < 14 || memcmp(data, "HTTP/1.", 7) != 0 || (data[7] != '0' && data[7] != '1') ||
        data[8] != ' ' || !isdigit((unsigned char)data[9]) || !isdigit((unsigned char)data[10]) ||
        !isdigit((unsigned char)data[11]) || data[12] != ' ')
        return "the status line is not HTTP/1.x NNN reason";
    response->minor = data[7] - '0';
    response->status = (data[9] - '0') * 100 + (data[10] - '0') * 10 + (data[11] - '0');
    snprintf(response->reason, sizeof(response->reason), "%.*s", (int)line.length - 13, data + 13);
    for (size_t i = 0; i < line.length; i++)
        if (data[i] < 0x20 || data[i] > 0x7e)
            return "a control byte in the status line";
    return NULL;
}

static bool is_token_byte(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* IMF-fixdate, RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool is_date(const char *text)
{
    static const char pattern[] = "Aaa, 00 Aaa 0000 00:00:00 GMT";

    if (strlen(text) != RESPONSE_DATE_LENGTH)
        return false;
    for (size_t i = 0; i < RESPONSE_DATE_LENGTH; i++) {
        char c = text[i];
        bool fits = pattern[i] == '0'   ? isdigit((unsigned char)c) != 0
                    : pattern[i] == 'a' ? islower((unsigned char)c) != 0
                    : pattern[i] == 'A' ? isupper((unsigned char)c) != 0
                                        : c == pattern[i];

        if (!fits)
            return false;
    }
    return true;
}

static const char *parse_field(struct response *response, struct view line)
{
    const char *colon = memchr(line.data, ':', line.length);
    size_t name_length = colon ? (size_t)(colon - line.data) : 0;
    struct response_field field;

    if (name_length == 0 || line.length < name_length + 3 || colon[1] != ' ' || colon[2] == ' ' ||
        line.data[line.length - 1] == ' ')
        return text_format("a field is not \"Name: value\": %s",
                           text_visible(line.data, line.length));
    for (size_t i = 0; i < name_length; i++)
        if (!is_token_byte(line.data[i]))
            return "a byte in a field's name that is no token";
    for (size_t i = name_length; i < line.length; i++)
        if ((unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7f)
            return "a control byte in a field's value";
    field.name = keep(line.data, name_length);
    field.value = keep(colon + 2, line.length - name_length - 2);
    if (response_field(response, field.name) && strcasecmp(field.name, "Vary") != 0)
        return text_format("the field %s stands there twice", field.name);
    if (response->field_count == COUNT_OF(response->fields))
        return "too many fields";
    if (strcasecmp(field.name, "Date") == 0) {
        if (!is_date(field.value))
            return text_format("no date: %s", field.value);
        response->date_offset = (size_t)(colon + 2 - response->head.data);
    }
    response->fields[response->field_count++] = field;
    return NULL;
}

static const char *parse_head(struct response *response)
{
    const char *line = response->head.data;
    const char *end =
        line + response->head.length - 2; /* the last field ends here; the empty line follows */
    const char *why = NULL;

    for (bool first = true; line < end && !why; first = false) {
        const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
        struct view view = {.data = line, .length = (size_t)(line_end - line)};

        why = first ? parse_status_line(response, view) : parse_field(response, view);
        line = line_end + 2;
    }
    return why;
}

/* The number of bytes that follow the head, or the reason why it is unknown. */
static const char *body_length(const struct response *response, bool no_body, size_t *ret)
{
    const char *length = response_field(response, "Content-Length");

    *ret = 0;
    if (response_field(response, "Transfer-Encoding"))
        return "a Transfer-Encoding, which no answer here has";
    if (response->status == 304 || response->status == 204 || response->status < 200)
        return length ? "a Content-Length where no body is" : NULL;
    if (!length)
        return "no Content-Length";
    if (length[strspn(length, "0123456789")] != '\0' || strlen(length) > 15)
        return text_format("Content-Length: %s", length);
    if (!no_body)
        *ret = strtoul(length, NULL, 10);
    return NULL;
}

enum response_result response_parse(struct response *ret, const char *data, size_t length,
                                    bool no_body, const char **ret_why)
{
    struct response response = {.head = {.data = data}};
    const char *end = length ? memmem(data, length, "\r\n\r\n", 4) : NULL;
    const char *why;

    if (!end) {
        size_t compared = length < 7 ? length : 7;

        *ret_why = "no HTTP/1. at the beginning";
        return compared && memcmp(data, "HTTP/1.", compared) != 0 ? RESPONSE_MALFORMED
                                                                  : RESPONSE_INCOMPLETE;
    }
    response.head.length = (size_t)(end - data) + 4;
    response.body.data = data + response.head.length;
    why = parse_head(&response);
    if (!why)
        why = body_length(&response, no_body, &response.body.length);
    if (why) {
        *ret_why = text_format("%s, in %s", why, text_visible(data, response.head.length));
        return RESPONSE_MALFORMED;
    }
    if (length - response.head.length < response.body.length)
        return RESPONSE_INCOMPLETE;
    *ret = response;
    return RESPONSE_WHOLE;
}

const char *response_field(const struct response *response, const char *name)
{
    for (size_t i = 0; i < response->field_count; i++)
        if (strcasecmp(response->fields[i].name, name) == 0)
            return response->fields[i].value;
    return NULL;
}

struct view response_masked_head(const struct response *response)
{
    struct bytes copy = {0};

    bytes_append(&copy, response->head.data, response->head.length);
    if (response->date_offset)
        memset(copy.data + response->date_offset, '#', RESPONSE_DATE_LENGTH);
    return (struct view){.data = copy.data, .length = copy.length};
}

bool response_has(const struct response *response, const char *text)
{
    return memmem(response->body.data, response->body.length, text, strlen(text)) != NULL;
}
