/* access_format: a line of the access log, in the format that a site's settings name.
 *
 * A line has two parts. Its text is what is known when the answer is queued: the request and the
 * outcome, if the answer is sent whole. It is written once, and a memo keeps it for all requests
 * that it answers. The other part is known at the end: the client, when the request arrived, how
 * long it took. Between them they hold everything; nothing of the request is needed any more.
 *
 * Everything that a peer has sent is escaped: as Apache's httpd does it in COMBINED and COMMON, as
 * RFC 8259 section 7 wants it in JSON, where bytes that are not UTF-8 become U+FFFD. So each line
 * is one line of ASCII, or of UTF-8, whatever comes. Authorization, Cookie and the user info of a
 * URI (RFC 3986 section 3.2.1) are never logged.
 *
 * Pure: no clock, no file; allocates a text and nothing else. */
#ifndef SLUICE_ACCESS_FORMAT_H
#define SLUICE_ACCESS_FORMAT_H

#include "base/date.h"

enum access_format {
    ACCESS_FORMAT_COMBINED,
    ACCESS_FORMAT_COMMON,
    ACCESS_FORMAT_JSON,
    ACCESS_FORMAT_COUNT,
};

/* The name that --log-format takes. Static. */
const char *access_format_name(enum access_format format);

struct access_style {
    enum access_format format;
    bool hides_queries; /* and fragments, of targets and referers */
};

/* The parts of a request that a log has, as the client sent them. */
enum log_part {
    LOG_PART_METHOD,
    LOG_PART_TARGET,
    LOG_PART_PROTOCOL,
    LOG_PART_HOST,
    LOG_PART_REFERER,
    LOG_PART_AGENT,
    LOG_PART_RANGE,
    LOG_PART_COUNT,
};

/* In place of user info: it is where httpd writes these letters for the password, but a user's name
 * may be a secret token as well. */
#define ACCESS_USER_INFO "XXXXXXXX"

enum {
    /* All parts at their longest, each byte escaped in six, with the names of the members. */
    ACCESS_TEXT_BYTES_MAX = 48 << 10,
    ACCESS_LINE_BYTES_MAX = ACCESS_TEXT_BYTES_MAX + 256,
    ACCESS_CLIENT_BYTES_MAX = 45, /* INET6_ADDRSTRLEN without its NUL */
    ACCESS_STATUS_LEFT = 499,     /* the client left before the first byte of the answer */
};

enum access_cache {
    ACCESS_CACHE_UNUSED, /* the answer needs no file */
    ACCESS_CACHE_HIT,
    ACCESS_CACHE_MISS,
};

/* A request and its answer, when that is queued. */
struct access_facts {
    struct str parts[LOG_PART_COUNT]; /* absent: the request has no such part */
    uint16_t status;
    uint64_t body_bytes; /* of the whole body that will be sent; 0 for HEAD and 304 */
    struct str coding;   /* of the body, as Content-Encoding has it; absent: none */
    enum access_cache cache;
    struct str client; /* that a proxy named, an address; absent: the connection's */
};

/* The text of a line, for one thread. */
struct access_text {
    uint32_t references;
    uint16_t length;     /* of BYTES */
    uint16_t outcome_at; /* status and bytes (in JSON completeness too), in BYTES */
    uint16_t outcome_bytes;
    uint16_t status;
    uint16_t client_bytes; /* of the client that a proxy named, after LENGTH bytes; 0: none */
    uint64_t body_bytes;
    struct access_style style;
    void *owner; /* of the caller; NULL at first */
    char bytes[];
};

/* Makes the text for FACTS in STYLE; a part that is too long is cut. SCRATCH
 * is room to work in. NULL: out of memory. *Gives* one reference. */
struct access_text *access_text_create(const struct access_style *style,
                                       const struct access_facts *facts,
                                       char scratch[static ACCESS_TEXT_BYTES_MAX]);

/* Drops a reference; the last frees TEXT. NULL is allowed. */
void access_text_drop(struct access_text *text);

enum {
    ACCESS_TIME_LOG_BYTES = sizeof " - - [] " - 1 + DATE_LOG_BYTES,
    ACCESS_TIME_ZONE_BYTES = sizeof "+01:00" - 1,
    ACCESS_TIME_JSON_BYTES = sizeof "{\"time\":\"." - 1 + DATE_LOCAL_BYTES - ACCESS_TIME_ZONE_BYTES,
    ACCESS_TIME_REST_BYTES = ACCESS_TIME_ZONE_BYTES + sizeof "\",\"client\":\"" - 1,
};

/* A second as the lines of each format have it, with the text around it. */
struct access_time {
    int64_t seconds;
    char log[ACCESS_TIME_LOG_BYTES];   /* " - - [06/Nov/1994:08:49:37 +0000] " */
    char json[ACCESS_TIME_JSON_BYTES]; /* from the brace to the point before milliseconds */
    char rest[ACCESS_TIME_REST_BYTES]; /* from the offset to the quote before the client */
};

/* Sets *RET to SECONDS, in local time that is OFFSET_S seconds ahead of UTC. */
void access_time_set(struct access_time *ret, int64_t seconds, int32_t offset_s);

/* What is known of an answer at its end. */
struct access_end {
    struct str client;              /* an address, at most ACCESS_CLIENT_BYTES_MAX */
    struct str tls;                 /* the version; absent: none */
    const struct access_time *time; /* when the request had arrived */
    uint32_t time_ms;               /* after that second */
    uint64_t duration_us;
};

/* What was sent of an answer that was cut short. */
struct access_sent {
    uint16_t status; /* or ACCESS_STATUS_LEFT */
    uint64_t body_bytes;
};

/* The most bytes of a line with TEXT. */
static inline size_t access_line_bytes_max(const struct access_text *text)
{
    return text->length + (size_t)(ACCESS_LINE_BYTES_MAX - ACCESS_TEXT_BYTES_MAX);
}

/* Writes the beginning of a line with TEXT to TO: what precedes the text. Unless TEXT has a client,
 * it is the same for all texts of a format. Returns its end. */
char *access_line_begin(const struct access_text *text, const struct access_end *end, char *to);

/* Writes the rest, with its LF, there. SENT: NULL if the answer was sent whole. Returns the end of
 * the line. */
char *access_line_end(const struct access_text *text, const struct access_sent *sent, char *to);

#endif
