#include <string.h>

#include "action/hop_client.h"
#include "action/hop_release.h"
#include "action/passage.h"
#include "base/arena.h"
#include "base/err.h"
#include "client/pool.h"
#include "core/transaction.h"

int
passage_caps_known(struct hop_pool *pool, const struct next_hop *to, struct hop_caps *caps)
{
	return pool_caps(pool, to, caps);
}

int
passage_caps(struct hop_pool *pool, const struct next_hop *to, struct hop_caps *caps,
    struct deadline d, struct err *err)
{
	if (pool_caps(pool, to, caps))
		return 0;
	return pool_learn(pool, to, caps, d, err);
}

/* The reply for who is still waiting: as relay has it when it opens a transaction itself. */
static void
explain(struct passage *p, const struct err *err)
{
	const struct hop_reply *said = p->hop == NULL ? NULL : hop_farewell(p->hop);
	struct arena *arena = p->envelope.arena;

	p->why = (struct hop_reply){ .code = 451, .enhanced = "4.4.1" };
	if (said != NULL && said->code >= 400) {
		p->why = *said;
		/* 421 would close the channel to our client. */
		p->why.code = said->code == 421 ? 451 : said->code;
		p->why.text = arena_strdup(arena, said->text);
	} else if (p->hop != NULL) {
		memcpy(p->why.enhanced, "4.4.2", sizeof("4.4.2"));
		p->why.text = arena_printf(arena, "Next hop: %s", err->text);
	} else {
		p->why.text = err->class == ERR_PEER
				  ? arena_printf(arena, "Next hop: %s", err->text)
				  : "Next hop not reachable";
	}
}

/* The connection is of no use any more (pool_break() counts the failure). */
static int
lose(struct passage *p, struct hop_pool *pool, const struct err *err)
{
	explain(p, err);
	if (p->hop != NULL)
		pool_break(pool, p->hop);
	p->hop = NULL;
	p->lost = 1;
	return -1;
}

/* What this connection does not offer may have been announced by an earlier one: 1, *r is the
 * refusal. */
static int
lacks(const struct passage *p, const char *params, struct hop_reply *r)
{
	const char *missing = hop_refuses_params(p->hop, params);

	if (missing == NULL)
		return 0;
	hop_missing_reply(missing, p->envelope.arena, r);
	return 1;
}

int
passage_mail(struct passage *p, struct hop_pool *pool, const struct next_hop *to,
    const struct transaction *t, struct deadline d, struct err *err)
{
	int fresh = 0, stale;

	p->envelope = (struct hop_envelope){ .mail_path = t->sender.octets,
		.mail_params = t->sender.params,
		.client = hop_client_make(t->arena, t->client),
		.arena = t->arena };
	for (;;) {
		p->hop = pool_get(pool, to, fresh, d, err);
		if (p->hop == NULL)
			return lose(p, pool, err);
		if (lacks(p, t->sender.params, &p->envelope.mail))
			return 0;
		if (hop_mail(p->hop, &p->envelope, d, err) == 0)
			return 0;
		stale = !fresh && hop_reused(p->hop) && hop_unanswered(p->hop);
		if (!stale)
			return lose(p, pool, err);
		pool_break(pool, p->hop);
		fresh = 1;
	}
}

static struct hop_rcpt *
envelope_add(struct passage *p)
{
	struct hop_envelope *e = &p->envelope;

	if (e->nrcpts == p->cap) {
		size_t cap = p->cap == 0 ? 8 : 2 * p->cap;
		struct hop_rcpt *v = arena_calloc(e->arena, cap * sizeof(*v));

		if (e->nrcpts > 0)
			memcpy(v, e->rcpts, e->nrcpts * sizeof(*v));
		e->rcpts = v;
		p->cap = cap;
	}
	memset(&e->rcpts[e->nrcpts], 0, sizeof(*e->rcpts));
	return &e->rcpts[e->nrcpts++];
}

int
passage_rcpt(struct passage *p, struct hop_pool *pool, const char *path, const char *params,
    struct hop_reply *reply, struct deadline d, struct err *err)
{
	struct hop_rcpt *r;

	if (p->lost) {
		err_set(err, ERR_RETRY, "it was lost before");
		return -1;
	}
	if (lacks(p, params, reply))
		return 0;
	r = envelope_add(p);
	r->path = path;
	r->params = params;
	if (hop_rcpt(p->hop, &p->envelope, p->envelope.nrcpts - 1, d, err) == -1)
		return lose(p, pool, err);
	*reply = r->reply;
	if (r->reply.code < 400)
		return 1;
	p->envelope.nrcpts--; /* refused there: it is no part of what is open */
	return 0;
}

void
passage_end(struct passage *p, struct hop_pool *pool, struct deadline d)
{
	if (p->hop != NULL)
		hop_release(pool, p->hop, d);
	memset(p, 0, sizeof(*p));
}

void
passage_break(struct passage *p, struct hop_pool *pool)
{
	pool_break(pool, p->hop);
	memset(p, 0, sizeof(*p));
}
