/* configuration: every mistake in a file is found, with its line, and those in how settings go
 * together. */
#include "support/configuration_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <threads.h>
#include <unistd.h>

TestSuite(configuration_mistakes, .init = set_up, .fini = tear_down);

Test(configuration_mistakes, names_file_and_line_of_each_mistake)
{
    static const struct {
        const char *config;
        unsigned line; /* 0: none is named */
        const char *says;
    } rows[] = {
        {"", 0, "no site is named; write root = DIRECTORY, or sections [site NAME]"},
        {"# empty\n", 0, "no site is named"},
        {"[site a]\n[site b]\nroot = x\n", 1, "the site has no root; write root = DIRECTORY below"},
        {"root = x\nthreads = two\n", 2, "threads 'two' is not a number"},
        {"root = x\nlistng = yes\n", 2, "the key 'listng' is not known; did you mean 'listing'?"},
        {"root = x\nxyzzy = yes\n", 2, "keys are the long options that --help lists"},
        {"root = x\nhelp = yes\n", 2, "the key 'help' is not known"},
        {"root = x\nconfig = y\n", 2, "the key 'config' is not known"},
        {"root = x\nlisting = on\n", 2, "listing 'on' is neither yes nor no"},
        {"root = x\nthreads = 1\n\nthreads = 1\n", 4, "threads is given twice: line 2 has it too"},
        {"root = x\nroot = y\n", 2, "root is given twice: line 1 has it too"},
        {"[site a]\nroot = x\nroot = y\n", 3, "root is given twice: line 2 has it too"},
        {"[site a]\nroot = x\nthreads = 2\n", 3, "threads is for the whole server; move it above"},
        {"[server]\n", 1, "the section is not known; write [site example.org]"},
        {"[sites a]\n", 1, "the section is not known"},
        {"[]\n", 1, "the section is not known"},
        {"[site]\n", 1, "the section names no host; write [site example.org], or [site *]"},
        {"root = x\nlisting\n", 2, "the line has no ="},
        {"root = x\nlisten = 443 tls\n", 2, "listen has tls, which needs a certificate"},
        {"root = x\nlisten = 80\nbind = ::1\n", 3, "bind is given beside listen"},
        {"root = x\nlisten = 80\nport = 8080\n", 3, "port is given beside listen"},
        {"root = x\nlisten = 80\nlisten = 80\n", 3, "listen '80' is where another one listens too"},
        {"root = x\nlisten = 443 tls\nlisten = 80\n", 2, "listen has tls, which needs"},
        {"root = x\nlisten = 81 proxy\nlisten = 80\n", 2, "listen has proxy, and no proxy"},
        {"root = x\nlisten = unix: mode=0660\n", 2, "mode=0660' has no path after unix:"},
        {"root = x\nlisten = :80\n", 2, "listen ':80' has no address before the colon"},
        {"root = x\nkey = k.pem\n", 2, "has no --cert before it"},
        {"root = x\nhsts = 60\n", 2, "hsts needs HTTPS"},
        {"root = x\nheader = X-A: 1\n", 2, "header 'X-A: 1' is not a rule"},
        {"root = x\ncanonical = a:80\n", 2, "canonical 'a:80' is not a host name"},
        {"root = x\ncanonical = *.a\n", 2, "canonical '*.a' is not a host name"},
        {"root = \n", 1, "root is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char place[600];
        cr_expect_eq(make(rows[i].config, "", ""), -EINVAL, "\"%s\"", rows[i].config);
        cr_expect(strstr(mistake, rows[i].says), "\"%s\": %s", rows[i].config, mistake);
        snprintf(place, sizeof place, "%s, line %u: ", path, rows[i].line);
        if (rows[i].line > 0)
            cr_expect(strncmp(mistake, place, strlen(place)) == 0, "\"%s\": %s", rows[i].config,
                      mistake);
    }
}

/* And none that only follows from another one. */
Test(configuration_mistakes, finds_all_mistakes_in_how_options_go_together)
{
    enum { LINES_MAX = 5 };
    static const struct {
        const char *config;
        const char *says[LINES_MAX];
    } rows[] = {
        {"root = x\nlisten = 81 tls\nlisten = 82 proxy\nlisten = 81\nport = 1\nbind = ::1\n"
         "http-port = 80\nlisten = 83\n",
         {"line 5: port is given beside listen", "line 6: bind is given beside listen",
          "line 4: listen '81' is where another one listens too",
          "line 3: listen has proxy, and no proxy is trusted",
          "line 2: listen has tls, which needs a certificate"}},
        {"root = x\nhttp-port = 80\nhsts = 1\ntls-min = 1.3\n",
         {"line 2: http-port needs HTTPS", "line 3: hsts needs HTTPS",
          "line 4: tls-min needs HTTPS"}},
        {"root = x\nlisten = 81 tls\nkey = k\nhsts = 1\n", {"has no --cert before it"}},
#ifdef SLUICE_HAVE_OPENSSL
        {"root = x\nlisten = 81 tsl\ncert = c\n", {"line 2: listen '81 tsl'"}},
        {"root = x\nself-signed = yes\ncert = c\nhsts = 1\nport = 81\nhttp-port = 81\n",
         {"line 2: self-signed is given beside --cert", "line 4: hsts is given beside",
          "line 6: http-port is the same port"}},
#endif
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned count = 0;
        cr_assert_eq(make(rows[i].config, "check", ""), 0, "\"%s\": %s", rows[i].config, mistake);
        for (; count < LINES_MAX && rows[i].says[count]; count++) {
            char text[PROBLEM_TEXT_BYTES] = "";
            if (count < settings->problems->count)
                problem_text(&settings->problems->items[count], text);
            cr_expect(strstr(text, rows[i].says[count]), "\"%s\": %s", rows[i].says[count], text);
        }
        cr_expect_eq(settings->problems->count, count, "\"%s\"", rows[i].config);
    }
}

Test(configuration_mistakes, refuses_a_root_beside_a_file)
{
    cr_expect_eq(make("root = x\n", "site", ""), -EINVAL);
    cr_expect(strstr(mistake, "ROOT 'site' is given beside the configuration"), "%s", mistake);
    cr_expect_eq(make(NULL, "a b", ""), -EINVAL);
    cr_expect(strstr(mistake, "'b' is one argument too many; give ROOT only"), "%s", mistake);
}

Test(configuration_mistakes, reports_a_file_that_cannot_be_read)
{
    char words[600];
    cr_expect_eq(make(NULL, "--config /nonexistent/x", ""), -ENOENT);
    cr_expect(strstr(mistake, "'/nonexistent/x' cannot be read: No such file"), "%s", mistake);
    snprintf(words, sizeof words, "--config %s", tree.path);
    cr_expect_eq(make(NULL, words, ""), -EISDIR);
    char *large = malloc((4 << 20) + 2);
    memset(large, '\n', (4 << 20) + 1);
    large[(4 << 20) + 1] = '\0';
    cr_expect_eq(make(large, "", ""), -EFBIG);
    cr_expect(strstr(mistake, "keep it below 4 MiB"), "%s", mistake);
    large[4 << 20] = '\0';
    cr_expect_eq(make(large, "", ""), -EINVAL, "of 4 MiB: %s", mistake);
    free(large);
}

static int feed(void *unused)
{
    (void)unused;
    int fd = open(path, O_WRONLY); /* waits for the reader */
    poll(NULL, 0, 50);
    const bool written = write(fd, "root = /a\n", 10) == 10;
    poll(NULL, 0, 50);
    return written && write(fd, "index = b\n", 10) == 10 && close(fd) == 0 ? 0 : 1;
}

Test(configuration_mistakes, reads_a_pipe_and_does_not_wait_for_ever, .timeout = 120)
{
    char words[600];
    thrd_t writer;
    snprintf(words, sizeof words, "--config %s", path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(thrd_create(&writer, feed, NULL), thrd_success);
    cr_assert_eq(make(NULL, words, ""), 0, "%s", mistake);
    thrd_join(writer, NULL);
    cr_expect_str_eq(settings->sites[0]->root_text.at, "/a");
    cr_expect_eq(settings->sites[0]->indexes.count, 1);
    cr_expect_eq(make(NULL, words, ""), -ETIMEDOUT);
    cr_expect(strstr(mistake, "it is a pipe, and its end has not come"), "%s", mistake);
    unlink(path);
}
