#include <sched.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/milter_door.h"
#include "front/milter_packets.h"
#include "front/milter_session.h"
#include "net/dial.h"
#include "net/stream.h"

#define SERVICE "milter"
/* Behind a large packet the next one is taken with the same call. */
#define SLACK ((size_t)4096)

/* What `working` is apart from an event's number. */
#define RESTING 0u
#define SENDING 1u

struct milter_door {
	struct front_session f;
	struct milter_packets packets;
	size_t want;   /* the whole length of the packet that is not complete; 0: not known */
	int log_first; /* a line about what is queued must be in the log before it goes out */

	/* PROGRESS.  The number of the end of message under way; who makes it SENDING has the
	 * connection for five octets. */
	_Atomic unsigned working;
	unsigned event;              /* the last one */
	_Atomic int64_t progress_ms; /* milter_progress_interval */
	unsigned seen;               /* the tick's own: the event it saw last, */
	int64_t seen_ms;             /* and when that was, or PROGRESS was said of it */
};

static void milter_run(struct front_session *);
static void milter_free(struct front_session *);
static void milter_tick(struct front_session *, int64_t now_ms);

static const struct session_kind milter_kind = {
	.run = milter_run, .free = milter_free, .tick = milter_tick
};

/* --- what sessions get of the doors --- */

static struct snapshot *
world_snapshot(void *arg)
{
	return doors_snapshot(arg);
}

static struct message *
world_message_get(void *arg, const struct params *p)
{
	return doors_message_get(arg, p);
}

static void
world_message_put(void *arg, struct message *m)
{
	doors_message_put(arg, m);
}

void
milter_door_world(struct doors *d, struct milter_world *w)
{
	*w = (struct milter_world){ .snapshot = world_snapshot,
		.message_get = world_message_get,
		.message_put = world_message_put,
		.arg = d,
		.counters = d->opt.counters,
		.hold = d->opt.hold,
		.services = d->opt.services };
}

/* --- life --- */

static void
take_params(struct milter_door *m)
{
	atomic_store_explicit(&m->progress_ms,
	    front_session_params(&m->f)->milter_progress_interval, memory_order_relaxed);
}

struct front_session *
milter_door_new(struct doors *d, int fd, size_t i, const struct sockaddr_storage *peer)
{
	struct milter_door *m = xcalloc(1, sizeof(*m));

	m->packets.session = milter_session_new(&d->milter, i, peer);
	front_session_init(&m->f, &milter_kind, d, fd, i, peer);
	take_params(m);
	return &m->f;
}

static void
milter_free(struct front_session *f)
{
	struct milter_door *m = (struct milter_door *)f;

	milter_packets_rest(&m->packets);
	milter_session_free(m->packets.session);
	front_session_fini(f);
	free(m);
}

/* --- progress --- */

/* The end of a message alone: to Sendmail PROGRESS is a wrong reply to anything else.  What is
 * queued belongs in front of it, so there is none then; an MTA that keeps to the protocol has read
 * all when it waits for this event. */
static void
work_begins(struct milter_door *m, enum milter_command command)
{
	if (command != MILTER_END || stream_queued(m->f.stream) > 0)
		return;
	m->event += 2;
	/* Neither of the two that have a meaning. */
	if (m->event <= SENDING)
		m->event = SENDING + 1;
	atomic_store(&m->working, m->event);
}

static void
work_ends(struct milter_door *m)
{
	unsigned at = m->event;

	if (atomic_load_explicit(&m->working, memory_order_relaxed) == RESTING)
		return;
	while (!atomic_compare_exchange_weak(&m->working, &at, RESTING)) {
		at = m->event;
		sched_yield();
	}
}

