/* access_format: lines as Apache's httpd and RFC 8259 have them, whatever a peer has sent. */
#include "base/utf8.h"
#include "observe/access_format.h"
#include "support/faults.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static char scratch[ACCESS_TEXT_BYTES_MAX];
static char line[ACCESS_LINE_BYTES_MAX + 1];

static struct access_facts usual(void)
{
    return (struct access_facts){
        .parts =
            {
                [LOG_PART_METHOD] = STR_INIT("GET"),
                [LOG_PART_TARGET] = STR_INIT("/a?b=c"),
                [LOG_PART_PROTOCOL] = STR_INIT("HTTP/1.1"),
                [LOG_PART_HOST] = STR_INIT("h:80"),
                [LOG_PART_REFERER] = STR_INIT("http://r/x?y"),
                [LOG_PART_AGENT] = STR_INIT("curl/8"),
            },
        .status = 200,
        .body_bytes = 1234,
        .coding = STR("br"),
        .cache = ACCESS_CACHE_HIT,
    };
}

static struct access_time arrival(void)
{
    struct access_time time;
    access_time_set(&time, 784111777, 3600);
    return time;
}

static const struct access_end *usual_end(void)
{
    static struct access_time time;
    static const struct access_end end = {
        .client = STR_INIT("192.0.2.1"),
        .time = &time,
        .time_ms = 7,
        .duration_us = 815,
    };
    time = arrival();
    return &end;
}

/* Writes the line of FACTS in STYLE. Returns it, without its LF; END and SENT may be NULL. */
static struct str write_end(const struct access_style *style, const struct access_facts *facts,
                            const struct access_end *end, const struct access_sent *sent)
{
    struct access_text *text = access_text_create(style, facts, scratch);
    cr_assert(text);
    char *at = access_line_begin(text, end ? end : usual_end(), line);
    const size_t length = (size_t)(access_line_end(text, sent, at) - line);
    cr_expect_leq(length, access_line_bytes_max(text));
    access_text_drop(text);
    cr_assert_gt(length, 0);
    cr_expect_eq(line[length - 1], '\n');
    line[length - 1] = '\0';
    return (struct str){line, length - 1};
}

static struct str write_line(const struct access_style *style, const struct access_facts *facts)
{
    return write_end(style, facts, NULL, NULL);
}

static const char *text_of(enum access_format format, const struct access_facts *facts)
{
    const struct access_style style = {.format = format};
    return write_line(&style, facts).at;
}

Test(access_format, writes_each_format)
{
    static const char *const lines[] = {
        [ACCESS_FORMAT_COMBINED] = "192.0.2.1 - - [06/Nov/1994:09:49:37 +0100] "
                                   "\"GET /a?b=c HTTP/1.1\" 200 1234 \"http://r/x?y\" \"curl/8\"",
        [ACCESS_FORMAT_COMMON] =
            "192.0.2.1 - - [06/Nov/1994:09:49:37 +0100] \"GET /a?b=c HTTP/1.1\" 200 1234",
        [ACCESS_FORMAT_JSON] =
            "{\"time\":\"1994-11-06T09:49:37.007+01:00\",\"client\":\"192.0.2.1\","
            "\"duration_us\":815,\"tls\":null,\"status\":200,\"bytes\":1234,\"complete\":true,"
            "\"method\":\"GET\",\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"host\":\"h:80\","
            "\"referer\":\"http://r/x?y\",\"user_agent\":\"curl/8\",\"range\":null,"
            "\"coding\":\"br\",\"cache_hit\":true}",
    };
    const struct access_facts facts = usual();
    for (unsigned i = 0; i < ACCESS_FORMAT_COUNT; i++)
        cr_expect_str_eq(text_of((enum access_format)i, &facts), lines[i]);
}

Test(access_format, shows_what_is_absent_as_nothing)
{
    const struct access_facts facts = {.status = 408, .cache = ACCESS_CACHE_UNUSED};
    cr_expect_str_eq(text_of(ACCESS_FORMAT_COMBINED, &facts),
                     "192.0.2.1 - - [06/Nov/1994:09:49:37 +0100] \"-\" 408 0 \"-\" \"-\"");
    const char *json = text_of(ACCESS_FORMAT_JSON, &facts);
    cr_expect(strstr(json, "\"method\":null,\"target\":null,\"protocol\":null,\"host\":null,"
                           "\"referer\":null,\"user_agent\":null,\"range\":null,\"coding\":null,"
                           "\"cache_hit\":null}"),
              "%s", json);
}

