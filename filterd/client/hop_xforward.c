#include <string.h>

#include "client/hop_private.h"
#include "mail/syntax.h"
#include "net/stream.h"

#define COMMAND_MAX 510 /* RFC 5321 4.5.3.1.4, without CRLF */
#define VALUE_MAX   255 /* XFORWARD's own limit */

void
hop_format_attr(
    struct buf *b, const char *attr, const char *prefix, const char *value, const char *none)
{
	size_t start, len = value == NULL ? 0 : strlen(value);

	buf_printf(b, " %s=", attr);
	start = b->len;
	if (len > 0 && len <= VALUE_MAX) {
		buf_adds(b, prefix);
		xtext_encode(span_str(value), b);
	}
	if (b->len == start || b->len > COMMAND_MAX - strlen("XFORWARD")) {
		b->len = start;
		buf_adds(b, none);
	}
}

size_t
hop_queue_xforward(struct hop *h, const struct hop_client *c)
{
	unsigned takes = h->caps.xforward;
	struct buf attr = { 0 };
	size_t len = 0, commands = 0;

	if (c == NULL || (h->caps.bits & CAP_XFORWARD) == 0 || takes == 0)
		return 0;
	const struct {
		unsigned bit;
		const char *name, *prefix, *value;
	} attrs[] = {
		{ XF_NAME, "NAME", "", c->name },
		{ XF_ADDR, "ADDR", c->addr != NULL && strchr(c->addr, ':') ? "IPV6:" : "",
		    c->addr },
		{ XF_PORT, "PORT", "", c->port },
		{ XF_PROTO, "PROTO", "", c->proto },
		{ XF_HELO, "HELO", "", c->helo },
		{ XF_IDENT, "IDENT", "", c->ident },
		{ XF_SOURCE, "SOURCE", "", c->local ? "LOCAL" : "REMOTE" },
	};
	for (size_t i = 0; i < nitems(attrs); i++) {
		if ((takes & attrs[i].bit) == 0)
			continue;
		buf_reset(&attr);
		hop_format_attr(
		    &attr, attrs[i].name, attrs[i].prefix, attrs[i].value, "[UNAVAILABLE]");
		if (len > 0 && len + attr.len > COMMAND_MAX) {
			stream_queue(h->s, "\r\n", 2);
			len = 0;
		}
		if (len == 0) {
			stream_queue(h->s, "XFORWARD", 8);
			len = 8;
			commands++;
		}
		stream_queue(h->s, attr.p, attr.len);
		len += attr.len;
	}
	stream_queue(h->s, "\r\n", 2);
	buf_fini(&attr);
	return commands;
}
