#include "mail/url.h"

#include <string.h>

#include "mail/public_suffix.h"
#include "mail/url_private.h"

#define ROOM_MIN 32

struct urls *
urls_new(struct arena *a, const struct public_suffix *suffixes, size_t limit)
{
	struct urls *u = arena_calloc(a, sizeof(*u));

	u->arena = a;
	u->suffixes = suffixes;
	u->limit = limit;
	u->join_left = URL_JOIN_MAX;
	keyhash_init(&u->key);
	return u;
}

int
urls_full(const struct urls *u)
{
	return (u->limits & URLS_LIMIT_COUNT) != 0;
}

/* The old list is left to the arena: all old ones are no more than the new one. */
static void
grow(struct urls *u)
{
	struct url_kept **old = u->list;

	u->room = u->room == 0 ? ROOM_MIN : 2 * u->room;
	u->list = arena_alloc(u->arena, u->room * sizeof(u->list[0]));
	if (u->n > 0)
		memcpy(u->list, old, u->n * sizeof(u->list[0]));
}

static const char *
registered_of(const struct urls *u, const struct url *url)
{
	const char *name = NULL;

	if (url->kind == URL_NAME)
		name = public_suffix_registered(u->suffixes, url->host);
	return name == NULL ? "" : name;
}

void
urls_put(struct urls *u, const struct url *url)
{
	uint64_t hash = keyhash(&u->key, url->text.p, url->text.len);
	struct url_kept **chain = &u->chains[hash % URLS_CHAINS], *k;

	for (k = *chain; k != NULL; k = k->next)
		if (k->hash == hash && span_eq(k->url.text, url->text))
			return;
	if (u->n == u->limit) {
		u->limits |= URLS_LIMIT_COUNT;
		return;
	}
	if (u->n == u->room)
		grow(u);
	k = arena_alloc(u->arena, sizeof(*k));
	k->url = *url;
	k->url.text = arena_span(u->arena, url->text);
	k->url.host = arena_strdup(u->arena, url->host);
	k->url.registered = registered_of(u, &k->url);
	k->hash = hash;
	k->next = *chain;
	*chain = k;
	u->list[u->n++] = k;
}

void
urls_text(struct urls *u, struct span text)
{
	url_scan(u, text, 0);
}

size_t
urls_count(const struct urls *u)
{
	return u->n;
}

const struct url *
urls_get(const struct urls *u, size_t i)
{
	return &u->list[i]->url;
}

unsigned
urls_limits(const struct urls *u)
{
	return u->limits;
}
