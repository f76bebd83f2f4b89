/* cpus: how many threads this process can really run at once.
 *
 * Owns nothing; reads the affinity mask and the cgroup files. The smaller of: the CPUs that
 * sched_getaffinity(2) allows (cpusets and taskset), and the CPU quota of the process's cgroup and of
 * each of its ancestors (cgroups(7): cpu.max in version 2, cpu.cfs_quota_us in version 1), which is
 * what a container's "2 CPUs" means. */
#ifndef SLUICE_CPUS_H
#define SLUICE_CPUS_H

#include "base/base.h"

#define CPUS_CGROUP_ROOT "/sys/fs/cgroup"
#define CPUS_CGROUP_SELF "/proc/self/cgroup"

/* CPUs that this thread may be scheduled on; at least 1. */
unsigned cpus_affinity(void);

/* The tightest quota in CPUs, rounded up, so at least 1; 0: there is none. ROOT is where the cgroup
 * file systems are mounted, SELF the file that names the process's cgroups. What is missing or makes
 * no sense is no quota. */
unsigned cpus_quota(const char *root, const char *self);

/* Both together; at least 1. */
unsigned cpus_usable(void);

#endif
