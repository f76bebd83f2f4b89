/* generations: files, and ROOT itself, are replaced continually while clients request them: no
 * body mixes two generations, and no body is older than --cache-valid allows. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(generations);

enum {
    GENERATIONS = 200,
    GENERATION_MS = 8,
    CLIENTS = 4,
    DEPTH = 8,
    UNIT_BYTES = 8,
    VALID_MS = 100,
    SLACK_MS = 1500, /* allowed beyond --cache-valid, for a busy machine */
};

static const char *const names[] = {"copied.txt", "kept.txt", "open.bin"};
static const size_t base_lengths[] = {160, KIB(20), KIB(200)};

/* Shared with the writer's process, which writes it. */
struct diary {
    _Atomic int current;                /* the latest complete generation */
    _Atomic int64_t since[GENERATIONS]; /* its clock_ms */
};

/* The content of file INDEX in GENERATION: one unit, repeated as often as the generation
 * requires. */
static struct view content_of(size_t index, int generation)
{
    size_t units = base_lengths[index] / UNIT_BYTES + (size_t)generation % 7;
    char *data = malloc(units * UNIT_BYTES + 1);
    cr_assert_not_null(data);
    for (size_t i = 0; i < units; i++)
        snprintf(data + i * UNIT_BYTES, UNIT_BYTES + 1, "g%06d|", generation);
    return (struct view){data, units * UNIT_BYTES};
}

static void write_new(const char *path, struct view content)
{
    FILE *file = fopen(path, "we");
    if (!file || fwrite(content.data, 1, content.length, file) != content.length || fclose(file))
        _exit(3);
    free((void *)(uintptr_t)content.data);
}

/* Replaces each file by a rename. */
static void replace_files(const struct site *site, int generation)
{
    char next[128], path[128];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(next, sizeof next, "%s/.next", site->path);
        snprintf(path, sizeof path, "%s/%s", site->path, names[i]);
        write_new(next, content_of(i, generation));
        if (rename(next, path) < 0)
            _exit(4);
    }
}

/* Replaces all files at once: points the link "current" at another directory. */
static void replace_root(const struct site *site, int generation)
{
    char directory[96], path[128], next[96], current[96];
    snprintf(directory, sizeof directory, "%s/r%d", site->parent, generation);
    if (mkdir(directory, 0755) < 0)
        _exit(5);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        write_new(path, content_of(i, generation));
    }
    snprintf(next, sizeof next, "%s/next", site->parent);
    snprintf(current, sizeof current, "%s/current", site->parent);
    if (symlink(directory + strlen(site->parent) + 1, next) < 0 || rename(next, current) < 0)
        _exit(6);
}

/* The writer's process: a generation every few milliseconds. */
static pid_t start_writer(const struct site *site, struct diary *diary,
                          void (*replace)(const struct site *site, int generation))
{
    const pid_t child = process_fork();
    if (child > 0)
        return child;
    for (int generation = 1; generation < GENERATIONS; generation++) {
        replace(site, generation);
        atomic_store(&diary->since[generation], clock_ms());
        atomic_store(&diary->current, generation);
        usleep(GENERATION_MS * 1000);
    }
    _exit(0);
}

/* The oldest generation allowed in the answer to a request sent at MS. */
static int oldest_allowed(struct diary *diary, int64_t ms)
{
    int generation = atomic_load(&diary->current);
    while (generation > 0 && atomic_load(&diary->since[generation]) > ms - VALID_MS - SLACK_MS)
        generation--;
    return generation;
}

/* The one generation that BODY consists of; -1: it is mixed or unknown. */
static int generation_of(size_t index, struct view body)
{
    if (body.length < UNIT_BYTES || body.data[0] != 'g')
        return -1;
    int generation = (int)strtol(body.data + 1, NULL, 10); /* up to the '|' */
    if (generation < 0 || generation >= GENERATIONS)
        return -1;
    struct view content = content_of(index, generation);
    bool whole = content.length == body.length && memcmp(content.data, body.data, body.length) == 0;
    free((void *)(uintptr_t)content.data);
    return whole ? generation : -1;
}

/* Requests each file in turn, DEPTH requests at a time, and checks the answers. */
static bool ask_and_judge(struct client *client, struct diary *diary)
{
    int64_t sent_ms = clock_ms();
    for (size_t i = 0; i < DEPTH; i++)
        client_queue_text(
            client, text_format("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", names[i % COUNT_OF(names)]));
    for (size_t i = 0; i < DEPTH; i++) {
        struct response response;
        size_t index = i % COUNT_OF(names);
        int oldest = oldest_allowed(diary, sent_ms);
        if (!expect_status(client, names[index], false, 200, &response))
            return false;
        int generation = generation_of(index, response.body);
        cr_expect_geq(generation, 0, "%s: of more than one generation", names[index]);
        cr_expect_geq(generation, oldest, "%s: of generation %d, where %d was the oldest allowed",
                      names[index], generation, oldest);
        if (generation < oldest)
            return false;
    }
    return true;
}

static void run(const struct site *site, const char *root,
                void (*replace)(const struct site *site, int generation))
{
    struct diary *diary =
        mmap(NULL, sizeof *diary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(diary != MAP_FAILED);
    replace(site, 0);
    atomic_store(&diary->since[0], clock_ms());
    const struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = root, .options = "--threads 2 --cache-valid 100ms"});
    struct client clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++)
        client_connect(&clients[i], server);
    pid_t writer = start_writer(site, diary, replace);
    int status;
    bool good = true;
    while (good && waitpid(writer, &status, WNOHANG) == 0) {
        for (size_t i = 0; i < CLIENTS && good; i++)
            good = ask_and_judge(&clients[i], diary);
    }
    if (!good) {
        kill(writer, SIGKILL);
        waitpid(writer, &status, 0);
        return;
    }
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the writer: %x", (unsigned)status);
    let_pass(VALID_MS + 50);
    struct response response;
    if (expect_fetch(server, "the last", request_text("GET", "/open.bin"), 200, &response))
        cr_expect_eq(generation_of(2, response.body), GENERATIONS - 1);
    for (size_t i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
}

E2E_TEST(generations, are_never_mixed_when_files_are_replaced)
{
    struct site site;
    site_create(&site);
    run(&site, site.path, replace_files);
}

E2E_TEST(generations, are_never_mixed_when_root_is_switched)
{
    struct site site;
    site_create(&site);
    run(&site, site_path(&site, "../current"), replace_root);
}
