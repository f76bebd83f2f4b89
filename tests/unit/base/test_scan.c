/* scan: the classes are those of RFC 9110 sections 5.5, 5.6.2, 8.8.3 and RFC 3986 sections 2.2,
 * 2.3, 3.2.2. Every implementation gives the same result for all bytes, lengths and alignments, and
 * reads nothing outside its range: the text ends at an inaccessible page, or begins right after
 * one. */
#include "base/scan.h"

#include "base/str.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(scan, .timeout = 120);

static bool among(int byte, const char *bytes)
{
    return byte != 0 && strchr(bytes, byte) != NULL;
}

static bool is_alnum(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
}

/* Whether BYTE is in CLASS by the grammar. */
static bool expected(enum scan_class class, int byte)
{
    bool visible = byte >= 0x21 && byte <= 0x7e;
    switch (class) {
    case SCAN_TOKEN:
        return is_alnum(byte) || among(byte, "!#$%&'*+-.^_`|~");
    case SCAN_PATH:
        return visible && byte != '#' && byte != '?';
    case SCAN_TARGET:
        return visible && byte != '#';
    case SCAN_VALUE:
        return visible || byte >= 0x80 || byte == ' ' || byte == '\t';
    case SCAN_NAME:
        return is_alnum(byte) || among(byte, "-._~!$&'()*+,;=");
    case SCAN_ETAG:
        return byte == 0x21 || (byte >= 0x23 && byte <= 0x7e) || byte >= 0x80;
    case SCAN_PLAIN:
        return byte == ' ' || (visible && byte != '"' && byte != '\\');
    case SCAN_CLASS_COUNT:
        break;
    }
    return false;
}

/* The inline functions, for the classes that have one. */
static const char *run_inline(enum scan_class class, const char *at, const char *end)
{
    switch (class) {
    case SCAN_TOKEN:
        return scan_token(at, end);
    case SCAN_PATH:
        return scan_path(at, end);
    case SCAN_VALUE:
        return scan_value(at, end);
    case SCAN_NAME:
        return scan_name(at, end);
    case SCAN_TARGET:
    case SCAN_ETAG:
    case SCAN_PLAIN:
    case SCAN_CLASS_COUNT:
        break;
    }
    return scan_chosen(class, at, end);
}

/* All implementations, including the inline functions. */
static size_t all_of(struct scan_implementation ret[static 8])
{
    const struct scan_implementation *found;
    size_t count = scan_implementations(&found);
    cr_assert_lt(count, 8);
    memcpy(ret, found, count * sizeof *found);
    ret[count] = (struct scan_implementation){"inline", run_inline};
    return count + 1;
}

Test(scan, classes_are_those_of_the_grammar)
{
    for (int class = 0; class < SCAN_CLASS_COUNT; class ++) {
        for (int byte = 0; byte < 256; byte++)
            cr_expect_eq(scan_is((enum scan_class) class, (char)byte),
                         expected((enum scan_class) class, byte), "class %d, byte %d", class, byte);
    }
}

Test(scan, chooses_the_fastest_implementation)
{
    const struct scan_implementation *found;
    size_t count = scan_implementations(&found);
    cr_assert_geq(count, 1);
    cr_expect_str_eq(found[0].name, "portable");
    cr_expect_eq(scan_chosen, found[count - 1].run);
#if defined(__x86_64__)
    __builtin_cpu_init();
    cr_expect_eq(count, 1 + !!__builtin_cpu_supports("sse4.2") + !!__builtin_cpu_supports("avx2"));
#endif
}

enum { LENGTH_MAX = 100 };

/* A byte of CLASS, a different one at each call. */
static char member(enum scan_class class, struct prng *prng)
{
    for (;;) {
        int byte = (int)prng_below(prng, 256);
        if (expected(class, byte))
            return (char)byte;
    }
}

