/* fetch: see fetch.h. */
#include "site/fetch.h"

#include "base/hash.h"
#include "site/directory_read.h"

#include <errno.h>
#include <fcntl.h>

static const struct {
    int error;
    enum http_status status;
} statuses[] = {
    {ENOENT, HTTP_NOT_FOUND},   {ENOTDIR, HTTP_NOT_FOUND},      {ELOOP, HTTP_NOT_FOUND},
    {ENXIO, HTTP_NOT_FOUND}, /* a socket, or a device without a driver */
    {ENODEV, HTTP_NOT_FOUND},   {ENAMETOOLONG, HTTP_NOT_FOUND}, {EACCES, HTTP_FORBIDDEN},
    {EPERM, HTTP_FORBIDDEN},    {EXDEV, HTTP_FORBIDDEN}, /* it leads out of ROOT */
    {EMFILE, HTTP_UNAVAILABLE}, {ENFILE, HTTP_UNAVAILABLE},     {ENOMEM, HTTP_UNAVAILABLE},
    {EAGAIN, HTTP_UNAVAILABLE}, {EBUSY, HTTP_UNAVAILABLE},      {EIO, HTTP_INTERNAL_ERROR},
};

enum http_status fetch_status_of(int error)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i].error == error)
            return statuses[i].status;
    }
    return HTTP_INTERNAL_ERROR;
}

static int refuse(struct fetched *ret, enum http_status status)
{
    fetched_refuse(ret, status);
    return 0;
}

/* --- A file and its siblings ------------------------------------------------------------------ */

/* A look-up: the order, and the name of the file in the form that is examined. */
struct target {
    const struct fetch_order *order;
    size_t name_bytes;
    char name[PATH_BYTES_MAX + 1];
};

/* Sets the target's name to that of the file in CODING. False: the name is too long to exist. */
static bool name_form(struct target *target, enum content_coding coding)
{
    struct str suffix = content_coding_texts[coding].suffix;
    if (target->name_bytes + suffix.length > PATH_BYTES_MAX)
        return false;
    *str_put(target->name + target->name_bytes, suffix) = '\0';
    return true;
}

enum {
    NANOSECONDS = 1000000000, /* of a second */
    /* A tool that calculates with seconds in floating point writes a time up to this much early. */
    ROUNDING_ERROR_NS = 1000,
    FAT_SECONDS = 2, /* times on FAT are even seconds */
};

/* The granularity in which MODIFIED seems to have been written, in nanoseconds: the coarsest one
 * that it is a multiple of, but for the rounding error. Below a second only. */
static int64_t granularity_ns(const struct timespec *modified)
{
    static const long steps[] = {NANOSECONDS, 10000000 /* exFAT */, 1000000};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        long rest = modified->tv_nsec % steps[i];
        if (rest == 0)
            return steps[i];
        if (rest >= steps[i] - ROUNDING_ERROR_NS)
            return steps[i] + ROUNDING_ERROR_NS;
    }
    return ROUNDING_ERROR_NS;
}

/* Whether a file modified at SIBLING was made from another version than that modified at PLAIN.
 * Many tools give their output the time of their input, but in microseconds, milliseconds, whole
 * seconds or, on FAT, two seconds: SIBLING is older only if it is so by more than its
 * granularity. Where PLAIN has whole seconds, they are compared: half of all seconds are even. */
static bool is_older(const struct timespec *sibling, const struct timespec *plain)
{
    int64_t later = plain->tv_sec - sibling->tv_sec;
    if (later < 0 || later > FAT_SECONDS)
        return later > 0;
    int64_t later_ns = later * NANOSECONDS + plain->tv_nsec - sibling->tv_nsec;
    int64_t granularity = granularity_ns(sibling);
    if (sibling->tv_nsec == 0 && sibling->tv_sec % FAT_SECONDS == 0 && plain->tv_nsec != 0)
        granularity = (int64_t)FAT_SECONDS * NANOSECONDS;
    return later_ns >= granularity;
}

