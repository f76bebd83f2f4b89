/* writer: the measured length is the written length. */
#include "http/writer.h"
#include "support/faults.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>

/* Replaces each character that it is called for by "*", or by "?" if it is not UTF-8. */
static struct str count_asked(struct str character, char room[static WRITER_ESCAPE_BYTES])
{
    if (character.length > 1 && !str_equal(character, STR("\xef\xbf\xbd")))
        return character;
    room[0] = character.length == 1 ? '*' : '?';
    return (struct str){room, 1};
}

static void write_escaped(struct writer *w, const void *what)
{
    const struct str *text = what;
    writer_put_escaped(w, *text, count_asked);
}

static void write_encoded(struct writer *w, const void *what)
{
    const struct str *text = what;
    writer_put_encoded(w, *text);
}

static void write_all_kinds(struct writer *w, const void *what)
{
    const struct str *text = what;
    writer_put_u64(w, 0);
    writer_put(w, *text);
    writer_put_u64(w, UINT64_MAX);
    writer_put(w, (struct str){NULL, 0});
}

static void write_nothing(struct writer *w, const void *what)
{
    (void)w;
    (void)what;
}

static void expect_written(void (*write)(struct writer *w, const void *what), struct str text,
                           struct str expected)
{
    struct str input = guard_copy(text);
    struct blob *blob = writer_compose(write, &input);
    cr_assert_not_null(blob);
    struct str got = {blob->bytes, blob->length};
    cr_expect(str_equal(got, expected), "%.*s", (int)got.length, got.at);
    blob_drop(blob);
    guard_drop(input);
}

Test(writer, writes_text_numbers_and_encoded_text)
{
    expect_written(write_all_kinds, STR(" a\n"), STR("0 a\n18446744073709551615"));
    expect_written(write_encoded, STR("a b/\xff"), STR("a%20b%2F%FF"));
    expect_written(write_nothing, STR(""), STR(""));
}

Test(writer, escapes_only_special_characters)
{
    static const struct {
        const char *label;
        struct str text, expected;
    } rows[] = {
        {"nothing", STR_INIT(""), STR_INIT("")},
        {"plain", STR_INIT("az AZ 09 !#$%()*+,-./:;=?@[]^_`{|}~"),
         STR_INIT("az AZ 09 !#$%()*+,-./:;=?@[]^_`{|}~")},
        {"markup and quotes", STR_INIT("a&b<c>d\"e'f\\g"), STR_INIT("a*b*c*d*e*f*g")},
        {"control characters", STR_INIT("\0\x1f\x7f\n"), STR_INIT("****")},
        {"characters", STR_INIT("\xc3\xbc\xf0\x9f\x8e\x89"), STR_INIT("\xc3\xbc\xf0\x9f\x8e\x89")},
        {"no characters", STR_INIT("\xff.\x80"), STR_INIT("?.?")},
        {"cut off at the end", STR_INIT("a\xf0\x9f\x8e"), STR_INIT("a?")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_written(write_escaped, rows[i].text, rows[i].expected);
}

Test(writer, returns_null_when_out_of_memory)
{
    struct str text = STR("a");
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(writer_compose(write_all_kinds, &text));
    faults_clear();
}
