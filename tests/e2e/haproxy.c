/* haproxy: Debian's HAProxy, configured by tools/deploy/haproxy.cfg, before three instances that
 * end one after the other under load. No request fails, but those in flight at a kill. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(haproxy);

#define HAPROXY "/usr/sbin/haproxy"

enum { INSTANCES = 3, CLIENTS = 4, CALM_ANSWERS = 20, PATIENCE_MS = 30000 };

static struct site site;
static struct server *instances[INSTANCES];
static uint16_t admin_ports[INSTANCES];
static struct process haproxy;

/* The clients' counts. */
static struct {
    uint16_t port; /* of HAProxy */
    atomic_bool ends;
    atomic_uint answered[INSTANCES]; /* by each of the instances */
    atomic_uint failed;
    atomic_int status; /* of the last answer that was not 200 */
} load;

/* --- HAProxy ---------------------------------------------------------------------------------- */

static void skip_without_haproxy(void)
{
    if (access(HAPROXY, X_OK) != 0)
        e2e_skip("HAProxy is not installed (package haproxy)");
}

/* The content of a file of the repository. Kept. */
static const char *read_file(const char *name)
{
    static struct bytes text;
    char piece[4096];
    ssize_t length;
    text.length = 0;
    int fd = open(text_format("%s/%s", e2e_top_directory(), name), O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0, "%s cannot be opened", name);
    while ((length = read(fd, piece, sizeof piece)) > 0)
        bytes_append(&text, piece, (size_t)length);
    close(fd);
    return bytes_text(&text);
}

/* TEXT with TO in place of FROM, which it must have. Kept. */
static const char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert_not_null(at, "%s is not in the configuration", from);
    return text_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* TEXT without its line that has PART in it. Kept. */
static const char *without_line(const char *text, const char *part)
{
    const char *at = strstr(text, part);
    cr_assert_not_null(at, "%s is not in the configuration", part);
    const char *end = strchr(at, '\n');
    while (at > text && at[-1] != '\n')
        at--;
    return text_format("%.*s%s", (int)(at - text), text, end + 1);
}

/* The configuration, with the addresses of this test, and without all that needs its machine. */
static const char *configuration(void)
{
    static const char *const left_out[] = {
        "log /dev/log",   "user haproxy", "group haproxy", "chroot ",         "stats socket",
        "option httplog", "log global",   "bind :443 ",    "redirect scheme",
    };
    static const char *const addresses[INSTANCES] = {
        "192.0.2.11:8080 port 9100", "192.0.2.12:8080 port 9100", "192.0.2.13:8080 port 9100"};
    const char *text = read_file("tools/deploy/haproxy.cfg");
    for (size_t i = 0; i < COUNT_OF(left_out); i++)
        text = without_line(text, left_out[i]);
    text = replaced(text, "bind :80", text_format("bind 127.0.0.1:%u", load.port));
    text = replaced(text, "maxconn 10000", "maxconn 200"); /* the test may have few descriptors */
    text = replaced(text, "inter 1s", "inter 200ms");
    for (unsigned i = 0; i < INSTANCES; i++)
        text = replaced(text, addresses[i],
                        text_format("127.0.0.1:%u port %u", instances[i]->port, admin_ports[i]));
    return text;
}

static void start_haproxy(void)
{
    struct process_setup setup = {.program = HAPROXY, .arguments = {"-db", "-f"}};
    load.port = server_free_port();
    site_write_text(&site, "../haproxy.cfg", configuration());
    process_add_word(&setup, site_path(&site, "../haproxy.cfg"));
    process_start(&haproxy, &setup);
}

E2E_TEST(haproxy, takes_the_configuration_as_it_is_delivered)
{
    struct certificate certificate;
    struct process process;
    skip_without_haproxy();
    site_create(&site);
    certificate_make(&certificate, &(struct certificate_setup){.names = "DNS:example.org"});
    site_mkdir(&site, "../certs");
    certificate_write(&certificate, &site, "../certs/example.org.pem");
    site_write_text(&site, "../haproxy.cfg",
                    replaced(read_file("tools/deploy/haproxy.cfg"), "/etc/haproxy/certs/",
                             site_path(&site, "../certs")));
    struct process_setup setup = {.program = HAPROXY, .arguments = {"-c", "-f"}};
    process_add_word(&setup, site_path(&site, "../haproxy.cfg"));
    process_start(&process, &setup);
    cr_expect(process_wait(&process, deadline_after(10000)));
    cr_expect_eq(process.status, 0, "%s", process_errors(&process));
    cr_expect(!strstr(process_errors(&process), "WARNING"), "%s", process_errors(&process));
    process_kill(&process);
}

/* --- The instances ---------------------------------------------------------------------------- */

/* Starts instance INDEX on PORT. Its answers name it. */
static void start_instance(unsigned index, uint16_t port)
{
    const char *const words[] = {
        "--listen", text_format("127.0.0.1:%u proxy", port),
        "--admin",  text_format("%u", admin_ports[index]),
        "--header", text_format("/*: X-Instance: %u", index),
        NULL,
    };
    const struct server_setup setup = {
        .program = "sluice",
        .root = site.path,
        .options = "--threads 2 --trusted-proxy 127.0.0.1 --drain-delay 600ms --drain-grace 300ms",
        .words = words,
        .no_bind = true,
        .own_tls = true,
    };
    instances[index] = server_start_with(&setup);
}

