/* Addresses of clients: see peer.h. */
#include "serve/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

peer peer_of(const struct sockaddr *address)
{
    peer p = { .text = "unix" };
    if (address && address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, p.text, sizeof p.text);
        p.net[10] = p.net[11] = 0xff;
        memcpy(p.net + 12, &in.sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        if (mapped)
            inet_ntop(AF_INET, in.sin6_addr.s6_addr + 12, p.text, sizeof p.text);
        else
            inet_ntop(AF_INET6, &in.sin6_addr, p.text, sizeof p.text);
        memcpy(p.net, in.sin6_addr.s6_addr, mapped ? 16 : 8);
    }
    return p;
}

typedef struct peer_count {
    uint8_t net[16];
    int n;
    UT_hash_handle hh;
} peer_count;

struct peer_counts {
    peer_count *table;
};

peer_counts *peer_counts_new(void)
{
    return calloc(1, sizeof(peer_counts));
}

void peer_counts_free(peer_counts *counts)
{
    peer_count *c, *next;
    if (!counts)
        return;
    HASH_ITER(hh, counts->table, c, next) {
        HASH_DEL(counts->table, c);
        free(c);
    }
    free(counts);
}

bool peer_counts_add(peer_counts *counts, const peer *p, int max)
{
    peer_count *c;
    HASH_FIND(hh, counts->table, p->net, sizeof p->net, c);
    if (c && max > 0 && c->n >= max)
        return false;
    if (!c) {
        if (!(c = calloc(1, sizeof *c)))
            return false;
        memcpy(c->net, p->net, sizeof c->net);
        HASH_ADD(hh, counts->table, net, sizeof c->net, c);
    }
    c->n++;
    return true;
}

void peer_counts_remove(peer_counts *counts, const peer *p)
{
    peer_count *c;
    HASH_FIND(hh, counts->table, p->net, sizeof p->net, c);
    if (c && --c->n <= 0) {
        HASH_DEL(counts->table, c);
        free(c);
    }
}
