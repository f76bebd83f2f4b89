/* tls_framing: messages that are announced too long are found, however their records are cut. */
#include "tls/tls_framing.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Follows BYTES in pieces of STEP. */
static bool follow(struct str bytes, size_t step)
{
    struct tls_framing framing = {0};
    for (; bytes.length > 0; bytes = str_from(bytes, step)) {
        if (!tls_framing_follow(&framing, str_first(bytes, step)))
            return false;
    }
    return true;
}

/* Appends a handshake message of LENGTH bytes at TO, in records with PIECE bytes each. */
static char *put_message(char *to, size_t length, size_t piece)
{
    size_t all = 4 + length;
    for (size_t at = 0; at < all; at++) {
        if (at % piece == 0) {
            size_t content = size_min(piece, all - at);
            *to++ = 22;
            *to++ = 3;
            *to++ = 1;
            *to++ = (char)(content >> 8);
            *to++ = (char)content;
        }
        const char header[] = {1, (char)(length >> 16), (char)(length >> 8), (char)length};
        *to++ = at < 4 ? header[at] : 'x';
    }
    return to;
}

Test(tls_framing, refuses_a_message_that_is_too_long_however_it_is_cut)
{
    static const size_t pieces[] = {1, 3, 5, 100, 16384}, steps[] = {1, 2, 7, 4096, SIZE_MAX};
    char *bytes = malloc(1 << 20);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t j = 0; j < COUNT_OF(steps); j++) {
            char *end = put_message(bytes, TLS_MESSAGE_BYTES_MAX, pieces[i]);
            cr_expect(follow((struct str){bytes, (size_t)(end - bytes)}, steps[j]));
            end = put_message(put_message(bytes, 300, pieces[i]), TLS_MESSAGE_BYTES_MAX + 1,
                              pieces[i]);
            cr_expect_not(follow((struct str){bytes, (size_t)(end - bytes)}, steps[j]));
        }
    }
    free(bytes);
}

Test(tls_framing, skips_records_of_other_types)
{
    static const char bytes[] = "\x14\x03\x03\x00\x01\x01"
                                "\x17\x03\x03\x00\x04\x01\xff\xff\xff"
                                "\x16\x03\x03\x00\x00"
                                "\x15\x03\x03\x00\x04\x01\xff\xff\xff";
    for (size_t step = 1; step < sizeof bytes; step++)
        cr_expect(follow((struct str){bytes, sizeof bytes - 1}, step));
}

Test(tls_framing, refuses_before_the_body_has_come)
{
    cr_expect(follow(STR("\x16\x03\x01\x02\x00\x01\x00\x80"), 1));
    cr_expect(follow(STR("\x16\x03\x01\x02\x00\x01\x00\x80\x00"), 1));
    cr_expect_not(follow(STR("\x16\x03\x01\x02\x00\x01\x00\x80\x01"), 1));
    cr_expect_not(follow(STR("\x16\x03\x01\x02\x00\x01\x01\x00\x00"), 1));
}
