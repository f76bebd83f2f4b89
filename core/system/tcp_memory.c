/* tcp_memory: see tcp_memory.h. */
#include "system/tcp_memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_PRESSURE_MIB = 384, DEFAULT_SEND_MIB = 4 };

/* The values of the file at PATH: three numbers. Whether they could be read. */
static bool read_three(const char *path, unsigned long long ret_values[3])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char line[128] = "";
    char *at = fgets(line, sizeof line, file), *end = line;
    fclose(file);
    for (unsigned i = 0; at && i < 3; i++) {
        ret_values[i] = strtoull(at, &end, 10);
        at = end == at ? NULL : end;
    }
    return at != NULL;
}

void tcp_memory_read(struct tcp_memory *ret)
{
    unsigned long long values[3];
    *ret = (struct tcp_memory){
        .pressure_bytes = (uint64_t)DEFAULT_PRESSURE_MIB << 20,
        .send_bytes_max = (uint64_t)DEFAULT_SEND_MIB << 20,
    };
    if (read_three("/proc/sys/net/ipv4/tcp_mem", values)) /* low, pressure, high; in pages */
        ret->pressure_bytes = values[1] * (uint64_t)sysconf(_SC_PAGESIZE);
    if (read_three("/proc/sys/net/ipv4/tcp_wmem", values)) /* least, default, most; in bytes */
        ret->send_bytes_max = values[2];
}
