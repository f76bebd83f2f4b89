/* fields: see fields.h. */
#include "http/fields.h"

/* --- Lists ------------------------------------------------------------------------------------ */

void fields_add(struct fields *fields, struct str name, struct str value)
{
    if (!value.at || value.length > FIELDS_VALUE_BYTES_MAX)
        return;
    assert(fields->count < FIELDS_MAX && name.length <= UINT16_MAX);
    fields->items[fields->count++] = (struct field){name, value};
}

void fields_append(struct fields *fields, const struct fields *more)
{
    for (unsigned i = 0; i < more->count; i++)
        fields_add(fields, more->items[i].name, more->items[i].value);
}

struct str fields_find(const struct fields *fields, struct str name)
{
    for (unsigned i = fields->count; i > 0; i--) {
        const struct field *field = &fields->items[i - 1];
        if (str_equal_nocase(field->name, name))
            return field->value;
    }
    return STR_ABSENT;
}

/* --- HTTP/1 lines ----------------------------------------------------------------------------- */

char *field_write_line(char *to, const struct field *field)
{
    to = str_put(to, field->name);
    to = str_put(to, STR(": "));
    to = str_put(to, field->value);
    return str_put(to, STR("\r\n"));
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static size_t lines_bytes(const struct fields *fields)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < fields->count; i++)
        bytes += field_line_bytes(&fields->items[i]);
    return bytes;
}

size_t field_block_bytes(const struct fields *fields)
{
    size_t bytes = lines_bytes(fields);
    return fields->count * sizeof(struct field_lengths) + bytes + bytes % 2;
}

char *field_block_write(struct field_block *ret, char *memory, const struct fields *fields)
{
    struct field_lengths *lengths = (struct field_lengths *)(void *)memory;
    char *lines = (char *)&lengths[fields->count], *at = lines;
    assert((uintptr_t)memory % sizeof(uint16_t) == 0);
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field *field = &fields->items[i];
        lengths[i] = (struct field_lengths){
            .name = (uint16_t)field->name.length,
            .value = (uint16_t)field->value.length,
        };
        at = field_write_line(at, field);
    }
    *ret = (struct field_block){
        .lines = lines,
        .lengths = lengths,
        .cut = {fields->count, (uint32_t)(at - lines)},
    };
    return memory + field_block_bytes(fields);
}

struct field_cut field_block_cut(const struct field_block *block, unsigned count)
{
    struct field_block rest = *block;
    struct field field;
    while (block->cut.count - rest.cut.count < count && field_block_next(&rest, &field))
        ;
    return (struct field_cut){
        .count = block->cut.count - rest.cut.count,
        .bytes = block->cut.bytes - rest.cut.bytes,
    };
}

bool field_block_next(struct field_block *rest, struct field *ret)
{
    if (rest->cut.count == 0)
        return false;
    ret->name = (struct str){rest->lines, rest->lengths->name};
    ret->value = (struct str){rest->lines + ret->name.length + 2, rest->lengths->value};
    uint32_t bytes = (uint32_t)field_line_bytes(ret);
    rest->lines += bytes;
    rest->lengths++;
    rest->cut.count--;
    rest->cut.bytes -= bytes;
    return true;
}
