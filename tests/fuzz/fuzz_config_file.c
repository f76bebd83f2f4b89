/* fuzz_config_file: a configuration file. For any text, each line gives at most one item, in order;
 * CR LF means the same as LF; and a value that is written again in quotes reads the same. */
#include "config/config_file.h"
#include "fuzz.h"

enum { ITEMS_MAX = 4096 };

struct item {
    enum config_file_item kind;
    unsigned line;
    uint64_t sum; /* of its name and value */
};

static uint64_t add(uint64_t sum, struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        sum = (sum ^ (uint8_t)text.at[i]) * 0x100000001b3;
    return sum * 31 + text.length;
}

/* Writes the value of FILE in quotes, as the only line of a file, and reads it again. */
static void check_again(const struct config_file *file)
{
    static char text[2 * CONFIG_FILE_LINE_BYTES_MAX + 16];
    static struct config_file again;
    struct problem problem;
    char *to = str_put(text, STR("k = \""));
    for (size_t i = 0; i < file->value.length; i++) {
        if (file->value.at[i] == '"' || file->value.at[i] == '\\')
            *to++ = '\\';
        *to++ = file->value.at[i];
    }
    to = str_put(to, STR("\" # comment\n"));
    const size_t length = (size_t)(to - text);
    if (length > CONFIG_FILE_LINE_BYTES_MAX)
        return;
    config_file_init(&again, "again", (struct str){text, length});
    FUZZ_CHECK(config_file_next(&again, &problem) == CONFIG_FILE_VALUE);
    FUZZ_CHECK(str_equal(again.value, file->value));
}

/* Reads all of TEXT. Returns the number of items in RET. */
static unsigned read_all(struct str text, struct item ret[static ITEMS_MAX])
{
    static struct config_file file;
    struct problem problem;
    unsigned count = 0, last = 0;
    config_file_init(&file, "fuzz", text);
    for (;;) {
        enum config_file_item kind = config_file_next(&file, &problem);
        if (kind == CONFIG_FILE_END)
            return count;
        FUZZ_CHECK(file.line > last && count < ITEMS_MAX);
        last = file.line;
        if (kind == CONFIG_FILE_WRONG)
            FUZZ_CHECK(problem.what[0] && problem.remedy[0] && problem.line == file.line);
        if (kind == CONFIG_FILE_VALUE)
            check_again(&file);
        ret[count++] = (struct item){
            .kind = kind,
            .line = file.line,
            .sum = kind == CONFIG_FILE_WRONG ? 0 : add(add(1, file.name), file.value),
        };
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct item first[ITEMS_MAX], second[ITEMS_MAX];
    char *copy = fuzz_copy(fuzz_input(data, size));
    struct str text = {copy, size};
    const unsigned count = read_all(text, first);
    if (str_find(text, '\r') == text.length) {
        char *lines = malloc(2 * size + 1), *to = lines;
        FUZZ_CHECK(lines != NULL);
        for (size_t i = 0; i < size; i++) {
            if (copy[i] == '\n')
                *to++ = '\r';
            *to++ = copy[i];
        }
        FUZZ_CHECK(read_all((struct str){lines, (size_t)(to - lines)}, second) == count);
        FUZZ_CHECK(count == 0 || memcmp(first, second, count * sizeof first[0]) == 0);
        free(lines);
    }
    free(copy);
    return 0;
}
