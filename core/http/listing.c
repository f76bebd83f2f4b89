/* listing: see listing.h. The order of entries, and JSON; HTML is in listing_html.c. */
#include "http/listing.h"

#include "base/date.h"
#include "http/writer.h"

#include <stdlib.h>

/* --- Order ------------------------------------------------------------------------------------ */

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* The digits at the start of S. */
static struct str digits_of(struct str s)
{
    size_t length = 0;
    while (length < s.length && char_is_digit(s.at[length]))
        length++;
    return str_first(s, length);
}

static struct str without_zeros(struct str digits)
{
    size_t zeros = 0;
    while (zeros < digits.length && digits.at[zeros] == '0')
        zeros++;
    return str_from(digits, zeros);
}

static int compare_bytes(struct str a, struct str b)
{
    size_t shared = size_min(a.length, b.length);
    int order = shared > 0 ? memcmp(a.at, b.at, shared) : 0;
    return order != 0 ? order : compare_u64(a.length, b.length);
}

/* Compares two runs of digits of any length by value. */
static int compare_numbers(struct str a, struct str b)
{
    a = without_zeros(a);
    b = without_zeros(b);
    return a.length != b.length ? compare_u64(a.length, b.length) : compare_bytes(a, b);
}

static int compare_natural(struct str a, struct str b)
{
    while (a.length > 0 && b.length > 0) {
        struct str a_digits = digits_of(a), b_digits = digits_of(b);
        size_t a_taken = 1, b_taken = 1;
        int order;
        if (a_digits.length > 0 && b_digits.length > 0) {
            order = compare_numbers(a_digits, b_digits);
            a_taken = a_digits.length;
            b_taken = b_digits.length;
        } else {
            order = (uint8_t)char_lower(a.at[0]) - (uint8_t)char_lower(b.at[0]);
        }
        if (order != 0)
            return order;
        a = str_from(a, a_taken);
        b = str_from(b, b_taken);
    }
    return compare_u64(a.length, b.length);
}

/* Entries are equal only if all their members are, so the result of a sort does not depend on the
 * initial order. */
int listing_compare(const struct listing_entry *a, const struct listing_entry *b)
{
    if (a->kind != b->kind)
        return a->kind == LISTING_DIRECTORY ? -1 : 1;
    int order = compare_natural(a->name, b->name);
    if (order == 0)
        order = compare_bytes(a->name, b->name);
    if (order == 0)
        order = compare_u64(a->bytes, b->bytes);
    return order != 0 ? order
                      : (a->modified_seconds > b->modified_seconds) -
                            (a->modified_seconds < b->modified_seconds);
}

static int compare_entries(const void *a, const void *b)
{
    return listing_compare(a, b);
}

void listing_sort(struct listing_entry *entries, size_t count)
{
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_entries);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Escapes CHARACTER for a JSON string, RFC 8259 section 7. */
static struct str escape_json(struct str character, char room[static WRITER_ESCAPE_BYTES])
{
    uint8_t byte = (uint8_t)character.at[0];
    if (byte == '"' || byte == '\\') {
        room[0] = '\\';
        room[1] = (char)byte;
        return (struct str){room, 2};
    }
    if (byte >= ' ')
        return character;
    char *digits = str_put(room, STR("\\u00"));
    digits[0] = (char)('0' + (byte >> 4));
    digits[1] = "0123456789abcdef"[byte & 15];
    return (struct str){room, 6};
}

static void put_json_entry(struct writer *w, const struct listing_entry *entry)
{
    char time[DATE_RFC3339_BYTES];
    writer_put(w, STR("{\"name\":\""));
    writer_put_escaped(w, entry->name, escape_json);
    if (entry->kind == LISTING_DIRECTORY) {
        writer_put(w, STR("\",\"type\":\"directory\""));
    } else {
        writer_put(w, STR("\",\"type\":\"file\",\"size\":"));
        writer_put_u64(w, entry->bytes);
    }
    writer_put(w, STR(",\"href\":\""));
    writer_put_encoded(w, entry->name);
    if (entry->kind == LISTING_DIRECTORY)
        writer_put(w, STR("/"));
    writer_put(w, STR("\",\"mtime\":\""));
    date_write_rfc3339(time, entry->modified_seconds);
    writer_put(w, (struct str){time, sizeof time});
    writer_put(w, STR("\"}"));
}

static void write_json(struct writer *w, const void *what)
{
    const struct listing *listing = what;
    writer_put(w, STR("{\"path\":\"/"));
    writer_put_escaped(w, listing->path, escape_json);
    writer_put(w, listing->path.length > 0 ? STR("/\",\"truncated\":") : STR("\",\"truncated\":"));
    writer_put(w, listing->truncated ? STR("true") : STR("false"));
    writer_put(w, STR(",\"entries\":["));
    for (size_t i = 0; i < listing->count; i++) {
        writer_put(w, i > 0 ? STR(",\n") : STR("\n"));
        put_json_entry(w, &listing->entries[i]);
    }
    writer_put(w, STR("\n]}\n"));
}

struct blob *listing_to_json(const struct listing *listing)
{
    return writer_compose(write_json, listing);
}
