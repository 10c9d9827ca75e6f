/*
 * xattr - the attributes of XFORWARD and XCLIENT, "NAME=value"
 *
 * Postfix's XFORWARD_README and XCLIENT_README: a value is xtext of at most 255 octets, or
 * [UNAVAILABLE] (nobody knows) or [TEMPUNAVAIL] (nobody knows just now; XCLIENT's, understood in
 * both).  The two stay apart, for one is policy and the other is 4xx.  Pure functions over bytes.
 *
 * Stricter than Postfix: controls and octets above 126 are refused in each value, where it turns
 * some into '?'.
 */
#ifndef MAIL_XATTR_H
#define MAIL_XATTR_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

#define XATTR_VALUE_MAX 255

enum xattr_command { XATTR_XFORWARD = 1, XATTR_XCLIENT = 2 };

enum xattr_name {
	XATTR_NAME,
	XATTR_REVERSE_NAME,
	XATTR_ADDR,
	XATTR_PORT,
	XATTR_PROTO,
	XATTR_HELO,
	XATTR_IDENT,
	XATTR_SOURCE,
	XATTR_LOGIN,
	XATTR_DESTADDR,
	XATTR_DESTPORT,
	XATTR_NAMES,
};

enum xattr_state { XATTR_GIVEN, XATTR_UNAVAILABLE, XATTR_TEMPUNAVAIL };

struct xattr {
	enum xattr_name name;
	enum xattr_state state;
	char text[XATTR_VALUE_MAX + 1]; /* decoded; "" unless given */
};

enum xattr_result {
	XATTR_OK,
	XATTR_NO_PAIR,      /* not NAME=value: 501 5.5.4 Error: attribute=value expected */
	XATTR_UNKNOWN_NAME, /* none of the command's: 501 5.5.4 Bad XCLIENT attribute name: ... */
	XATTR_BAD_VALUE,    /* 501 5.5.4 Bad NAME syntax: ...; name is set */
};

/* The next attribute of the command's argument, which moves on behind it; with a result other than
 * XATTR_OK *word is what was wrong, for the reply.  Not called with nothing left. */
enum xattr_result xattr_next(
    enum xattr_command, struct span *rest, struct xattr *, struct span *word) ATTR_MUST_USE;
const char *xattr_text(enum xattr_name);
/* The argument of the EHLO line: "NAME ADDR ...". */
const char *xattr_announce(enum xattr_command);

#endif