/* Every byte, at every index of runs of every length, each ending at a guard page. */
Test(scan, ends_a_run_at_the_same_byte_in_every_implementation)
{
    struct scan_implementation all[8];
    size_t count = all_of(all);
    struct prng prng = {1};
    static char blank[LENGTH_MAX];
    struct str area = guard_copy((struct str){blank, sizeof blank});
    char *area_end = (char *)(uintptr_t)area.at + area.length;
    for (int class = 0; class < SCAN_CLASS_COUNT; class ++) {
        for (size_t length = 0; length <= LENGTH_MAX; length++) {
            char *at = area_end - length;
            for (size_t i = 0; i < length; i++)
                at[i] = member((enum scan_class) class, &prng);
            for (size_t i = 0; i < count; i++)
                cr_assert_eq(all[i].run((enum scan_class) class, at, area_end), area_end,
                             "%s, class %d, length %zu", all[i].name, class, length);
            for (size_t place = 0; place < length; place++) {
                char kept = at[place];
                int byte = (int)prng_below(&prng, 256);
                at[place] = (char)byte;
                const char *end = expected((enum scan_class) class, byte) ? area_end : at + place;
                for (size_t i = 0; i < count; i++)
                    cr_assert_eq(all[i].run((enum scan_class) class, at, area_end), end,
                                 "%s, class %d, %zu of %zu: %d", all[i].name, class, place, length,
                                 byte);
                at[place] = kept;
            }
        }
    }
    guard_drop(area);
}

/* Each of the 256 bytes in each lane of a vector, whatever follows it. */
Test(scan, classifies_every_byte_in_every_lane)
{
    struct scan_implementation all[8];
    size_t count = all_of(all);
    struct prng prng = {2};
    char bytes[LENGTH_MAX];
    for (int class = 0; class < SCAN_CLASS_COUNT; class ++) {
        for (int byte = 0; byte < 256; byte++) {
            for (size_t place = 0; place < 64; place++) {
                for (size_t i = 0; i < sizeof bytes; i++)
                    bytes[i] = i < place ? member((enum scan_class) class, &prng)
                                         : (char)prng_below(&prng, 256);
                bytes[place] = (char)byte;
                size_t end = place;
                while (end < sizeof bytes && expected((enum scan_class) class, (uint8_t)bytes[end]))
                    end++;
                for (size_t i = 0; i < count; i++)
                    cr_assert_eq(all[i].run((enum scan_class) class, bytes, bytes + sizeof bytes) -
                                     bytes,
                                 (ptrdiff_t)end, "%s, class %d, byte %d in place %zu", all[i].name,
                                 class, byte, place);
            }
        }
    }
}

/* Bytes before the beginning are not read and bytes after the end do not count, at any
 * alignment. */
Test(scan, stays_within_bounds_at_every_alignment)
{
    struct scan_implementation all[8];
    size_t count = all_of(all), page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    cr_assert_eq(mprotect(pages, page, PROT_NONE), 0);
    char *first = pages + page;
    memset(first, 'a', page);
    for (size_t alignment = 0; alignment < 64; alignment++) {
        for (size_t length = 0; length < LENGTH_MAX; length++) {
            for (int class = 0; class < SCAN_CLASS_COUNT; class ++) {
                const char *at = first + alignment, *end = at + length;
                for (size_t i = 0; i < count; i++)
                    cr_assert_eq(all[i].run((enum scan_class) class, at, end), end,
                                 "%s, class %d, length %zu", all[i].name, class, length);
            }
        }
    }
    munmap(pages, 2 * page);
}

/* --- The end of a head ------------------------------------------------------------------------ */

/* A naive implementation as the reference. */
static size_t head_of(struct str text)
{
    for (size_t i = 0; i + 4 <= text.length; i++) {
        if (memcmp(text.at + i, "\r\n\r\n", 4) == 0)
            return i + 4;
    }
    return 0;
}

/* Texts of mostly line ends, each right before an inaccessible page. */
Test(scan, finds_the_end_of_a_head)
{
    struct prng prng = {3};
    unsigned found = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[LENGTH_MAX];
        size_t length = (size_t)prng_below(&prng, sizeof bytes);
        uint64_t letters = 2 + prng_below(&prng, 5);
        for (size_t i = 0; i < length; i++)
            bytes[i] = "\r\nabcde"[prng_below(&prng, letters)];
        struct str text = guard_copy((struct str){bytes, length});
        size_t end = head_of(text);
        cr_assert_eq(scan_head(text), end);
        found += end > 0;
        guard_drop(text);
    }
    cr_expect_gt(found, 1000);
}

Test(scan, finds_the_end_of_a_head_at_every_offset)
{
    char bytes[LENGTH_MAX];
    for (size_t end = 4; end <= sizeof bytes; end++) {
        memset(bytes, 'a', sizeof bytes);
        str_put(bytes + end - 4, STR("\r\n\r\n"));
        for (size_t length = 0; length <= sizeof bytes; length++)
            cr_assert_eq(scan_head((struct str){bytes, length}), length < end ? 0 : end);
    }
}
