/* admin_view: a view fits its terminal, whatever its size, and shows whole numbers only. */
#include "admin/admin_view.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { WORKERS_MAX = 64 };

/* Two readings of a busy server. */
static struct admin_snapshot before, now;

static void make(unsigned workers)
{
    cr_assert(admin_snapshot_init(&before, workers));
    cr_assert(admin_snapshot_init(&now, workers));
    admin_text(STR("sluice"), now.program, sizeof now.program);
    admin_text(STR("1.2.3"), now.version, sizeof now.version);
    admin_text(STR("epoll"), now.backend, sizeof now.backend);
    now.cache_bytes_max = (uint64_t)1 << 40;
    for (unsigned i = 0; i < workers; i++) {
        for (unsigned j = 0; j < COUNTER_COUNT; j++)
            now.workers[i].value[j] = 12345678 + j;
        now.workers[i].requests[COUNTED_GET][http_status_index(HTTP_OK)] = 123456;
        now.workers[i].requests[COUNTED_GET][http_status_index(HTTP_NOT_FOUND)] = 99999;
        now.workers[i].durations.all = now.workers[i].durations.count[20] = 5;
    }
}

static void forget(void)
{
    admin_snapshot_fini(&before);
    admin_snapshot_fini(&now);
}

/* *Gives* the text of a view. */
static char *view_text(struct admin_view *view)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    view->where = "127.0.0.1:9090";
    admin_view_write(view, &before, &now, 1, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

Test(admin_view, no_line_is_wider_than_the_terminal_and_there_are_fewer_than_it_has)
{
    static const unsigned workers[] = {1, 16, WORKERS_MAX};
    for (size_t i = 0; i < COUNT_OF(workers); i++) {
        make(workers[i]);
        for (unsigned columns = 1; columns < 140; columns++) {
            for (unsigned rows = 1; rows < 90; rows += 3) {
                struct admin_view view = {.columns = columns, .rows = rows};
                char *text = view_text(&view), *rest = text, *line;
                unsigned lines = 0;
                while ((line = strsep(&rest, "\n")) && rest) {
                    cr_assert_leq(strlen(line), columns, "%u columns: %s", columns, line);
                    lines++;
                }
                cr_assert_lt(lines, rows, "%u columns", columns);
                free(text);
            }
        }
        forget();
    }
}

/* The line of TEXT that begins with WORD, which ends in a newline; kept until the next call. */
static const char *line_of(const char *text, const char *word)
{
    static char line[512];
    const char *at = strstr(text, word);
    while (at && at > text && at[-1] != '\n')
        at = strstr(at + 1, word);
    cr_assert_not_null(at, "%s is not in: %s", word, text);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

Test(admin_view, columns_that_do_not_fit_are_left_out_whole)
{
    static const struct {
        unsigned columns;
        const char *titles;
    } rows[] = {
        {5, ""},
        {6, "worker"},
        {40, "worker   req/s     sent/s     p50"},
        {80, "worker   req/s     sent/s     p50     p99   hits  4xx/s  5xx/s    open    idle"},
    };
    make(1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct admin_view view = {.columns = rows[i].columns, .rows = 24};
        char *text = view_text(&view);
        const char *all = strstr(text, "\nall");
        if (*rows[i].titles)
            cr_expect_str_eq(line_of(text, "worker"), rows[i].titles);
        cr_expect_eq(all ? strcspn(all + 1, "\n") : 0, strlen(rows[i].titles));
        free(text);
    }
    forget();
}

Test(admin_view, workers_without_a_line_are_counted)
{
    make(WORKERS_MAX);
    struct admin_view view = {.columns = 80, .rows = 24};
    char *text = view_text(&view);
    line_of(text, "14 ");
    cr_expect_null(strstr(text, "\n15 "));
    line_of(text, "and 49 more");
    line_of(text, "since the start");
    line_of(text, "timeouts");
    free(text);
    view = (struct admin_view){.columns = 80};
    text = view_text(&view);
    line_of(text, "63 ");
    cr_expect_null(strstr(text, " more"));
    free(text);
    forget();
}
