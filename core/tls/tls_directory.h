/* tls_directory: the pairs of certificates and keys in a directory, as certbot lays it out.
 *
 * Either subdirectories with fullchain.pem and privkey.pem, or both files in the directory itself.
 * Names that begin with a dot are skipped, and so are subdirectories without a fullchain.pem, and
 * files. opendir(3), stat(2). Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_DIRECTORY_H
#define SLUICE_TLS_DIRECTORY_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/arena.h"
#include "base/problem.h"

#define TLS_DIRECTORY_CERT "fullchain.pem"
#define TLS_DIRECTORY_KEY  "privkey.pem"

/* Whether PATH is a directory: 1 or 0, or a negative errno. */
int tls_directory_is_at(const char *path);

/* Lists the names of the subdirectories of PATH that have a pair, in any order; "" is PATH itself,
 * if it has a pair and they have none. RET is empty, and its names are in ARENA. 0 or a negative
 * errno with *RET_PROBLEM: -ENOENT if PATH has no pair. */
int tls_directory_list(const char *path, struct arena *arena, struct arena_list *ret,
                       struct problem *ret_problem);

/* The path of FILE in the subdirectory NAME ("": none) of the directory PATH, in ARENA. NULL: out
 * of memory. */
const char *tls_directory_path(const char *path, const char *name, const char *file,
                               struct arena *arena);

#endif
#endif
