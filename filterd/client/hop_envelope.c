#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "client/hop_private.h"
#include "net/stream.h"

/* Octets of commands sent before their replies are read: were it without bound, both sides could
 * end up waiting for the other to read (RFC 2920 3.1). */
#define WINDOW 16384

/* Commands that are on their way, in order: some XFORWARD, MAIL, RCPT. */
struct flight {
	size_t xforward;
	int mail;
	size_t rcpt, rcpt_sent; /* replies read up to, commands sent up to */
};

/* --- parameters --- */

static const struct {
	const char *word;
	unsigned cap;
} params[] = {
	{ "SMTPUTF8", CAP_SMTPUTF8 },
	{ "RET", CAP_DSN },
	{ "ENVID", CAP_DSN },
	{ "NOTIFY", CAP_DSN },
	{ "ORCPT", CAP_DSN },
};

static const char *
cap_name(unsigned cap)
{
	return cap == CAP_DSN ? "DSN" : cap == CAP_SMTPUTF8 ? "SMTPUTF8" : "8BITMIME";
}

static const char *
refuses_param(unsigned caps, struct span param)
{
	struct span word, value;

	span_cut(param, '=', &word, &value);
	if (span_case_eq_str(word, "SIZE"))
		return NULL;
	if (span_case_eq_str(word, "BODY")) {
		if (span_case_eq_str(value, "7BIT"))
			return NULL;
		if (span_case_eq_str(value, "8BITMIME"))
			return caps & CAP_8BITMIME ? NULL : cap_name(CAP_8BITMIME);
		return "BINARYMIME";
	}
	for (size_t i = 0; i < nitems(params); i++)
		if (span_case_eq_str(word, params[i].word))
			return caps & params[i].cap ? NULL : cap_name(params[i].cap);
	return "an extension of the sender's"; /* we do not announce any other */
}

const char *
hop_refuses_params(const struct hop *h, const char *text)
{
	struct span param, rest = span_str(text);
	const char *missing = NULL;

	while (rest.len > 0 && missing == NULL) {
		span_cut(rest, ' ', &param, &rest);
		if (param.len > 0)
			missing = refuses_param(h->caps.bits, param);
	}
	return missing;
}

/* SIZE and BODY=7BIT ask for nothing, so a next hop that does not know them need not see them. */
static int
is_void_param(unsigned caps, struct span param)
{
	struct span word, value;

	span_cut(param, '=', &word, &value);
	return (span_case_eq_str(word, "SIZE") && !(caps & CAP_SIZE)) ||
	       (span_case_eq_str(word, "BODY") && span_case_eq_str(value, "7BIT") &&
		   !(caps & CAP_8BITMIME));
}

static void
queue_path(struct hop *h, const char *verb, const char *path, const char *text)
{
	struct span param, rest = span_str(text);
	struct buf *out = stream_out(h->s);

	buf_adds(out, verb);
	buf_adds(out, path);
	buf_addc(out, '>');
	while (rest.len > 0) {
		span_cut(rest, ' ', &param, &rest);
		if (param.len == 0 || is_void_param(h->caps.bits, param))
			continue;
		buf_addc(out, ' ');
		buf_add_span(out, param);
	}
	buf_adds(out, "\r\n");
}

/* --- a transaction --- */

static int
begin(struct hop *h, struct hop_envelope *e, struct err *err)
{
	assert(h->magic == HOP_MAGIC && h->phase == PHASE_IDLE && !h->broken);
	h->answered = h->flushed = 0;
	memset(&e->mail, 0, sizeof(e->mail));
	memset(&e->data, 0, sizeof(e->data));
	e->mail.text = e->data.text = "";
	arena_reset(h->arena);
	if (stream_peek(h->s).len > 0) {
		h->broken = 1;
		err_set(err, ERR_PEER, "protocol error: a reply that nobody asked for");
		return -1;
	}
	return 0;
}

static void
clear_rcpt(struct hop_rcpt *r)
{
	memset(&r->reply, 0, sizeof(r->reply));
	memset(&r->final, 0, sizeof(r->final));
	r->reply.text = r->final.text = "";
}

