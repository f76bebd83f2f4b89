/* admin_page: the files of the status page, core/admin/page/, as they were when this was compiled.
 *
 * Constant. The page loads nothing from elsewhere. */
#ifndef SLUICE_ADMIN_PAGE_H
#define SLUICE_ADMIN_PAGE_H

#include "base/str.h"

/* *Borrowed*, static. */
struct str admin_page_html(void);
struct str admin_page_css(void);
struct str admin_page_js(void);

#endif
