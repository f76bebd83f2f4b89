/* access_format: see access_format.h. Apache's combined log format; RFC 8259. */
#include "observe/access_format.h"

#include "base/num.h"
#include "http/authority.h"
#include "observe/access_escape.h"

#include <stdlib.h>

/* The bytes of each part that are kept, before they are escaped. */
static const uint16_t part_bytes_max[] = {
    [LOG_PART_METHOD] = 64, [LOG_PART_TARGET] = 4096,  [LOG_PART_PROTOCOL] = 32,
    [LOG_PART_HOST] = 256,  [LOG_PART_REFERER] = 2048, [LOG_PART_AGENT] = 1024,
    [LOG_PART_RANGE] = 256,
};
static_assert(COUNT_OF(part_bytes_max) == LOG_PART_COUNT, "a bound for each part");

static_assert((64 + 4096 + 32 + 256 + 2048 + 1024 + 256) * ACCESS_ESCAPE_BYTES_MAX +
                      LOG_PART_COUNT * (sizeof ACCESS_USER_INFO - 1) + 512 <=
                  ACCESS_TEXT_BYTES_MAX,
              "all parts at their longest, with the names of the members");
static_assert((size_t)ACCESS_TEXT_BYTES_MAX <= UINT16_MAX, "offsets fit");

const char *access_format_name(enum access_format format)
{
    static const char *const names[] = {
        [ACCESS_FORMAT_COMBINED] = "combined",
        [ACCESS_FORMAT_COMMON] = "common",
        [ACCESS_FORMAT_JSON] = "json",
    };
    static_assert(COUNT_OF(names) == ACCESS_FORMAT_COUNT, "one name a format");
    return names[format];
}

/* Writes a number of at most NUM_U64_DIGITS_MAX digits. Returns the end. */
static inline char *put_number(char *to, uint64_t value)
{
    return to + num_write_u64(to, value);
}

/* --- The text --------------------------------------------------------------------------------- */

/* Writes the outcome. Returns the end. */
static char *put_outcome(char *to, enum access_format format, uint16_t status, uint64_t body_bytes,
                         bool complete)
{
    const bool json = format == ACCESS_FORMAT_JSON;
    to = json ? str_put(to, STR("\"status\":")) : to;
    to = put_number(to, status);
    to = json ? str_put(to, STR(",\"bytes\":")) : str_put(to, STR(" "));
    to = put_number(to, body_bytes);
    if (json)
        to = str_put(to, complete ? STR(",\"complete\":true") : STR(",\"complete\":false"));
    return to;
}

/* Whether PART may have a URI; each part of a malformed request line may. */
static bool may_have_uri(enum log_part part)
{
    return part != LOG_PART_AGENT && part != LOG_PART_RANGE;
}

/* Writes TEXT, escaped for FORMAT. Returns the end. */
static char *put_text(char *to, enum access_format format, struct str text)
{
    return format == ACCESS_FORMAT_JSON ? access_escape_json(to, text)
                                        : access_escape_httpd(to, text);
}

/* Writes PART of FACTS, which is not absent: without its user info, and, in some styles, without
 * its query and fragment. Returns the end. */
static char *put_part(char *to, const struct access_style *style, const struct access_facts *facts,
                      enum log_part part)
{
    const struct str whole = facts->parts[part];
    struct str text = whole, secret = STR_ABSENT;
    if (may_have_uri(part))
        secret = authority_user_info(whole);
    if (may_have_uri(part) && style->hides_queries)
        text = str_first(text, size_min(str_find(text, '?'), str_find(text, '#')));
    text = str_first(text, part_bytes_max[part]);
    if (secret.length > 0 && secret.at < text.at + text.length) {
        const size_t before = (size_t)(secret.at - text.at);
        to = put_text(to, style->format, str_first(text, before));
        to = str_put(to, STR(ACCESS_USER_INFO));
        text = str_from(text, before + secret.length);
    }
    return put_text(to, style->format, text);
}

/* Writes PART of FACTS in quotes. Returns the end. */
static char *put_quoted(char *to, const struct access_style *style,
                        const struct access_facts *facts, enum log_part part)
{
    if (!facts->parts[part].at)
        return str_put(to, style->format == ACCESS_FORMAT_JSON ? STR("null") : STR("\"-\""));
    *to++ = '"';
    to = put_part(to, style, facts, part);
    *to++ = '"';
    return to;
}

/* Writes the request line as it came. Returns the end. */
static char *put_request_line(char *to, const struct access_style *style,
                              const struct access_facts *facts)
{
    static const enum log_part parts[] = {LOG_PART_METHOD, LOG_PART_TARGET, LOG_PART_PROTOCOL};
    if (!facts->parts[LOG_PART_METHOD].at)
        return str_put(to, STR("\"-\""));
    *to++ = '"';
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!facts->parts[parts[i]].at)
            continue;
        if (i > 0)
            *to++ = ' ';
        to = put_part(to, style, facts, parts[i]);
    }
    *to++ = '"';
    return to;
}

