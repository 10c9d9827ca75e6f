/*
 * endpoint - where something listens or is reached, as text and as a struct
 *
 * Grammar (DESIGN.md, "Roles and configuration"):
 *	[inet:]HOST:PORT   [inet:][V6]:PORT   [inet:][HOST]:PORT   unix:/PATH
 * HOST is a name or an IPv4 address; PORT a number or a service name.  For a next hop the port may
 * be left out and is then default_port; brackets round a name mean "no MX look-up", as in Postfix.
 *
 * Errors say what was expected; what was found the caller names.
 *
 * Ownership: text lives in the struct.
 */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <stddef.h>

#include "base/attr.h"

struct err;

enum endpoint_kind { ENDPOINT_INET, ENDPOINT_UNIX };

struct endpoint {
	enum endpoint_kind kind;
	char host[256]; /* ENDPOINT_INET; without brackets */
	char port[32];  /* ENDPOINT_INET */
	char path[108]; /* ENDPOINT_UNIX */
	int bracketed;  /* [HOST]: no MX look-up */
};

/* default_port NULL: the port is required.  0, or -1 with err saying what was expected. */
int endpoint_parse(
    const char *text, const char *default_port, struct endpoint *, struct err *) ATTR_MUST_USE;
/* The canonical text, "127.0.0.1:25", "[::1]:25" or "unix:/path". */
void endpoint_format(const struct endpoint *, char *out, size_t size);

enum hop_protocol { HOP_SMTP, HOP_LMTP };

/* A next hop: smtp:[HOST][:PORT], smtp:IPV4[:PORT], smtp:unix:/PATH, lmtp:[inet:]HOST[:PORT],
 * lmtp:unix:/PATH.  Default ports are 25 and 24.  smtp:DOMAIN asks for an MX look-up, which is not
 * there yet: an error. */
struct next_hop {
	enum hop_protocol protocol;
	struct endpoint to;
	char text[400]; /* canonical; equal text is the same next hop */
};

int next_hop_parse(const char *text, struct next_hop *, struct err *) ATTR_MUST_USE;

#endif
