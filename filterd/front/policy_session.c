#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/policy_answer.h"
#include "front/policy_session.h"
#include "net/dial.h"
#include "net/stream.h"

/* Above Postfix's smtpd_policy_service_max_ttl (1000s): who closes first makes the other one fail,
 * so that is left to the client. */
#define IDLE_MS ((int64_t)3600 * 1000)
/* What the requests of one instance may leave behind. */
#define INSTANCE_MAX ((size_t)1024 * 1024)

#define SERVICE "policy"

enum policy_log { POLICY_LOG_ALL, POLICY_LOG_DECISIONS };    /* policy_log */
enum policy_text { POLICY_TEXT_POSTFIX, POLICY_TEXT_WHOLE }; /* policy_refusal_text */

static void policy_run(struct front_session *);
static void policy_free(struct front_session *);

static const struct session_kind policy_kind = { .run = policy_run, .free = policy_free };

struct front_session *
policy_session_new(struct doors *d, int fd, size_t i, const struct sockaddr_storage *peer)
{
	struct policy_session *s = xcalloc(1, sizeof(*s));

	s->arena = arena_new();
	s->spare = arena_new();
	sockaddr_text(peer, s->peer, sizeof(s->peer), NULL);
	front_session_init(&s->f, &policy_kind, d, fd, i, peer);
	return &s->f;
}

static void
policy_free(struct front_session *f)
{
	struct policy_session *s = (struct policy_session *)f;

	engine_end(&s->txn);
	front_session_fini(f);
	arena_free(s->arena);
	arena_free(s->spare);
	free(s);
}

/* --- one request --- */

/* A message nobody has asked about yet.  The spare arena holds the request. */
static void
begin_instance(struct policy_session *s, const char *instance)
{
	struct arena *old = s->arena;
	struct transaction *t = &s->txn;

	engine_end(t);
	arena_reset(old);
	s->arena = s->spare;
	s->spare = old;
	(void)front_session_renew(&s->f);
	span_copy(span_str(instance), s->instance, sizeof(s->instance));
	transaction_init(t, s->arena);
	decision_id_make(t->id, sizeof(t->id));
	t->service = SERVICE;
	t->listener = s->f.listener->conf->name;
	t->client = &s->client;
	t->services = s->f.doors->opt.services;
	t->deferrals_by_name = 1;
	engine_begin(t, s->f.snapshot, s->f.listener);
}

/* Is this about the message of the request before?  One without an instance is about its own. */
static int
is_same(const struct policy_session *s, const char *instance)
{
	return s->txn.arena != NULL && instance[0] != '\0' && strcmp(instance, s->instance) == 0 &&
	       arena_used(s->arena) < INSTANCE_MAX;
}

/* Understand the request, and have the transaction that it is about. */
static int
take_request(struct policy_session *s, struct span whole, struct policy_request *r, struct err *err)
{
	if (policy_request_parse(s->spare, whole, r, err) == -1)
		return -1;
	if (strlen(r->instance) >= sizeof(s->instance)) {
		err_set(err, ERR_PEER, "instance is too long");
		return -1;
	}
	if (!is_same(s, r->instance)) {
		begin_instance(s, r->instance);
		return 0;
	}
	/* What the transaction keeps may point into the request. */
	arena_reset(s->spare);
	return policy_request_parse(s->arena, whole, r, err);
}

static void
reply(struct policy_session *s, const struct policy_answer *a)
{
	struct buf out = { 0 };

	policy_reply_format(a->action, &out);
	stream_queue(s->f.stream, out.p, out.len);
	engine_replied(&s->txn, buf_span(&out));
	/* The next request may be long in coming, and about something else. */
	engine_record(&s->txn);
	buf_fini(&out);
}

