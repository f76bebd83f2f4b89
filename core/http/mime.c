/* mime: see mime.h.
 *
 * A hash table of extensions: open addressing with linear probing, at most half full, nothing ever
 * removed. An entry holds views: of the built-in table, or of the lines read from a file, which are
 * kept until mime_destroy even when a later line overrides them, so a type once given stays
 * valid. */
#include "http/mime.h"

#include "http/mime_table.h"
#include "http/mime_well_known.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
    struct str extension; /* absent: a free place */
    struct str type;
};

/* A line of a types file: the bytes that entries point into. */
struct line {
    struct line *next;
    char bytes[];
};

struct mime {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
    struct line *lines;
    struct mime *former; /* see mime_keep */
};

/* --- The table -------------------------------------------------------------------------------- */

/* FNV-1a of the lower-case bytes. */
static uint32_t hash_of(struct str extension)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < extension.length; i++)
        hash = (hash ^ (uint8_t)char_lower(extension.at[i])) * 16777619u;
    return hash;
}

/* The entry of EXTENSION, or the free one where it would go. */
static struct entry *find(const struct mime *mime, struct str extension)
{
    size_t mask = mime->capacity - 1;
    size_t i = hash_of(extension) & mask;
    while (mime->entries[i].extension.at != NULL &&
           !str_equal_nocase(mime->entries[i].extension, extension))
        i = (i + 1) & mask;
    return &mime->entries[i];
}

static int grow(struct mime *mime)
{
    struct mime larger = {.capacity = mime->capacity * 2, .count = mime->count};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < mime->capacity; i++) {
        if (mime->entries[i].extension.at != NULL)
            *find(&larger, mime->entries[i].extension) = mime->entries[i];
    }
    free(mime->entries);
    mime->entries = larger.entries;
    mime->capacity = larger.capacity;
    return 0;
}

/* Takes the next word of *REST; it is empty when none is left. */
static struct str take_word(struct str *rest)
{
    static const char blanks[] = " \t\r\n";
    size_t first = 0;
    while (first < rest->length && memchr(blanks, rest->at[first], sizeof blanks - 1) != NULL)
        first++;
    size_t end = first;
    while (end < rest->length && memchr(blanks, rest->at[end], sizeof blanks - 1) == NULL)
        end++;
    struct str word = str_from(str_first(*rest, end), first);
    *rest = str_from(*rest, end);
    return word;
}

/* Gives TYPE to each word of EXTENSIONS; *borrows* both as long as MIME lives. */
static int add(struct mime *mime, struct str type, struct str extensions)
{
    struct str word;
    while ((word = take_word(&extensions)).length > 0) {
        if ((mime->count + 1) * 2 > mime->capacity && grow(mime) != 0)
            return -ENOMEM;
        struct entry *entry = find(mime, word);
        if (entry->extension.at == NULL)
            mime->count++;
        *entry = (struct entry){.extension = word, .type = type};
    }
    return 0;
}

struct mime *mime_create(void)
{
    struct mime *mime = calloc(1, sizeof *mime);
    if (mime == NULL)
        return NULL;
    mime->capacity = 512;
    mime->entries = calloc(mime->capacity, sizeof *mime->entries);
    if (mime->entries == NULL)
        goto fail;
    for (size_t i = 0; i < mime_table_count; i++) {
        if (add(mime, mime_table[i].type, mime_table[i].extensions) != 0)
            goto fail;
    }
    return mime;
fail:
    mime_destroy(mime);
    return NULL;
}

static void destroy_one(struct mime *mime)
{
    while (mime->lines != NULL) {
        struct line *line = mime->lines;
        mime->lines = line->next;
        free(line);
    }
    free(mime->entries);
    free(mime);
}

void mime_destroy(struct mime *mime)
{
    while (mime != NULL) {
        struct mime *former = mime->former;
        destroy_one(mime);
        mime = former;
    }
}

bool mime_equal(const struct mime *a, const struct mime *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->capacity; i++) {
        const struct entry *entry = &a->entries[i];
        if (entry->extension.at != NULL && !str_equal(entry->type, find(b, entry->extension)->type))
            return false;
    }
    return true;
}

void mime_keep(struct mime *mime, struct mime *former)
{
    mime->former = former;
}

/* The type of the file NAME, which has no known extension. */
static struct str type_of_path(struct str name)
{
    struct str type = mime_well_known_type(name);
    return type.at ? type : STR("application/octet-stream");
}