static int
accepted(const struct hop_reply *r)
{
	return r->code / 100 == 2;
}

static struct deadline
reply_deadline(const struct hop_envelope *e, struct deadline whole)
{
	return e->reply_ms == 0 ? whole : deadline_min(whole, deadline_in_ms(e->reply_ms));
}

/* Read the replies to all that was sent. */
static int
read_flight(
    struct hop *h, struct hop_envelope *e, struct flight *f, struct deadline d, struct err *err)
{
	for (; f->xforward > 0; f->xforward--) {
		struct hop_reply r;

		if (hop_read_result(h, "XFORWARD", h->arena, &r, reply_deadline(e, d), err) == -1)
			return -1;
		/* It announced XFORWARD, yet not for us: the mail matters more.  501 is about these
		 * values, 4xx about now; any other refusal would come each time and be counted as
		 * an error of ours. */
		if (r.code / 100 == 5 && r.code != 501)
			h->caps.xforward = 0;
	}
	if (f->mail) {
		f->mail = 0;
		if (hop_read_result(h, "MAIL", e->arena, &e->mail, reply_deadline(e, d), err) == -1)
			return -1;
	}
	for (; f->rcpt < f->rcpt_sent; f->rcpt++)
		if (hop_read_result(h, "RCPT", e->arena, &e->rcpts[f->rcpt].reply,
			reply_deadline(e, d), err) == -1)
			return -1;
	return 0;
}

static int
exchange(
    struct hop *h, struct hop_envelope *e, struct flight *f, struct deadline d, struct err *err)
{
	if (hop_flush_commands(h, "sending the envelope", reply_deadline(e, d), err) == -1)
		return -1;
	return read_flight(h, e, f, d, err);
}

/* Of the recipients whose replies were read: is the data wanted? */
static int
wants_data(const struct hop_envelope *e, size_t upto, int all_or_none)
{
	size_t yes = 0;

	for (size_t i = 0; i < upto; i++)
		yes += (size_t)accepted(&e->rcpts[i].reply);
	return accepted(&e->mail) && (all_or_none ? yes == upto : yes > 0);
}

static int
read_data_reply(
    struct hop *h, struct hop_envelope *e, int wanted, struct deadline d, struct err *err)
{
	if (hop_read_reply(h, "DATA", e->arena, &e->data, reply_deadline(e, d), err) == -1)
		return -1;
	if (e->data.code == 354 && wanted) {
		h->phase = PHASE_DATA;
		wire_begin(&h->content);
		return 0;
	}
	if (e->data.code == 354) {
		/* Neither a dot, which could deliver, nor RSET, which would be content. */
		h->broken = 1;
		memset(&e->data, 0, sizeof(e->data));
		e->data.text = "";
		return 0;
	}
	if (e->data.code / 100 == 4 || e->data.code / 100 == 5)
		return 0;
	h->broken = 1;
	err_set(err, ERR_PEER, "protocol error: %d in reply to DATA", e->data.code);
	memset(&e->data, 0, sizeof(e->data));
	e->data.text = "";
	return -1;
}

/* Say for whom we speak: by XCLIENT now, or by XFORWARD with the commands that follow.  A refusal
 * of the client is the reply to MAIL. */
static int
introduce(
    struct hop *h, struct hop_envelope *e, struct flight *f, struct deadline d, struct err *err)
{
	int rc = hop_become(h, e->client, e->arena, &e->mail, reply_deadline(e, d), err);

	if (rc == 0 && e->mail.code == 0)
		f->xforward = hop_queue_xforward(h, e->client);
	return rc == -1 ? -1 : 0;
}

int
hop_begin(
    struct hop *h, struct hop_envelope *e, int all_or_none, struct deadline d, struct err *err)
{
	int together = (h->caps.bits & CAP_PIPELINING) != 0;
	struct flight f = { 0 };

