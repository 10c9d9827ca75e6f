/*
 * public_suffix - where the part of a name ends that somebody has registered
 *
 * Mozilla's public suffix list, by libpsl: the one that is built into the library, or the system's
 * file (Debian: package publicsuffix) where that is newer.
 *
 * Ownership: public_suffix_new() gives it to the caller, who calls public_suffix_free().
 * Threads: any, once made.
 */
#ifndef MAIL_PUBLIC_SUFFIX_H
#define MAIL_PUBLIC_SUFFIX_H

#include "base/attr.h"

struct public_suffix;

/* It may read the system's file: at load, not for each message. */
struct public_suffix *public_suffix_new(void);
void public_suffix_free(struct public_suffix *); /* NULL is fine */

/* What was registered of this name, lower case and ASCII: "example.co.uk" of "www.example.co.uk",
 * "joe.github.io" of "x.joe.github.io".  It is the name's end; NULL: the name is a public suffix
 * itself. */
const char *public_suffix_registered(const struct public_suffix *, const char *name) ATTR_MUST_USE;
/* Is this a top-level domain of the Internet?  "com", "uk", "xn--p1ai" are; "html" is not. */
int public_suffix_is_top(const struct public_suffix *, const char *label) ATTR_MUST_USE;

#endif
