/* bytes: see bytes.h. */
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *pointer)
{
    if (!pointer) {
        perror("e2e: memory");
        abort();
    }
    return pointer;
}

char *bytes_reserve(struct bytes *bytes, size_t length)
{
    size_t needed = bytes->length + length + 1;

    if (needed > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity * 2 : 4096;

        if (capacity < needed)
            capacity = needed;
        bytes->data = must(realloc(bytes->data, capacity));
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->length;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    if (length)
        memcpy(bytes_reserve(bytes, length), data, length);
    bytes->length += length;
}

void bytes_append_text(struct bytes *bytes, const char *text)
{
    bytes_append(bytes, text, strlen(text));
}

const char *bytes_text(struct bytes *bytes)
{
    *bytes_reserve(bytes, 0) = '\0';
    return bytes->data;
}

const char *text_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return must(text);
}

const char *text_visible(const char *text, size_t length)
{
    static const size_t shown_max = 600;
    size_t shown = length < shown_max ? length : shown_max;
    char *visible = must(malloc(shown * 5 + 32));
    char *end = visible;

    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\n')
            end += sprintf(end, "\\n\n");
        else if (c == '\r')
            end += sprintf(end, "\\r");
        else if (c < 0x20 || c > 0x7e)
            end += sprintf(end, "\\x%02x", c);
        else
            *end++ = (char)c;
    }
    *end = '\0';
    if (shown < length)
        sprintf(end, "… (%zu bytes)", length);
    return visible;
}

/* xorshift64* (Vigna 2016). */
uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

struct view content_make(size_t length, uint64_t seed)
{
    char *data = must(malloc(length + 1));
    uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
    uint64_t number = 0;

    for (size_t i = 0; i < length; i++) {
        if (i % 8 == 0)
            number = random_next(&state);
        data[i] = i % 64 == 63 ? '\n' : (char)(' ' + (number & 0x3f));
        number >>= 7;
    }
    data[length] = '\0';
    return (struct view){.data = data, .length = length};
}