struct str mime_of(const struct mime *mime, struct str name)
{
    size_t slash = str_find_last(name, '/');
    struct str base = slash < name.length ? str_from(name, slash + 1) : name;
    size_t dot = str_find_last(base, '.');
    struct str extension = str_from(base, dot + 1);
    if (dot == 0 || extension.length == 0) /* ".profile", "README", "ends." */
        return type_of_path(name);
    const struct entry *entry = find(mime, extension);
    return entry->extension.at != NULL ? entry->type : type_of_path(name);
}

/* --- Compressed types ------------------------------------------------------------------------- */

bool mime_is_compressed(struct str type)
{
    static const struct {
        struct str prefix;
        bool compressed;
    } kinds[] = {
        /* the first that TYPE begins with decides */
        {STR_INIT("image/svg"), false},
        {STR_INIT("image/bmp"), false},
        {STR_INIT("image/vnd.microsoft"), false},
        {STR_INIT("image/tiff"), false},
        {STR_INIT("image/"), true},
        {STR_INIT("video/"), true},
        {STR_INIT("audio/wav"), false},
        {STR_INIT("audio/"), true},
        {STR_INIT("font/woff"), true},
        {STR_INIT("application/zip"), true},
        {STR_INIT("application/gzip"), true},
        {STR_INIT("application/zstd"), true},
        {STR_INIT("application/x-7z"), true},
        {STR_INIT("application/x-xz"), true},
        {STR_INIT("application/x-bzip"), true},
        {STR_INIT("application/vnd.rar"), true},
        {STR_INIT("application/x-brotli"), true},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_equal_nocase(str_first(type, kinds[i].prefix.length), kinds[i].prefix))
            return kinds[i].compressed;
    }
    return false;
}

/* --- Reading a types file --------------------------------------------------------------------- */

/* RFC 6838 section 4.2 allows 127 characters on each side of the slash; the rest is for
 * parameters. */
enum { TYPE_BYTES_MAX = 512 };

/* token/token, then perhaps ';' and visible ASCII: nothing that could break a field line. A ';' at
 * the end means that white space follows it, and that the parameter would count as an extension. */
static bool is_type(struct str word)
{
    if (word.length > TYPE_BYTES_MAX || str_ends_with(word, STR(";")))
        return false;
    size_t semicolon = str_find(word, ';');
    struct str essence = str_first(word, semicolon);
    size_t slash = str_find(essence, '/');
    for (size_t i = semicolon; i < word.length; i++) {
        if (word.at[i] <= ' ' || word.at[i] > '~') /* also where char is signed: beyond ASCII < 0 */
            return false;
    }
    return str_is_token(str_first(essence, slash)) && str_is_token(str_from(essence, slash + 1));
}

/* Keeps a copy of TYPE and of EXTENSIONS, and adds them. */
static int keep_and_add(struct mime *mime, struct str type, struct str extensions)
{
    struct line *line = malloc(sizeof *line + type.length + extensions.length);
    if (line == NULL)
        return -ENOMEM;
    line->next = mime->lines;
    mime->lines = line;
    char *end = str_put(line->bytes, type);
    str_put(end, extensions);
    return add(mime, (struct str){line->bytes, type.length}, (struct str){end, extensions.length});
}

static int read_line(struct mime *mime, struct str line, struct problem *ret_problem)
{
    struct str rest = str_first(line, str_find(line, '#'));
    struct str type = take_word(&rest);
    if (type.length == 0)
        return 0;
    if (!is_type(type)) {
        problem_set(ret_problem, "not a media type");
        problem_remedy(ret_problem, "write type/subtype and its extensions, separated by spaces; "
                                    "parameters without any, as in text/plain;charset=utf-8");
        return -EINVAL;
    }
    struct str ahead = rest;
    if (take_word(&ahead).length == 0)
        return 0;
    int error = keep_and_add(mime, type, rest);
    if (error)
        problem_set_no_memory(ret_problem);
    return error;
}

int mime_read(struct mime *mime, struct str text, const char *name, struct problem *ret_problem)
{
    int error = 0;
    for (unsigned line = 1; !error && text.length > 0; line++) {
        const size_t end = str_find(text, '\n');
        error = read_line(mime, str_first(text, end), ret_problem);
        if (error)
            problem_in_file(ret_problem, name, line, 0);
        text = str_from(text, end + 1);
    }
    return error;
}
