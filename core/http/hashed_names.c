/* hashed_names: see hashed_names.h. */
#include "http/hashed_names.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

/* --- Judging a form --------------------------------------------------------------------------- */

enum {
    MEMBER_SCORE = -12, /* least of a hash in an accepted form */
    STRONG_SCORE = 40,  /* of a script whose form needs no second one, if pictures have it */
    GROUP_SCORE = 28,   /* least of all scripts and style sheets of a form together */
    AVERAGE_SCORE = 16, /* and of one on average */
    SERIES_MAX = 3,     /* pictures with equal names but for the hash: more are a series */
    SERIES_HEXADECIMAL_MAX = 1, /* most identifiers are hexadecimal or decimal */
    CODE_SHARE = 5,             /* one in so many scripts and style sheets has the form */
    VARIED_SCORE = 20,          /* least of a hash whose name counts as one of a kind */
    OTHERS_LEAST = 3,           /* names beside one that most of the files have */
};

struct judge {
    struct hashed_names *directory;
    struct hash_form_name *parts;
    /* Hashes, of the form that is judged; room for all names: of stems, and of stems with kinds. */
    uint64_t *stems, *sorts;
    size_t code_count;
};

/* What is known of the files that have one form. */
struct group {
    unsigned code; /* scripts and style sheets, words too */
    unsigned scripts, styles, assets;
    unsigned numbered; /* scripts and style sheets that have no name but a hash */
    unsigned named;    /* the others with a good hash: so many elements has judge.stems */
    unsigned stems;    /* different ones among these */
    unsigned most;     /* files of one kind that have the same stem */
    int score;
    int best; /* of one script or style sheet */
    struct hash_spread spread;
};

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Sorts COUNT items. Sets *RET_MOST to the number of equal ones that most are. Returns how many
 * different ones there are. */
static unsigned sort_distinct(uint64_t *items, size_t count, unsigned *ret_most)
{
    unsigned distinct = 0, run = 0;
    *ret_most = 0;
    if (count > 0)
        qsort(items, count, sizeof *items, compare_u64);
    for (size_t i = 0; i < count; i++) {
        run = i > 0 && items[i] == items[i - 1] ? run + 1 : 1;
        distinct += run == 1;
        *ret_most = run > *ret_most ? run : *ret_most;
    }
    return distinct;
}

/* The least score that the hash of PART has. Pictures are often called by a number. */
static int least_score(const struct hash_form_name *part, const struct hash_form *form)
{
    return part->kind == HASH_FORM_ASSET && form->alphabet == HASH_HEXADECIMAL ? 0 : MEMBER_SCORE;
}

static void note_stem(struct judge *judge, struct group *group, enum hash_form_kind kind,
                      struct str stem)
{
    judge->stems[group->named] = hash_bytes(0, stem);
    judge->sorts[group->named++] = hash_bytes(1 + (uint64_t)kind, stem);
}

/* Adds PART, which has TOKEN, to GROUP. */
static void add(struct judge *judge, struct group *group, const struct hash_form_name *part,
                const struct hash_form *form, struct str token)
{
    struct str stem = hash_form_stem(part, form);
    int score = hash_score(token, form->alphabet);
    if (!hash_form_is_code(part)) {
        group->assets += part->kind == HASH_FORM_ASSET && score >= least_score(part, form);
        return;
    }
    group->score += score; /* words count against it */
    group->code++;
    if (score < MEMBER_SCORE)
        return;
    group->best = score > group->best ? score : group->best;
    group->scripts += part->kind == HASH_FORM_SCRIPT;
    group->styles += part->kind == HASH_FORM_STYLE;
    hash_spread_add(&group->spread, token);
    /* esbuild and Angular call all their shared parts so. */
    if (stem.length == 0 || str_equal(stem, STR("chunk-")) || str_equal(stem, STR("chunk.")))
        group->numbered++;
    else if (score >= VARIED_SCORE)
        note_stem(judge, group, part->kind, stem);
}

static void gather(struct judge *judge, const struct hash_form *form, struct group *group)
{
    unsigned most;
    for (size_t i = 0; i < judge->directory->count; i++) {
        const struct hash_form_name *part = &judge->parts[i];
        struct str token = part->taken ? STR_ABSENT : hash_form_token(part, form);
        if (token.at)
            add(judge, group, part, form, token);
    }
    sort_distinct(judge->sorts, group->named, &most);
    group->most = most;
    group->stems = sort_distinct(judge->stems, group->named, &most);
}

