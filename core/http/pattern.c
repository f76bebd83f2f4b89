/* pattern: see pattern.h. */
#include "http/pattern.h"

/* A prepared pattern consists of the bytes it matches and, for each wildcard, MARK and its kind.
 * MARK is NUL, which no path contains. */
enum { MARK = '\0', ANYTHING = '*', SEGMENT = ':' };

/* --- Preparing -------------------------------------------------------------------------------- */

struct prepared {
    char *at;
    size_t length;
    unsigned wildcard_count;
    struct str names[PATTERN_WILDCARDS_MAX]; /* of the wildcards; views into the pattern */
    struct problem *problem;                 /* set when it is malformed */
};

/* Reports WHAT is wrong and its REMEDY. Returns false. */
static bool refuse(struct prepared *prepared, const char *what, const char *remedy)
{
    problem_set(prepared->problem, "%s", what);
    problem_remedy(prepared->problem, "%s", remedy);
    return false;
}

static bool is_letter(char c)
{
    char lower = char_lower(c);
    return lower >= 'a' && lower <= 'z';
}

static bool ends_in_anything(const struct prepared *prepared)
{
    return prepared->length >= 2 && prepared->at[prepared->length - 2] == MARK &&
           prepared->at[prepared->length - 1] == ANYTHING;
}

/* The functions below prepare a part of a pattern. False: it is malformed, and the problem is
 * set. */

static bool put_wildcard(struct prepared *prepared, char kind, struct str name)
{
    if (kind == ANYTHING && ends_in_anything(prepared)) /* "**" means "*" */
        return true;
    if (prepared->wildcard_count == PATTERN_WILDCARDS_MAX)
        return refuse(prepared, "the pattern has more than 8 wildcards", "use fewer");
    prepared->names[prepared->wildcard_count++] = name;
    prepared->at[prepared->length++] = MARK;
    prepared->at[prepared->length++] = kind;
    return true;
}

size_t pattern_placeholder_bytes(struct str text)
{
    size_t length = 1;
    if (text.length < 2 || text.at[0] != ':' || !is_letter(text.at[1]))
        return 0;
    while (length < text.length &&
           (is_letter(text.at[length]) || char_is_digit(text.at[length]) || text.at[length] == '_'))
        length++;
    return length;
}

static bool put_escape(struct prepared *prepared, struct str text)
{
    int high = text.length >= 3 ? char_hex(text.at[1]) : -1;
    int low = text.length >= 3 ? char_hex(text.at[2]) : -1;
    if (high < 0 || low < 0)
        return refuse(prepared, "the path has a '%' without two hexadecimal digits",
                      "write it as %25");
    char byte = (char)(high * 16 + low);
    if (byte == MARK || byte == '/')
        return refuse(prepared, "the path has an escaped slash or NUL, which no file name contains",
                      "leave it out");
    prepared->at[prepared->length++] = byte;
    return true;
}

/* Prepares the first element of TEXT, *RET_LENGTH bytes long. BEFORE is the byte before TEXT. */
static bool put_next(struct prepared *prepared, struct str text, char before, size_t *ret_length)
{
    uint8_t byte = (uint8_t)text.at[0];
    size_t name_bytes = before == '/' ? pattern_placeholder_bytes(text) : 0;
    *ret_length = 1;
    if (name_bytes > 0) {
        *ret_length = name_bytes;
        return put_wildcard(prepared, SEGMENT, str_from(str_first(text, name_bytes), 1));
    }
    switch (byte) {
    case '*':
        return put_wildcard(prepared, ANYTHING, STR("splat"));
    case '%':
        *ret_length = 3;
        return put_escape(prepared, text);
    case '?':
    case '#':
        return refuse(prepared, "the path has a '?' or '#', but queries are ignored",
                      "write them as %3F and %23");
    default:
        if (byte <= ' ' || byte == 0x7f)
            return refuse(prepared, "the path has white space or a control character in it",
                          "write a space as %20");
        prepared->at[prepared->length++] = (char)byte;
        return true;
    }
}

/* Prepares TEXT, whatever its length is. */
static bool prepare_path(struct prepared *prepared, struct str text)
{
    bool good = true;
    for (size_t i = 0, used; good && i < text.length; i += used)
        good = put_next(prepared, str_from(text, i), i > 0 ? text.at[i - 1] : '\0', &used);
    return good;
}

bool pattern_prepare(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                     size_t *ret_length, struct problem *ret_problem)
{
    struct prepared prepared = {.at = to, .problem = ret_problem};
    if (text.length == 0 || text.at[0] != '/')
        return refuse(&prepared, "the path does not begin with '/'",
                      "write it from the root of the site");
    if (text.length > PATTERN_BYTES_MAX)
        return refuse(&prepared, "the path is longer than 1024 bytes", "use a wildcard");
    if (!prepare_path(&prepared, text))
        return false;
    *ret_length = prepared.length;
    return true;
}

/* --- Hosts ------------------------------------------------------------------------------------ */

