/* client_expect: what tests expect of a client's answers. See client.h. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

enum { DEADLINE_MS = 10000 };

const char *answer_text(struct client *client, enum answer answer)
{
    static const char *const texts[] = {
        [ANSWER_WHOLE] = "an answer",
        [ANSWER_NONE] = "closed without an answer",
        [ANSWER_SHORT] = "closed in the middle of an answer",
        [ANSWER_RESET] = "reset",
        [ANSWER_LATE] = "no answer in time",
        [ANSWER_MALFORMED] = "malformed",
    };
    struct view input = client_receive(client, 0, 0);

    _Static_assert(COUNT_OF(texts) == ANSWER_COUNT, "a text for each");
    return text_format(
        "%s%s%s%s%s; unread: \"%s\"", texts[answer], client->error ? ": " : "",
        client->error ? strerror(client->error) : "", answer == ANSWER_MALFORMED ? ": " : "",
        answer == ANSWER_MALFORMED ? client->why : "", text_visible(input.data, input.length));
}

/* --- Expectations ----------------------------------------------------------------------------- */

bool expect_status(struct client *client, const char *what, bool no_body, int status,
                   struct response *ret)
{
    struct response response;
    enum answer answer = client_read_response(client, no_body, &response);

    if (answer != ANSWER_WHOLE) {
        cr_expect_fail("%s: %d expected, got: %s", what, status, answer_text(client, answer));
        return false;
    }
    cr_expect(response.status == status, "%s: %d expected, got:\n%s", what, status,
              text_visible(response.head.data, response.head.length));
    if (ret)
        *ret = response;
    return response.status == status;
}

bool expect_end(struct client *client, const char *what)
{
    struct view rest = client_receive(client, 1, deadline_after(DEADLINE_MS));
    bool met = rest.length == 0 && client->eof && !client->error;

    cr_expect(met, "%s: the connection should be closed now; %s \"%s\"", what,
              client->error ? strerror(client->error)
              : client->eof ? "it was, after"
                            : "it is open, unread:",
              text_visible(rest.data, rest.length));
    return met;
}

bool expect_fetch(const struct server *server, const char *what, const char *request, int status,
                  struct response *ret)
{
    struct client client;
    bool met;

    client_connect(&client, server);
    client_queue_text(&client, request);
    met = expect_status(&client, what, strncmp(request, "HEAD ", 5) == 0, status, ret);
    client_close(&client);
    return met;
}

bool expect_header(const char *what, const struct response *response, const char *name,
                   const char *value)
{
    const char *found = response_field(response, name);
    const bool met = value ? found && strcmp(found, value) == 0 : !found;

    cr_expect(met, "%s: %s: %s", what, name, found ? found : "(none)");
    return met;
}

const char *request_text(const char *method, const char *target)
{
    return request_with(method, target, "");
}

const char *request_with(const char *method, const char *target, const char *fields)
{
    return text_format("%s %s HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n%s\r\n", method,
                       target, fields);
}
