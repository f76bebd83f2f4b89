/* listening: the sockets of several listeners, and the origins of their connections. */
#include "server/listening.h"

#include "conn/transport.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS = 3 };

static struct settings *settings;
static struct listening listening;
static struct problem problem;

static void set_up(void)
{
    settings = settings_create();
    cr_assert_not_null(settings);
    listening = (struct listening){.count = 0};
}

static void tear_down(void)
{
    settings_unref(settings);
}

TestSuite(listening, .init = set_up, .fini = tear_down, .timeout = 20);

static struct listener_settings *add_listener(const char *address, const char *another)
{
    struct listener_settings *listener = settings_add_listener(settings);
    cr_assert_not_null(listener);
    arena_list_append(&listener->addresses, &settings->arena, str_of(address));
    if (another)
        arena_list_append(&listener->addresses, &settings->arena, str_of(another));
    return listener;
}

/* The port that FD listens on. */
static uint16_t port_of(int fd)
{
    struct sockaddr_in address = {.sin_port = 0};
    socklen_t length = sizeof address;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

/* The origin of listener INDEX. */
static const struct origin *origin_of(unsigned index)
{
    return &listening.origins.items[listening.listener_origins[index]];
}

Test(listening, gives_each_worker_the_sockets_of_all_listeners)
{
    int *fds;
    struct listener_settings *secure = add_listener("127.0.0.1", "127.0.0.2");
    struct listener_settings *plain = add_listener("127.0.0.1", NULL);
    secure->secure = true;
    plain->redirects_to = secure;
    cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
    cr_expect_eq(listening.socket_count, 3);
    cr_assert_eq(listening_open(&listening, settings, WORKERS, &fds, &problem), 0);
    cr_assert_eq(listening.socket_count, 3);
    const uint16_t https = listening.sets[0].port, http = listening.sets[1].port;
    cr_expect(https && http && https != http);
    for (unsigned i = 0; i < WORKERS; i++) {
        cr_expect_eq(port_of(fds[3 * i]), https);
        cr_expect_eq(port_of(fds[3 * i + 1]), https);
        cr_expect_eq(port_of(fds[3 * i + 2]), http);
    }
    cr_expect_eq(listening.socket_listeners[0], 0);
    cr_expect_eq(listening.socket_listeners[1], 0);
    cr_expect_eq(listening.socket_listeners[2], 1);
    for (unsigned i = 0; i < 3 * WORKERS; i++)
        close(fds[i]);
    free(fds);
}

Test(listening, makes_an_origin_for_each_kind_of_connection)
{
    int *fds;
    struct listener_settings *secure = add_listener("127.0.0.1", NULL);
    struct listener_settings *plain = add_listener("127.0.0.1", NULL);
    secure->secure = true;
    secure->hsts_seconds = 300;
    plain->redirects_to = secure;
    cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
    cr_assert_eq(listening_open(&listening, settings, 1, &fds, &problem), 0);
    const struct origin *own = origin_of(0), *other = origin_of(1);
    const uint16_t https = listening.sets[0].port;
    cr_expect_eq(own->transport_index, TRANSPORT_TLS);
    cr_expect(str_equal(own->hsts, STR("max-age=300")));
    cr_expect_not(own->redirects);
    cr_expect_eq(other->transport_index, TRANSPORT_PLAIN);
    cr_expect(other->redirects && other->has_challenges);
    cr_expect_eq(other->https_port, https);
    cr_expect_null(other->hsts.at);
    const struct origin *mistaken = &listening.origins.items[own->plain_index];
    cr_expect(mistaken->redirects && !mistaken->has_challenges);
    cr_expect_eq(mistaken->https_port, https);
    cr_expect_null(mistaken->hsts.at);
    close(fds[0]);
    close(fds[1]);
    free(fds);
}

/* Plain HTTP on a TLS port leads to that port. */
Test(listening, redirects_to_the_port_that_was_mistaken)
{
    int *fds;
    for (unsigned i = 0; i < 3; i++)
        add_listener("127.0.0.1", NULL)->secure = i != 1;
    cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
    cr_assert_eq(listening_open(&listening, settings, 1, &fds, &problem), 0);
    for (unsigned i = 0; i < 3; i += 2) {
        const struct origin *mistaken = &listening.origins.items[origin_of(i)->plain_index];
        cr_expect(mistaken->redirects);
        cr_expect_eq(mistaken->https_port, listening.sets[i].port);
    }
    cr_expect_neq(listening.sets[0].port, listening.sets[2].port);
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
    free(fds);
}

/* Plain ones with and without a PROXY header, and TLS. */
Test(listening, makes_origins_for_what_is_known_of_clients)
{
    int *fds;
    add_listener("127.0.0.1", NULL)->proxied = true;
    add_listener("127.0.0.1", NULL)->hsts_seconds = 300;
    add_listener("127.0.0.1", NULL)->secure = true;
    arena_list_append(&settings->process.trusted_proxies, &settings->arena, STR("10.0.0.0/8"));
    cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
    cr_assert_eq(listening_open(&listening, settings, 1, &fds, &problem), 0);
    for (unsigned i = 0; i < 3; i++) {
        const struct origin *origin = origin_of(i);
        cr_expect_eq(origin->twins[0], listening.listener_origins[i]);
        cr_expect_not(origin->trusted || origin->secured || origin->hsts.at);
        for (unsigned twin = 0; twin < ORIGIN_TWINS; twin++) {
            const struct origin *known = &listening.origins.items[origin->twins[twin]];
            cr_expect_eq(known->trusted, (twin & ORIGIN_TRUSTED) != 0, "%u, %u", i, twin);
            cr_expect_eq(known->secured, i == 0 && (twin & ORIGIN_SECURED), "%u, %u", i, twin);
            cr_expect_eq(known->transport_index, origin->transport_index);
            cr_expect_eq(known->plain_index, origin->plain_index);
        }
    }
    cr_expect(origin_of(0)->proxied && !origin_of(1)->proxied);
    const struct origin *trusted = &listening.origins.items[origin_of(1)->twins[ORIGIN_TRUSTED]];
    cr_expect(str_equal(trusted->hsts, STR("max-age=300")));
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
    free(fds);
}

Test(listening, leaves_nothing_open_when_a_port_is_in_use)
{
    int *fds, *others = NULL;
    struct listening other = {.count = 0};
    add_listener("127.0.0.1", NULL);
    cr_assert_eq(listening_choose(&other, settings, &problem), 0);
    cr_assert_eq(listening_open(&other, settings, 1, &fds, &problem), 0);
    add_listener("127.0.0.1", NULL)->port = other.sets[0].port;
    const unsigned descriptors = tree_open_descriptors();
    cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
    cr_expect_eq(listening_open(&listening, settings, WORKERS, &others, &problem), -EADDRINUSE);
    cr_expect_null(others);
    cr_expect(strstr(problem.what, "is in use"), "%s", problem.what);
    cr_expect_eq(tree_open_descriptors(), descriptors);
    close(fds[0]);
    free(fds);
}

/* In an upgrade the former process goes on to listen until this one is ready. */
Test(listening, opens_another_address_on_the_port_of_a_socket_that_it_was_given)
{
    static const char *const rows[][2] = {{"127.0.0.1", "0.0.0.0"}, {"0.0.0.0", "127.0.0.1"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int *fds, *others = NULL;
        struct listening former = {.count = 0};
        settings_unref(settings);
        set_up();
        struct listener_settings *listener = add_listener(rows[i][0], NULL);
        cr_assert_eq(listening_choose(&former, settings, &problem), 0);
        cr_assert_eq(listening_open(&former, settings, 1, &fds, &problem), 0);
        struct inherited_socket socket = {.name = LISTENING_NAME "0"};
        struct inherited inherited = {.items = &socket, .count = 1};
        inherited_examine(&socket, dup(fds[0]));
        listener->port = former.sets[0].port;
        listener->addresses.items[0] = rows[i][1];
        listening.inherited = &inherited;
        cr_assert_eq(listening_choose(&listening, settings, &problem), 0);
        cr_assert_eq(listening_open(&listening, settings, WORKERS, &others, &problem), 0, "%s: %s",
                     rows[i][1], problem.what);
        cr_expect_geq(socket.fd, 0, "it is on another address");
        inherited_close(&inherited);
        close(fds[0]);
        free(fds);
        for (unsigned j = 0; j < WORKERS; j++)
            close(others[j]);
        free(others);
    }
}

Test(listening, refuses_more_listeners_than_there_is_room_for)
{
    for (unsigned i = 0; i <= LISTENING_MAX; i++)
        add_listener("127.0.0.1", NULL);
    cr_expect_eq(listening_choose(&listening, settings, &problem), -E2BIG);
}
