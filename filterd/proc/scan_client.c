#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "net/fiber.h"
#include "net/nap.h"
#include "proc/scan_client.h"
#include "proc/scan_state.h"

#define TRIES 2
/* A scanner's parent kills it at the limit: what the kernel says of that comes first. */
#define GRACE_MS     1000
#define QUEUE_NAP_MS 5

struct scan_client {
	int jobs;
	_Atomic int64_t time_limit_ms;
	struct scan_state *state;
};

struct scan_call {
	struct scan_client *client;
	struct span lead, message;
	int memfd;              /* -1: not made yet */
	struct net_watch watch; /* of our end of the session; fd -1: there is none */
	int taken;              /* by this process; 0: it waits in the queue */
	uint8_t *room;          /* for a datagram */
};

/* What came of an attempt. */
enum attempt {
	ANSWERED,
	BROKEN,  /* the scanner's fault, err says which */
	CLOSED,  /* it had ended the session before it was asked: no fault */
	IN_VAIN, /* nobody's fault that could be mended by another one, err says what */
};

struct question {
	struct scan_question q;
	struct deadline until;
	struct arena *arena;
	struct scan_saying said;
};

struct scan_client *
scan_client_new(const struct scan_client_options *o)
{
	struct scan_client *c = xcalloc(1, sizeof(*c));

	c->jobs = o->jobs;
	c->state = o->state;
	scan_client_set_time_limit(c, o->time_limit_ms);
	return c;
}

void
scan_client_free(struct scan_client *c)
{
	free(c);
}

void
scan_client_set_time_limit(struct scan_client *c, int64_t ms)
{
	atomic_store(&c->time_limit_ms, ms);
}

struct scan_call *
scan_call_begin(struct scan_client *client, struct span lead, struct span message)
{
	struct scan_call *c = xcalloc(1, sizeof(*c));

	*c = (struct scan_call){
		.client = client, .lead = lead, .message = message, .memfd = -1, .watch.fd = -1
	};
	return c;
}

static void
hang_up(struct scan_call *c)
{
	if (c->watch.fd != -1)
		close(c->watch.fd);
	c->watch = (struct net_watch){ .fd = -1 };
	c->taken = 0;
}

void
scan_call_end(struct scan_call *c)
{
	if (c == NULL)
		return;
	hang_up(c);
	if (c->memfd != -1)
		close(c->memfd);
	free(c->room);
	free(c);
}

/* --- asking --- */

static int32_t
time_left(const struct scan_call *c, struct deadline d)
{
	int64_t ms = deadline_poll_ms(d), limit = atomic_load(&c->client->time_limit_ms);

	if (ms < 0 || ms > limit)
		ms = limit;
	return (int32_t)(ms > SCAN_TIME_MAX_MS ? SCAN_TIME_MAX_MS : ms);
}

static int
queue_is_full(int rc)
{
	/* The last: as many descriptors are under way as the user may have. */
	return rc == -EAGAIN || rc == -ENOBUFS || rc == -ETOOMANYREFS;
}

/* Put the job into the queue with the scanner's end of a session. */
static enum attempt
send_job(struct scan_call *c, struct question *q, int session, struct err *err)
{
	struct scan_job job = { .lead = (uint32_t)c->lead.len,
		.size = (uint64_t)c->lead.len + c->message.len };
	int fds[2] = { session, c->memfd }, rc;
	struct buf text = { 0 };

	for (;;) {
		job.question = q->q;
		job.question.time_ms = time_left(c, q->until);
		buf_reset(&text);
		scan_job_format(&job, &text);
		rc = scan_send(c->client->jobs, buf_span(&text), fds, nitems(fds));
		if (!queue_is_full(rc) || deadline_passed(q->until))
			break;
		net_nap(QUEUE_NAP_MS, q->until);
	}
	buf_fini(&text);
	if (rc == 0)
		return ANSWERED;
	if (queue_is_full(rc))
		err_set(err, ERR_RETRY, "no scanner had time: the queue is full");
	else
		err_set(err, ERR_RETRY, "the scanners' queue: %s", strerror(-rc));
	return IN_VAIN;
}

/* A new session, for a scanner that is free. */
static enum attempt
open_session(struct scan_call *c, struct question *q, struct err *err)
{
	enum attempt rc;
	int pair[2];

	if (c->memfd == -1 && (c->memfd = scan_memfd(c->lead, c->message, err)) == -1)
		return IN_VAIN;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		err_set(err, ERR_SYSTEM, "session with a scanner: %s", strerror(errno));
		return IN_VAIN;
	}
	c->watch = (struct net_watch){ .fd = pair[0] };
	rc = send_job(c, q, pair[1], err);
	close(pair[1]);
	if (rc != ANSWERED)
		hang_up(c);
	return rc;
}

