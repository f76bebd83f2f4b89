/* leak_check: the process of Criterion is not checked for leaks, as it loses a block now and then
 * when tests run at once. The processes of the tests, which BoxFort starts, are checked. */
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __lsan_is_turned_off(void)
{
    return getenv("BXFI_MAP") == NULL;
}
#endif
