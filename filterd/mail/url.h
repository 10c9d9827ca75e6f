/*
 * url - the URLs of a text, and of references in HTML, in one normal form
 *
 * Taken is what a reader would get to by a click, as mail readers and browsers see it, so more than
 * RFC 3986 has: HTTP:\\host, http:/host, http://good.example@host, addresses as one number, names
 * and dots of other scripts, www.host and host/path without a scheme, if host ends in a top-level
 * domain that there is.  A URL within a URL, percent-encoded or not, is one too: redirectors.
 *
 * Normal form: scheme and host in lower case, the host as mail/url_host.h has it, no user
 * information, no default port, "/" for no path; \ in the path is /; percent-encodings of
 *unreserved octets are undone, others have upper case digits; octets that no URL may have are
 *encoded.  The path is else as it stands, "." and ".." included.  mailto: has the address and
 *nothing else, data: the media type.  Where a URL has two plausible readings both are in the set.
 *
 * A set has each URL once, in the order in which they were found.
 *
 * Ownership: all memory is the arena's; the texts may go.
 * Limits: `limit` URLs, after which nothing is looked for; URL_TEXT_MAX octets of a normal form,
 *	the rest of which is left out, and some megabytes of <base> before the references of a set,
 *	both of which are URLS_LIMIT_LENGTH; URL_DEPTH_MAX URLs in one another.  urls_limits() tells
 *	which was reached: what is beyond is unknown, not harmless.
 * Time: linear in the text.
 * Threads: one at a time.
 */
#ifndef MAIL_URL_H
#define MAIL_URL_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"
#include "mail/url_host.h"

struct arena;
struct public_suffix;

#define URL_TEXT_MAX  4096
#define URL_DEPTH_MAX 4

struct url {
	struct span text; /* the normal form */
	/* Lengths of its beginnings: to the end of host and port, of the path, of the query. */
	size_t origin, path, query;
	enum url_host_kind kind;
	const char *host;       /* "" none */
	const char *registered; /* mail/public_suffix.h; "" none: an address, or a suffix itself */
};

enum urls_limit { /* bits */
	URLS_LIMIT_COUNT = 1 << 0,
	URLS_LIMIT_LENGTH = 1 << 1,
	URLS_LIMIT_DEPTH = 1 << 2,
};

struct urls;
struct urls *urls_new(struct arena *, const struct public_suffix *, size_t limit);

/* Those of a text, UTF-8 if possible. */
void urls_text(struct urls *, struct span text);
/* Those of HTML, UTF-8: attributes that hold references, the first <base> applied; meta refresh,
 * srcset, CSS; scripts as text, as written and with their escapes undone; what data: URLs hold;
 * and those of the text, which tags within a word do not hide.
 * Comments that only some readers read (<!--[if ...]>) are read. */
void urls_html(struct urls *, struct span html);
/* A reference of HTML (the value of href, say, its entities undone); base: what <base> says, p
 * NULL: nothing.  Relative to nothing it is no URL. */
void urls_reference(struct urls *, struct span value, struct span base);

size_t urls_count(const struct urls *);
const struct url *urls_get(const struct urls *, size_t i);
unsigned urls_limits(const struct urls *);

#endif
