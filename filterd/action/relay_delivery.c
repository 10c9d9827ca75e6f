#include <assert.h>
#include <string.h>

#include "action/hop_client.h"
#include "action/hop_release.h"
#include "action/relay_private.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "client/pool.h"
#include "core/message.h"

/* Octets handed on before they are sent and let go of: keeps a big message out of our memory. */
#define STRETCH ((size_t)1024 * 1024)

static int
is_yes(const struct hop_reply *r)
{
	return r->code / 100 == 2;
}

static void
log_trouble(const struct relay *r, const struct delivery *d, const char *what)
{
	log_warn(r->t->service, r->t->id, "next hop %s: %s", d->step->hop.text, what);
}

void
delivery_break(struct relay *r, struct delivery *d)
{
	if (d->hop != NULL)
		pool_break(r->o->pool, d->hop);
	d->hop = NULL;
	d->open = 0;
}

static void
give_back(struct relay *r, struct delivery *d)
{
	hop_release(r->o->pool, d->hop, deadline_in_ms(r->o->mail_timeout_ms));
	d->hop = NULL;
	d->open = 0;
}

/* The connection failed: its parting words, or ours about it. */
static void
lost(struct relay *r, struct delivery *d, const struct err *err)
{
	const struct hop_reply *said = hop_farewell(d->hop);

	log_trouble(r, d, err->text);
	if (said->code >= 400)
		result_reply_all(r, d, said);
	else
		result_all(r, d, 451, arena_printf(r->t->arena, "4.4.2 Next hop: %s", err->text));
	delivery_break(r, d);
}

/* --- opening --- */

/* What this next hop cannot take is refused, never taken off silently (PITFALLS G1). */
static int
refuses_extensions(struct relay *r, struct delivery *d)
{
	const struct hop_envelope *e = &d->own;
	const char *missing = hop_refuses_params(d->hop, e->mail_params);
	struct hop_reply no;

	for (size_t i = 0; missing == NULL && i < d->nown; i++)
		missing = hop_refuses_params(d->hop, e->rcpts[i].params);
	if (missing == NULL)
		return 0;
	hop_missing_reply(missing, r->t->arena, &no);
	log_trouble(r, d, no.text);
	result_reply_all(r, d, &no);
	give_back(r, d);
	return 1;
}

static void
make_envelope(struct relay *r, struct delivery *d)
{
	const struct plan_step *s = d->step;
	struct hop_envelope *e = &d->own;
	size_t n = 0;

	d->nown = s->to != NULL ? s->nto : d->nwho;
	memset(e, 0, sizeof(*e));
	e->mail_path = r->t->sender.octets;
	e->mail_params = r->t->sender.params;
	e->client = r->client;
	e->arena = r->t->arena;
	e->reply_ms = r->o->mail_timeout_ms;
	e->nrcpts = d->nown + s->nextra;
	e->rcpts = arena_calloc(r->t->arena, e->nrcpts * sizeof(*e->rcpts));
	for (size_t i = 0; i < d->nown; i++, n++) {
		const struct path *own = s->to == NULL ? &r->t->rcpts[d->who[i]]->path : NULL;

		e->rcpts[n].path = own != NULL ? own->octets : s->to[i];
		e->rcpts[n].params = own != NULL ? own->params : "";
	}
	for (size_t i = 0; i < s->nextra; i++, n++)
		e->rcpts[n] = (struct hop_rcpt){ .path = s->extra[i], .params = "" };
	d->envelope = e;
}

/* Nobody but us asked for the copies: no notice about them goes to the sender. */
static void
silence_copies(struct delivery *d)
{
	const char *params = hop_caps(d->hop)->bits & CAP_DSN ? "NOTIFY=NEVER" : "";

	for (size_t i = d->nown; i < d->own.nrcpts; i++)
		d->own.rcpts[i].params = params;
}

