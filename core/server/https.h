/* https: the certificates of the process: loaded at the start, read again when their files have
 * changed, handed to the workers.
 *
 * Owns the sources of the certificates and what the TLS of all workers shares. Used by the main
 * thread; workers use https_shared alone. NULL in place of a struct https means that no listener
 * speaks TLS, which is always so in a program without OpenSSL. */
#ifndef SLUICE_HTTPS_H
#define SLUICE_HTTPS_H

#include "config/settings.h"

enum {
    HTTPS_PERIOD_MS = 10000,   /* between checks of the files, and of the age of keys of tickets */
    HTTPS_UNREADABLE_MAX = 10, /* files that are named at the start */
};

struct https;
struct tls_shared;

/* Loads what SETTINGS name, and reports on standard error what should be known of it. Shares with
 * FORMER, from before a reload (NULL: none), what has not changed: see tls_sources.h. *Borrows*
 * SETTINGS. Sets *RET to NULL if there is nothing to load. Returns 0, or a negative errno with
 * *RET_PROBLEM set. *Gives*: https_destroy. */
int https_create(struct https **ret, const struct settings *settings, const struct https *former,
                 struct problem *ret_problem);

/* Creates a struct https without files, for a reload whose settings name no certificate. After
 * https_follow it has the certificates from before. Returns 0 or -ENOMEM.
 * *Gives*: https_destroy. */
int https_create_empty(struct https **ret);

/* HTTPS takes the place of FORMER in a process that serves: its certificates are those of the next
 * handshakes, and what workers and sessions share lives on: https_shared(HTTPS) is the one of
 * FORMER then. Reports which certificates are new. Either may be NULL. */
void https_follow(struct https *https, struct https *former);

/* Reports each file that USER, which the process has become, may not read at a renewal, up to
 * HTTPS_UNREADABLE_MAX of them. HTTPS may be NULL. */
void https_try(const struct https *https, const char *user);

/* After the last worker. NULL is allowed. */
void https_destroy(struct https *https);

/* For the workers' transports. *Borrowed*. HTTPS may be NULL, and so is the result then. */
struct tls_shared *https_shared(struct https *https);

/* Checks the files; new certificates are for the next handshakes. A bad file is reported once, and
 * the certificate from before stays. Changes the key of tickets when it is time. NULL is
 * allowed. */
void https_revalidate(struct https *https);

/* Writes the keys of session tickets to TO, at most ROOM bytes, for the process that takes the
 * place of this one. Returns their number of bytes; 0: no keys. HTTPS may be NULL. Wipe TO. */
size_t https_export_keys(const struct https *https, uint8_t *to, size_t room);

/* Takes such keys, of COUNT bytes, before the workers start; others than those of this version
 * are ignored. HTTPS may be NULL. */
void https_import_keys(struct https *https, const uint8_t *keys, size_t count);

/* Reports, in one line on standard error, the names of the sites of SETTINGS that no certificate is
 * for. NULL is allowed. */
void https_check_names(const struct https *https, const struct settings *settings);

/* The SHA-256 fingerprint of the self-signed certificate, as text. NULL: no such certificate. */
const char *https_fingerprint(const struct https *https);

#endif
