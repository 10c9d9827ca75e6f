#include "base/arena.h"
#include "base/err.h"
#include "client/policy_client.h"
#include "client/policy_pool.h"
#include "mail/policy_syntax.h"
#include "net/nap.h"
#include "net/stream.h"

/* What the tries of one question share. */
struct question {
	const struct policy_service *service;
	struct span request;
	struct arena *arena;
	struct deadline until;
	const char *action; /* the answer */
};

static struct deadline
step_deadline(const struct question *q)
{
	return deadline_min(deadline_in_ms(q->service->timeout), q->until);
}

/* Until it is whole: 0, or -1. */
static int
read_reply(struct question *q, struct policy_link *l, struct err *err)
{
	struct deadline d = step_deadline(q);
	size_t len;

	for (;;) {
		enum policy_found found =
		    policy_reply_parse(q->arena, stream_peek(l->s), &len, &q->action, err);
		int rc;

		if (found == POLICY_WHOLE) {
			stream_consume(l->s, len);
			return 0;
		}
		if (found == POLICY_BROKEN) {
			err_prefix(err, "malformed reply");
			return -1;
		}
		rc = stream_fill(l->s, d, err);
		if (rc == 0)
			err_set(err, ERR_PEER, "connection closed before a reply came");
		if (rc != 1)
			return -1;
	}
}

static int
exchange(struct question *q, struct policy_link *l, struct err *err)
{
	stream_queue(l->s, q->request.p, q->request.len);
	if (stream_flush(l->s, step_deadline(q), err) == -1)
		return -1;
	return read_reply(q, l, err);
}

/* It has answered: keep it, if it may be used again. */
static void
give_back(struct policy_pool *pool, const struct policy_service *s, struct policy_link *l)
{
	int64_t now = clock_ms(), old_at = l->born_ms + s->max_ttl;

	l->requests++;
	l->good_until_ms = now + s->max_idle < old_at ? now + s->max_idle : old_at;
	if ((s->request_limit > 0 && l->requests >= s->request_limit) || now >= l->good_until_ms ||
	    stream_peek(l->s).len > 0)
		policy_link_close(l);
	else
		policy_pool_put(pool, &s->to, l);
}

/* 1 answered, -1 not; *kept: the connection was not a new one. */
static int
ask_once(struct policy_pool *pool, struct question *q, int may_keep, int *kept, struct err *err)
{
	struct policy_link *l = may_keep ? policy_pool_take(pool, &q->service->to) : NULL;

	*kept = l != NULL;
	if (l == NULL)
		l = policy_link_open(&q->service->to, step_deadline(q), err);
	if (l == NULL)
		return -1;
	if (exchange(q, l, err) == -1) {
		policy_link_close(l);
		return -1;
	}
	give_back(pool, q->service, l);
	return 1;
}

static int
ask(struct policy_pool *pool, struct question *q, struct err *err)
{
	for (int64_t tries = 1;; tries++) {
		int kept;

		if (ask_once(pool, q, tries == 1, &kept, err) == 1)
			return 1;
		if (tries >= q->service->try_limit || deadline_passed(q->until))
			return -1;
		if (!kept)
			net_nap(q->service->retry_delay, q->until);
		if (deadline_passed(q->until))
			return -1;
	}
}

int
policy_ask(struct policy_pool *pool, const struct policy_service *s,
    const struct policy_request *request, struct arena *arena, struct deadline until,
    const char **action, struct err *err)
{
	struct policy_request r = *request;
	struct question q = { .service = s, .arena = arena, .until = until };
	struct buf out = { 0 };
	int rc;

	r.policy_context = s->policy_context;
	policy_request_format(&r, &out);
	q.request = buf_span(&out);
	rc = ask(pool, &q, err);
	buf_fini(&out);
	if (rc == 1)
		*action = q.action;
	else
		err_prefix(err, "problem talking to server %s", s->name);
	return rc;
}