static void
answer(struct policy_session *s, const struct policy_stage *stage, const struct policy_request *r,
    struct recipient *rcpt)
{
	const struct params *p = front_session_params(&s->f);
	struct transaction *t = &s->txn;
	struct policy_question q = { .txn = t,
		.stage = stage->name,
		.recipient = r->recipient,
		.subject = policy_subject(s, stage, r),
		.rejects = stage->rejects,
		.whole_text = p->policy_refusal_text == POLICY_TEXT_WHOLE,
		.permit_action = p->policy_permit_action };
	struct policy_answer a;
	struct verdict v;

	verdict_init(&v, t->arena);
	/* Effects are the answer to this request, not to those before it. */
	verdict_init(&t->verdict, t->arena);
	t->started_us = clock_us();
	if (stage->stage != STAGE_NONE)
		engine_ask(
		    t, s->f.listener, stage->stage, rcpt, deadline_in_ms(p->stage_time_limit), &v);
	policy_answer_make(&q, &v, &a);
	if (a.left_out != NULL)
		log_warn(SERVICE, t->id, "policy answer %s leaves out %s: Postfix takes one action",
		    a.verb, a.left_out);
	if (!a.is_dunno || p->policy_log == POLICY_LOG_ALL) {
		policy_answer_log(&q, &a);
		s->log_first = 1;
	}
	reply(s, &a);
	counter_inc(s->f.doors->opt.counters, policy_requests);
}

static int
serve_one(struct policy_session *s, struct span whole, struct err *err)
{
	const struct policy_stage *stage;
	struct policy_request r;
	struct recipient *rcpt;

	if (take_request(s, whole, &r, err) == -1)
		return -1;
	stage = policy_stage_find(r.protocol_state);
	if (stage == NULL) {
		err_set(err, ERR_PEER, "unknown protocol_state \"%.40s\"", r.protocol_state);
		return -1;
	}
	if (policy_txn_fill(s, stage, &r, &rcpt, err) == -1)
		return -1;
	answer(s, stage, &r, rcpt);
	return 0;
}

/* --- the loop --- */

/* PITFALLS B6: a close without a reply is how the protocol says that something is wrong. */
static void
give_up(struct policy_session *s, const struct err *err)
{
	log_warn(SERVICE, s->f.id, "malformed request from %s, connection closed: %s", s->peer,
	    err->text);
	counter_inc(s->f.doors->opt.counters, policy_malformed);
	s->f.over = 1;
}

/* What is complete in the buffer. */
static void
serve(struct policy_session *s)
{
	enum policy_found found;
	struct err err;
	size_t len;

	for (;;) {
		struct span have = stream_peek(s->f.stream);

		found = policy_request_find(have, &len, &err);
		if (found == POLICY_WHOLE && serve_one(s, span_make(have.p, len), &err) == -1)
			found = POLICY_BROKEN;
		if (found == POLICY_BROKEN)
			give_up(s, &err);
		if (found != POLICY_WHOLE)
			return;
		stream_consume(s->f.stream, len);
	}
}

/* -1: the peer is lost, and the session over. */
static int
flush(struct policy_session *s)
{
	int rc = front_session_flush(&s->f, s->log_first);

	s->log_first = 0;
	if (rc == -1)
		s->f.over = 1;
	return rc;
}

static void
policy_run(struct front_session *f)
{
	struct policy_session *s = (struct policy_session *)f;
	int rc, partial;

	front_session_begin(f);
	/* What comes at the instant of the time-out is too late: the stream is half shut. */
	rc = atomic_load(&f->timed_out) ? 0 : stream_try_fill(f->stream);
	while (rc == 1 && !f->over) {
		serve(s);
		if (front_session_behind(f) && flush(s) == -1)
			return;
		rc = f->over ? -2 : front_session_more(f);
	}
	if (flush(s) == -1 || rc == 0 || rc == -1)
		f->over = 1;
	partial = stream_peek(f->stream).len > 0;
	if (!f->over)
		front_session_park(
		    f, !partial, partial ? front_session_params(f)->smtpd_timeout : IDLE_MS);
}
