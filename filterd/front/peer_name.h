/*
 * peer_name - the names of a client of whom only the address is known (private to front/)
 *
 * smtpd_peername_lookup, as Postfix's smtpd does it with getnameinfo(3) and getaddrinfo(3): the
 * name that the address has, /etc/hosts before the DNS, is the reverse name; if that name has the
 * address it is the client's name too.  What could not be found out just now is ATTR_TEMPFAIL.
 * Peers of unix sockets have none.
 */
#ifndef FRONT_PEER_NAME_H
#define FRONT_PEER_NAME_H

#include "base/clock.h"

struct arena;
struct client;
struct dns;

struct peer_names {
	struct dns *dns;   /* NULL: it cannot be asked just now */
	const char *hosts; /* the file */
	struct arena *arena;
	struct deadline deadline;
};

/* Fill name and reverse_name of the client.  Returns why the name is not to be trusted, for the
 * log, or NULL. */
const char *peer_name_find(const struct peer_names *, struct client *);

#endif
