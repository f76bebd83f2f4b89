/* fetch: see fetch.h. */
#include "site/fetch_parts.h"

#include "site/directory_read.h"

#include <errno.h>

static const struct {
    int error;
    enum http_status status;
} statuses[] = {
    {ENOENT, HTTP_NOT_FOUND},   {ENOTDIR, HTTP_NOT_FOUND},      {ELOOP, HTTP_NOT_FOUND},
    {ENXIO, HTTP_NOT_FOUND}, /* a FIFO, a socket, a device */
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

/* --- Files, directories and others ------------------------------------------------------------ */

/* Lists a directory without an index, if the site wants that. */
static int fetch_listing(const struct fetch_target *target, struct fetched *ret)
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
static int stat_target(const struct fetch_target *target, struct stat *ret)
{
    return root_stat_below(target->order->root_fd, target->name, 0, target->order->mode, ret);
}

static int fetch_file(struct fetch_target *target, struct fetched *ret)
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
        return -ENXIO;
    return fetch_regular(target, &status, ret);
}

/* Appends NAME, after a slash unless there is nothing before it, to the first BYTES of the target's
 * name. False: the result is too long to exist. */
static bool name_within(struct fetch_target *target, size_t bytes, struct str name)
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
static int fetch_directory(struct fetch_target *target, struct fetched *ret)
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
static int find_page(struct fetch_target *target, struct fetched *ret)
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
    struct fetch_target target; /* not zeroed, because most of it is room for the name */
    target.order = order;
    target.name_bytes = order->path->length;
    *str_put(target.name, path_view(order->path)) = '\0';
    int error = order->path->directory ? fetch_directory(&target, ret) : fetch_file(&target, ret);
    if (error == -EAGAIN && order->mode == IO_WITHOUT_WAITING)
        return error;
    if (error) {
        refuse(ret, fetch_status_of(-error));
        ret->occupied = error != -ENOENT && error != -ENOTDIR;
    }
    return is_missing(ret) ? find_page(&target, ret) : 0;
}
