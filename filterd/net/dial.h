/*
 * dial - make connections and listening sockets; say who is at the other end
 *
 * Names are looked up with getaddrinfo(3): next hops are loopback addresses, literals or names of
 * /etc/hosts; mail-dependent DNS has its own resolver.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"

struct err;

/* A connected, close-on-exec socket with TCP_NODELAY, or -1 (ERR_RETRY; ERR_CONFIG: there is no
 * such host).  The text says what failed, not where. */
int dial(const struct endpoint *, struct deadline, struct err *) ATTR_MUST_USE;

struct listen_options {
	int backlog;       /* 1024 */
	unsigned mode;     /* unix sockets: permission bits, e.g. 0660 */
	const char *group; /* unix sockets: group name or NULL */
};

/* A non-blocking listening socket, or -1.  A unix socket left behind by a dead process is replaced;
 * one that answers is an error. */
int listen_open(const struct endpoint *, const struct listen_options *, struct err *) ATTR_MUST_USE;

/* The address text: "192.0.2.1", "2001:db8::1" (IPv4-mapped as IPv4), "unix" for AF_UNIX; port 0
 * there. */
void sockaddr_text(const struct sockaddr_storage *, char *out, size_t size, int *port);

/* --- lists of networks: allowed_clients, smtpd_authorized_xforward_hosts, mynetworks --- */

struct net_list;
/* Patterns in Postfix's form, separated by comma or white space: ADDRESS, NET/BITS, [V6]/BITS,
 * [V6], "unix" for unix socket peers, each with an optional ! in front; first match wins. */
struct net_list *net_list_parse(const char *text, struct err *) ATTR_MUST_USE;
void net_list_free(struct net_list *);
int net_list_match(const struct net_list *, const struct sockaddr_storage *); /* 1 or 0 */

#endif
