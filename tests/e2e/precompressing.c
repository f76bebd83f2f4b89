/* precompressing: see precompressing.h. */
#include "precompressing.h"

#include <dirent.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct site site;
struct bytes output;

void begin(void)
{
#if !defined(SLUICE_HAVE_ZLIB) || !defined(SLUICE_HAVE_LIBZSTD) || \
    !defined(SLUICE_HAVE_LIBBROTLIENC)
    e2e_skip("this build cannot make all codings");
#endif
    site_create(&site);
}

int end_of(struct process *process)
{
    cr_assert(process_wait(process, deadline_after(RUN_MS)), "it does not end");
    output = (struct bytes){0};
    process_read_output(process, &output);
    cr_expect(!sanitizer_report(process_errors(process)), "%s", process_errors(process));
    cr_assert(WIFEXITED(process->status), "%s", status_text(process->status));
    return WEXITSTATUS(process->status);
}

const char *run_on(const char *what, const char *words, int status, bool as_nobody)
{
    struct process process;
    struct process_setup setup = {
        .program = "sluice", .directory = site.parent, .as_nobody = as_nobody};
    process_add_words(&setup, "precompress");
    process_add_words(&setup, what);
    process_add_words(&setup, words);
    process_start(&process, &setup);
    const int found = end_of(&process);
    cr_expect(found == status, "%s: status %d; %s", words ? words : "", found,
              process_errors(&process));
    return process_errors(&process);
}

const char *run(const char *words, int status)
{
    return run_on("root", words, status, false);
}

int shell(const char *command)
{
    struct process process;
    struct process_setup setup = {.program = "/bin/sh", .directory = site.parent};
    process_add_word(&setup, "-c");
    process_add_word(&setup, command);
    process_start(&process, &setup);
    return end_of(&process);
}

void expect_says(const char *text)
{
    cr_expect(strstr(bytes_text(&output), text), "%s: %s", text, bytes_text(&output));
}

size_t count_names(void)
{
    size_t count = 0;
    DIR *directory = opendir(site.path);
    cr_assert(directory);
    for (const struct dirent *item; (item = readdir(directory));)
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    closedir(directory);
    return count;
}

bool exists(const char *path)
{
    return access(site_path(&site, path), F_OK) == 0;
}

void write_words(const char *path, size_t length, uint64_t seed)
{
    struct bytes text = {0};
    while (text.length < length)
        bytes_append_text(&text, text_format("line %llu of what compresses well\n",
                                             (unsigned long long)random_next(&seed) % 1000));
    site_write(&site, path, text.data, length);
}
