/* served: what a server serves: ROOT, the media types and the rules of the command line, found good.
 *
 * The same for all workers, and constant while they run. What is wrong is said in one line, with what to
 * do. */
#ifndef SLUICE_SERVED_H
#define SLUICE_SERVED_H

#include "mime.h"
#include "options.h"
#include "rules.h"

struct served {
    char *root; /* absolute, symbolic links unresolved */
    struct mime *mime;
    struct rules *rules; /* NULL: none */
};

/* What OPTIONS name. False after a message. *Gives*, in either case: served_fini. */
bool served_open(struct served *ret, const struct options *options);

/* No effect on zeros. */
void served_fini(struct served *served);

#endif