/* Whether SIBLING may be used for PLAIN: an older one was made from another version. */
static bool is_usable(const struct blob_identity *sibling, const struct blob_identity *plain)
{
    return sibling->bytes > 0 && !is_older(&sibling->modified, &plain->modified);
}

/* Returns 0 if ERROR means that there is no such sibling, else ERROR. */
static int without_sibling(int error)
{
    enum http_status status = fetch_status_of(-error);
    return status == HTTP_NOT_FOUND || status == HTTP_FORBIDDEN ? 0 : error;
}

/* Mixes IDENTITY, of the sibling in CODING, into HASH. Never returns 0. */
static uint64_t mix(uint64_t hash, enum content_coding coding, const struct blob_identity *identity)
{
    const uint64_t words[] = {
        (uint64_t)coding,
        identity->device,
        identity->inode,
        identity->bytes,
        (uint64_t)identity->modified.tv_sec,
        (uint64_t)identity->modified.tv_nsec,
        (uint64_t)identity->changed.tv_sec,
        (uint64_t)identity->changed.tv_nsec,
    };
    return hash_bytes(hash, (struct str){(const char *)words, sizeof words}) | 1;
}

/* Finds the status of the sibling at the target's name. *RET_TAKEN: whether the name exists, even
 * as a link that leads nowhere. Returns 0 or a negative errno. */
static int look_at_sibling(const struct target *target, struct stat *ret, bool *ret_taken)
{
    int error =
        root_stat_below(target->order->root_fd, target->name, O_NOFOLLOW, target->order->mode, ret);
    *ret_taken = error != -ENOENT;
    if (error || !S_ISLNK(ret->st_mode))
        return error;
    return root_stat_below(target->order->root_fd, target->name, 0, target->order->mode, ret);
}

/* Finds the siblings of a file of state RET->plain: sets the other members of *RET, and in
 * *RET_USABLE, as content_coding_bit, the siblings that may be used. Returns 0 or a negative
 * errno. */
static int look_for_siblings(struct target *target, struct fetch_state *ret, unsigned *ret_usable)
{
    struct stat status;
    struct blob_identity identity;
    ret->siblings = 0;
    ret->alone = true;
    *ret_usable = 0;
    for (unsigned i = CONTENT_CODING_IDENTITY + 1; i < CONTENT_CODING_COUNT; i++) {
        enum content_coding coding = (enum content_coding)i;
        if (!(target->order->site->codings & content_coding_bit(coding)) ||
            !name_form(target, coding))
            continue;
        bool taken;
        int error = look_at_sibling(target, &status, &taken);
        ret->alone = ret->alone && !taken;
        if (error && without_sibling(error))
            return error;
        if (error || !S_ISREG(status.st_mode))
            continue;
        blob_identify(&status, &identity);
        if (!is_usable(&identity, &ret->plain))
            continue;
        ret->siblings = mix(ret->siblings, coding, &identity);
        *ret_usable |= content_coding_bit(coding);
    }
    return 0;
}

/* Loads the file in CODING into RET, and its identity into RET->state. A sibling that has just
 * disappeared or turns out to be older is skipped. Returns 0 or a negative errno. */
static int load_form(struct target *target, enum content_coding coding, struct fetched *ret)
{
    struct loaded *loaded = &ret->files[coding];
    const struct fetch_order *order = target->order;
    const struct load_order load = {order->root_fd, target->name, order->mode, order->load,
                                    order->copy_bytes_max};
    bool sibling = coding != CONTENT_CODING_IDENTITY;
    name_form(target, coding);
    int error = load_file(&load, loaded);
    if (error)
        return sibling ? without_sibling(error) : error;
    if (sibling && !is_usable(&loaded->identity, &ret->state.plain)) {
        blob_drop(loaded->body);
        return 0;
    }
    if (sibling)
        ret->state.siblings = mix(ret->state.siblings, coding, &loaded->identity);
    else
        ret->state.plain = loaded->identity;
    ret->available |= content_coding_bit(coding);
    ret->settled = ret->settled && loaded->settled;
    ret->pending = ret->pending || loaded->pending;
    return 0;
}