Test(access_format, shows_a_request_line_without_a_protocol)
{
    struct access_facts facts = usual();
    facts.parts[LOG_PART_PROTOCOL] = STR_ABSENT;
    cr_expect(strstr(text_of(ACCESS_FORMAT_COMMON, &facts), "] \"GET /a?b=c\" 200"));
}

Test(access_format, shows_an_answer_that_was_cut_short)
{
    const struct access_time time = arrival();
    const struct access_facts facts = usual();
    const struct access_end end = {
        .client = STR("::1"),
        .tls = STR("TLSv1.3"),
        .time = &time,
        .time_ms = 999,
        .duration_us = UINT64_MAX,
    };
    const struct access_sent sent = {.status = ACCESS_STATUS_LEFT, .body_bytes = 7};
    const struct access_style json = {.format = ACCESS_FORMAT_JSON},
                              common = {.format = ACCESS_FORMAT_COMMON};
    struct str text = write_end(&json, &facts, &end, &sent);
    cr_expect(strstr(text.at, "{\"time\":\"1994-11-06T09:49:37.999+01:00\",\"client\":\"::1\","
                              "\"duration_us\":18446744073709551615,\"tls\":\"TLSv1.3\","
                              "\"status\":499,\"bytes\":7,\"complete\":false,\"method\":\"GET\""),
              "%s", text.at);
    text = write_end(&common, &facts, &end, &sent);
    cr_expect_str_eq(text.at, "::1 - - [06/Nov/1994:09:49:37 +0100] \"GET /a?b=c HTTP/1.1\" 499 7");
}

Test(access_format, hides_queries_of_targets_and_referers)
{
    const struct access_style style = {.format = ACCESS_FORMAT_COMBINED, .hides_queries = true};
    const struct access_facts facts = usual();
    struct str text = write_line(&style, &facts);
    cr_expect(strstr(text.at, "\"GET /a HTTP/1.1\" 200 1234 \"http://r/x\" \"curl/8\""), "%s",
              text.at);
}

Test(access_format, hides_queries_of_malformed_request_lines)
{
    const struct access_style style = {.format = ACCESS_FORMAT_COMMON, .hides_queries = true};
    const struct access_facts facts = {
        .parts = {[LOG_PART_METHOD] = STR_INIT("/a?secret"),
                  [LOG_PART_PROTOCOL] = STR_INIT("HTTP/?secret")},
        .status = 400,
    };
    struct str text = write_line(&style, &facts);
    cr_expect(strstr(text.at, "\"/a HTTP/\" 400 0"), "%s", text.at);
}

/* The bytes as Apache's httpd and RFC 8259 section 7 write them. */
Test(access_format, escapes_what_peers_send)
{
    static const struct {
        const char *bytes, *combined, *json;
    } rows[] = {
        {"a b~", "a b~", "a b~"},
        {"\"\\", "\\\"\\\\", "\\\"\\\\"},
        {"\b\n\r\t", "\\b\\n\\r\\t", "\\b\\n\\r\\t"},
        {"\v\f", "\\v\\x0c", "\\u000b\\f"},
        {"\x01\x1f\x7f", "\\x01\\x1f\\x7f", "\\u0001\\u001f\\u007f"},
        {"\xc3\xa9", "\\xc3\\xa9", "\xc3\xa9"},
        {"\xc2\x85", "\\xc2\\x85", "\\u0085"},
        {"\xc2\x9f\xc2\xa0", "\\xc2\\x9f\\xc2\\xa0", "\\u009f\xc2\xa0"},
        {"\xff"
         "a",
         "\\xffa", UTF8_REPLACEMENT "a"},
        {"\xe2\x82", "\\xe2\\x82", UTF8_REPLACEMENT},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char expected[128];
        struct access_facts facts = usual();
        facts.parts[LOG_PART_AGENT] = str_of(rows[i].bytes);
        snprintf(expected, sizeof expected, " \"http://r/x?y\" \"%s\"", rows[i].combined);
        cr_expect(strstr(text_of(ACCESS_FORMAT_COMBINED, &facts), expected), "%zu: %s", i, line);
        snprintf(expected, sizeof expected, ",\"user_agent\":\"%s\",", rows[i].json);
        cr_expect(strstr(text_of(ACCESS_FORMAT_JSON, &facts), expected), "%zu: %s", i, line);
    }
}