static bool is_host_byte(char c)
{
    return is_letter(c) || char_is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* Prepares the first element of TEXT, the rest of a host's name, *RET_LENGTH bytes long. FIRST: a
 * label begins there. */
static bool put_next_of_host(struct prepared *prepared, struct str text, bool first,
                             size_t *ret_length)
{
    static const char remedy[] = "write it as in https://example.org/*";
    size_t name_bytes = first ? pattern_placeholder_bytes(text) : 0;
    *ret_length = name_bytes > 0 ? name_bytes : 1;
    if (name_bytes > 0)
        return put_wildcard(prepared, SEGMENT, str_from(str_first(text, name_bytes), 1));
    if (text.at[0] == '*')
        return put_wildcard(prepared, ANYTHING, STR("splat"));
    if (text.at[0] == ':')
        return refuse(prepared, "the host has a port, but ports are ignored", "leave it out");
    if (!is_host_byte(text.at[0]))
        return refuse(prepared, "the host is not a host name", remedy);
    prepared->at[prepared->length++] = char_lower(text.at[0]);
    return true;
}

/* Prepares the name of a host, or an IPv6 address in brackets. */
static bool prepare_host(struct prepared *prepared, struct str text)
{
    bool good = true;
    size_t literal_bytes = 0;
    if (str_starts_with(text, STR("[")))
        literal_bytes = size_min(str_find(text, ']') + 1, text.length);
    for (size_t i = 0; i < literal_bytes; i++)
        prepared->at[prepared->length++] = char_lower(text.at[i]);
    for (size_t i = literal_bytes, used; good && i < text.length; i += used) {
        bool first = i == 0 || text.at[i - 1] == '.';
        good = put_next_of_host(prepared, str_from(text, i), first, &used);
    }
    return good;
}

bool pattern_prepare_host(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                          size_t *ret_length, struct problem *ret_problem)
{
    struct prepared prepared = {.at = to, .problem = ret_problem};
    if (str_ends_with(text, STR(".")))
        text.length--;
    if (text.length == 0)
        return refuse(&prepared, "the host is missing",
                      "write it as in https://example.org/*, or only the path");
    if (text.length > PATTERN_BYTES_MAX)
        return refuse(&prepared, "the host is longer than 1024 bytes", "use a wildcard");
    if (!prepare_host(&prepared, text))
        return false;
    *ret_length = prepared.length;
    return true;
}

unsigned pattern_find_wildcard(struct str text, struct str name)
{
    char bytes[PATTERN_PREPARED_BYTES_MAX];
    struct problem unused; /* TEXT is valid */
    struct prepared prepared = {.at = bytes, .problem = &unused};
    if (str_starts_with(text, STR("/")))
        prepare_path(&prepared, text);
    else
        prepare_host(&prepared, text);
    for (unsigned i = 0; i < prepared.wildcard_count; i++) {
        if (str_equal(prepared.names[i], name))
            return i;
    }
    return PATTERN_WILDCARDS_MAX;
}

/* --- Matching --------------------------------------------------------------------------------- */

/* Where to continue when the bytes after a wildcard do not match: the wildcard then takes one more
 * byte. */
struct retry {
    bool set;
    unsigned wildcard;
    size_t pattern_index; /* after the wildcard */
    size_t text_index;    /* after the bytes that the wildcard took */
};

static bool may_take(const struct retry *retry, struct str text, bool separators, char separator)
{
    return retry->set && retry->text_index < text.length &&
           (separators || text.at[retry->text_index] != separator);
}

/* Only the last `*`, and the last `:name` after it, are retried. Everything before a wildcard has
 * matched as early as possible, which leaves the most bytes for the rest, so a later match of it
 * cannot help. */
bool pattern_matches(struct str prepared, struct str text, enum pattern_subject subject,
                     struct str captures[static PATTERN_WILDCARDS_MAX])
{
    const char separator = subject == PATTERN_HOST ? '.' : '/';
    struct retry anything = {0}, segment = {0};
    size_t i = 0, j = 0; /* indices in PREPARED and TEXT */
    unsigned wildcard = 0;
    for (;;) {
        if (i == prepared.length && j == text.length)
            return true;
        if (i < prepared.length && prepared.at[i] == MARK) {
            bool separators = prepared.at[i + 1] == ANYTHING;
            bool possible = separators || (j < text.length && text.at[j] != separator);
            i += 2;
            if (possible)
                captures[wildcard] = (struct str){text.at + j, separators ? 0 : 1};
            if (separators) {
                anything = (struct retry){true, wildcard, i, j};
                segment.set = false;
            } else if (possible) {
                segment = (struct retry){true, wildcard, i, ++j};
            }
            wildcard++;
            if (possible)
                continue;
        } else if (i < prepared.length && j < text.length && prepared.at[i] == text.at[j]) {
            i++, j++;
            continue;
        }
        struct retry *retry = may_take(&segment, text, false, separator) ? &segment : &anything;
        if (!may_take(retry, text, retry == &anything, separator))
            return false;
        if (retry == &anything)
            segment.set = false;
        retry->text_index++;
        captures[retry->wildcard].length++;
        wildcard = retry->wildcard + 1;
        i = retry->pattern_index;
        j = retry->text_index;
    }
}
