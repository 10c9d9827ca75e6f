/* Hosts as they stand in a text. */
#include <string.h>

#include "base/text.h"
#include "mail/public_suffix.h"
#include "mail/url_private.h"

int
url_name_is_top(const struct urls *u, const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && public_suffix_is_top(u->suffixes, dot + 1);
}

/* Where the words of another script may begin that are none of it: in its last label, or anywhere.
 * Its length: nowhere. */
static size_t
other_script_at(struct span s, int last_label)
{
	size_t found = s.len, n;
	int dot;

	for (size_t i = 0; i < s.len; i += n) {
		(void)url_ends_at(s, i, &n, &dot);
		if (last_label && (dot || s.p[i] == '.'))
			found = s.len;
		else if (!dot && s.p[i] >= 0x80 && found == s.len)
			found = i;
	}
	return found;
}

size_t
url_name_read(const struct urls *u, struct span written, struct url_host *host)
{
	int whole = url_host_read(written, host);
	struct url_host shorter;
	size_t n;

	if (whole && (host->kind != URL_NAME || url_name_is_top(u, host->name)))
		return written.len;
	for (int last_label = 1; last_label >= 0; last_label--) {
		n = other_script_at(written, last_label);
		if (n == written.len || !url_host_read(span_make(written.p, n), &shorter))
			continue;
		if (!whole || url_name_is_top(u, shorter.name)) {
			*host = shorter;
			return n;
		}
	}
	return whole ? written.len : 0;
}
