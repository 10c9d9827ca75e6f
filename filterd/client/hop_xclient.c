/* A client that came to us by XCLIENT goes on by XCLIENT, where the next hop takes that. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop_private.h"
#include "mail/syntax.h"
#include "net/stream.h"

#define COMMAND_MAX 510 /* RFC 5321 4.5.3.1.4, without CRLF */

static void
send_command(struct hop *h, const struct buf *attrs)
{
	stream_queue(h->s, "XCLIENT", 7);
	stream_queue(h->s, attrs->p, attrs->len);
	stream_queue(h->s, "\r\n", 2);
}

/* 1 agreed: it greets us as the client; 0 *r is its refusal; -1. */
static int
exchange(struct hop *h, const struct buf *attrs, struct arena *a, struct hop_reply *r,
    struct deadline d, struct err *err)
{
	send_command(h, attrs);
	if (hop_flush_commands(h, "sending XCLIENT", d, err) == -1 ||
	    hop_read_result(h, "XCLIENT", a, r, d, err) == -1)
		return -1;
	return r->code / 100 == 2;
}

/* All attributes, the address in the last command: with it we may be nobody who may say XCLIENT any
 * more. */
static int
tell(struct hop *h, const struct hop_client *c, struct arena *a, struct hop_reply *r,
    struct deadline d, struct err *err)
{
	const char *none = "[UNAVAILABLE]", *later = "[TEMPUNAVAIL]";
	struct buf attr = { 0 }, command = { 0 };
	int rc = 1;
	const struct {
		unsigned bit;
		const char *name, *prefix, *value, *none;
	} attrs[] = {
		{ XF_NAME, "NAME", "", c->name, c->name_tempfail ? later : none },
		{ XF_REVERSE_NAME, "REVERSE_NAME", "", c->reverse_name,
		    c->reverse_tempfail ? later : none },
		{ XF_PORT, "PORT", "", c->port, none },
		{ XF_LOGIN, "LOGIN", "", c->login, none },
		{ XF_ADDR, "ADDR", c->addr != NULL && strchr(c->addr, ':') ? "IPV6:" : "", c->addr,
		    none },
	};

	for (size_t i = 0; rc == 1 && i < nitems(attrs); i++) {
		if ((h->caps.xclient & attrs[i].bit) == 0)
			continue;
		buf_reset(&attr);
		hop_format_attr(
		    &attr, attrs[i].name, attrs[i].prefix, attrs[i].value, attrs[i].none);
		if (command.len > 0 && strlen("XCLIENT") + command.len + attr.len > COMMAND_MAX) {
			rc = exchange(h, &command, a, r, d, err);
			buf_reset(&command);
		}
		buf_add_span(&command, buf_span(&attr));
	}
	if (rc == 1)
		rc = exchange(h, &command, a, r, d, err);
	buf_fini(&attr);
	buf_fini(&command);
	return rc;
}

int
hop_become(struct hop *h, const struct hop_client *c, struct arena *a, struct hop_reply *refused,
    struct deadline d, struct err *err)
{
	unsigned takes = h->caps.xclient;
	struct hop_reply r = { 0 };
	const char *helo;
	int rc;

	if (c == NULL || !c->xclient || (h->caps.bits & CAP_XCLIENT) == 0 || !(takes & XF_ADDR))
		return 0;
	h->personal = 1;
	rc = tell(h, c, a, &r, d, err);
	if (rc == 1) {
		/* HELO= would only last to the HELO that must follow. */
		helo = c->helo != NULL && syntax_helo(span_str(c->helo)) ? c->helo : h->helo_name;
		r.code = 0;
		rc = hop_hello(h, helo, &r, d, err);
		/* For us it would be the end; here it is said to the client. */
		if (rc == -1 && r.code >= 400) {
			h->broken = 0;
			rc = 0;
		}
	}
	if (rc == 0) {
		*refused = r;
		refused->text = arena_strdup(a, r.text);
	}
	return rc;
}
