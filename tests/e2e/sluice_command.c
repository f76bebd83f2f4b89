/* sluice_command: see sluice_command.h. */
#include "sluice_command.h"

#include "e2e.h"
#include "process.h"

#include <sys/wait.h>

void sluice_sites(struct site *site)
{
    site_create(site);
    site_write_text(site, "one/index.html", "one");
    site_write_text(site, "two/index.html", "two");
}

struct outcome sluice_run(const struct site *site, const char *words)
{
    struct process process;
    struct process_setup setup = {.program = "sluice", .directory = site->parent};
    struct bytes output = {0};

    process_add_words(&setup, words);
    process_start(&process, &setup);
    if (!process_wait(&process, deadline_after(10000))) {
        process_kill(&process);
        cr_assert_fail("sluice %s did not end", words);
    }
    process_read_output(&process, &output);
    cr_expect(WIFEXITED(process.status), "%s", status_text(process.status));
    return (struct outcome){
        .status = WEXITSTATUS(process.status),
        .output = bytes_text(&output),
        .errors = process_errors(&process),
    };
}
