#include <string.h>

#include "base/attr.h"
#include "base/span.h"
#include "core/client.h"

void
client_init(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->sa.ss_family = AF_UNSPEC;
	memcpy(c->addr, "unknown", sizeof("unknown"));
	memcpy(c->name, "unknown", sizeof("unknown"));
	memcpy(c->reverse_name, "unknown", sizeof("unknown"));
}

int
client_is_local(const struct client *c)
{
	return c->source == SOURCE_XFORWARD_LOCAL || c->source == SOURCE_MILTER_LOCAL;
}

void
client_label(const struct client *c, char *out, size_t size)
{
	struct span parts[] = { span_str(c->name), span_str("["), span_str(c->addr),
		span_str("]") };
	size_t at = 0;

	for (size_t i = 0; i < nitems(parts) && at + parts[i].len < size; i++) {
		memcpy(out + at, parts[i].p, parts[i].len);
		at += parts[i].len;
	}
	out[at] = '\0';
}