/* Whether TEXT is a JSON object without nested ones (RFC 8259), in valid UTF-8. */
static bool is_json_object(struct str text)
{
    bool in_string = false;
    if (text.length < 2 || text.at[0] != '{' || text.at[text.length - 1] != '}' ||
        !utf8_is_valid(text))
        return false;
    for (size_t i = 1; i < text.length - 1; i++) {
        const char c = text.at[i];
        if ((unsigned char)c < 0x20)
            return false;
        if (!in_string) {
            in_string = c == '"';
            if (!in_string && !strchr(":,0123456789truefalsn", c))
                return false;
            continue;
        }
        in_string = c != '"';
        if (c != '\\')
            continue;
        const char escaped = text.at[++i];
        if (!strchr("\"\\/bfnrtu", escaped))
            return false;
        for (unsigned k = 0; escaped == 'u' && k < 4; k++) {
            if (char_hex(text.at[++i]) < 0)
                return false;
        }
    }
    return !in_string;
}

/* Any bytes make one line of printable ASCII, or one JSON object; nothing is read past the end. */
Test(access_format, makes_one_line_of_any_bytes)
{
    struct prng prng = {1};
    for (unsigned round = 0; round < 3000; round++) {
        struct access_facts facts = {.status = 200};
        char bytes[LOG_PART_COUNT][64];
        struct str copies[LOG_PART_COUNT];
        for (unsigned i = 0; i < LOG_PART_COUNT; i++) {
            const size_t length = prng_below(&prng, sizeof bytes[i] + 1);
            for (size_t k = 0; k < length; k++) {
                const char likely = "\"\\\n\xc2\xe2\x80"[prng_below(&prng, 6)];
                bytes[i][k] = prng_below(&prng, 4) ? (char)prng_below(&prng, 256) : likely;
            }
            copies[i] =
                prng_below(&prng, 8) ? guard_copy((struct str){bytes[i], length}) : STR_ABSENT;
            facts.parts[i] = copies[i];
        }
        for (unsigned format = 0; format < ACCESS_FORMAT_COUNT; format++) {
            const struct access_style style = {.format = (enum access_format)format,
                                               .hides_queries = round % 2};
            struct str text = write_line(&style, &facts);
            cr_assert_eq(str_find(text, '\n'), text.length, "one line");
            if (format == ACCESS_FORMAT_JSON)
                cr_assert(is_json_object(text), "%s", line);
            for (size_t k = 0; k < text.length && format != ACCESS_FORMAT_JSON; k++)
                cr_assert(text.at[k] >= 0x20 && text.at[k] < 0x7f, "%s", line);
        }
        for (unsigned i = 0; i < LOG_PART_COUNT; i++)
            guard_drop(copies[i]);
    }
}

/* All parts at their longest, each byte escaped in six. */
Test(access_format, has_room_for_the_longest_line)
{
    static char bytes[64 << 10];
    memset(bytes, 1, sizeof bytes);
    struct access_facts facts = {.status = 200, .body_bytes = UINT64_MAX};
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        facts.parts[i] = (struct str){bytes, sizeof bytes};
    for (unsigned format = 0; format < ACCESS_FORMAT_COUNT; format++) {
        const struct access_style style = {.format = (enum access_format)format};
        cr_expect_gt(write_line(&style, &facts).length, 16000);
    }
}

Test(access_format, shows_the_client_that_a_proxy_named)
{
    for (enum access_format format = 0; format < ACCESS_FORMAT_COUNT; format++) {
        const struct access_style style = {.format = format};
        struct access_facts facts = usual();
        const char *client = "2001:db8:2001:db8:2001:db8:192.168.100.100";
        facts.client = str_of(client);
        const struct str text = write_line(&style, &facts);
        cr_expect(strstr(text.at, client), "%s", text.at);
        cr_expect_null(strstr(text.at, "192.0.2.1 "), "%s", text.at);
        cr_expect_null(strstr(text.at, "192.0.2.1\""), "%s", text.at);
    }
}

