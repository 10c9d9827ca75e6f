/* The URL finder on any octets: what comes out is a normal form that is found again as it is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/public_suffix.h"
#include "mail/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

static int
has(const struct urls *u, struct span text)
{
	for (size_t i = 0; i < urls_count(u); i++)
		if (span_eq(urls_get(u, i)->text, text))
			return 1;
	return 0;
}

static void
sound(struct arena *a, const struct public_suffix *suffixes, const struct urls *found)
{
	for (size_t i = 0; i < urls_count(found); i++) {
		const struct url *u = urls_get(found, i);
		struct urls *again = urls_new(a, suffixes, 1000);

		must(u->origin <= u->path && u->path <= u->query && u->query <= u->text.len);
		must(u->text.len <= URL_TEXT_MAX &&
		     (u->kind == URL_NO_HOST) == (u->host[0] == '\0'));
		must(span_printable(u->text) == u->text.len &&
		     memchr(u->text.p, ' ', u->text.len) == NULL);
		urls_reference(again, u->text, span_make(NULL, 0));
		/* An encoding that was cut off at the end may read otherwise. */
		must(u->text.len == URL_TEXT_MAX || has(again, u->text));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct public_suffix *suffixes;
	struct arena *a = arena_new();
	struct urls *u;

	if (suffixes == NULL)
		suffixes = public_suffix_new();
	u = urls_new(a, suffixes, 40);
	urls_text(u, span_make(data, size));
	sound(a, suffixes, u);
	u = urls_new(a, suffixes, 40);
	urls_reference(u, span_make(data, size), span_make(data, size / 2));
	sound(a, suffixes, u);
	u = urls_new(a, suffixes, 40);
	urls_html(u, span_make(data, size));
	sound(a, suffixes, u);
	arena_free(a);
	return 0;
}