static size_t
refused_among(const struct hop_envelope *e, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += !is_yes(&e->rcpts[i].reply);
	return n;
}

/* Of several targets that stand for each recipient: the reply that decides, a 4xx before a 5xx. */
static const struct hop_reply *
worst(const struct delivery *d, int final)
{
	const struct hop_reply *w = NULL;

	for (size_t i = 0; i < d->nown; i++) {
		const struct hop_rcpt *t = &d->envelope->rcpts[i];
		const struct hop_reply *x = final ? &t->final : &t->reply;

		if (w == NULL ||
		    (x->code / 100 != 2 && (w->code / 100 == 2 || x->code / 100 < w->code / 100)))
			w = x;
	}
	return w;
}

/* The data did not open, or must not stay so: who refused? */
static void
explain(struct relay *r, struct delivery *d)
{
	const struct hop_envelope *e = d->envelope;
	size_t refused = refused_among(e, 0, d->nown);

	if (!is_yes(&e->mail)) {
		result_reply_all(r, d, &e->mail);
	} else if (refused == 0 && refused_among(e, d->nown, e->nrcpts) > 0) {
		log_trouble(r, d, "refuses a copy (BCC)");
		result_all(r, d, 451, "4.3.0 Next hop refuses a copy of this message");
	} else if (d->step->to != NULL && refused > 0) {
		result_reply_all(r, d, worst(d, 0));
	} else {
		for (size_t i = 0; refused > 0 && i < d->nown; i++)
			if (!is_yes(&e->rcpts[i].reply))
				result_reply(r, d, d->who[i], &e->rcpts[i].reply);
		if (e->data.code >= 400 && (refused == 0 || r->o->reply_each))
			result_reply_all(r, d, &e->data);
		result_all(r, d, 451, r->not_sent);
	}
}

/* After hop_begin() or hop_data(). */
static int
check_open(struct relay *r, struct delivery *d)
{
	const struct hop_envelope *e = d->envelope;
	size_t refused = refused_among(e, 0, d->nown);

	if (e->data.code == 354) {
		if (refused_among(e, d->nown, e->nrcpts) == 0 && refused < d->nown &&
		    (refused == 0 || d->step->to == NULL)) {
			d->open = 1;
			return 0;
		}
		explain(r, d);
		delivery_break(r, d);
		return -1;
	}
	explain(r, d);
	give_back(r, d);
	return -1;
}

int
delivery_open(struct relay *r, struct delivery *d)
{
	struct deadline limit = r->o->until;
	struct err err;

	make_envelope(r, d);
	for (int fresh = 0;; fresh = 1) {
		d->hop = pool_get(r->o->pool, &d->step->hop, fresh, limit, &err);
		if (d->hop == NULL) {
			log_trouble(r, d, err.text);
			result_all(r, d, 451,
			    err.class == ERR_PEER
				? arena_printf(r->t->arena, "4.4.1 Next hop: %s", err.text)
				: "4.4.1 Next hop not reachable");
			return -1;
		}
		if (refuses_extensions(r, d))
			return -1;
		silence_copies(d);
		if (hop_begin(d->hop, d->envelope, !r->o->reply_each, limit, &err) == 0)
			return check_open(r, d);
		/* A kept connection may have died unnoticed; nothing was begun on it. */
		if (fresh || !hop_reused(d->hop) || !hop_unanswered(d->hop))
			break;
		delivery_break(r, d);
	}
	lost(r, d, &err);
	return -1;
}

int
delivery_take_over(
    struct relay *r, struct delivery *d, struct hop *hop, struct hop_envelope *envelope)
{
	struct err err;

	d->hop = hop;
	d->envelope = envelope;
	d->nown = envelope->nrcpts;
	envelope->reply_ms = r->o->mail_timeout_ms;
	if (hop_data(hop, envelope, r->o->until, &err) == 0)
		return check_open(r, d);
	log_trouble(r, d, err.text);
	delivery_break(r, d);
	return 1;
}