static void
say_progress(struct milter_door *m)
{
	struct buf b = { 0 };
	ssize_t n;

	milter_put(&b, MILTER_R_PROGRESS);
	n = send(stream_fd(m->f.stream), b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* A piece of it would garble all that follows. */
	if (n > 0 && (size_t)n < b.len)
		shutdown(stream_fd(m->f.stream), SHUT_RDWR);
	buf_fini(&b);
}

static void
milter_tick(struct front_session *f, int64_t now_ms)
{
	struct milter_door *m = (struct milter_door *)f;
	int64_t interval = atomic_load_explicit(&m->progress_ms, memory_order_relaxed);
	unsigned at = atomic_load(&m->working);

	if (at != m->seen) {
		m->seen = at;
		m->seen_ms = now_ms;
		return;
	}
	if (at == RESTING || interval == 0 || now_ms - m->seen_ms < interval ||
	    !atomic_compare_exchange_strong(&m->working, &at, SENDING))
		return;
	say_progress(m);
	atomic_store(&m->working, at);
	m->seen_ms = now_ms;
}

/* --- packets --- */

/* A close without a reply is how the protocol says that something is wrong. */
static void
give_up(struct milter_door *m, const struct err *err)
{
	char peer[64];

	sockaddr_text(&m->f.peer_sa, peer, sizeof(peer), NULL);
	log_warn(SERVICE, milter_session_id(m->packets.session),
	    "malformed milter packet from %s, connection closed: %s", peer, err->text);
	counter_inc(m->f.doors->opt.counters, milter_malformed);
	m->f.over = 1;
}

static void
before(struct milter_door *m, enum milter_command command)
{
	struct counters *c = m->f.doors->opt.counters;

	if (command == MILTER_CONNECT)
		counter_inc(c, milter_sessions);
	if (command == MILTER_MAIL && front_session_renew(&m->f))
		take_params(m);
	work_begins(m, command);
}

static void
after(struct milter_door *m, enum milter_command command)
{
	work_ends(m);
	if (command != MILTER_END)
		return;
	counter_inc(m->f.doors->opt.counters, milter_messages);
	m->log_first = 1;
}

static void
serve_one(struct milter_door *m, const struct milter_packet *p)
{
	enum milter_then then;
	struct err err;

	before(m, p->command);
	then = milter_packets_serve(&m->packets, p, stream_out(m->f.stream), &err);
	after(m, p->command);
	if (then == MILTER_BREAK)
		give_up(m, &err);
	if (then == MILTER_CLOSE)
		m->f.over = 1;
}

/* What is complete in the buffer.  1: there may be more, and the peer must read first; else 0. */
static int
serve(struct milter_door *m)
{
	struct milter_packet p;
	struct err err;
	size_t len;

	m->want = 0;
	while (!m->f.over) {
		int first = m->packets.phase == MILTER_PHASE_NEW;

		if (front_session_behind(&m->f))
			return 1;
		switch (milter_packet_find(stream_peek(m->f.stream), first, &p, &len, &err)) {
		case MILTER_BROKEN:
			give_up(m, &err);
			return 0;
		case MILTER_MORE:
			m->want = len;
			return 0;
		case MILTER_WHOLE:
			serve_one(m, &p);
			stream_consume(m->f.stream, len);
			break;
		}
	}
	return 0;
}

/* --- the loop --- */

static int
fill(struct milter_door *m)
{
	return stream_try_fill_to(m->f.stream, m->want == 0 ? 0 : m->want + SLACK);
}

/* -1: the peer is lost, and the session over. */
static int
flush(struct milter_door *m)
{
	int rc = front_session_flush(&m->f, m->log_first);

	m->log_first = 0;
	if (rc == -1)
		m->f.over = 1;
	return rc;
}

static void
park(struct milter_door *m)
{
	const struct params *p = front_session_params(&m->f);
	int partial = stream_peek(m->f.stream).len > 0;
	/* An MTA that has connected, or begun a packet, goes on at once. */
	int soon = partial || m->packets.phase == MILTER_PHASE_NEW;

	milter_packets_rest(&m->packets);
	milter_session_idle(m->packets.session);
	front_session_park(&m->f, !partial && milter_session_between(m->packets.session),
	    soon ? p->smtpd_timeout : p->milter_timeout);
}

static void
milter_run(struct front_session *f)
{
	struct milter_door *m = (struct milter_door *)f;
	int rc;

	front_session_begin(f);
	/* What comes at the instant of the time-out is too late: the stream is half shut. */
	rc = atomic_load(&f->timed_out) ? 0 : fill(m);
	while (rc == 1 && !f->over) {
		while (serve(m))
			if (flush(m) == -1)
				return;
		rc = f->over || !stream_undrained(f->stream) ? -2 : fill(m);
	}
	if (flush(m) == -1 || rc == 0 || rc == -1)
		f->over = 1;
	if (!f->over)
		park(m);
}