/* Whether the names of GROUP are as different as those of modules: not one name with many
 * identifiers. */
static bool is_varied(const struct group *group)
{
    unsigned code = group->scripts + group->styles;
    if (group->stems == 1 && group->scripts > 0 && group->styles > 0 && code <= 2 * SERIES_MAX)
        return true;
    if (group->most * 2 > group->named && group->most > 1)
        return group->stems > OTHERS_LEAST;
    return group->stems >= 2 || (group->stems == 1 && group->numbered > 0);
}

static bool is_accepted(const struct judge *judge, const struct hash_form *form,
                        const struct group *group)
{
    unsigned code = group->scripts + group->styles;
    if (code * CODE_SHARE < judge->code_count)
        return false;
    if (group->score < GROUP_SCORE || group->score < AVERAGE_SCORE * (int)group->code ||
        !hash_spread_is_random(&group->spread))
        return false;
    if (code >= 2 && is_varied(group))
        return true;
    /* One of the wider alphabets says more: a program without parts, its style sheet, pictures. */
    return form->alphabet != HASH_HEXADECIMAL && code == 1 && group->assets >= 2 &&
           group->best >= STRONG_SCORE;
}

/* --- The names of an accepted form ------------------------------------------------------------ */

/* Whether more than MOST of COUNT sorted ITEMS are ITEM. */
static bool is_series(const uint64_t *items, size_t count, uint64_t item, size_t most)
{
    size_t first = 0, end = count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (items[middle] < item)
            first = middle + 1;
        else
            end = middle;
    }
    return first + most < count && items[first + most] == item;
}

/* Sorts the stems of the assets that have FORM into judge->stems. Returns how many there are. */
static size_t sort_asset_stems(struct judge *judge, const struct hash_form *form)
{
    size_t count = 0;
    for (size_t i = 0; i < judge->directory->count; i++) {
        const struct hash_form_name *part = &judge->parts[i];
        if (part->kind == HASH_FORM_ASSET && !part->taken && hash_form_token(part, form).at)
            judge->stems[count++] = hash_bytes(0, hash_form_stem(part, form));
    }
    unsigned most;
    sort_distinct(judge->stems, count, &most);
    return count;
}

static bool is_member(const struct hash_form_name *part, const struct hash_form *form,
                      const struct judge *judge, size_t stem_count)
{
    struct str token = hash_form_token(part, form);
    if (!token.at || hash_score(token, form->alphabet) < least_score(part, form))
        return false;
    struct str stem = hash_form_stem(part, form);
    size_t most = form->alphabet == HASH_HEXADECIMAL ? SERIES_HEXADECIMAL_MAX : SERIES_MAX;
    return part->kind != HASH_FORM_ASSET || stem.length == 0 ||
           !is_series(judge->stems, stem_count, hash_bytes(0, stem), most);
}

/* Marks the names that have FORM, or of these only the assets. */
static void take(struct judge *judge, const struct hash_form *form, bool assets_only)
{
    size_t stem_count = sort_asset_stems(judge, form);
    for (size_t i = 0; i < judge->directory->count; i++) {
        struct hash_form_name *part = &judge->parts[i];
        if (part->taken || (assets_only && part->kind != HASH_FORM_ASSET) ||
            !is_member(part, form, judge, stem_count))
            continue;
        part->taken = true;
        judge->directory->hashed[i] = true;
    }
}

/* Marks the names that have one of FORMS, and the assets that the same tools name otherwise:
 * webpack's defaults for them do not depend on those for scripts. */
static void take_all(struct judge *judge, const struct hash_forms *forms)
{
    static const uint8_t asset_lengths[] = {8, 20, 32};
    for (unsigned i = 0; i < forms->count; i++) {
        struct hash_form form = forms->items[i];
        take(judge, &form, false);
        for (size_t j = 0; form.alphabet == HASH_HEXADECIMAL && j < COUNT_OF(asset_lengths); j++) {
            form.length = asset_lengths[j];
            take(judge, &form, true);
        }
    }
}

/* --- Where only bundlers write ---------------------------------------------------------------- */

static struct str last_segment(struct str path)
{
    size_t slash = str_find_last(path, '/');
    return slash < path.length ? str_from(path, slash + 1) : path;
}

static struct str above(struct str path)
{
    size_t slash = str_find_last(path, '/');
    return str_first(path, slash < path.length ? slash : 0);
}