/* Writes the members of FACTS after the outcome, and the end of the line. Returns the end. */
static char *put_members(char *to, const struct access_style *style,
                         const struct access_facts *facts)
{
    static const struct {
        struct str name;
        enum log_part part;
    } members[] = {
        {STR_INIT(",\"method\":"), LOG_PART_METHOD},
        {STR_INIT(",\"target\":"), LOG_PART_TARGET},
        {STR_INIT(",\"protocol\":"), LOG_PART_PROTOCOL},
        {STR_INIT(",\"host\":"), LOG_PART_HOST},
        {STR_INIT(",\"referer\":"), LOG_PART_REFERER},
        {STR_INIT(",\"user_agent\":"), LOG_PART_AGENT},
        {STR_INIT(",\"range\":"), LOG_PART_RANGE},
    };
    static const struct str ends[] = {
        [ACCESS_CACHE_UNUSED] = STR_INIT(",\"cache_hit\":null}\n"),
        [ACCESS_CACHE_HIT] = STR_INIT(",\"cache_hit\":true}\n"),
        [ACCESS_CACHE_MISS] = STR_INIT(",\"cache_hit\":false}\n"),
    };
    for (size_t i = 0; i < COUNT_OF(members); i++)
        to = put_quoted(str_put(to, members[i].name), style, facts, members[i].part);
    to = str_put(to, STR(",\"coding\":"));
    if (facts->coding.at)
        to = str_put(str_put(str_put(to, STR("\"")), facts->coding), STR("\""));
    else
        to = str_put(to, STR("null"));
    return str_put(to, ends[facts->cache]);
}

/* Writes what follows the outcome. Returns the end. */
static char *put_rest(char *to, const struct access_style *style, const struct access_facts *facts)
{
    if (style->format == ACCESS_FORMAT_JSON)
        return put_members(to, style, facts);
    if (style->format == ACCESS_FORMAT_COMBINED) {
        *to++ = ' ';
        to = put_quoted(to, style, facts, LOG_PART_REFERER);
        *to++ = ' ';
        to = put_quoted(to, style, facts, LOG_PART_AGENT);
    }
    *to++ = '\n';
    return to;
}

struct access_text *access_text_create(const struct access_style *style,
                                       const struct access_facts *facts,
                                       char scratch[static ACCESS_TEXT_BYTES_MAX])
{
    char *at = scratch;
    if (style->format != ACCESS_FORMAT_JSON) {
        at = put_request_line(at, style, facts);
        *at++ = ' ';
    }
    char *outcome = at;
    at = put_outcome(at, style->format, facts->status, facts->body_bytes, true);
    char *rest = at;
    at = put_rest(at, style, facts);
    const size_t length = (size_t)(at - scratch);
    struct access_text *text = malloc(sizeof *text + length + facts->client.length);
    if (!text)
        return NULL;
    *text = (struct access_text){
        .references = 1,
        .length = (uint16_t)length,
        .outcome_at = (uint16_t)(outcome - scratch),
        .outcome_bytes = (uint16_t)(rest - outcome),
        .status = facts->status,
        .client_bytes = (uint16_t)facts->client.length,
        .body_bytes = facts->body_bytes,
        .style = *style,
    };
    memcpy(text->bytes, scratch, length);
    str_put(text->bytes + length, facts->client);
    return text;
}

void access_text_drop(struct access_text *text)
{
    if (text && --text->references == 0)
        free(text);
}

/* --- The line --------------------------------------------------------------------------------- */

void access_time_set(struct access_time *ret, int64_t seconds, int32_t offset_s)
{
    char log[DATE_LOG_BYTES], local[DATE_LOCAL_BYTES];
    const struct str zone = {local + DATE_LOCAL_BYTES - ACCESS_TIME_ZONE_BYTES,
                             ACCESS_TIME_ZONE_BYTES};
    date_write_log(log, seconds, offset_s);
    date_write_local(local, seconds, offset_s);
    ret->seconds = seconds;
    str_put(str_put(str_put(ret->log, STR(" - - [")), (struct str){log, sizeof log}), STR("] "));
    char *end = str_put(ret->json, STR("{\"time\":\""));
    end = str_put(end, (struct str){local, sizeof local - ACCESS_TIME_ZONE_BYTES});
    *end = '.';
    str_put(str_put(ret->rest, zone), STR("\",\"client\":\""));
}

char *access_line_begin(const struct access_text *text, const struct access_end *end, char *to)
{
    const struct access_time *time = end->time;
    const struct str named = {text->bytes + text->length, text->client_bytes};
    const struct str client = named.length > 0 ? named : end->client;
    if (text->style.format != ACCESS_FORMAT_JSON) {
        to = str_put(to, client);
        return str_put(to, (struct str){time->log, sizeof time->log});
    }
    to = str_put(to, (struct str){time->json, sizeof time->json});
    *to++ = (char)('0' + end->time_ms / 100 % 10);
    *to++ = (char)('0' + end->time_ms / 10 % 10);
    *to++ = (char)('0' + end->time_ms % 10);
    to = str_put(to, (struct str){time->rest, sizeof time->rest});
    to = str_put(to, client);
    to = str_put(to, STR("\",\"duration_us\":"));
    to = put_number(to, end->duration_us);
    if (!end->tls.at)
        return str_put(to, STR(",\"tls\":null,"));
    to = str_put(to, STR(",\"tls\":\""));
    to = str_put(to, end->tls);
    return str_put(to, STR("\","));
}

char *access_line_end(const struct access_text *text, const struct access_sent *sent, char *to)
{
    const size_t rest = (size_t)text->outcome_at + text->outcome_bytes;
    if (!sent)
        return str_put(to, (struct str){text->bytes, text->length});
    to = str_put(to, (struct str){text->bytes, text->outcome_at});
    to = put_outcome(to, text->style.format, sent->status, sent->body_bytes, false);
    return str_put(to, (struct str){text->bytes + rest, text->length - rest});
}
