/* writer: see writer.h. */
#include "http/writer.h"

#include "base/num.h"
#include "base/utf8.h"
#include "http/path.h"

struct blob *writer_compose(void (*write)(struct writer *w, const void *what), const void *what)
{
    struct writer w = {NULL, 0};
    write(&w, what);
    struct blob *blob = blob_create_bytes(w.length);
    if (!blob)
        return NULL;
    w = (struct writer){blob->bytes, 0};
    write(&w, what);
    assert(w.length == blob->length);
    return blob;
}

void writer_put_u64(struct writer *w, uint64_t value)
{
    char digits[NUM_U64_DIGITS_MAX];
    writer_put(w, (struct str){digits, num_write_u64(digits, value)});
}

void writer_put_encoded(struct writer *w, struct str text)
{
    if (w->to)
        path_put_encoded(w->to + w->length, text);
    w->length += path_encoded_bytes(text);
}

/* The number of bytes at the start of TEXT that need no escaping. */
static size_t plain_bytes(struct str text)
{
    size_t length = 0;
    while (length < text.length) {
        char c = text.at[length];
        if (c < ' ' || c > '~' || c == '&' || c == '<' || c == '>' || c == '"' || c == '\'' ||
            c == '\\')
            break;
        length++;
    }
    return length;
}

void writer_put_escaped(struct writer *w, struct str text,
                        struct str (*escape)(struct str character,
                                             char room[static WRITER_ESCAPE_BYTES]))
{
    char room[WRITER_ESCAPE_BYTES];
    while (text.length > 0) {
        struct str plain = str_first(text, plain_bytes(text));
        writer_put(w, plain);
        text = str_from(text, plain.length);
        if (text.length > 0)
            writer_put(w, escape(utf8_take(&text), room));
    }
}
