#include <stdio.h>
#include <string.h>

#include "core/client.h"

void
client_init(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->sa.ss_family = AF_UNSPEC;
	snprintf(c->addr, sizeof(c->addr), "unknown");
	snprintf(c->name, sizeof(c->name), "unknown");
	snprintf(c->reverse_name, sizeof(c->reverse_name), "unknown");
}

void
client_label(const struct client *c, char *out, size_t size)
{
	snprintf(out, size, "%s[%s]", c->name, c->addr);
}
