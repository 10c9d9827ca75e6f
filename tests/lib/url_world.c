#include "tests/lib/url_world.h"

#include "base/arena.h"
#include "base/buf.h"
#include "mail/public_suffix.h"

void
url_world_init(struct url_world *w)
{
	w->arena = arena_new();
	w->suffixes = public_suffix_new();
	url_world_fresh(w, 500);
}

void
url_world_fini(struct url_world *w)
{
	public_suffix_free(w->suffixes);
	arena_free(w->arena);
}

void
url_world_fresh(struct url_world *w, size_t limit)
{
	arena_reset(w->arena);
	w->urls = urls_new(w->arena, w->suffixes, limit);
}

const char *
url_world_found(const struct url_world *w)
{
	struct buf b = { 0 };
	const char *all;

	for (size_t i = 0; i < urls_count(w->urls); i++) {
		if (i > 0)
			buf_addc(&b, ' ');
		buf_add_span(&b, urls_get(w->urls, i)->text);
	}
	all = arena_strdup(w->arena, buf_cstr(&b));
	buf_fini(&b);
	return all;
}
