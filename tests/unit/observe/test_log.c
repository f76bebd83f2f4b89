/* log: one line and one write per message, whatever it contains. */
#include "observe/log.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t format_line(char to[static LOG_LINE_BYTES_MAX], const char *prefix,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));

static size_t format_line(char to[static LOG_LINE_BYTES_MAX], const char *prefix,
                          const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    size_t length = log_format(to, prefix, format, arguments);
    va_end(arguments);
    return length;
}

Test(log, writes_a_message_as_one_line)
{
    static const struct {
        const char *label, *message;
        struct str line;
    } rows[] = {
        {"plain", "hello", STR_INIT("n: hello\n")},
        {"empty", "", STR_INIT("n: \n")},
        {"newline", "a\nb\n", STR_INIT("n: a?b?\n")},
        {"escape", "\033[2J\x7f\t\r", STR_INIT("n: ?[2J???\n")},
        {"utf-8", "\xc3\xa9", STR_INIT("n: \xc3\xa9\n")},
    };
    char line[LOG_LINE_BYTES_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = format_line(line, "n: ", "%s", rows[i].message);
        cr_expect(str_equal((struct str){line, length}, rows[i].line), "%s: %.*s", rows[i].label,
                  (int)length, line);
    }
}

Test(log, truncates_a_long_message)
{
    /* The line has the name, ": ", the message and a newline. */
    for (size_t length = LOG_LINE_BYTES_MAX - 10; length < LOG_LINE_BYTES_MAX + 10; length++) {
        char line[LOG_LINE_BYTES_MAX], *message = malloc(length + 1);
        memset(message, 'x', length);
        message[length] = '\0';
        size_t written = format_line(line, "n: ", "%s", message);
        bool fits = length + 4 <= LOG_LINE_BYTES_MAX;
        struct str found = {line, written};
        cr_expect_eq(written, fits ? length + 4 : LOG_LINE_BYTES_MAX, "%zu", length);
        cr_expect(str_ends_with(found, fits ? STR("xx\n") : STR("x...\n")), "%zu", length);
        free(message);
    }
}

/* Makes standard error the write end of a pipe. Returns the read end. */
static int catch_errors(void)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    return ends[0];
}

static void *say_many(void *letter)
{
    for (int i = 0; i < 20; i++)
        log_say("%d%c%c%c%c%c%c%c", i % 10, *(char *)letter, *(char *)letter, *(char *)letter,
                *(char *)letter, *(char *)letter, *(char *)letter, *(char *)letter);
    return NULL;
}

Test(log, does_not_mix_lines_of_several_threads)
{
    char letters[] = "abcd", text[4 * 20 * 15 + 1];
    pthread_t threads[4];
    int end = catch_errors();
    size_t length = 0;
    log_open("name");
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, say_many, &letters[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    while (length < sizeof text - 1) {
        ssize_t got = read(end, text + length, sizeof text - 1 - length);
        cr_assert(got > 0);
        length += (size_t)got;
    }
    for (size_t i = 0; i < length; i += 15) {
        cr_expect_eq(memcmp(text + i, "name: ", 6), 0);
        for (size_t j = 8; j < 14; j++)
            cr_expect_eq(text[i + j], text[i + 7]);
        cr_expect_eq(text[i + 14], '\n');
    }
}

Test(log, ignores_a_failed_write)
{
    signal(SIGPIPE, SIG_IGN);
    int end = catch_errors();

    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    errno = 4711;
    for (int i = 0; i < 10000; i++) /* more than fits into a pipe: EAGAIN */
        log_say("message %d without a reader", i);
    cr_expect_eq(errno, 4711, "errno is the caller's");
    close(end);
    log_say("no reader"); /* EPIPE */
    cr_expect_eq(errno, 4711);
    close(STDERR_FILENO);
    log_say("no descriptor"); /* EBADF */
    cr_expect_eq(errno, 4711);
}

/* Reads what has been written to the pipe END so far. */
static struct str read_errors(int end, char *to, size_t room)
{
    fcntl(end, F_SETFL, O_NONBLOCK);
    ssize_t length = read(end, to, room);
    return (struct str){to, length < 0 ? 0 : (size_t)length};
}

Test(log, sums_up_a_message_that_is_repeated)
{
    char text[4096];
    int end = catch_errors();
    log_open("n");
    for (int i = 0; i < 125; i++)
        log_say("again");
    for (int i = 0; i < 6; i++)
        log_say("other");
    log_flush();
    struct str found = read_errors(end, text, sizeof text);
    cr_expect(str_equal(found, STR("n: again\nn: again\nn: again\nn: again\nn: again\n"
                                   "n: the message before was repeated 120 times\n"
                                   "n: other\nn: other\nn: other\nn: other\nn: other\n"
                                   "n: the message before was repeated 1 time\n")),
              "%.*s", (int)found.length, found.at);
}

Test(log, leaves_out_messages_below_the_chosen_level)
{
    char text[4096];
    int end = catch_errors();
    log_open("n");
    log_set_level(LOG_LEVEL_WARNING);
    log_write(LOG_LEVEL_ERROR, "1");
    log_write(LOG_LEVEL_WARNING, "2");
    log_say("3");
    log_write(LOG_LEVEL_INFO, "4");
    struct str found = read_errors(end, text, sizeof text);
    cr_expect(str_equal(found, STR("n: 1\nn: 2\n")), "%.*s", (int)found.length, found.at);
}

/* systemd.exec(5); sd-daemon(3). */
Test(log, writes_levels_for_the_journal)
{
    char text[4096], stream[64];
    struct stat status;
    int end = catch_errors();
    cr_assert_eq(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("n");
    log_say("not the journal");
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("n");
    log_write(LOG_LEVEL_ERROR, "1");
    log_write(LOG_LEVEL_WARNING, "2");
    log_say("3");
    log_write(LOG_LEVEL_INFO, "4");
    struct str found = read_errors(end, text, sizeof text);
    cr_expect(str_equal(found, STR("n: not the journal\n<3>1\n<4>2\n<5>3\n<6>4\n")), "%.*s",
              (int)found.length, found.at);
}

Test(log, drops_and_counts_what_a_full_pipe_has_no_room_for)
{
    static char text[1 << 20];
    int end = catch_errors();
    log_open("n");
    log_set_waiting(false);
    for (int i = 0; i < 20000; i++)
        log_say("message %d of many, none of which is waited for", i);
    struct str found = read_errors(end, text, sizeof text - 1);
    cr_expect(found.length < 100000 && found.length > 4096, "%zu", found.length);
    log_say("room again");
    found = read_errors(end, text, sizeof text - 1);
    text[found.length] = '\0';
    cr_expect(strstr(text, " messages are lost: standard error took none\nn: room again\n"), "%s",
              text);
}
