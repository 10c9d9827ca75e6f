/*
 * told - what another program tells us of a client and of addresses, as values (private to front/)
 *
 * A policy request, XFORWARD and a milter connection speak of clients and paths that an MTA has
 * understood already.
 */
#ifndef FRONT_TOLD_H
#define FRONT_TOLD_H

#include "base/attr.h"
#include "core/transaction.h"

struct arena;
struct client;

/* The client's address, from "192.0.2.1", "2001:db8::1" or either with "IPv6:" in front; "" and
 * "unknown" are none.  0, or -1: something else; the address is unknown then. */
int told_address(struct client *, const char *text);
/* Without "IPv6:". */
const char *told_bare_address(const char *text);
/* An address as it stands, whatever it looks like: the domain is behind the last @. */
struct path told_path(struct arena *, const char *text);
/* xtext decoded; what is none stays as it is. */
const char *told_xtext(struct arena *, const char *text);

#endif
