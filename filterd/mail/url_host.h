/*
 * url_host - the host of a URL, whatever it is written like
 *
 * As browsers read it: percent-encodings undone; international names to ASCII (UTS #46, which also
 * makes dots of the dots of other scripts and drops what cannot be seen); lower case; no dot at the
 * end; numbers in decimal, octal or hexadecimal, one to four of them, are an IPv4 address.  What
 * stands in [] is an IPv6 address, and an IPv4 address if it only maps one.
 *
 * Pure.
 */
#ifndef MAIL_URL_HOST_H
#define MAIL_URL_HOST_H

#include "base/span.h"
#include "mail/hostname.h"

enum url_host_kind { URL_NO_HOST, URL_NAME, URL_V4, URL_V6 };

struct url_host {
	enum url_host_kind kind;
	char name[HOSTNAME_MAX + 1]; /* an address as inet_ntop(3) writes it, without brackets */
};

/* 1; 0: no browser takes that for a host. */
int url_host_read(struct span written, struct url_host *);

#endif
