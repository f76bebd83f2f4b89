/* loop_epoll: the engine over epoll(7), edge-triggered. See loop.h.
 *
 * A descriptor is registered once, for everything, and never modified. */
#ifndef SLUICE_LOOP_EPOLL_H
#define SLUICE_LOOP_EPOLL_H

#include "loop/loop.h"

extern const struct loop_engine loop_epoll_engine;

#endif