/* --- content and end --- */

struct pour {
	struct relay *r;
	struct delivery *d;
	struct span view;
	struct deadline limit;
	struct err err;
};

static int
pour_piece(void *arg, struct span piece)
{
	struct pour *p = arg;
	const uint8_t *end = p->view.p + p->view.len;
	int ours = piece.p >= p->view.p && piece.p < end;
	int (*send)(struct hop *, struct span, struct deadline, struct err *) =
	    ours && message_is_dotless(p->r->t->message) ? hop_content_known : hop_content;

	while (piece.len > 0) {
		size_t n = piece.len < STRETCH ? piece.len : STRETCH;

		if (send(p->d->hop, span_make(piece.p, n), p->limit, &p->err) == -1)
			return -1;
		piece = span_make(piece.p + n, piece.len - n);
		if (n < STRETCH)
			break;
		if (hop_flush(p->d->hop, p->limit, &p->err) == -1)
			return -1;
		if (ours)
			message_forget(p->r->t->message, (size_t)(piece.p - p->view.p));
	}
	return 0;
}

int
delivery_content(struct relay *r, struct delivery *d)
{
	struct pour p = { .r = r,
		.d = d,
		.view = message_view(r->t->message),
		.limit = deadline_min(r->o->until, deadline_in_ms(r->o->xfer_timeout_ms)) };

	assert(d->open);
	if (edit_walk(p.view, d->step->edits, pour_piece, &p) == 0)
		return 0;
	lost(r, d, &p.err);
	return -1;
}

static void
log_unknown(struct relay *r, const struct delivery *d, const char *what)
{
	const struct log_field fields[] = {
		LOG_STR("hop", d->step->hop.text),
		LOG_STR("sender", r->t->sender.octets),
		LOG_STR("reason", what),
	};

	r->unknown = 1;
	log_event(LOG_LEVEL_WARN, r->t->service, r->t->id, "indeterminate", fields,
	    sizeof(fields) / sizeof(fields[0]),
	    "indeterminate: next hop %s: %s; the message may have been taken", d->step->hop.text,
	    what);
}

/* Replies into results; those without one are not known. */
static void
take_finals(struct relay *r, struct delivery *d, const struct err *err)
{
	const struct hop_envelope *e = d->envelope;
	const char *unknown = err == NULL
				  ? "4.4.2 Next hop: no reply"
				  : arena_printf(r->t->arena, "4.4.2 Next hop: %s", err->text);

	for (size_t i = d->nown; i < e->nrcpts; i++)
		if (!is_yes(&e->rcpts[i].final))
			log_warn(r->t->service, r->t->id,
			    "next hop %s: copy to <%s> not taken: %d %s", d->step->hop.text,
			    e->rcpts[i].path, e->rcpts[i].final.code, e->rcpts[i].final.text);
	if (d->step->to != NULL) {
		if (worst(d, 1)->code != 0)
			result_reply_all(r, d, worst(d, 1));
	} else {
		for (size_t i = 0; i < d->nown; i++)
			if (e->rcpts[i].final.code != 0)
				result_reply(r, d, d->who[i], &e->rcpts[i].final);
	}
	result_all(r, d, 451, unknown);
}

void
delivery_finish(struct relay *r, struct delivery *d)
{
	struct deadline limit = deadline_min(r->o->until, deadline_in_ms(r->o->done_timeout_ms));
	struct err err;

	assert(d->open);
	d->open = 0;
	if (hop_dot(d->hop, limit, &err) == -1) {
		lost(r, d, &err);
		return;
	}
	if (hop_final(d->hop, d->envelope, limit, &err) == -1) {
		log_unknown(r, d, err.text);
		take_finals(r, d, &err);
		delivery_break(r, d);
		return;
	}
	take_finals(r, d, NULL);
	pool_put(r->o->pool, d->hop);
	d->hop = NULL;
}
