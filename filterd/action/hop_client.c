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
	if (c->sa.ss_family == AF_UNSPEC && c->source == SOURCE_PEER)
		return NULL;
	h = arena_calloc(arena, sizeof(*h));
	*h = (struct hop_client){ .name = known(c->name),
		.addr = known(c->addr),
		.port = c->port,
		.proto = c->proto,
		.helo = c->helo,
		.ident = c->ident,
		.local = client_is_local(c),
		.xclient = c->source == SOURCE_XCLIENT,
		.reverse_name = known(c->reverse_name),
		.login = c->login,
		.name_tempfail = c->name_state == ATTR_TEMPFAIL,
		.reverse_tempfail = c->reverse_state == ATTR_TEMPFAIL };
	return h;
}

void
hop_missing_reply(const char *missing, struct arena *arena, struct hop_reply *r)
{
	*r = (struct hop_reply){ .code = 451, .enhanced = "4.3.3" };
	/* A downgrade would break signatures, and no retry would bring the extension back. */
	if (strcmp(missing, "8BITMIME") == 0 || strcmp(missing, "BINARYMIME") == 0)
		*r = (struct hop_reply){ .code = 554, .enhanced = "5.6.1" };
	else if (strcmp(missing, "SMTPUTF8") == 0)
		*r = (struct hop_reply){ .code = 550, .enhanced = "5.6.7" };
	r->text = arena_printf(arena, "Next hop does not offer %s", missing);
}
