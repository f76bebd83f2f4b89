/* faults_port: at which port a server listens: by its start screen, or without that, if the fault
 * was in writing it, by what the kernel says of its sockets (proc(5)). */
#ifndef SLUICE_TESTS_FAULTS_PORT_H
#define SLUICE_TESTS_FAULTS_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Waits until process PID serves, whose standard output is the pipe OUTPUT. Returns the port; 0: it
 * has ended, or does not start. Without HAS_PORT: not 0 when the screen has come to its end, or has
 * not come for long. */
uint16_t faults_port(pid_t pid, int output, bool has_port);

#endif