/* Loads the regular file and its siblings in WANTED. Returns 0 or a negative errno. */
static int load_forms(struct target *target, unsigned wanted, struct fetched *ret)
{
    struct fetched fetched = {.kind = FETCH_FILE, .settled = true, .cacheable = true};
    int error = 0;
    for (unsigned i = 0; i < CONTENT_CODING_COUNT && !error; i++) {
        if (wanted & content_coding_bit((enum content_coding)i))
            error = load_form(target, (enum content_coding)i, &fetched);
    }
    if (error)
        fetched_fini(&fetched);
    else
        *ret = fetched;
    return error;
}

/* Siblings are pointless for media types that are compressed already. */
static bool may_have_siblings(const struct target *target)
{
    struct str name = {target->name, target->name_bytes};
    return !mime_is_compressed(mime_of(target->order->site->mime, name));
}

static int fetch_regular(struct target *target, const struct stat *status, struct fetched *ret)
{
    const struct fetch_order *order = target->order;
    const struct fetch_state *known = order->known;
    const struct hashed_query query = {order->root_fd, order->path, order->site->root, order->mode};
    struct fetch_state state = {.alone = known && known->alone};
    unsigned usable = 0;
    blob_identify(status, &state.plain);
    int error = hashed_files_ask(order->hashed, &query, &state.hashed);
    if (error)
        return error;
    if (!state.alone && order->site->codings && may_have_siblings(target)) {
        error = look_for_siblings(target, &state, &usable);
        if (error)
            return error;
    }
    if (known && fetch_state_equal(known, &state)) {
        *ret = (struct fetched){.kind = FETCH_UNCHANGED, .state = state, .cacheable = true};
        return 0;
    }
    error = load_forms(target, usable | content_coding_bit(CONTENT_CODING_IDENTITY), ret);
    if (error)
        return error;
    ret->state.alone = state.alone;
    /* While a file may still be written, nothing is known of what its name means. */
    const struct loaded *plain = &ret->files[CONTENT_CODING_IDENTITY];
    ret->state.hashed =
        plain->settled && hashed_files_note(order->hashed, &query, plain) && state.hashed;
    return 0;
}

/* --- Files, directories and others ------------------------------------------------------------ */

/* Lists a directory without an index, if the site wants that. */
static int fetch_listing(const struct target *target, struct fetched *ret)
{
    const struct path *path = target->order->path;
    if (!target->order->site->listing)
        return -ENOENT;
    if (target->order->mode < IO_BY_JOB)
        return target->order->mode == IO_WITHOUT_WAITING ? -EAGAIN : -EBUSY;
    struct blob *pages[FETCH_PAGE_COUNT] = {NULL};
    int error = directory_read(target->order->root_fd, path, target->order->site,
                               &pages[FETCH_PAGE_HTML], &pages[FETCH_PAGE_JSON]);
    if (error)
        return error;
    *ret = (struct fetched){.kind = FETCH_LISTING, .cacheable = true};
    for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++) {
        ret->pages[i] = (struct loaded){.body = pages[i], .undated = true, .digested = true};
        load_digest(pages[i], ret->pages[i].digest);
    }
    return 0;
}

/* Finds the status of the target. Returns 0 or a negative errno. */
static int stat_target(const struct target *target, struct stat *ret)
{
    return root_stat_below(target->order->root_fd, target->name, 0, target->order->mode, ret);
}

static int fetch_file(struct target *target, struct fetched *ret)
{
    struct stat status;
    int error = stat_target(target, &status);
    if (error)
        return error;
    if (S_ISDIR(status.st_mode)) {
        *ret = (struct fetched){.kind = FETCH_DIRECTORY, .cacheable = true};
        return 0;
    }
    if (!S_ISREG(status.st_mode))
        return refuse(ret, HTTP_NOT_FOUND);
    return fetch_regular(target, &status, ret);
}

