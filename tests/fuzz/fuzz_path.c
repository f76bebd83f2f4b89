/* fuzz_path: the path of a request target. A decoded path has none of the forms that path.h
 * excludes, and is the same after encoding and decoding it again. */
#include "base/utf8.h"
#include "fuzz.h"
#include "http/path.h"

static void check_segments(const struct path *path)
{
    struct str rest = {path->text, path->length};
    bool first = true;
    while (rest.length > 0) {
        size_t slash = str_find(rest, '/');
        struct str segment = str_first(rest, slash);
        FUZZ_CHECK(segment.length > 0);
        FUZZ_CHECK(str_find(segment, '\0') == segment.length);
        FUZZ_CHECK(segment.at[0] != '.' || (first && str_equal(segment, STR(".well-known"))));
        FUZZ_CHECK(slash == rest.length || slash + 1 < rest.length); /* no final slash */
        rest = str_from(rest, slash + 1);
        first = false;
    }
}

/* With every byte except the slashes encoded. */
static void check_again(const struct path *path)
{
    static char target[3 * (size_t)PATH_BYTES_MAX + 2];
    static struct path again;
    char *at = target;
    *at++ = '/';
    for (size_t i = 0; i < path->length; i++) {
        if (path->text[i] == '/')
            *at++ = '/';
        else
            at += sprintf(at, "%%%02x", (unsigned)(uint8_t)path->text[i]);
    }
    if (path->directory && path->length > 0)
        *at++ = '/';
    FUZZ_CHECK(path_decode((struct str){target, (size_t)(at - target)}, &again) == PATH_OK);
    FUZZ_CHECK(again.directory == path->directory && again.length == path->length &&
               memcmp(again.text, path->text, path->length + 1) == 0);
}

/* The redirect from "/parent/name" to "name/". */
static void check_redirect(const struct path *path)
{
    static char target[3 * (size_t)PATH_BYTES_MAX + 2];
    static struct path again;
    size_t length = path_write_redirect(path, target + 1, sizeof target - 1);
    target[0] = '/';
    FUZZ_CHECK((length == 0) == (path->length == 0));
    if (length == 0)
        return;
    FUZZ_CHECK(path_write_redirect(path, target + 1, length - 1) == 0);
    FUZZ_CHECK(path_write_redirect(path, target + 1, length) == length);
    FUZZ_CHECK(path_decode((struct str){target, length + 1}, &again) == PATH_OK && again.directory);
    struct str whole = {path->text, path->length}, name = {again.text, again.length};
    FUZZ_CHECK(str_ends_with(whole, name) && str_find(name, '/') == name.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct path path;
    memset(&path, '#', sizeof path);
    enum path_result result = path_decode(fuzz_input(data, size), &path);
    FUZZ_CHECK(result == PATH_OK || result == PATH_MALFORMED || result == PATH_HIDDEN ||
               result == PATH_UNNAMABLE);
    FUZZ_CHECK(result == PATH_MALFORMED || !memmem(data, size, "%00", 3));
    FUZZ_CHECK(result == PATH_MALFORMED || utf8_is_valid((struct str){(const char *)data, size}));
    if (result != PATH_OK)
        return 0;
    FUZZ_CHECK(path.length <= PATH_BYTES_MAX && path.text[path.length] == '\0');
    FUZZ_CHECK(path.length > 0 || path.directory);
    check_segments(&path);
    check_again(&path);
    check_redirect(&path);
    return 0;
}
