/* mime: file name -> media type, by a hash table of extensions.
 *
 * Includes str only. Open addressing with linear probing, at most half full, nothing ever removed.
 * An entry holds views: of the built-in table below, or of the lines read from a file, which are
 * kept until mime_destroy even when a later line overrides them, so a type once given stays
 * valid. */
#include "http/mime.h"

#include <errno.h>
#include <stdlib.h>

#define TEXT(type) STR_INIT(type "; charset=utf-8")

/* IANA's registered type where there is one. Where the world disagrees: .js is text/javascript (RFC
 * 9239, WHATWG), .ico is image/vnd.microsoft.icon (registered; Apache and Python say the same, and
 * browsers look at the bytes of an image), .wav and .aac as browsers name them. */
static const struct {
    struct str type;
    struct str extensions;
} built_in[] = {
    /* the page and its parts */
    {TEXT("text/html"), STR_INIT("html htm")},
    {TEXT("text/css"), STR_INIT("css")},
    {TEXT("text/javascript"), STR_INIT("js mjs cjs")},
    {STR_INIT("application/json"), STR_INIT("json map")},
    {STR_INIT("application/ld+json"), STR_INIT("jsonld")},
    {STR_INIT("application/manifest+json"), STR_INIT("webmanifest")},
    {STR_INIT("application/wasm"), STR_INIT("wasm")},
    {STR_INIT("application/xhtml+xml"), STR_INIT("xhtml xht")},
    {STR_INIT("application/xml"), STR_INIT("xml xsd")},
    {STR_INIT("application/xslt+xml"), STR_INIT("xsl xslt")},
    {STR_INIT("application/rss+xml"), STR_INIT("rss")},
    {STR_INIT("application/atom+xml"), STR_INIT("atom")},
    /* text */
    {TEXT("text/plain"), STR_INIT("txt text log")},
    {TEXT("text/markdown"), STR_INIT("md markdown")},
    {TEXT("text/csv"), STR_INIT("csv")},
    {TEXT("text/tab-separated-values"), STR_INIT("tsv")},
    {TEXT("text/calendar"), STR_INIT("ics")},
    {TEXT("text/vcard"), STR_INIT("vcf")},
    {TEXT("text/vtt"), STR_INIT("vtt")},
    {STR_INIT("application/x-subrip"), STR_INIT("srt")},
    {STR_INIT("application/yaml"), STR_INIT("yaml yml")},
    {STR_INIT("application/toml"), STR_INIT("toml")},
    /* pictures */
    {STR_INIT("image/jpeg"), STR_INIT("jpg jpeg jpe jfif")},
    {STR_INIT("image/png"), STR_INIT("png")},
    {STR_INIT("image/apng"), STR_INIT("apng")},
    {STR_INIT("image/gif"), STR_INIT("gif")},
    {STR_INIT("image/webp"), STR_INIT("webp")},
    {STR_INIT("image/avif"), STR_INIT("avif")},
    {STR_INIT("image/jxl"), STR_INIT("jxl")},
    {STR_INIT("image/heic"), STR_INIT("heic")},
    {STR_INIT("image/svg+xml"), STR_INIT("svg")},
    {STR_INIT("image/bmp"), STR_INIT("bmp")},
    {STR_INIT("image/tiff"), STR_INIT("tif tiff")},
    {STR_INIT("image/vnd.microsoft.icon"), STR_INIT("ico")},
    /* fonts */
    {STR_INIT("font/woff"), STR_INIT("woff")},
    {STR_INIT("font/woff2"), STR_INIT("woff2")},
    {STR_INIT("font/ttf"), STR_INIT("ttf")},
    {STR_INIT("font/otf"), STR_INIT("otf")},
    {STR_INIT("font/collection"), STR_INIT("ttc")},
    {STR_INIT("application/vnd.ms-fontobject"), STR_INIT("eot")},
    /* video, sound, streams */
    {STR_INIT("video/mp4"), STR_INIT("mp4 m4v")},
    {STR_INIT("video/webm"), STR_INIT("webm")},
    {STR_INIT("video/ogg"), STR_INIT("ogv")},
    {STR_INIT("video/quicktime"), STR_INIT("mov qt")},
    {STR_INIT("video/matroska"), STR_INIT("mkv")},
    {STR_INIT("video/mpeg"), STR_INIT("mpeg mpg")},
    {STR_INIT("video/vnd.avi"), STR_INIT("avi")},
    {STR_INIT("video/3gpp"), STR_INIT("3gp")},
    {STR_INIT("video/mp2t"), STR_INIT("ts")},
    {STR_INIT("audio/mpeg"), STR_INIT("mp3")},
    {STR_INIT("audio/mp4"), STR_INIT("m4a")},
    {STR_INIT("audio/aac"), STR_INIT("aac")},
    {STR_INIT("audio/ogg"), STR_INIT("ogg oga opus")},
    {STR_INIT("audio/webm"), STR_INIT("weba")},
    {STR_INIT("audio/wav"), STR_INIT("wav")},
    {STR_INIT("audio/flac"), STR_INIT("flac")},
    {STR_INIT("audio/midi"), STR_INIT("mid midi")},
    {STR_INIT("application/vnd.apple.mpegurl"), STR_INIT("m3u8")},
    {STR_INIT("application/dash+xml"), STR_INIT("mpd")},
    /* three dimensions and maps */
    {STR_INIT("model/gltf+json"), STR_INIT("gltf")},
    {STR_INIT("model/gltf-binary"), STR_INIT("glb")},
    {STR_INIT("model/stl"), STR_INIT("stl")},
    {STR_INIT("model/obj"), STR_INIT("obj")},
    {STR_INIT("model/vnd.usdz+zip"), STR_INIT("usdz")},
    {STR_INIT("application/geo+json"), STR_INIT("geojson")},
    {STR_INIT("application/gpx+xml"), STR_INIT("gpx")},
    {STR_INIT("application/vnd.google-earth.kml+xml"), STR_INIT("kml")},
    {STR_INIT("application/vnd.google-earth.kmz"), STR_INIT("kmz")},
    /* documents */
    {STR_INIT("application/pdf"), STR_INIT("pdf")},
    {STR_INIT("application/postscript"), STR_INIT("ps eps")},
    {STR_INIT("application/rtf"), STR_INIT("rtf")},
    {STR_INIT("application/epub+zip"), STR_INIT("epub")},
    {STR_INIT("application/msword"), STR_INIT("doc")},
    {STR_INIT("application/vnd.ms-excel"), STR_INIT("xls")},
    {STR_INIT("application/vnd.ms-powerpoint"), STR_INIT("ppt")},
    {STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
     STR_INIT("docx")},
    {STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
     STR_INIT("xlsx")},
    {STR_INIT("application/vnd.openxmlformats-officedocument.presentationml.presentation"),
     STR_INIT("pptx")},
    {STR_INIT("application/vnd.oasis.opendocument.text"), STR_INIT("odt")},
    {STR_INIT("application/vnd.oasis.opendocument.spreadsheet"), STR_INIT("ods")},
    {STR_INIT("application/vnd.oasis.opendocument.presentation"), STR_INIT("odp")},
    {STR_INIT("application/pgp-signature"), STR_INIT("asc sig")},
    /* archives and packages */
    {STR_INIT("application/zip"), STR_INIT("zip")},
    {STR_INIT("application/gzip"), STR_INIT("gz tgz")},
    {STR_INIT("application/x-brotli"), STR_INIT("br")},
    {STR_INIT("application/zstd"), STR_INIT("zst")},
    {STR_INIT("application/x-bzip2"), STR_INIT("bz2")},
    {STR_INIT("application/x-xz"), STR_INIT("xz")},
    {STR_INIT("application/x-tar"), STR_INIT("tar")},
    {STR_INIT("application/x-7z-compressed"), STR_INIT("7z")},
    {STR_INIT("application/vnd.rar"), STR_INIT("rar")},
    {STR_INIT("application/java-archive"), STR_INIT("jar")},
    {STR_INIT("application/vnd.debian.binary-package"), STR_INIT("deb")},
    {STR_INIT("application/vnd.android.package-archive"), STR_INIT("apk")},
    {STR_INIT("application/x-bittorrent"), STR_INIT("torrent")},
};

