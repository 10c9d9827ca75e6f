#include <string.h>

#include "action/hop_client.h"
#include "base/arena.h"
#include "client/hop.h"
#include "core/client.h"

static const char *
known(const char *text)
{
	return strcmp(text, "unknown") == 0 ? "" : text;
}

const struct hop_client *
hop_client_make(struct arena *arena, const struct client *c)
{
	struct hop_client *h;

	/* A peer that speaks for others and did not say for whom: its own address would be a lie.
	 */
	if (c->sa.ss_family == AF_UNSPEC && c->ident[0] == '\0' && c->helo[0] == '\0')
		return NULL;
	h = arena_calloc(arena, sizeof(*h));
	*h = (struct hop_client){ .name = known(c->name),
		.addr = known(c->addr),
		.port = c->port,
		.proto = c->proto,
		.helo = c->helo,
		.ident = c->ident,
		.local = c->source == SOURCE_XFORWARD_LOCAL };
	return h;
}