static void start_instances(void)
{
    site_create(&site);
    site_fill(&site, "index.html", KIB(20), 1);
    for (unsigned i = 0; i < INSTANCES; i++) {
        admin_ports[i] = server_free_port();
        start_instance(i, server_free_port());
    }
}

/* --- The load --------------------------------------------------------------------------------- */

/* Reads an answer and counts it. Whether the connection can go on. */
static bool count_answer(struct client *client)
{
    struct response response;
    enum answer answer = client_read_response(client, false, &response);
    const char *name = answer == ANSWER_WHOLE && response.status == 200
                           ? response_field(&response, "X-Instance")
                           : NULL;
    if (!name) {
        atomic_store(&load.status, answer == ANSWER_WHOLE ? response.status : -(int)answer);
        atomic_fetch_add(&load.failed, 1);
        return false;
    }
    atomic_fetch_add(&load.answered[(unsigned)(name[0] - '0') % INSTANCES], 1);
    return response_field(&response, "Connection") == NULL;
}

/* Asks until LOAD ends, on connections that are kept open while they can be. */
static void *be_client(void *argument)
{
    const struct client_setup setup = {.port = load.port, .plain = true};
    (void)argument;
    while (!atomic_load(&load.ends)) {
        struct client client;
        if (!client_try_connect(&client, &setup)) {
            atomic_fetch_add(&load.failed, 1);
            continue;
        }
        do
            client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        while (count_answer(&client) && !atomic_load(&load.ends) && poll(NULL, 0, 1) == 0);
        client_close(&client);
    }
    return NULL;
}

/* Waits until HAProxy has some requests answered by instance INDEX. */
static void await_answers(unsigned index)
{
    const unsigned wanted = atomic_load(&load.answered[index]) + CALM_ANSWERS;
    for (int64_t deadline = deadline_after(PATIENCE_MS);
         (int)(wanted - atomic_load(&load.answered[index])) > 0;) {
        cr_assert(deadline_left_ms(deadline) > 0,
                  "instance %u is not asked; %u requests failed, the last with %d; %s", index,
                  atomic_load(&load.failed), atomic_load(&load.status), process_errors(&haproxy));
        poll(NULL, 0, 5);
    }
}

static void start_load(pthread_t clients[static CLIENTS])
{
    for (int64_t deadline = deadline_after(10000);;) {
        struct client client;
        const struct client_setup setup = {.port = load.port, .plain = true};
        if (client_try_connect(&client, &setup)) {
            client_close(&client);
            break;
        }
        cr_assert(deadline_left_ms(deadline) > 0, "HAProxy does not serve: %s",
                  process_errors(&haproxy));
        poll(NULL, 0, 5);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(pthread_create(&clients[i], NULL, be_client, NULL), 0);
    for (unsigned i = 0; i < INSTANCES; i++)
        await_answers(i);
}

static void end_load(const pthread_t clients[static CLIENTS])
{
    atomic_store(&load.ends, true);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    process_kill(&haproxy);
}

/* Calls REPLACE for each instance in turn, under load. Returns how many requests failed. */
static unsigned replace_each(void (*replace)(unsigned index))
{
    pthread_t clients[CLIENTS];
    skip_without_haproxy();
    start_instances();
    start_haproxy();
    start_load(clients);
    for (unsigned i = 0; i < INSTANCES; i++) {
        replace(i);
        await_answers(i);
    }
    end_load(clients);
    return atomic_load(&load.failed);
}

/* Lets another take the place of instance INDEX, which has ended. */
static void restart(unsigned index)
{
    await_answers((index + 1) % INSTANCES);
    start_instance(index, instances[index]->port);
}

static void drain(unsigned index)
{
    server_stop(instances[index]);
    restart(index);
}

static void upgrade(unsigned index)
{
    successor_upgrade(instances[index]);
}

static void kill_at_once(unsigned index)
{
    process_kill(&instances[index]->process);
    restart(index);
}

E2E_TEST(haproxy, loses_no_request_when_instances_are_drained)
{
    const unsigned failed = replace_each(drain);
    cr_expect_eq(failed, 0, "%u requests failed, the last with %d", failed,
                 atomic_load(&load.status));
}

E2E_TEST(haproxy, loses_no_request_when_instances_are_upgraded)
{
    const unsigned failed = replace_each(upgrade);
    cr_expect_eq(failed, 0, "%u requests failed, the last with %d", failed,
                 atomic_load(&load.status));
}

E2E_TEST(haproxy, loses_only_requests_in_flight_when_instances_are_killed)
{
    const unsigned failed = replace_each(kill_at_once);
    cr_expect_leq(failed, INSTANCES * CLIENTS, "%u requests failed, the last with %d", failed,
                  atomic_load(&load.status));
}