#define JSON              STR_INIT("application/json")
#define APPLE_ASSOCIATION "apple-app-site-association"

/* Files below /.well-known/ without a known extension: IANA's registry "Well-Known URIs" (RFC 8615)
 * and what others have made customary. Each type is from the document that defines the file. */
static const struct {
    struct str name;
    struct str type;
} well_known[] = {
    {STR_INIT(APPLE_ASSOCIATION), JSON},
    {STR_INIT("amphtml/apikey.pub"), TEXT("text/plain")},
    {STR_INIT("apple-developer-merchantid-domain-association"), TEXT("text/plain")},
    {STR_INIT("api-catalog"), STR_INIT("application/linkset+json")}, /* RFC 9727 */
    {STR_INIT("atproto-did"), TEXT("text/plain")},
    {STR_INIT("browserid"), JSON},
    {STR_INIT("com.apple.remotemanagement"), JSON},
    {STR_INIT("core"), STR_INIT("application/link-format")}, /* RFC 6690 */
    {STR_INIT("discord"), TEXT("text/plain")},
    {STR_INIT("dnt"), STR_INIT("application/tracking-status+json")},
    {STR_INIT("gnap-as-rs"), JSON},                           /* RFC 9767 */
    {STR_INIT("host-meta"), STR_INIT("application/xrd+xml")}, /* RFC 6415 */
    {STR_INIT("http-opportunistic"), JSON},                   /* RFC 8164 */
    {STR_INIT("jmap"), JSON},                                 /* RFC 8620 */
    {STR_INIT("jwt-vc-issuer"), JSON},
    {STR_INIT("matrix/client"), JSON},
    {STR_INIT("matrix/server"), JSON},
    {STR_INIT("matrix/support"), JSON},
    {STR_INIT("microsoft-identity-association"), JSON},
    {STR_INIT("nodeinfo"), JSON},
    {STR_INIT("oauth-authorization-server"), JSON},                  /* RFC 8414 */
    {STR_INIT("oauth-protected-resource"), JSON},                    /* RFC 9728 */
    {STR_INIT("ohttp-gateway"), STR_INIT("application/ohttp-keys")}, /* RFC 9540 */
    {STR_INIT("openid-configuration"), JSON},
    {STR_INIT("openid-credential-issuer"), JSON},
    {STR_INIT("openid-federation"), STR_INIT("application/entity-statement+jwt")},
    {STR_INIT("passkey-endpoints"), JSON},
    {STR_INIT("private-token-issuer-directory"),
     STR_INIT("application/private-token-issuer-directory")},             /* RFC 9578 */
    {STR_INIT("pvd"), STR_INIT("application/pvd+json")},                  /* RFC 8801 */
    {STR_INIT("reload-config"), STR_INIT("application/p2p-overlay+xml")}, /* RFC 6940 */
    {STR_INIT("resourcesync"), STR_INIT("application/xml")},
    {STR_INIT("smart-configuration"), JSON},
    {STR_INIT("ssf-configuration"), JSON},
    {STR_INIT("traffic-advice"), STR_INIT("application/trafficadvice+json")},
    {STR_INIT("udap"), JSON},
    {STR_INIT("uma2-configuration"), JSON},
    {STR_INIT("web-identity"), JSON},
    {STR_INIT("webauthn"), JSON},
    {STR_INIT("webfinger"), STR_INIT("application/jrd+json")}, /* RFC 7033 */
    {STR_INIT("wot"), STR_INIT("application/td+json")},
};

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
    for (size_t i = 0; i < COUNT_OF(built_in); i++) {
        if (add(mime, built_in[i].type, built_in[i].extensions) != 0)
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

/* The type of the file NAME, which has no known extension: by its path, if that is well-known. */
static struct str type_of_path(struct str name)
{
    static const struct str unknown = STR_INIT("application/octet-stream");
    struct str directory = STR(".well-known/");
    if (str_equal(name, STR(APPLE_ASSOCIATION)))
        return STR("application/json"); /* where it was before it had a well-known path */
    if (!str_starts_with(name, directory))
        return unknown;
    name = str_from(name, directory.length);
    for (size_t i = 0; i < COUNT_OF(well_known); i++) {
        if (str_equal(name, well_known[i].name))
            return well_known[i].type;
    }
    return unknown;
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

int mime_read(struct mime *mime, FILE *file, const char *name, struct problem *ret_problem)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    unsigned line = 0;
    int error = 0;
    errno = 0;
    while (!error && (length = getline(&text, &room, file)) >= 0) {
        line++;
        error = read_line(mime, (struct str){text, (size_t)length}, ret_problem);
    }
    if (!error && !feof(file)) {
        error = errno == ENOMEM ? -ENOMEM : -EIO;
        line = 0;
        problem_set(ret_problem, "%s", errno == EISDIR ? "is a directory" : "cannot be read");
        problem_remedy(ret_problem, "name a file of media types");
    }
    free(text);
    if (error)
        problem_in_file(ret_problem, name, line, 0);
    return error;
}
