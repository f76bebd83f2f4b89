/* screen: see screen.h. */
#include "server/screen.h"

#include "admin/admin.h"
#include "base/version.h"
#include "observe/log_file.h"

#include <stdio.h>
#include <unistd.h>

bool screen_has_log(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        const char *name = settings->sites[i]->access_log.at;
        if (name && log_file_descriptor(name) == STDOUT_FILENO)
            return true;
    }
    return false;
}

static FILE *stream_of(const struct screen *screen)
{
    return screen_has_log(screen->settings) ? stderr : stdout;
}

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

void screen_show(const struct screen *screen)
{
    const struct settings *settings = screen->settings;
    const struct listening *listening = screen->listening;
    const unsigned threads = screen->threads;
    FILE *out = stream_of(screen);
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
    fflush(out);
}

void screen_show_totals(const struct screen *screen, const struct metrics *totals)
{
    char line[METRICS_LINE_BYTES], reasons[METRICS_REASONS_BYTES];
    FILE *out = stream_of(screen);
    metrics_summary(totals, line);
    fprintf(out, "%s %s\n", screen->profile->name, line);
    metrics_reasons(totals, reasons);
    if (*reasons)
        fprintf(out, "  connections: %s\n", reasons);
    fflush(out);
}
