/* listener_end: see listener_end.h. */
#include "system/listener_end.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { TCP_FLAGS_AT = 13, FLAG_SYN = 0x02, FLAG_ACK = 0x10 }; /* RFC 9293 section 3.1 */

bool listener_end_begin(int fd)
{
    const int seconds = 0;
    if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0)
        return true;
    shutdown(fd, SHUT_RD); /* of the Unix domain: connect(2) fails, the queue stays */
    return false;
}

void listener_end_refuse(int fd)
{
    /* A filter of a TCP socket sees packets from the TCP header on. Accepted sockets inherit it;
     * what it drops means nothing to them. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLAG_SYN | FLAG_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
    /* If it fails, clients that connect in the last moment may be reset. */
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
