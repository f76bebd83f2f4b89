/* conn_addresses: how many connections each client address has, of all workers together, for
 * --max-connections-per-ip.
 *
 * Owns a hash table with an entry for each address that has connections, which is bounded by the
 * number of slots: an address is counted only by a connection that has a slot, and forgotten with
 * its last one. An IPv4 address counts for itself, also where it comes as an IPv4-mapped one or
 * through a translator (64:ff9b::/96, RFC 6052). An IPv6 address counts with its /64, since a
 * client chooses the rest (RFC 7934); a link-local one, whose prefix all hosts share, for itself.
 * The table exists only if there is a limit, or has been one.
 *
 * Any thread may take and give; a mutex protects the table, which is held for two short moments in
 * the life of a connection. */
#ifndef SLUICE_CONN_ADDRESSES_H
#define SLUICE_CONN_ADDRESSES_H

#include "base/endpoint.h"

/* Of a connection that is not counted. Not the key of an address: ff00::/8 is multicast. */
#define CONN_ADDRESS_NONE UINT64_MAX

struct conn_addresses;

/* Makes a table for at most CONNECTIONS_MAX connections, of each address at most LIMIT, which is
 * not 0. NULL: out of memory. *Gives*: conn_addresses_destroy. */
struct conn_addresses *conn_addresses_create(uint32_t connections_max, uint32_t limit);

/* Changes the limit; 0: none. An address may have more than a lower one until some have ended. Any
 * thread. */
void conn_addresses_set_limit(struct conn_addresses *addresses, uint32_t limit);

/* All connections have been given back. NULL is allowed. */
void conn_addresses_destroy(struct conn_addresses *addresses);

/* The key by which PEER is counted. CONN_ADDRESS_NONE: its address is not known. */
uint64_t conn_addresses_key(const struct endpoint *peer);

/* Counts another connection of KEY. False, with nothing counted: it has as many as it may. */
bool conn_addresses_take(struct conn_addresses *addresses, uint64_t key);

/* Reports that a connection of KEY, which was counted, has ended. */
void conn_addresses_give(struct conn_addresses *addresses, uint64_t key);

#endif
