/* admin_page: see admin_page.h. The assembler, a part of every C compiler, reads the files: their
 * names are relative to the top of the sources, where make runs. */
#include "admin/admin_page.h"

#define EMBED(name, file)                                  \
    extern const char name##_text[];                       \
    extern const uint64_t name##_bytes;                    \
    __asm__(".section .rodata\n"                           \
            ".global " #name "_text, " #name "_bytes\n"    \
            ".balign 8\n" #name "_bytes:\n"                \
            ".quad 1f - " #name "_text\n" #name "_text:\n" \
            ".incbin \"core/admin/page/" file "\"\n"       \
            "1: .byte 0\n"                                 \
            ".previous\n")

EMBED(admin_page_html, "status.html");
EMBED(admin_page_css, "status.css");
EMBED(admin_page_js, "status.js");

struct str admin_page_html(void)
{
    return (struct str){admin_page_html_text, (size_t)admin_page_html_bytes};
}

struct str admin_page_css(void)
{
    return (struct str){admin_page_css_text, (size_t)admin_page_css_bytes};
}

struct str admin_page_js(void)
{
    return (struct str){admin_page_js_text, (size_t)admin_page_js_bytes};
}
