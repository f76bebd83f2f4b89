/* admin_page: see admin_page.h. The assembler, a part of every C compiler, reads the files: their
 * names are relative to the top of the sources, where make runs. */
#include "admin/admin_page.h"

#define EMBED(name, file)                                                \
    extern const char name##_first[], name##_end[];                      \
    __asm__(".section .rodata\n"                                         \
            ".global " #name "_first, " #name "_end\n" #name "_first:\n" \
            ".incbin \"core/admin/page/" file "\"\n" #name "_end:\n"     \
            ".byte 0\n"                                                  \
            ".previous\n")

EMBED(admin_page_html, "status.html");
EMBED(admin_page_css, "status.css");
EMBED(admin_page_js, "status.js");

struct str admin_page_html(void)
{
    return (struct str){admin_page_html_first,
                        (size_t)(admin_page_html_end - admin_page_html_first)};
}

struct str admin_page_css(void)
{
    return (struct str){admin_page_css_first, (size_t)(admin_page_css_end - admin_page_css_first)};
}

struct str admin_page_js(void)
{
    return (struct str){admin_page_js_first, (size_t)(admin_page_js_end - admin_page_js_first)};
}