/* Appends NAME, after a slash unless there is nothing before it, to the first BYTES of the target's
 * name. False: the result is too long to exist. */
static bool name_within(struct target *target, size_t bytes, struct str name)
{
    if (bytes + 1 + name.length > PATH_BYTES_MAX)
        return false;
    char *end = target->name + bytes;
    end = bytes > 0 ? str_put(end, STR("/")) : end;
    end = str_put(end, name);
    *end = '\0';
    target->name_bytes = (size_t)(end - target->name);
    return true;
}

/* Fetches the best index that is a file; without one, the directory's listing. */
static int fetch_directory(struct target *target, struct fetched *ret)
{
    const struct site_settings *site = target->order->site;
    const size_t bytes = target->name_bytes;
    bool taken = false; /* by something that is not a file */
    for (unsigned i = 0; i < site_settings_index_count(site); i++) {
        struct stat status;
        if (!name_within(target, bytes, site_settings_index(site, i)))
            continue;
        int error = stat_target(target, &status);
        if (!error && S_ISREG(status.st_mode)) {
            error = fetch_regular(target, &status, ret);
            if (!error)
                ret->index = i;
            return error;
        }
        if (error && error != -ENOENT)
            return error;
        taken = taken || !error;
    }
    return taken ? refuse(ret, HTTP_NOT_FOUND) : fetch_listing(target, ret);
}

static bool is_missing(const struct fetched *fetched)
{
    return fetched->kind == FETCH_REFUSED && fetched->status == HTTP_NOT_FOUND;
}

/* --- The page for a 404 ----------------------------------------------------------------------- */

/* The bytes of the name of the directory that the first BYTES of NAME are in. */
static size_t parent_bytes(const char *name, size_t bytes)
{
    size_t slash = str_find_last((struct str){name, bytes}, '/');
    return slash < bytes ? slash : 0;
}

/* The bytes of the name of the deepest directory of PATH that may have the page. */
static size_t deepest_bytes(const struct path *path)
{
    size_t bytes = path->directory ? path->length : parent_bytes(path->text, path->length);
    unsigned levels = 1;
    for (size_t i = 0; i < bytes; i++) {
        if (path->text[i] == '/' && ++levels > FETCH_PAGE_LEVELS_MAX)
            return i;
    }
    return bytes;
}

/* Finds the directory with the site's page for the 404 in RET. Returns 0; or -EAGAIN, if it would
 * have to wait and must not. */
static int find_page(struct target *target, struct fetched *ret)
{
    const struct fetch_order *order = target->order;
    size_t bytes = deepest_bytes(order->path);
    for (ret->page_directory = -1; order->site->error_page.at && ret->page_directory < 0;) {
        struct stat status;
        bool possible = name_within(target, bytes, order->site->error_page);
        int error = possible ? stat_target(target, &status) : -ENOENT;
        if (error == -EAGAIN && order->mode == IO_WITHOUT_WAITING)
            return error;
        if (error && fetch_status_of(-error) >= HTTP_INTERNAL_ERROR)
            ret->cacheable = false; /* for the moment */
        if (!error && S_ISREG(status.st_mode))
            ret->page_directory = (int)bytes;
        if (bytes == 0)
            break;
        bytes = parent_bytes(target->name, bytes);
    }
    return 0;
}

/* --- All of it -------------------------------------------------------------------------------- */

int fetch(const struct fetch_order *order, struct fetched *ret)
{
    struct target target; /* not zeroed, because most of it is room for the name */
    target.order = order;
    target.name_bytes = order->path->length;
    *str_put(target.name, path_view(order->path)) = '\0';
    int error = order->path->directory ? fetch_directory(&target, ret) : fetch_file(&target, ret);
    if ((error == -EAGAIN && order->mode == IO_WITHOUT_WAITING) ||
        (error == -EBUSY && order->mode == IO_BY_JOB))
        return error;
    if (error)
        refuse(ret, fetch_status_of(-error));
    return is_missing(ret) ? find_page(&target, ret) : 0;
}