static bool is_output(struct str directory)
{
    static const struct str outputs[] = {
        STR_INIT("_next/static"), STR_INIT("_app/immutable"), STR_INIT("_astro"),
        STR_INIT("_nuxt"),        STR_INIT("_expo/static"),
    };
    for (size_t at = 0; at < directory.length; at += str_find(str_from(directory, at), '/') + 1) {
        struct str rest = str_from(directory, at);
        for (size_t i = 0; i < COUNT_OF(outputs); i++) {
            size_t end = outputs[i].length;
            if (str_starts_with(rest, outputs[i]) && (rest.length == end || rest.at[end] == '/'))
                return true;
        }
    }
    return false;
}

bool hashed_names_is_output(struct str path)
{
    struct hash_form_name name = hash_form_read(last_segment(path));
    return name.kind != HASH_FORM_OTHER && is_output(above(path)) && hash_form_is_output(&name);
}

/* --- What is beside --------------------------------------------------------------------------- */

/* Names of directories to which bundlers write what their scripts use; each followed by a space. */
static const struct str sorts =
    STR_INIT("css js img image images media font fonts assets static icons chunks styles scripts ");

bool hashed_names_next_beside(struct str path, unsigned *index, struct path *ret)
{
    /* "": the one above; "..": the one above that. */
    static const struct str others[] = {
        STR_INIT(""),       STR_INIT("js"),      STR_INIT("css"), STR_INIT("chunks"),
        STR_INIT("styles"), STR_INIT("scripts"), STR_INIT(".."),
    };
    struct str parent = above(path);
    while (path.length > 0 && *index < COUNT_OF(others) &&
           hash_form_has_word(sorts, last_segment(path))) {
        struct str other = others[(*index)++];
        bool up = str_equal(other, STR(".."));
        if (str_equal(other, last_segment(path)) ||
            (up && !hash_form_has_word(sorts, last_segment(parent))) ||
            parent.length + 1 + other.length > PATH_BYTES_MAX)
            continue;
        char *end = str_put(ret->text, up ? above(parent) : parent);
        if (!up && other.length > 0)
            end = str_put(end > ret->text ? str_put(end, STR("/")) : end, other);
        *end = '\0';
        ret->length = (size_t)(end - ret->text);
        ret->directory = true;
        ret->closed = false;
        return true;
    }
    return false;
}

/* --- The directory ---------------------------------------------------------------------------- */

/* What is judged, and the forms that were accepted so far. */
struct progress {
    struct judge *judge;
    struct hash_forms *forms;
};

static bool judge_form(void *context, const struct hash_form *form)
{
    const struct progress *progress = context;
    struct group group = {0};
    gather(progress->judge, form, &group);
    if (group.scripts + group.styles == 0 || !is_accepted(progress->judge, form, &group))
        return false;
    struct hash_forms one = {1, {*form}};
    take_all(progress->judge, &one);
    progress->forms->items[progress->forms->count++] = *form;
    return progress->forms->count == HASH_FORMS_MAX;
}

static void judge_all(struct judge *judge, struct hash_forms *forms)
{
    struct hashed_names *directory = judge->directory;
    for (size_t i = 0; i < directory->count; i++) {
        judge->parts[i] = hash_form_read(directory->names[i]);
        judge->code_count += hash_form_is_code(&judge->parts[i]);
        directory->hashed[i] = false;
    }
    struct progress progress = {judge, forms};
    hash_form_any(judge_form, &progress);
    if (directory->beside)
        take_all(judge, directory->beside);
}

int hashed_names_judge(struct hashed_names *directory, struct hash_forms *ret)
{
    struct hash_forms forms = {.count = 0};
    struct judge judge = {
        .directory = directory,
        .parts = malloc((directory->count + 1) * sizeof *judge.parts),
        .stems = malloc((directory->count + 1) * sizeof *judge.stems),
        .sorts = malloc((directory->count + 1) * sizeof *judge.sorts),
    };
    bool enough = judge.parts && judge.stems && judge.sorts;
    if (enough)
        judge_all(&judge, &forms);
    free(judge.parts);
    free(judge.stems);
    free(judge.sorts);
    if (!enough)
        return -ENOMEM;
    *ret = forms;
    return 0;
}

static bool has_form(void *context, const struct hash_form *form)
{
    const struct hash_form_name *part = context;
    struct str token = hash_form_token(part, form);
    return token.at && hash_score(token, form->alphabet) >= MEMBER_SCORE;
}

bool hashed_names_may_have(struct str path)
{
    struct hash_form_name part = hash_form_read(last_segment(path));
    return part.kind != HASH_FORM_OTHER && hash_form_any(has_form, &part);
}
