#include <string.h>

#include "action/relay_private.h"
#include "base/arena.h"
#include "mail/reply.h"

void
result_set(struct relay *r, size_t rcpt, int code, const char *reply, const char *hop)
{
	if (!fate_set(r->t, rcpt, code, reply, hop))
		return;
	if (r->t->rcpts[rcpt]->fate == FATE_DELIVERED)
		r->served++;
	else
		r->failed = 1;
}

/* 421 would close the channel to our client; other codes are passed on. */
static int
our_code(const struct relay *r, int code)
{
	if (code == 421)
		return 451;
	if (code / 100 == 2)
		return 250;
	return code / 100 == 5 && r->o->soft_bounce ? code - 100 : code;
}

/* Each line with the enhanced code, whose class is made to fit. */
static const char *
reply_text(struct relay *r, int code, const struct hop_reply *h)
{
	struct span line, rest = span_str(h->text);
	struct buf b = { 0 };
	char enhanced[sizeof(h->enhanced)] = "2.0.0";

	if (h->text == r->last_text && code == r->last_code)
		return r->last_reply;
	if (h->enhanced[0] != '\0')
		memcpy(enhanced, h->enhanced, sizeof(enhanced));
	enhanced_fit(enhanced, code);
	do {
		span_cut(rest, '\n', &line, &rest);
		if (b.len > 0)
			buf_addc(&b, '\n');
		buf_adds(&b, enhanced);
		buf_addc(&b, ' ');
		buf_add_span(&b, line);
	} while (rest.len > 0);
	r->last_text = h->text;
	r->last_code = code;
	r->last_reply = arena_strdup(r->t->arena, buf_cstr(&b));
	buf_fini(&b);
	return r->last_reply;
}

void
result_reply(struct relay *r, const struct delivery *d, size_t rcpt, const struct hop_reply *h)
{
	int code = our_code(r, h->code);

	result_set(r, rcpt, code, reply_text(r, code, h), d->step->hop.text);
}

void
result_reply_all(struct relay *r, const struct delivery *d, const struct hop_reply *h)
{
	for (size_t i = 0; i < d->nwho; i++)
		result_reply(r, d, d->who[i], h);
}

void
result_all(struct relay *r, const struct delivery *d, int code, const char *reply)
{
	for (size_t i = 0; i < d->nwho; i++)
		result_set(r, d->who[i], our_code(r, code), reply, d->step->hop.text);
}

void
result_rest(struct relay *r, int code, const char *reply)
{
	for (size_t i = 0; i < r->t->nrcpts; i++)
		result_set(r, i, code, reply, NULL);
}

/* Whose reply tells why: a 4xx before a 5xx, and one that has a cause of its own before those that
 * only wait for it. */
static const struct recipient *
cause(const struct relay *r)
{
	const struct recipient *best = NULL;
	int best_rank = 4;

	for (size_t i = 0; i < r->t->nrcpts; i++) {
		const struct recipient *to = r->t->rcpts[i];
		int rank = to->code / 100 == 2        ? 3
			   : to->reply == r->not_sent ? 2
			   : to->code / 100 == 5      ? 1
						      : 0;

		if (rank < best_rank) {
			best = to;
			best_rank = rank;
		}
	}
	return best;
}

static int
all_rejected(const struct relay *r)
{
	for (size_t i = 0; i < r->t->nrcpts; i++)
		if (r->t->rcpts[i]->code / 100 != 5)
			return 0;
	return 1;
}

/* "5.1.1 a\n5.1.1 b" as a 4xx. */
static const char *
softened(struct relay *r, const char *reply)
{
	char *s = arena_strdup(r->t->arena, reply);

	for (char *line = s; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line == '5')
			*line = '4';
	}
	return s;
}

void
result_one_reply(struct relay *r)
{
	const struct recipient *why;
	const char *reply;
	int code;

	if (!r->failed || all_rejected(r))
		return;
	why = cause(r);
	code = why->code / 100 == 5 ? why->code - 100 : why->code;
	reply = why->code / 100 == 5 ? softened(r, why->reply) : why->reply;
	for (size_t i = 0; i < r->t->nrcpts; i++) {
		struct recipient *to = r->t->rcpts[i];

		/* What the next hop said to this one would be lost otherwise. */
		if (to->hop != NULL && to->reply != reply && to->reply != r->not_sent)
			to->hop =
			    arena_printf(r->t->arena, "%s (%d %s)", to->hop, to->code, to->reply);
		if (to->fate != FATE_DELIVERED)
			to->fate = FATE_DEFERRED;
		to->code = code;
		to->reply = reply;
	}
}
