/* screen: see screen.h. */
#include "server/screen.h"

#include "base/version.h"

#include <stdio.h>

/* Writes TEXT without its control bytes, which would change the screen. */
static void put_text(const char *text)
{
    for (const char *c = text; *c; c++)
        putchar((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void show_urls(const struct net_set *set, bool redirects)
{
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    const unsigned count = net_urls(set, urls);
    for (unsigned i = 0; i < count; i++)
        printf("  %s%s\n", urls[i], redirects ? " redirects to https" : "");
}

void screen_show(const struct screen *screen)
{
    const struct settings *settings = screen->settings;
    const struct listening *listening = screen->listening;
    const unsigned threads = screen->threads;
    printf("%s (Sluice %s) serves ", screen->profile->name, SLUICE_VERSION);
    if (settings->site_count == 1)
        put_text(settings->sites[0]->root);
    else
        printf("%u sites", settings->site_count);
    putchar('\n');
    for (unsigned i = 0; i < listening->count; i++)
        show_urls(&listening->sets[i], settings->listeners[i]->redirects_to);
    if (screen->fingerprint)
        printf("  self-signed certificate, SHA-256 %s\n", screen->fingerprint);
    printf("  %u thread%s, %s; Ctrl-C stops it\n", threads, plural(threads),
           backend_name(screen->backend));
    fflush(stdout);
}

void screen_show_totals(const struct screen *screen, const struct metrics *totals)
{
    char line[METRICS_LINE_BYTES], reasons[METRICS_REASONS_BYTES];
    metrics_summary(totals, line);
    printf("%s %s\n", screen->profile->name, line);
    metrics_reasons(totals, reasons);
    if (*reasons)
        printf("  connections: %s\n", reasons);
    fflush(stdout);
}
