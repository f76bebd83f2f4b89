/* reloading: see reloading.h. */
#include "reloading.h"
#include "e2e.h"

#include <signal.h>
#include <string.h>

struct manager reload_manager;

void fill_sites(struct site *site)
{
    static const char *const names[] = {"one", "two", "three"};
    site_create(site);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        site_write_text(site, text_format("%s/file.txt", names[i]), names[i]);
        site_write_text(site, text_format("%s/sub/file.txt", names[i]), names[i]);
    }
    site_fill(site, "one/big.bin", RELOADING_BIG_BYTES, 7);
}

void configure(const struct site *site, const char *text)
{
    site_replace_text(site, "../s.conf", text);
}

/* Starts the server of SETUP. */
static struct server *start_as(const struct server_setup *setup)
{
    struct server *server = server_start_with(setup);
    manager_expect(&reload_manager, "READY=1");
    return server;
}

struct server *start(const struct site *site, const char *text)
{
    configure(site, text);
    manager_open(&reload_manager, site);
    return start_as(&(struct server_setup){
        .config = site_path(site, "../s.conf"),
        .environment = {reload_manager.variable},
    });
}

struct server *start_listening(const struct site *site, const char *text)
{
    configure(site, text);
    manager_open(&reload_manager, NULL); /* other users reach it too */
    return start_as(&(struct server_setup){
        .config = site_path(site, "../s.conf"),
        .environment = {reload_manager.variable},
        .own_tls = true,
        .no_bind = true,
    });
}

const char *reload(const struct server *server)
{
    const size_t before = strlen(process_errors(&server->process));
    process_signal(&server->process, SIGHUP);
    manager_expect(&reload_manager, "RELOADING=1");
    manager_expect(&reload_manager, "READY=1");
    return process_errors(&server->process) + before;
}

const char *reload_to(const struct server *server, const struct site *site, const char *text)
{
    configure(site, text);
    return reload(server);
}

void expect_message(const char *messages, const char *wanted)
{
    cr_expect(strstr(messages, wanted), "\"%s\" is not in: %s", wanted, messages);
}

const char *get(const char *host, const char *target)
{
    return text_format("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host);
}

const char *next_said(struct client *client, const char *field)
{
    struct response response;
    cr_assert_eq(client_read_response(client, false, &response), ANSWER_WHOLE);
    const char *value = field ? response_field(&response, field) : NULL;
    return text_format("%d %s %.*s", response.status, value ? value : "-",
                       response.body.length < 100 ? (int)response.body.length : 0,
                       response.body.data);
}

const char *said(const struct server *server, const char *host, const char *target,
                 const char *field)
{
    struct client client;
    client_connect(&client, server);
    client_queue_text(&client, get(host, target));
    const char *text = next_said(&client, field);
    client_close(&client);
    return text;
}

void expect_said(const struct server *server, const char *host, const char *target,
                 const char *field, const char *wanted)
{
    for (unsigned i = 0; i < 10; i++) {
        const char *text = said(server, host, target, field);
        cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s%s: \"%s\", not \"%s\"", host,
                  target, text, wanted);
    }
}

/* --- Load --------------------------------------------------------------------------------------- */

static void *request_on_and_on(void *argument)
{
    struct load *load = argument;
    while (!atomic_load(&load->stop)) {
        struct client client;
        client_connect_with(&client, &load->setup);
        for (unsigned i = 0; i < load->rounds && !atomic_load(&load->stop); i++) {
            struct response response;
            client_queue_text(&client, "GET /file.txt HTTP/1.1\r\nHost: two.example\r\n\r\n"
                                       "GET /sub/file.txt HTTP/1.1\r\nHost: two.example\r\n\r\n");
            for (unsigned k = 0; k < 2; k++) {
                load->requests++;
                load->failures += client_read_response(&client, false, &response) != ANSWER_WHOLE ||
                                  response.status != 200;
            }
        }
        client_close(&client);
    }
    return NULL;
}

void load_start(struct load *load)
{
    cr_assert(pthread_create(&load->thread, NULL, request_on_and_on, load) == 0);
}

void load_stop(struct load *load)
{
    atomic_store(&load->stop, true);
    pthread_join(load->thread, NULL);
    cr_expect(load->failures == 0 && load->requests > 0, "%u of %u failed", load->failures,
              load->requests);
}
