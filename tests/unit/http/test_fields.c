/* fields: lists of header fields, and the blocks that hold them as values and as HTTP/1 lines. */
#include "http/fields.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct fields list;

static void set_up(void)
{
    fields_init(&list);
}

TestSuite(fields, .init = set_up);

/* A block of LIST in memory that ends where it ends. free() *RET_MEMORY. */
static struct field_block block_of(char **ret_memory)
{
    struct field_block block;
    size_t bytes = field_block_bytes(&list);
    *ret_memory = malloc(bytes > 0 ? bytes : 1);
    cr_assert_not_null(*ret_memory);
    cr_assert_eq(field_block_write(&block, *ret_memory, &list), *ret_memory + bytes);
    return block;
}

Test(fields, skips_absent_values_and_keeps_empty_ones)
{
    fields_add(&list, STR("A"), STR_ABSENT);
    fields_add(&list, STR("B"), STR(""));
    cr_assert_eq(list.count, 1);
    cr_expect(str_equal(list.items[0].name, STR("B")));
}

Test(fields, skips_a_value_that_a_block_cannot_hold)
{
    char *value = calloc(1, FIELDS_VALUE_BYTES_MAX + 1);
    fields_add(&list, STR("A"), (struct str){value, FIELDS_VALUE_BYTES_MAX + 1});
    cr_expect_eq(list.count, 0);
    fields_add(&list, STR("A"), (struct str){value, FIELDS_VALUE_BYTES_MAX});
    cr_assert_eq(list.count, 1);
    char *memory;
    struct field field;
    struct field_block block = block_of(&memory);
    cr_assert(field_block_next(&block, &field));
    cr_expect_eq(field.value.length, FIELDS_VALUE_BYTES_MAX);
    free(memory);
    free(value);
}

Test(fields, finds_the_last_of_a_name_in_any_case)
{
    fields_add(&list, STR("X-A"), STR("1"));
    fields_add(&list, STR("x-a"), STR("2"));
    fields_add(&list, STR("X-B"), STR("3"));
    cr_expect(str_equal(fields_find(&list, STR("X-a")), STR("2")));
    cr_expect_null(fields_find(&list, STR("X")).at);
}

Test(fields, appends_in_order)
{
    static struct fields more;
    fields_add(&list, STR("A"), STR("1"));
    fields_init(&more);
    fields_add(&more, STR("B"), STR("2"));
    fields_add(&more, STR("C"), STR("3"));
    fields_append(&list, &more);
    cr_assert_eq(list.count, 3);
    cr_expect(str_equal(list.items[2].value, STR("3")));
}

/* RFC 9112 section 5: field-name ":" OWS field-value OWS, and CRLF. */
Test(fields, a_block_has_the_lines_of_its_list)
{
    char *memory;
    fields_add(&list, STR("ETag"), STR("\"a\""));
    fields_add(&list, STR("Vary"), STR(""));
    fields_add(&list, STR("X"), STR("a: b"));
    struct field_block block = block_of(&memory);
    cr_expect_eq(block.cut.count, 3);
    cr_expect(str_equal(field_block_lines(&block), STR("ETag: \"a\"\r\nVary: \r\nX: a: b\r\n")));
    free(memory);
}

Test(fields, a_block_gives_its_values_back)
{
    char *memory;
    fields_add(&list, STR("ETag"), STR("\"a\""));
    fields_add(&list, STR("Vary"), STR(""));
    fields_add(&list, STR("X"), STR("a: b"));
    struct field_block block = block_of(&memory), rest = block;
    struct field field;
    for (unsigned i = 0; i < list.count; i++) {
        cr_assert(field_block_next(&rest, &field), "%u", i);
        cr_expect(str_equal(field.name, list.items[i].name), "%u", i);
        cr_expect(str_equal(field.value, list.items[i].value), "%u", i);
    }
    cr_expect_not(field_block_next(&rest, &field));
    cr_expect_eq(rest.cut.bytes, 0);
    free(memory);
}

Test(fields, an_empty_block_is_not_absent)
{
    char *memory;
    struct field field;
    struct field_block block = block_of(&memory);
    cr_expect_not_null(block.lines);
    cr_expect_eq(block.cut.bytes, 0);
    cr_expect_not(field_block_next(&block, &field));
    free(memory);
}

Test(fields, a_cut_is_a_block_of_the_first_fields)
{
    static const char *const lines[] = {"", "A: 1\r\n", "A: 1\r\nBcd: 23\r\n",
                                        "A: 1\r\nBcd: 23\r\n"};
    char *memory;
    fields_add(&list, STR("A"), STR("1"));
    fields_add(&list, STR("Bcd"), STR("23"));
    struct field_block block = block_of(&memory);
    for (unsigned i = 0; i < COUNT_OF(lines); i++) {
        struct field_block cut = block;
        cut.cut = field_block_cut(&block, i);
        cr_expect(str_equal(field_block_lines(&cut), str_of(lines[i])), "%u", i);
        cr_expect_eq(cut.cut.count, i < 2 ? i : 2);
    }
    free(memory);
}

/* Blocks follow each other in memory without gaps, so each must end at an even address. */
Test(fields, blocks_can_follow_each_other)
{
    char *memory;
    for (unsigned i = 0; i < 4; i++) {
        fields_add(&list, STR("A"), str_first(STR("123"), i));
        cr_expect_eq(field_block_bytes(&list) % 2, 0);
        block_of(&memory);
        free(memory);
    }
}
