/* chunked: see chunked.h.
 *
 * A table gives the next state for each state and class of bytes. A combination that is not in the
 * table is malformed. */
#include "h1/chunked.h"

/* The order matters for the table below: HEX to TEXT, except QUOTE and BACKSLASH, are the bytes
 * allowed between quotes. */
enum byte_class {
    REFUSED, /* control bytes */
    HEX,     /* hexadecimal digits, all of which are token characters too */
    TCHAR,   /* the other token characters, RFC 9110 section 5.6.2 */
    SPACE,   /* SP and HTAB */
    SEMICOLON,
    EQUALS,
    QUOTE,
    BACKSLASH,
    COLON,
    TEXT, /* the rest of VCHAR, and obs-text */
    CR,
    LF,
    CLASS_COUNT,
};

/* clang-format off */
static const uint8_t class_of[256] = {
    ['\t'] = SPACE, [' '] = SPACE, ['\r'] = CR, ['\n'] = LF,
    ['0' ... '9'] = HEX, ['A' ... 'F'] = HEX, ['a' ... 'f'] = HEX,
    ['G' ... 'Z'] = TCHAR, ['g' ... 'z'] = TCHAR,
    ['!'] = TCHAR, ['#' ... '\''] = TCHAR, ['*'] = TCHAR, ['+'] = TCHAR, ['-'] = TCHAR,
    ['.'] = TCHAR, ['^' ... '`'] = TCHAR, ['|'] = TCHAR, ['~'] = TCHAR,
    [';'] = SEMICOLON, ['='] = EQUALS, ['"'] = QUOTE, ['\\'] = BACKSLASH, [':'] = COLON,
    ['('] = TEXT, [')'] = TEXT, [','] = TEXT, ['/'] = TEXT, ['<'] = TEXT, ['>'] = TEXT,
    ['?'] = TEXT, ['@'] = TEXT, ['['] = TEXT, [']'] = TEXT, ['{'] = TEXT, ['}'] = TEXT,
    [0x80 ... 0xff] = TEXT,
};
/* clang-format on */

