/* fuzz_date: first line: now, in seconds; then a date in any format. A date that is parsed can be
 * formatted, and parsed again. */
#include "base/date.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t untouched = INT64_MIN;
    struct str text = fuzz_input(data, size);
    /* Up to the year 9999; without a number, 1994. */
    int64_t now = (int64_t)(fuzz_take_number(&text, 784111777) % 253402300800);
    int64_t seconds = untouched, again = untouched;
    if (!date_parse(text, now, &seconds)) {
        FUZZ_CHECK(seconds == untouched);
        return 0;
    }
    char written[DATE_BYTES];
    date_write(written, seconds);
    struct str view = {written, sizeof written};
    FUZZ_CHECK(date_parse(view, now, &again));
    /* 9999-12-31T23:59:60Z is the one moment that can be parsed but not formatted. */
    FUZZ_CHECK(again == seconds || (seconds == 253402300800 && again == seconds - 1));
    char *name = fuzz_copy(view);
    name[0] ^= 0x20; /* letter case matters */
    FUZZ_CHECK(!date_parse((struct str){name, sizeof written}, now, &again));
    free(name);
    return 0;
}
