/* precompress_report: see precompress_report.h. */
#include "precompress/precompress_report.h"

#include "base/num.h"
#include "observe/log.h"

#include <errno.h>
#include <stdio.h>

const char *precompress_coding_name(enum content_coding coding)
{
    return content_coding_texts[coding].suffix.at + 1;
}

void precompress_report_init(struct precompress_report *ret)
{
    *ret = (struct precompress_report){.root = ""};
    pthread_mutex_init(&ret->lock, NULL);
}

void precompress_report_fini(struct precompress_report *report)
{
    pthread_mutex_destroy(&report->lock);
}

/* Prints a line of a dry run, with control bytes replaced. */
static void announce(const struct precompress_report *report, const char *verb, const char *path,
                     const char *suffix)
{
    struct problem line;
    char text[PROBLEM_TEXT_BYTES];
    if (!report->dry_run || report->quiet)
        return;
    problem_set(&line, "would %s %s/%s%s", verb, report->root, path, suffix);
    problem_text(&line, text);
    puts(text);
}

void precompress_report_file(struct precompress_report *report)
{
    pthread_mutex_lock(&report->lock);
    report->files++;
    pthread_mutex_unlock(&report->lock);
}

void precompress_report_sibling(struct precompress_report *report, const char *path,
                                enum content_coding coding, const struct precompress_result *result)
{
    const char *suffix = content_coding_texts[coding].suffix.at;
    pthread_mutex_lock(&report->lock);
    report->outcomes[result->outcome]++;
    report->removed += result->removed;
    if (result->outcome == PRECOMPRESS_MADE)
        announce(report, "make", path, suffix);
    if (result->removed)
        announce(report, "remove", path, suffix);
    if (result->outcome != PRECOMPRESS_POOR) {
        report->plain_bytes[coding] += result->plain_bytes;
        report->sibling_bytes[coding] += result->sibling_bytes;
    }
    pthread_mutex_unlock(&report->lock);
}

void precompress_report_removed(struct precompress_report *report, const char *path)
{
    pthread_mutex_lock(&report->lock);
    report->removed++;
    announce(report, "remove", path, "");
    pthread_mutex_unlock(&report->lock);
}

void precompress_report_failure(struct precompress_report *report, const char *path,
                                const char *suffix, int error)
{
    struct problem problem;
    if (error == -EBUSY)
        problem_set(&problem, "changed while it was read");
    else if (error == -EEXIST)
        problem_set(&problem, "a sibling's name, but not of a regular file");
    else
        problem_set(&problem, "%s", strerror(-error));
    if (error == -EBUSY)
        problem_remedy(&problem, "run it again");
    pthread_mutex_lock(&report->lock);
    problem_prefix(&problem, "%s/%s%s: ", report->root, path, suffix);
    report->failures++;
    log_problem(&problem);
    pthread_mutex_unlock(&report->lock);
}

/* The best coding that a sibling has; 0: no file has a sibling. */
static enum content_coding best_coding(const struct precompress_report *report)
{
    unsigned best = CONTENT_CODING_COUNT - 1;
    while (best > 0 && report->plain_bytes[best] == 0)
        best--;
    return (enum content_coding)best;
}

void precompress_report_summary(const struct precompress_report *report)
{
    const uint64_t made = report->outcomes[PRECOMPRESS_MADE];
    const enum content_coding best = best_coding(report);
    printf("%llu file%s: %llu sibling%s %s, %llu up to date, %llu not worth it",
           (unsigned long long)report->files, report->files == 1 ? "" : "s",
           (unsigned long long)made, made == 1 ? "" : "s", report->dry_run ? "to make" : "made",
           (unsigned long long)report->outcomes[PRECOMPRESS_CURRENT],
           (unsigned long long)report->outcomes[PRECOMPRESS_POOR]);
    if (report->removed > 0)
        printf(", %llu %s", (unsigned long long)report->removed,
               report->dry_run ? "to remove" : "removed");
    if (report->failures > 0)
        printf(", %llu failed", (unsigned long long)report->failures);
    if (best != CONTENT_CODING_IDENTITY) {
        char plain[16], sibling[16];
        num_write_size(plain, report->plain_bytes[best]);
        num_write_size(sibling, report->sibling_bytes[best]);
        printf("; %s become %s (%s)", plain, sibling, precompress_coding_name(best));
    }
    putchar('\n');
}
