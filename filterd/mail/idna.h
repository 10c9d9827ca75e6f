/*
 * idna - an internationalised domain name as the DNS has it (RFC 5891, UTS #46, not transitional)
 *
 * By libidn2.  Pure.
 */
#ifndef MAIL_IDNA_H
#define MAIL_IDNA_H

#include "base/attr.h"

struct arena;

/* "bücher.example" is "xn--bcher-kva.example".  The same pointer when all of it is ASCII already;
 * NULL: it can be no name of the DNS.  Else in the arena. */
const char *idna_ascii(struct arena *, const char *domain) ATTR_MUST_USE;

#endif
