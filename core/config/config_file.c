/* config_file: see config_file.h. */
#include "config/config_file.h"

#include "base/utf8.h"

void config_file_init(struct config_file *ret, const char *path, struct str text)
{
    static const struct str mark = STR_INIT("\xef\xbb\xbf");
    ret->path = path;
    ret->rest = str_starts_with(text, mark) ? str_from(text, mark.length) : text;
    ret->line = 0;
    ret->is_section = false;
    ret->name = ret->value = STR_ABSENT;
}

/* Describes what is wrong with the current line. Returns WRONG. */
static enum config_file_item refuse(const struct config_file *file, struct problem *ret_problem,
                                    const char *what, const char *remedy)
{
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    problem_in_file(ret_problem, file->path, file->line, 0);
    return CONFIG_FILE_WRONG;
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* Takes the next line off the text, without its end. */
static struct str take_line(struct config_file *file)
{
    const size_t end = str_find(file->rest, '\n');
    struct str line = str_first(file->rest, end);
    file->rest = str_from(file->rest, end + 1);
    file->line++;
    if (str_ends_with(line, STR("\r")))
        line.length--;
    return line;
}

static bool has_control_byte(struct str line)
{
    for (size_t i = 0; i < line.length; i++) {
        const unsigned char byte = (unsigned char)line.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

static enum config_file_item check_bytes(const struct config_file *file, struct str line,
                                         struct problem *ret_problem)
{
    if (line.length > CONFIG_FILE_LINE_BYTES_MAX)
        return refuse(file, ret_problem, "the line is longer than 4096 bytes", "shorten it");
    if (str_find(line, '\0') < line.length)
        return refuse(file, ret_problem, "the line has a NUL, as binary files and UTF-16 have",
                      "save the file as UTF-8");
    if (has_control_byte(line))
        return refuse(file, ret_problem, "the line has a control character", "remove it");
    if (!utf8_is_valid(line))
        return refuse(file, ret_problem, "the line is not UTF-8", "save the file as UTF-8");
    return CONFIG_FILE_VALUE;
}

/* Where the comment in TEXT begins, or its end: at a `#` at its start or after white space, not
 * between quotes. *RET_OPEN: a quote has no other one after it. */
static size_t find_comment(struct str text, bool *ret_open)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < text.length; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        if (text.at[i] == '#' && !quoted && (i == 0 || char_is_space(text.at[i - 1])))
            break;
    }
    *ret_open = quoted;
    return i;
}

/* --- Items ------------------------------------------------------------------------------------ */

static enum config_file_item read_section(struct config_file *file, struct str line,
                                          struct problem *ret_problem)
{
    bool open;
    line = str_trim(str_first(line, find_comment(line, &open)));
    if (!str_ends_with(line, STR("]")) || line.length < 2)
        return refuse(file, ret_problem, "the section has no ] at its end",
                      "write [site example.org]");
    line.length--;
    file->name = str_trim(str_from(line, 1));
    file->value = STR_ABSENT;
    return CONFIG_FILE_SECTION;
}

/* Copies the value TEXT, which begins with a quote, to the buffer, and what follows it to
 * *RET_AFTER. False: the quote has no other one after it. */
static bool copy_quoted(struct config_file *file, struct str text, struct str *ret_after)
{
    char *to = file->bytes;
    for (size_t i = 1; i < text.length; i++) {
        if (text.at[i] == '"') {
            *to = '\0';
            file->value = (struct str){file->bytes, (size_t)(to - file->bytes)};
            *ret_after = str_from(text, i + 1);
            return true;
        }
        if (text.at[i] == '\\' && i + 1 < text.length &&
            (text.at[i + 1] == '"' || text.at[i + 1] == '\\'))
            i++;
        *to++ = text.at[i];
    }
    return false;
}

static enum config_file_item read_quoted(struct config_file *file, struct str text,
                                         struct problem *ret_problem)
{
    struct str after;
    bool open;
    if (!copy_quoted(file, text, &after))
        return refuse(file, ret_problem, "the value has no \" at its end",
                      "add it; within a quoted value \\\" is a quote");
    if (str_trim(str_first(after, find_comment(after, &open))).length > 0)
        return refuse(file, ret_problem, "the quoted value is followed by more text",
                      "quote the whole value, or nothing of it; within it \\\" is a quote");
    return CONFIG_FILE_VALUE;
}

static enum config_file_item read_value(struct config_file *file, struct str text,
                                        struct problem *ret_problem)
{
    bool open;
    text = str_trim(text);
    if (str_starts_with(text, STR("\"")))
        return read_quoted(file, text, ret_problem);
    text = str_first(text, find_comment(text, &open));
    if (open)
        return refuse(file, ret_problem, "the value has a \" without another one",
                      "quote the whole value; within it \\\" is a quote");
    text = str_trim(text);
    *str_put(file->bytes, text) = '\0';
    file->value = (struct str){file->bytes, text.length};
    return CONFIG_FILE_VALUE;
}

static bool is_key(struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];
        if (!(c >= 'a' && c <= 'z') && !char_is_digit(c) && c != '-')
            return false;
    }
    return text.length > 0;
}

static enum config_file_item read_setting(struct config_file *file, struct str line,
                                          struct problem *ret_problem)
{
    static const char form[] = "write KEY = VALUE, such as index = home.html";
    bool open;
    const size_t equals = str_find(line, '=');
    if (equals == line.length || find_comment(line, &open) < equals)
        return refuse(file, ret_problem, "the line has no =", form);
    file->name = str_trim(str_first(line, equals));
    if (is_key(file->name))
        return read_value(file, str_from(line, equals + 1), ret_problem);
    problem_set(ret_problem, "'%.*s' is not a key", (int)size_min(file->name.length, 80),
                file->name.at);
    problem_remedy(ret_problem, "%s; keys have small letters and hyphens", form);
    problem_in_file(ret_problem, file->path, file->line, 0);
    return CONFIG_FILE_WRONG;
}

enum config_file_item config_file_next(struct config_file *file, struct problem *ret_problem)
{
    while (file->rest.length > 0) {
        struct str line = take_line(file);
        file->name = file->value = STR_ABSENT;
        file->is_section = str_starts_with(str_trim(line), STR("["));
        if (check_bytes(file, line, ret_problem) == CONFIG_FILE_WRONG)
            return CONFIG_FILE_WRONG;
        line = str_trim(line);
        if (line.length == 0 || line.at[0] == '#' || line.at[0] == ';')
            continue;
        return file->is_section ? read_section(file, line, ret_problem)
                                : read_setting(file, line, ret_problem);
    }
    return CONFIG_FILE_END;
}
