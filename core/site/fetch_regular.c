/* fetch_regular: a regular file together with its siblings, which are the same content compressed
 * by another tool beforehand: NAME.gz, NAME.br, NAME.zst.
 *
 * A sibling may be used if it is a regular file below ROOT, has content, and is not older than the
 * file, at the granularity of its time. All are checked by stat first; only if something differs
 * from what is known are they opened, and each is checked once more when it is loaded, because it
 * may have changed meanwhile. Runs in any thread. */
#include "site/fetch_parts.h"

#include "site/sibling_age.h"

#include <errno.h>
#include <fcntl.h>

/* Sets the target's name to that of the file in CODING. False: the name is too long to exist. */
static bool name_form(struct fetch_target *target, enum content_coding coding)
{
    struct str suffix = content_coding_texts[coding].suffix;
    if (target->name_bytes + suffix.length > PATH_BYTES_MAX)
        return false;
    *str_put(target->name + target->name_bytes, suffix) = '\0';
    return true;
}

/* --- Which siblings may be used --------------------------------------------------------------- */

/* Whether SIBLING may be used for PLAIN: an older one was made from another version. */
static bool is_usable(const struct blob_identity *sibling, const struct blob_identity *plain)
{
    return sibling->bytes > 0 && !sibling_is_older(&sibling->modified, &plain->modified);
}

/* Returns 0 if ERROR means that the sibling does not exist or may not be read, else ERROR. */
static int without_sibling(int error)
{
    enum http_status status = fetch_status_of(-error);
    return status == HTTP_NOT_FOUND || status == HTTP_FORBIDDEN ? 0 : error;
}

/* Mixes IDENTITY, of the sibling in CODING, into HASH. Never returns 0. */
static uint64_t mix(uint64_t hash, enum content_coding coding, const struct blob_identity *identity)
{
    return fetched_hash_identity(hash, identity, (uint64_t)coding) | 1;
}

/* Finds the status of the sibling at the target's name. *RET_TAKEN: whether the name exists, even
 * as a link that leads nowhere. Returns 0 or a negative errno. */
static int look_at_sibling(const struct fetch_target *target, struct stat *ret, bool *ret_taken)
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
static int look_for_siblings(struct fetch_target *target, struct fetch_state *ret,
                             unsigned *ret_usable)
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
static int load_form(struct fetch_target *target, enum content_coding coding, struct fetched *ret)
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
static int load_forms(struct fetch_target *target, unsigned wanted, struct fetched *ret)
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
static bool may_have_siblings(const struct fetch_target *target)
{
    struct str name = {target->name, target->name_bytes};
    return !mime_is_compressed(mime_of(target->order->site->mime, name));
}

int fetch_regular(struct fetch_target *target, const struct stat *status, struct fetched *ret)
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
