/* conditional: see conditional.h.
 *
 * Includes str, date and scan. Entity tags (section 8.8.3) have a parser of their own: between
 * their quotes, commas do not separate and backslashes do not escape. */
#include "http/conditional.h"

#include "base/date.h"
#include "base/scan.h"

/* How two entity tags are compared, section 8.8.3.2. */
enum comparison { WEAKLY, STRONGLY };

/* ETAG without its "W/". */
static struct str opaque_tag(struct str etag)
{
    return str_starts_with(etag, STR("W/")) ? str_from(etag, 2) : etag;
}

static bool tags_match(struct str a, struct str b, enum comparison how)
{
    /* strong comparison: identical, and not weak */
    if (how == STRONGLY)
        return str_equal(a, b) && !str_starts_with(a, STR("W/"));
    return str_equal(opaque_tag(a), opaque_tag(b));
}

/* Takes an entity tag off the start of *REST. */
static bool take_tag(struct str *rest, struct str *ret_tag)
{
    struct str from_quote = opaque_tag(*rest);
    if (from_quote.length == 0 || from_quote.at[0] != '"')
        return false;
    const char *end = from_quote.at + from_quote.length;
    size_t length = (size_t)(scan_chosen(SCAN_ETAG, from_quote.at + 1, end) - from_quote.at);
    if (length == from_quote.length || from_quote.at[length] != '"')
        return false;
    length += 1 + (rest->length - from_quote.length);
    *ret_tag = str_first(*rest, length);
    *rest = str_from(*rest, length);
    return true;
}

/* Whether LIST, which is "*" or #entity-tag, matches ETAG. The list is read up to the first
 * malformed element. */
static bool list_matches(struct str list, struct str etag, enum comparison how)
{
    struct str rest = str_trim(list);
    if (str_equal(rest, STR("*")))
        return true;
    while (rest.length > 0) {
        if (rest.at[0] == ',') { /* also skips the empty elements of section 5.6.1.2 */
            rest = str_trim(str_from(rest, 1));
            continue;
        }
        struct str tag;
        if (!take_tag(&rest, &tag))
            return false;
        rest = str_trim(rest);
        if (rest.length > 0 && rest.at[0] != ',')
            return false;
        if (tags_match(tag, etag, how))
            return true;
    }
    return false;
}

/* Parses VALUE as a date. False: it is absent or malformed. */
static bool read_date(struct str value, int64_t now_seconds, int64_t *ret)
{
    return value.at != NULL && date_parse(str_trim(value), now_seconds, ret);
}

enum conditional_verdict conditional_evaluate(const struct conditional_request *request,
                                              const struct conditional_validators *current,
                                              int64_t now_seconds)
{
    int64_t date;
    if (request->if_match.at != NULL) {
        if (!list_matches(request->if_match, current->etag, STRONGLY))
            return CONDITIONAL_FAILED;
    } else if (current->dated && read_date(request->if_unmodified_since, now_seconds, &date) &&
               current->last_modified > date) {
        return CONDITIONAL_FAILED;
    }
    if (request->if_none_match.at != NULL)
        return list_matches(request->if_none_match, current->etag, WEAKLY)
                   ? CONDITIONAL_NOT_MODIFIED
                   : CONDITIONAL_PROCEED;
    if (current->dated && read_date(request->if_modified_since, now_seconds, &date) &&
        current->last_modified <= date)
        return CONDITIONAL_NOT_MODIFIED;
    return CONDITIONAL_PROCEED;
}

bool conditional_range_applies(struct str value, const struct conditional_validators *current,
                               int64_t date_seconds)
{
    int64_t date;
    struct str rest = str_trim(value), tag;
    if (take_tag(&rest, &tag))
        return rest.length == 0 && tags_match(tag, current->etag, STRONGLY);
    return current->dated && read_date(value, date_seconds, &date) &&
           date == current->last_modified && date < date_seconds;
}