enum state {
    BAD, /* not in the table */
    SIZE_FIRST,
    SIZE,
    EXTENSION_BEFORE, /* white space after a size or a value: a semicolon must follow */
    EXTENSION_BEGIN,  /* after a semicolon */
    EXTENSION_NAME,
    EXTENSION_AFTER_NAME, /* white space after a name */
    EXTENSION_EQUALS,     /* after "=" */
    EXTENSION_TOKEN,
    EXTENSION_QUOTED,
    EXTENSION_ESCAPED, /* after a backslash between quotes */
    EXTENSION_AFTER_QUOTED,
    SIZE_LINE_LF, /* after the CR of a size line */
    DATA,
    DATA_CR, /* at the CR after the data */
    DATA_LF,
    TRAILER_FIRST, /* at a trailer field or the empty line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    TOO_LARGE,
    STATE_COUNT,
};

/* The next state. In the row of SIZE_LINE_LF, DATA means the end of a size line. */
/* clang-format off */
static const uint8_t transitions[STATE_COUNT][CLASS_COUNT] = {
    [SIZE_FIRST] = {[HEX] = SIZE},
    [SIZE] = {[HEX] = SIZE, [SPACE] = EXTENSION_BEFORE, [SEMICOLON] = EXTENSION_BEGIN,
              [CR] = SIZE_LINE_LF},
    [EXTENSION_BEFORE] = {[SPACE] = EXTENSION_BEFORE, [SEMICOLON] = EXTENSION_BEGIN},
    [EXTENSION_BEGIN] = {[SPACE] = EXTENSION_BEGIN, [HEX] = EXTENSION_NAME,
                         [TCHAR] = EXTENSION_NAME},
    [EXTENSION_NAME] = {[HEX] = EXTENSION_NAME, [TCHAR] = EXTENSION_NAME,
                        [SPACE] = EXTENSION_AFTER_NAME, [SEMICOLON] = EXTENSION_BEGIN,
                        [EQUALS] = EXTENSION_EQUALS, [CR] = SIZE_LINE_LF},
    [EXTENSION_AFTER_NAME] = {[SPACE] = EXTENSION_AFTER_NAME, [SEMICOLON] = EXTENSION_BEGIN,
                              [EQUALS] = EXTENSION_EQUALS},
    [EXTENSION_EQUALS] = {[SPACE] = EXTENSION_EQUALS, [HEX] = EXTENSION_TOKEN,
                          [TCHAR] = EXTENSION_TOKEN, [QUOTE] = EXTENSION_QUOTED},
    [EXTENSION_TOKEN] = {[HEX] = EXTENSION_TOKEN, [TCHAR] = EXTENSION_TOKEN,
                         [SPACE] = EXTENSION_BEFORE, [SEMICOLON] = EXTENSION_BEGIN,
                         [CR] = SIZE_LINE_LF},
    [EXTENSION_QUOTED] = {[HEX ... EQUALS] = EXTENSION_QUOTED, [QUOTE] = EXTENSION_AFTER_QUOTED,
                          [BACKSLASH] = EXTENSION_ESCAPED, [COLON ... TEXT] = EXTENSION_QUOTED},
    [EXTENSION_ESCAPED] = {[HEX ... TEXT] = EXTENSION_QUOTED},
    [EXTENSION_AFTER_QUOTED] = {[SPACE] = EXTENSION_BEFORE, [SEMICOLON] = EXTENSION_BEGIN,
                                [CR] = SIZE_LINE_LF},
    [SIZE_LINE_LF] = {[LF] = DATA},
    [DATA_CR] = {[CR] = DATA_LF},
    [DATA_LF] = {[LF] = SIZE_FIRST},
    [TRAILER_FIRST] = {[HEX] = TRAILER_NAME, [TCHAR] = TRAILER_NAME, [CR] = END_LF},
    [TRAILER_NAME] = {[HEX] = TRAILER_NAME, [TCHAR] = TRAILER_NAME, [COLON] = TRAILER_VALUE},
    [TRAILER_VALUE] = {[HEX ... TEXT] = TRAILER_VALUE, [CR] = TRAILER_LF},
    [TRAILER_LF] = {[LF] = TRAILER_FIRST},
    [END_LF] = {[LF] = DONE},
};
/* clang-format on */

void chunked_init(struct chunked *chunked)
{
    *chunked = (struct chunked){.state = SIZE_FIRST};
}

/* The result that corresponds to the state. */
static enum chunked_result result_of(const struct chunked *chunked)
{
    switch ((enum state)chunked->state) {
    case BAD:
        return CHUNKED_BAD;
    case DONE:
        return CHUNKED_DONE;
    case TOO_LARGE:
        return CHUNKED_TOO_LARGE;
    default:
        return CHUNKED_MORE;
    }
}

/* Appends DIGIT to the size. False: the content would exceed CONTENT_BYTES_MAX. */
static bool size_grows(struct chunked *chunked, char digit, uint64_t content_bytes_max)
{
    uint64_t size;
    if (__builtin_mul_overflow(chunked->left, (uint64_t)16, &size))
        return false;
    size += (uint64_t)char_hex(digit);
    if (size > content_bytes_max - chunked->content_bytes)
        return false;
    chunked->left = size;
    return true;
}

/* The state after BYTE, which is not content. Every transition goes through here. */
static enum state state_after(struct chunked *chunked, char byte, uint64_t content_bytes_max)
{
    enum state next = (enum state)transitions[chunked->state][class_of[(uint8_t)byte]];
    if (next == BAD)
        return BAD;
    if (chunked->overhead_bytes >= CHUNKED_OVERHEAD_BYTES_MAX &&
        chunked->overhead_bytes - CHUNKED_OVERHEAD_BYTES_MAX >= chunked->content_bytes)
        return TOO_LARGE;
    if (next == SIZE && !size_grows(chunked, byte, content_bytes_max))
        return TOO_LARGE;
    chunked->overhead_bytes++;
    if (next == DATA && chunked->left == 0)
        return TRAILER_FIRST;
    return next;
}

/* Consumes the bytes of INPUT that are the chunk's content. Returns their number. */
static size_t skip_data(struct chunked *chunked, struct str input)
{
    size_t bytes = chunked->left < input.length ? (size_t)chunked->left : input.length;
    chunked->left -= bytes;
    chunked->content_bytes += bytes;
    if (chunked->left == 0)
        chunked->state = DATA_CR;
    return bytes;
}

enum chunked_result chunked_skip(struct chunked *chunked, struct str input,
                                 uint64_t content_bytes_max, size_t *ret_consumed)
{
    size_t consumed = 0;
    while (consumed < input.length && result_of(chunked) == CHUNKED_MORE) {
        if (chunked->state == DATA) {
            consumed += skip_data(chunked, str_from(input, consumed));
            continue;
        }
        chunked->state = (uint8_t)state_after(chunked, input.at[consumed], content_bytes_max);
        if (chunked->state != BAD && chunked->state != TOO_LARGE)
            consumed++;
    }
    *ret_consumed = consumed;
    return result_of(chunked);
}
