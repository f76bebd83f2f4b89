/* cpus: the number of threads that this process can really run at once.
 *
 * Owns nothing; reads the affinity mask and the cgroup files. The result is the smaller of: the
 * CPUs that sched_getaffinity(2) allows (cpusets and taskset), and the CPU quota of the process's
 * cgroup and of each of its ancestors (cgroups(7): cpu.max in version 2, cpu.cfs_quota_us in
 * version 1), by which container engines limit CPUs. */
#ifndef SLUICE_CPUS_H
#define SLUICE_CPUS_H

#include "base/base.h"

#define CPUS_CGROUP_ROOT "/sys/fs/cgroup"
#define CPUS_CGROUP_SELF "/proc/self/cgroup"

/* The number of CPUs that this thread may run on; at least 1. */
unsigned cpus_affinity(void);

/* The tightest quota in CPUs, rounded up, so at least 1; 0: no quota. ROOT is the directory where
 * the cgroup file systems are mounted, SELF the file that lists the process's cgroups. A file that
 * is missing or malformed sets no quota. */
unsigned cpus_quota(const char *root, const char *self);

/* The smaller of the two; at least 1. */
unsigned cpus_usable(void);

#endif
