/* tls_file: the whole content of a file with a certificate or a key.
 *
 * Owns the content, which is wiped before it is freed. The path is followed anew each time, so that
 * symbolic links that are switched and directories that are replaced are noticed. Never waits: a
 * FIFO, a device and a directory are refused. open(2), fstat(2), pread(2). Only in builds with
 * OpenSSL. */
#ifndef SLUICE_TLS_FILE_H
#define SLUICE_TLS_FILE_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/problem.h"
#include "base/str.h"
#include "storage/blob.h"

enum { TLS_FILE_BYTES_MAX = 1 << 20 };

/* Zeroed: empty. */
struct tls_file {
    struct str content;
    struct blob_identity identity; /* of the file when it was opened */
};

/* Reads the file at PATH to FILE, which is empty. 0 or a negative errno with *RET_PROBLEM: -EINVAL
 * if it is not a regular file or longer than TLS_FILE_BYTES_MAX. */
int tls_file_read(struct tls_file *file, const char *path, struct problem *ret_problem);

void tls_file_fini(struct tls_file *file);

/* Opens the file at PATH, and closes it. 0, or a negative errno with *RET_PROBLEM. */
int tls_file_try(const char *path, struct problem *ret_problem);

/* Whether PATH now leads to the state of a file that IDENTITY is. */
bool tls_file_is_at(const char *path, const struct blob_identity *identity);

#endif
#endif
