/* answers: the responses in what a server has sent, one after the other. */
#ifndef SLUICE_TESTS_ANSWERS_H
#define SLUICE_TESTS_ANSWERS_H

#include "base/str.h"

#include <stdlib.h>

struct answer {
    unsigned status;
    struct str head; /* status line and fields, with the empty line */
    struct str body;
};

/* The value of the field NAME (spelt as it is sent) in HEAD; absent: null. */
static inline struct str answer_field(struct str head, const char *name)
{
    size_t length = strlen(name);
    for (;;) {
        head = str_from(head, str_find(head, '\n') + 1);
        if (head.length <= length)
            return (struct str){0};
        if (memcmp(head.at, name, length) == 0 && head.at[length] == ':')
            return str_trim(
                str_first(str_from(head, length + 1), str_find(head, '\r') - length - 1));
    }
}

/* Takes the next response off *STREAM; WITHOUT_BODY if it answers HEAD. False, with *STREAM as it
 * was, if it isn't all there. */
static inline bool answer_next(struct str *stream, bool without_body, struct answer *ret)
{
    const char *end = stream->length > 0 ? memmem(stream->at, stream->length, "\r\n\r\n", 4) : NULL;
    if (!end || stream->length < sizeof "HTTP/1.1 200")
        return false;
    struct answer answer = {.head = {stream->at, (size_t)(end - stream->at) + 4}};
    answer.status = (unsigned)strtoul(stream->at + sizeof "HTTP/1.1", NULL, 10);
    struct str rest = str_from(*stream, answer.head.length);
    struct str length = answer_field(answer.head, "Content-Length");
    size_t bytes = 0;
    if (length.at && !without_body)
        bytes = strtoul(length.at, NULL, 10);
    if (bytes > rest.length)
        return false;
    answer.body = str_first(rest, bytes);
    *stream = str_from(rest, bytes);
    *ret = answer;
    return true;
}

#endif
