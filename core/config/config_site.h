/* config_site: what a server serves: ROOT, the media types and the rules of the command line, found good.
 *
 * The same for all workers, and constant while they run. What is wrong is said in one line, with what to
 * do. */
#ifndef SLUICE_CONFIG_SITE_H
#define SLUICE_CONFIG_SITE_H

#include "config/options.h"
#include "http/mime.h"
#include "http/rules.h"

struct config_site {
    char *root; /* absolute, symbolic links unresolved */
    struct mime *mime;
    struct rules *rules; /* NULL: none */
};

/* What OPTIONS name. False after a message. *Gives*, in either case: config_site_fini. */
bool config_site_open(struct config_site *ret, const struct options *options);

/* No effect on zeros. */
void config_site_fini(struct config_site *served);

#endif
