/* cond: conditional requests, RFC 9110 section 13.
 *
 * Pure; includes str and date. Entity tags (section 8.8.3) have a small reader of their own: within
 * their quotes a comma is no separator and a backslash escapes nothing. */
#include "cond.h"

#include "date.h"

/* etagc: %x21 / %x23-7E / obs-text */
static bool is_etagc(char c)
{
    uint8_t byte = (uint8_t)c;
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/* What is compared weakly (section 8.8.3.2): the opaque tag without the weakness mark. */
static struct str opaque_tag(struct str etag)
{
    return str_starts_with(etag, STR("W/")) ? str_from(etag, 2) : etag;
}

/* Takes the entity tag that *REST begins with and gives its opaque tag, quotes included. */
static bool take_opaque_tag(struct str *rest, struct str *ret_opaque)
{
    struct str from_quote = opaque_tag(*rest);
    if (from_quote.length == 0 || from_quote.at[0] != '"')
        return false;
    size_t length = 1;
    while (length < from_quote.length && is_etagc(from_quote.at[length]))
        length++;
    if (length == from_quote.length || from_quote.at[length] != '"')
        return false;
    length++;
    *ret_opaque = str_first(from_quote, length);
    *rest = str_from(from_quote, length);
    return true;
}

/* Whether LIST, "*" or #entity-tag, names ETAG in the weak sense. What follows the first element
 * that is no entity tag is not read. */
static bool list_matches_weakly(struct str list, struct str etag)
{
    struct str rest = str_trim(list);
    if (str_equal(rest, STR("*")))
        return true;
    while (rest.length > 0) {
        if (rest.at[0] == ',') { /* also the empty elements of section 5.6.1.2 */
            rest = str_trim(str_from(rest, 1));
            continue;
        }
        struct str opaque;
        if (!take_opaque_tag(&rest, &opaque))
            return false;
        rest = str_trim(rest);
        if (rest.length > 0 && rest.at[0] != ',')
            return false;
        if (str_equal(opaque, opaque_tag(etag)))
            return true;
    }
    return false;
}

bool cond_not_modified(const struct cond_request *request, const struct cond_validators *current,
                       int64_t now_seconds)
{
    if (request->if_none_match.at != NULL)
        return list_matches_weakly(request->if_none_match, current->etag);
    int64_t since;
    if (request->if_modified_since.at != NULL &&
        date_parse(str_trim(request->if_modified_since), now_seconds, &since))
        return current->last_modified <= since;
    return false;
}
