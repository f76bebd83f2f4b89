/* screen: see screen.h. */
#include "server/screen.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "base/version.h"
#include "observe/log_file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 }; /* with the reader of a pipe, for a whole page */

/* Whether standard output belongs to the access log of a site of SETTINGS. */
static bool has_log(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        const char *name = settings->sites[i]->access_log.at;
        if (name && log_file_descriptor(name) == STDOUT_FILENO)
            return true;
    }
    return false;
}

/* --- Pages ------------------------------------------------------------------------------------ */

/* What is written to OUT, in memory. OUT is NULL: memory is short, and nothing is shown. */
struct page {
    FILE *out;
    char *bytes;
    size_t length;
};

static bool page_begin(struct page *ret)
{
    *ret = (struct page){.bytes = NULL};
    ret->out = open_memstream(&ret->bytes, &ret->length);
    return ret->out != NULL;
}

/* Whether FD takes PIPE_BUF bytes without a wait before END_MS. */
static bool takes_more(int fd, uint64_t end_ms)
{
    struct pollfd watched = {.fd = fd, .events = POLLOUT};
    int ready;
    do {
        const uint64_t now_ms = clock_monotonic_ms();
        ready = poll(&watched, 1, now_ms < end_ms ? (int)(end_ms - now_ms) : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Writes LENGTH bytes at BYTES to FD, in pieces that a pipe with room takes whole, so that a reader
 * that has stopped reading stops neither the start of the server nor its end. */
static void write_patiently(int fd, const char *bytes, size_t length)
{
    const uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (length > 0 && takes_more(fd, end_ms)) {
        const ssize_t written = write(fd, bytes, size_min(length, PIPE_BUF));
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return;
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

/* Shows PAGE, and frees it. */
static void page_end(struct page *page, const struct screen *screen)
{
    const int fd = has_log(screen->settings) ? STDERR_FILENO : STDOUT_FILENO;
    if (fclose(page->out) == 0)
        write_patiently(fd, page->bytes, page->length);
    free(page->bytes);
}

/* --- What they say ---------------------------------------------------------------------------- */

/* Writes TEXT without its control bytes, which would change the screen. */
static void put_text(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++)
        putc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, out);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void show_urls(FILE *out, const struct net_set *set,
                      const struct listener_settings *listener)
{
    const bool marks = net_is_unix(set) && set->secure;
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    const unsigned count = net_urls(set, urls);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "  %s%s%s%s\n", urls[i], marks ? " tls" : "",
                listener->proxied ? " for proxies (PROXY protocol)" : "",
                listener->redirects_to ? " redirects to https" : "");
}

/* Lists the names and the root of each site. */
static void show_sites(FILE *out, const struct settings *settings)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        putc(' ', out);
        for (unsigned j = 0; j < site->hosts.count; j++) {
            putc(' ', out);
            put_text(out, site->hosts.items[j]);
        }
        fputs(": ", out);
        put_text(out, site->root);
        putc('\n', out);
    }
}

static void write_screen(FILE *out, const struct screen *screen)
{
    const struct settings *settings = screen->settings;
    const struct listening *listening = screen->listening;
    const unsigned threads = screen->threads;
    fprintf(out, "%s (Sluice %s) serves ", screen->profile->name, SLUICE_VERSION);
    if (settings->site_count == 1)
        put_text(out, settings->sites[0]->root);
    else
        fprintf(out, "%u sites", settings->site_count);
    putc('\n', out);
    if (settings->site_count > 1)
        show_sites(out, settings);
    for (unsigned i = 0; i < listening->count; i++)
        show_urls(out, &listening->sets[i], settings->listeners[i]);
    if (settings->local_by_default)
        fprintf(out, "  for this machine only; --bind or --listen opens it to others\n");
    if (screen->admin) {
        char where[ADMIN_WHERE_BYTES];
        admin_where(screen->admin, where);
        fputs("  admin on ", out);
        put_text(out, where);
        putc('\n', out);
    }
    if (screen->fingerprint)
        fprintf(out, "  self-signed certificate, SHA-256 %s\n", screen->fingerprint);
    fprintf(out, "  %u thread%s, %s; Ctrl-C stops it\n", threads, plural(threads),
            backend_name(screen->backend));
}

void screen_show(const struct screen *screen)
{
    struct page page;
    if (!page_begin(&page))
        return;
    write_screen(page.out, screen);
    page_end(&page, screen);
}

void screen_show_totals(const struct screen *screen, const struct metrics *totals)
{
    char line[METRICS_LINE_BYTES], reasons[METRICS_REASONS_BYTES];
    struct page page;
    if (!page_begin(&page))
        return;
    metrics_summary(totals, line);
    fprintf(page.out, "%s %s\n", screen->profile->name, line);
    metrics_reasons(totals, reasons);
    if (*reasons)
        fprintf(page.out, "  connections: %s\n", reasons);
    page_end(&page, screen);
}
