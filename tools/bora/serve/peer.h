/* Who is at the other end: an address as text for the log, and as bytes by which connections and requests are counted.
 */
#ifndef SERVE_PEER_H
#define SERVE_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PEER_TEXT_BYTES = 48 };

typedef struct peer {
    char text[PEER_TEXT_BYTES]; /* "192.0.2.7", "2001:db8::1", "unix" */
    uint8_t net[16]; /* the address; of IPv6 the first 64 bits alone, for the rest is the client's to choose */
} peer;

peer peer_of(const struct sockaddr *address);

/* How many connections each address has. */
typedef struct peer_counts peer_counts;

peer_counts *peer_counts_new(void);
void peer_counts_free(peer_counts *counts);
/* Counts one more, unless there are `max` (0: no limit) already or memory ran out. */
bool peer_counts_add(peer_counts *counts, const peer *p, int max);
void peer_counts_remove(peer_counts *counts, const peer *p);

#endif
