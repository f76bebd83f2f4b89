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

void screen_show(const struct screen *screen)
{
    const struct settings *settings = screen->settings;
    char urls[NET_URLS_MAX][NET_URL_BYTES];
    unsigned count = net_urls(screen->set, urls), threads = screen->threads;
    printf("%s (Sluice %s) serves ", screen->profile->name, SLUICE_VERSION);
    if (settings->site_count == 1)
        put_text(settings->sites[0]->root);
    else
        printf("%u sites", settings->site_count);
    putchar('\n');
    for (unsigned i = 0; i < count; i++)
        printf("  %s\n", urls[i]);
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
