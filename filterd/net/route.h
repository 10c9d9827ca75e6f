/*
 * route - can this machine send to an address?
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

/* addr: in_addr (AF_INET) or in6_addr (AF_INET6), as the DNS gives it.  1: there is a route, and an
 * address of our own to use on it; nothing is sent to find out.  0: there is none, or no descriptor
 * to ask with.  Any thread. */
int route_exists(int family, const void *addr);

#endif