static enum attempt
ask_again(struct scan_call *c, struct question *q)
{
	struct buf text = { 0 };
	int rc;

	q->q.time_ms = time_left(c, q->until);
	scan_question_format(&q->q, &text);
	rc = scan_send(c->watch.fd, buf_span(&text), NULL, 0);
	buf_fini(&text);
	return rc == 0 ? ANSWERED : CLOSED;
}

/* --- hearing --- */

static enum attempt
broke(struct scan_call *c, struct err *err, const char *what)
{
	if (c->taken != 0)
		err_set(err, ERR_RETRY, "scanner %d %s", c->taken, what);
	else
		err_set(err, ERR_RETRY, "a scanner %s", what);
	return BROKEN;
}

static enum attempt
timed_out(struct scan_call *c, struct question *q, struct err *err)
{
	if (!deadline_passed(q->until))
		return broke(c, err, "did not answer in time");
	if (c->taken == 0)
		err_set(err, ERR_RETRY, "no scanner took it in time");
	else
		err_set(err, ERR_RETRY, "scanner %d did not answer in time", c->taken);
	return IN_VAIN;
}

/* Until the answer is there.  again: the scanner had this session already. */
static enum attempt
hear(struct scan_call *c, struct question *q, int again, struct err *err)
{
	int64_t limit_ms = time_left(c, q->until) + GRACE_MS;
	struct deadline until = again ? deadline_in_ms(limit_ms) : deadline_never();
	ssize_t n;

	if (c->room == NULL)
		c->room = xmalloc(SCAN_DATAGRAM_MAX);
	for (;;) {
		n = scan_receive(c->watch.fd, c->room, SCAN_DATAGRAM_MAX, NULL, 0, 0);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			struct deadline d = deadline_min(until, q->until);

			if (deadline_passed(d))
				return timed_out(c, q, err);
			(void)net_wait(&c->watch, 0, d);
			continue;
		}
		if (n == 0 || n == -ECONNRESET)
			return again ? CLOSED : broke(c, err, "died");
		if (n < 0 ||
		    scan_saying_parse(span_make(c->room, (size_t)n), q->arena, &q->said) == -1)
			return broke(c, err, "said what is no answer");
		if (q->said.what == SCAN_SAID_ANSWER)
			return ANSWERED;
		if (c->taken != 0)
			return broke(c, err, "said twice that it has it");
		c->taken = q->said.pid;
		until = deadline_in_ms(time_left(c, q->until) + GRACE_MS);
	}
}

static enum attempt
attempt(struct scan_call *c, struct question *q, struct err *err)
{
	enum attempt rc = CLOSED;

	/* The scanner does not wait for long for a further question: then another may have it. */
	if (c->watch.fd != -1) {
		if ((rc = ask_again(c, q)) == ANSWERED)
			rc = hear(c, q, 1, err);
		if (rc == CLOSED)
			hang_up(c);
	}
	if (rc == CLOSED && (rc = open_session(c, q, err)) == ANSWERED)
		rc = hear(c, q, 0, err);
	if (rc != ANSWERED)
		hang_up(c);
	return rc;
}

static int
no_scanners(struct scan_call *c, struct err *err)
{
	char why[SCAN_WHY_MAX];

	if (c->client->state == NULL || !scan_state_down(c->client->state, why))
		return 0;
	err_set(err, ERR_RETRY, "no scanner: %s", why);
	return 1;
}

int
scan_call_ask(struct scan_call *c, const char *plugin, const char *scan, struct deadline until,
    struct arena *arena, struct scan_record **records, size_t *n, struct err *err)
{
	struct question q = { .until = until, .arena = arena };
	enum attempt rc = BROKEN;

	if (scan_question_set(&q.q, plugin, scan) == -1) {
		err_set(err, ERR_CONFIG, "scan %s of %s: the name is too long", scan, plugin);
		return -1;
	}
	for (int i = 0; i < TRIES && rc == BROKEN; i++) {
		if (i > 0)
			log_warn(NULL, NULL, "%s: another one tries", err->text);
		if (no_scanners(c, err))
			return -1;
		rc = attempt(c, &q, err);
	}
	if (rc != ANSWERED)
		return -1;
	*records = q.said.records;
	*n = q.said.n;
	return 0;
}
