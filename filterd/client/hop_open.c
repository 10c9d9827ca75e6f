#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "client/hop_private.h"
#include "net/dial.h"
#include "net/stream.h"

static const struct {
	const char *word;
	unsigned bit;
} cap_words[] = {
	{ "PIPELINING", CAP_PIPELINING },
	{ "SIZE", CAP_SIZE },
	{ "8BITMIME", CAP_8BITMIME },
	{ "SMTPUTF8", CAP_SMTPUTF8 },
	{ "DSN", CAP_DSN },
	{ "ENHANCEDSTATUSCODES", CAP_ENHANCEDSTATUSCODES },
	{ "CHUNKING", CAP_CHUNKING },
	{ "XFORWARD", CAP_XFORWARD },
	{ "XCLIENT", CAP_XCLIENT },
}, attr_words[] = {
	{ "NAME", XF_NAME },
	{ "ADDR", XF_ADDR },
	{ "PORT", XF_PORT },
	{ "PROTO", XF_PROTO },
	{ "HELO", XF_HELO },
	{ "IDENT", XF_IDENT },
	{ "SOURCE", XF_SOURCE },
	{ "REVERSE_NAME", XF_REVERSE_NAME },
	{ "LOGIN", XF_LOGIN },
};

static unsigned
parse_attrs(struct span rest)
{
	unsigned bits = 0;
	struct span word;

	while (rest.len > 0) {
		span_cut(rest, ' ', &word, &rest);
		for (size_t i = 0; i < nitems(attr_words); i++)
			if (span_case_eq_str(word, attr_words[i].word))
				bits |= attr_words[i].bit;
	}
	return bits;
}

static void
parse_cap_line(struct span line, struct hop_caps *caps)
{
	struct span word, rest;
	uint64_t n;

	span_cut(line, ' ', &word, &rest);
	for (size_t i = 0; i < nitems(cap_words); i++)
		if (span_case_eq_str(word, cap_words[i].word))
			caps->bits |= cap_words[i].bit;
	if (span_case_eq_str(word, "SIZE") && span_u64(span_trim(rest), INT64_MAX, &n) == 0)
		caps->size = (long long)n;
	if (span_case_eq_str(word, "XFORWARD"))
		caps->xforward = parse_attrs(rest);
	if (span_case_eq_str(word, "XCLIENT"))
		caps->xclient = parse_attrs(rest);
}

void
hop_parse_caps(const char *text, struct hop_caps *caps)
{
	struct span line, rest = span_str(text);

	memset(caps, 0, sizeof(*caps));
	/* The first line is its name. */
	span_cut(rest, '\n', &line, &rest);
	while (rest.len > 0) {
		span_cut(rest, '\n', &line, &rest);
		parse_cap_line(span_trim(line), caps);
	}
}

static int
refused(struct hop *h, const char *to, const struct hop_reply *r, struct err *err)
{
	h->broken = 1;
	err_set(err, ERR_PEER, "refused %s: %d %s%s%.*s", to, r->code, r->enhanced,
	    *r->enhanced ? " " : "", hop_first_line(r->text), r->text);
	return -1;
}

/* EHLO, LHLO or HELO: 1 agreed, 0 refused with a 5xx, -1. */
static int
say_hello(struct hop *h, const char *verb, const char *name, struct hop_reply *r, struct deadline d,
    struct err *err)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s %s\r\n", verb, name);
	stream_queue(h->s, b.p, b.len);
	buf_fini(&b);
	if (hop_flush_commands(h, "greeting", d, err) == -1 ||
	    hop_read_result(h, verb, h->arena, r, d, err) == -1)
		return -1;
	if (r->code / 100 == 2)
		return 1;
	/* Not known to it; any other refusal is no reason to believe that it can do nothing. */
	return r->code >= 500 && r->code <= 504 ? 0 : refused(h, verb, r, err);
}

int
hop_hello(struct hop *h, const char *name, struct hop_reply *r, struct deadline d, struct err *err)
{
	const char *verb = h->target.protocol == HOP_LMTP ? "LHLO" : "EHLO";
	int rc = say_hello(h, verb, name, r, d, err);

	if (rc == 1)
		hop_parse_caps(r->text, &h->caps);
	return rc;
}

static int
greet(struct hop *h, const char *name, struct deadline d, struct err *err)
{
	const char *verb = h->target.protocol == HOP_LMTP ? "LHLO" : "EHLO";
	struct hop_reply r;
	int rc;

	if (hop_read_result(h, "connecting", h->arena, &r, d, err) == -1)
		return -1;
	if (r.code / 100 != 2)
		return refused(h, "the connection", &r, err);
	rc = hop_hello(h, name, &r, d, err);
	if (rc == 0 && h->target.protocol == HOP_SMTP)
		rc = say_hello(h, verb = "HELO", name, &r, d, err);
	if (rc == 0)
		return refused(h, verb, &r, err);
	return rc == -1 ? -1 : 0;
}

struct hop *
hop_greet(
    int fd, const struct next_hop *to, const char *helo_name, struct deadline d, struct err *err)
{
	struct hop *h = xcalloc(1, sizeof(*h));

	h->magic = HOP_MAGIC;
	h->s = stream_new(fd);
	h->target = *to;
	h->arena = arena_new();
	h->helo_name = xstrdup(helo_name);
	h->farewell.text = "";
	if (greet(h, helo_name, d, err) == -1) {
		if (h->farewell.code != 0 && err != NULL)
			err->class = ERR_PEER; /* its own words: not a failure to reach it */
		hop_close(h);
		return NULL;
	}
	arena_reset(h->arena);
	buf_fini(&h->line);
	return h;
}

struct hop *
hop_open(const struct next_hop *to, const char *helo_name, int connect_ms, int helo_ms,
    struct deadline d, struct err *err)
{
	int fd = dial(&to->to, deadline_min(d, deadline_in_ms(connect_ms)), err);

	if (fd == -1)
		return NULL;
	return hop_greet(fd, to, helo_name, deadline_min(d, deadline_in_ms(helo_ms)), err);
}

void
hop_close(struct hop *h)
{
	if (h == NULL)
		return;
	stream_free(h->s);
	wire_fini(&h->content);
	buf_fini(&h->line);
	arena_free(h->arena);
	free(h->helo_name);
	h->magic = 0;
	free(h);
}

void
hop_quit(struct hop *h)
{
	struct err ignored;

	/* Six octets on an idle connection: there is room for them, or the peer is past caring. */
	stream_queue(h->s, "QUIT\r\n", 6);
	if (stream_flush(h->s, deadline_in_ms(0), &ignored) == -1)
		h->broken = 1;
	hop_close(h);
}

const struct next_hop *
hop_target(const struct hop *h)
{
	return &h->target;
}

const struct hop_caps *
hop_caps(const struct hop *h)
{
	return &h->caps;
}

const struct hop_reply *
hop_farewell(const struct hop *h)
{
	return &h->farewell;
}

int
hop_unanswered(const struct hop *h)
{
	return !h->answered;
}

int
hop_standing(const struct hop *h)
{
	return !h->broken;
}

int
hop_idle(const struct hop *h)
{
	/* Octets that nobody asked for are a goodbye, or belong to no command of ours. */
	return !h->broken && h->phase == PHASE_IDLE && stream_peek(h->s).len == 0;
}
