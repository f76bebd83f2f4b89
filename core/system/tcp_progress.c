/* tcp_progress: see tcp_progress.h. */
#include "system/tcp_progress.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

int tcp_progress_read(int fd, struct tcp_progress *ret)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t bytes = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0)
        return -errno;
    *ret = (struct tcp_progress){
        .acknowledged_bytes = info.tcpi_bytes_acked,
        .received_bytes = info.tcpi_bytes_received,
        .busy_ms = info.tcpi_busy_time / 1000,
    };
    return 0;
}