	for (size_t i = 0; i < e->nrcpts; i++)
		clear_rcpt(&e->rcpts[i]);
	if (!together) {
		if (hop_mail(h, e, d, err) == -1)
			return -1;
		for (size_t i = 0; i < e->nrcpts && accepted(&e->mail); i++)
			if (hop_rcpt(h, e, i, d, err) == -1)
				return -1;
		if (!accepted(&e->mail) || !wants_data(e, e->nrcpts, all_or_none))
			return 0;
		return hop_data(h, e, d, err);
	}
	if (begin(h, e, err) == -1 || introduce(h, e, &f, d, err) == -1)
		return -1;
	if (e->mail.code != 0)
		return 0;
	queue_path(h, "MAIL FROM:<", e->mail_path, e->mail_params);
	f.mail = 1;
	h->phase = PHASE_MAIL;
	while (f.rcpt_sent < e->nrcpts) {
		struct hop_rcpt *r = &e->rcpts[f.rcpt_sent++];

		queue_path(h, "RCPT TO:<", r->path, r->params);
		if (stream_queued(h->s) < WINDOW)
			continue;
		if (exchange(h, e, &f, d, err) == -1)
			return -1;
		if (!accepted(&e->mail) || (all_or_none && !wants_data(e, f.rcpt, 1)))
			return 0;
	}
	stream_queue(h->s, "DATA\r\n", 6);
	if (exchange(h, e, &f, d, err) == -1)
		return -1;
	return read_data_reply(h, e, wants_data(e, e->nrcpts, all_or_none), d, err);
}

int
hop_mail(struct hop *h, struct hop_envelope *e, struct deadline d, struct err *err)
{
	int together = (h->caps.bits & CAP_PIPELINING) != 0;
	struct flight f = { 0 };

	if (begin(h, e, err) == -1 || introduce(h, e, &f, d, err) == -1)
		return -1;
	if (e->mail.code != 0)
		return 0;
	/* Two XFORWARD commands at once are no trouble: the peer knows an extension that came after
	 * PIPELINING; MAIL waits for them where it does not pipeline. */
	if (!together && f.xforward > 0 && exchange(h, e, &f, d, err) == -1)
		return -1;
	queue_path(h, "MAIL FROM:<", e->mail_path, e->mail_params);
	f.mail = 1;
	h->phase = PHASE_MAIL;
	if (exchange(h, e, &f, d, err) == -1)
		return -1;
	if (!accepted(&e->mail))
		h->phase = PHASE_IDLE;
	return 0;
}

int
hop_rcpt(struct hop *h, struct hop_envelope *e, size_t i, struct deadline d, struct err *err)
{
	struct flight f = { .rcpt = i, .rcpt_sent = i + 1 };

	assert(h->phase == PHASE_MAIL && i < e->nrcpts);
	clear_rcpt(&e->rcpts[i]);
	queue_path(h, "RCPT TO:<", e->rcpts[i].path, e->rcpts[i].params);
	return exchange(h, e, &f, d, err);
}

int
hop_data(struct hop *h, struct hop_envelope *e, struct deadline d, struct err *err)
{
	assert(h->phase == PHASE_MAIL);
	stream_queue(h->s, "DATA\r\n", 6);
	if (hop_flush_commands(h, "sending DATA", d, err) == -1)
		return -1;
	return read_data_reply(h, e, wants_data(e, e->nrcpts, 0), d, err);
}

int
hop_rset(struct hop *h, struct deadline d, struct err *err)
{
	struct hop_reply r;

	if (h->phase == PHASE_IDLE)
		return 0;
	assert(h->phase == PHASE_MAIL);
	stream_queue(h->s, "RSET\r\n", 6);
	if (hop_flush_commands(h, "sending RSET", d, err) == -1 ||
	    hop_read_result(h, "RSET", h->arena, &r, d, err) == -1)
		return -1;
	if (!accepted(&r)) {
		h->broken = 1;
		err_set(err, ERR_PEER, "protocol error: %d in reply to RSET", r.code);
		return -1;
	}
	h->phase = PHASE_IDLE;
	return 0;
}