Test(access_format, without_memory_there_is_no_text)
{
    const struct access_style style = {.format = ACCESS_FORMAT_COMMON};
    const struct access_facts facts = usual();
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(access_text_create(&style, &facts, scratch));
    faults_clear();
    access_text_drop(NULL);
}

/* RFC 9110 sections 4.2.4 and 10.1.3: neither a target nor a referer has user info, but some do. */
Test(access_format, never_shows_user_info)
{
    static const struct {
        const char *target, *shown;
    } rows[] = {
        {"http://user:secret@h/a?b@c", "http://XXXXXXXX@h/a?b@c"},
        {"http://secret@h:80", "http://XXXXXXXX@h:80"},
        {"http://secret:@h?b@c", "http://XXXXXXXX@h?b@c"},
        {"http://secret@secret@h#b@c", "http://XXXXXXXX@h#b@c"},
        {"secret://user:secret@h/", "secret://XXXXXXXX@h/"},
        {"http:/user:secret@h/", "http:/XXXXXXXX@h/"},
        {"http:///user:secret@h/", "http:///XXXXXXXX@h/"},
        {"user:secret@h:443", "XXXXXXXX@h:443"},
        {"http://@h/", "http://@h/"},
        {"http://h/@a", "http://h/@a"},
        {"/http://a@b/", "/http://a@b/"},
        {"/@a", "/@a"},
        {"?a@b", "?a@b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char combined[256], json[256];
        const struct str target = str_of(rows[i].target);
        const struct access_facts facts = {
            .parts = {[LOG_PART_METHOD] = STR_INIT("GET"),
                      [LOG_PART_TARGET] = target,
                      [LOG_PART_HOST] = STR_INIT("secret@h"),
                      [LOG_PART_REFERER] = target},
            .status = 400,
        };
        snprintf(combined, sizeof combined, "\"GET %s\" 400 0 \"%s\"", rows[i].shown,
                 rows[i].shown);
        cr_expect(strstr(text_of(ACCESS_FORMAT_COMBINED, &facts), combined), "%zu: %s", i, line);
        snprintf(json, sizeof json, "\"target\":\"%s\",\"protocol\":null,\"host\":\"%s\",",
                 rows[i].shown, "XXXXXXXX@h");
        cr_expect(strstr(text_of(ACCESS_FORMAT_JSON, &facts), json), "%zu: %s", i, line);
        snprintf(json, sizeof json, "\"referer\":\"%s\",", rows[i].shown);
        cr_expect(strstr(line, json), "%zu: %s", i, line);
    }
}

/* The part is cut inside its user info, before the "@". */
Test(access_format, never_shows_the_beginning_of_long_user_info)
{
    static char target[8 << 10] = "http://";
    struct access_facts facts = usual();
    memset(target + strlen(target), 's', 6 << 10);
    str_put(target + strlen(target), STR("@h/"));
    facts.parts[LOG_PART_TARGET] = str_of(target);
    cr_expect(strstr(text_of(ACCESS_FORMAT_COMBINED, &facts), "\"GET http://XXXXXXXX HTTP/1.1\""),
              "%s", line);
}

/* OAuth 2.0 has tokens in fragments. No client should send one. */
Test(access_format, hides_fragments_with_queries)
{
    const struct access_style style = {.format = ACCESS_FORMAT_JSON, .hides_queries = true};
    struct access_facts facts = usual();
    facts.parts[LOG_PART_TARGET] = STR("/a#secret?secret");
    facts.parts[LOG_PART_REFERER] = STR("http://r/#secret");
    struct str text = write_line(&style, &facts);
    cr_expect(strstr(text.at, "\"target\":\"/a\","), "%s", text.at);
    cr_expect(strstr(text.at, "\"referer\":\"http://r/\","), "%s", text.at);
    cr_expect_null(strstr(text.at, "secret"), "%s", text.at);
}
