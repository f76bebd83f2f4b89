/* probes: static tracepoints (USDT) in the provider "sluice", for bpftrace, perf and SystemTap.
 *
 * A probe is one nop and a note in the ELF file: it costs nothing until a tracer replaces the
 * nop by a trap. Where <sys/sdt.h> is missing (Debian: systemtap-sdt-dev), or with
 * -DSLUICE_NO_PROBES, the functions are empty. docs/profiling.md has examples.
 *
 * A connection is named by its slot and generation (conn_table.h). Text is not NUL-terminated:
 * the tracer is given address and length. */
#ifndef SLUICE_PROBES_H
#define SLUICE_PROBES_H

#include "base/str.h"

#if defined(__has_include) && !defined(SLUICE_NO_PROBES)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define SLUICE_HAVE_PROBES 1
#endif
#endif

/* sluice:accept (slot, generation, fd): a connection was accepted. */
static inline void probe_accept(uint32_t slot, uint32_t generation, int fd)
{
#ifdef SLUICE_HAVE_PROBES
    DTRACE_PROBE3(sluice, accept, slot, generation, fd);
#else
    (void)slot, (void)generation, (void)fd;
#endif
}

/* sluice:request (slot, generation, path, path length): a request was parsed. Not for a request
 * that a memo answers, which is not parsed. */
static inline void probe_request(uint32_t slot, uint32_t generation, struct str path)
{
#ifdef SLUICE_HAVE_PROBES
    DTRACE_PROBE4(sluice, request, slot, generation, path.at, path.length);
#else
    (void)slot, (void)generation, (void)path;
#endif
}

/* sluice:answer (slot, generation, count): COUNT responses were sent to their end by one write. */
static inline void probe_answer(uint32_t slot, uint32_t generation, unsigned count)
{
#ifdef SLUICE_HAVE_PROBES
    DTRACE_PROBE3(sluice, answer, slot, generation, count);
#else
    (void)slot, (void)generation, (void)count;
#endif
}

/* sluice:close (slot, generation): the connection's descriptor is closed. */
static inline void probe_close(uint32_t slot, uint32_t generation)
{
#ifdef SLUICE_HAVE_PROBES
    DTRACE_PROBE2(sluice, close, slot, generation);
#else
    (void)slot, (void)generation;
#endif
}

#endif
