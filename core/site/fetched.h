/* fetched: the result of reading a path: files with their siblings, a listing, or a refusal.
 *
 * Holds a reference on each blob in it, until fetched_fini. Its state identifies the files, so that
 * a later look-up can find out that nothing has changed; its fingerprint is for comparing look-ups
 * that may overtake each other. Safe in any thread. */
#ifndef SLUICE_FETCHED_H
#define SLUICE_FETCHED_H

#include "http/content_coding.h"
#include "http/http.h"
#include "site/load.h"

enum fetch_kind {
    FETCH_FILE,      /* FILES and STATE are set */
    FETCH_LISTING,   /* a directory's listing: PAGES are set */
    FETCH_UNCHANGED, /* a file that still matches KNOWN */
    FETCH_DIRECTORY, /* a directory, requested without its final slash */
    FETCH_REFUSED,   /* STATUS is set */
};

/* Identifies the state of a file and its siblings. */
struct fetch_state {
    struct blob_identity plain;
    uint64_t siblings; /* hash of the siblings' identities; 0: no siblings */
    bool alone;        /* no names of siblings exist; in KNOWN: and none can have appeared */
    bool hashed;       /* its name means this content for ever, see hashed_files.h */
};

/* Whether A and B are the same file with the same siblings and the same meaning of its name. */
bool fetch_state_equal(const struct fetch_state *a, const struct fetch_state *b);

enum fetch_page { FETCH_PAGE_HTML, FETCH_PAGE_JSON, FETCH_PAGE_COUNT };

/* How many directories of a path, from ROOT down, are searched for the site's page for a 404. */
enum { FETCH_PAGE_LEVELS_MAX = 16 };

struct fetched {
    enum fetch_kind kind;
    enum http_status status;
    bool occupied;      /* of a refusal: not for want of the name */
    int page_directory; /* of a 404: see struct resource */
    union {
        struct loaded files[CONTENT_CODING_COUNT];
        struct loaded pages[FETCH_PAGE_COUNT]; /* only body and digest; undated */
    };
    unsigned index; /* which of the site's index names FILES have; 0 if PATH is not a directory */
    unsigned available; /* of FILES, as content_coding_bit; with the plain file, if any */
    struct fetch_state state;
    bool settled;   /* the last change is so old that a later one shows in STATE */
    bool pending;   /* a form will have another validator, though STATE stays as it is */
    bool cacheable; /* this result may be reused for a while */
};

/* Drops the references in FETCHED, which becomes a refusal. */
void fetched_fini(struct fetched *fetched);

/* Mixes IDENTITY and MORE into HASH. */
uint64_t fetched_hash_identity(uint64_t hash, const struct blob_identity *identity, uint64_t more);

/* A fingerprint of what FETCHED says, which a look-up that says the same has too: of the identities
 * of files, of the digests of what may change without another identity, of listings. Keyed by
 * SECRET. */
uint64_t fetched_fingerprint(const struct fetched *fetched, uint64_t secret);

/* Makes *RET, which holds no references, a refusal with STATUS. */
void fetched_refuse(struct fetched *ret, enum http_status status);

#endif
