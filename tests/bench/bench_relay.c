/*
 * bench_relay - hand octets from one connection to another, and know nothing about them
 *
 *	bench_relay LISTEN-PORT NEXT-PORT
 *
 * What filterd is measured against: nothing that stands between two servers can do less.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xmem.h"
#include "tests/bench/bench_net.h"

#define PIECE   65536
#define AT_ONCE 8 /* pieces before the others have their turn */

struct side {
	struct side *other;
	int fd;
	int ended; /* nothing more comes from here */
	int gone;
	unsigned events;
	char *kept; /* from here, for the other side, which had no room */
	size_t kept_at, kept_end;
};

static struct {
	int ep, listener;
	struct bench_addr to;
	char in[PIECE];
	/* Both sides of pairs that ended in this round: their events may still be in the list. */
	struct side *ended[2 * 256];
	size_t nended;
} relay;

static void
watch(struct side *s)
{
	unsigned want = 0;

	if (!s->ended && s->kept_at == s->kept_end)
		want |= EPOLLIN;
	if (s->other->kept_at < s->other->kept_end)
		want |= EPOLLOUT;
	if (want != s->events) {
		bench_epoll_change(relay.ep, s->fd, want, s);
		s->events = want;
	}
}

static void
end_pair(struct side *s)
{
	struct side *both[2] = { s, s->other };

	for (size_t i = 0; i < 2; i++) {
		close(both[i]->fd);
		both[i]->gone = 1;
		relay.ended[relay.nended++] = both[i];
	}
}

/* Write p[0..n) to `to`: how much went, -1 when it is broken. */
static ssize_t
put(const struct side *to, const char *p, size_t n)
{
	ssize_t sent = send(to->fd, p, n, MSG_NOSIGNAL);

	if (sent == -1)
		return errno == EAGAIN ? 0 : -1;
	return sent;
}

static int
keep(struct side *s, const char *p, size_t n)
{
	if (s->kept == NULL)
		s->kept = xmalloc(PIECE);
	memcpy(s->kept, p, n);
	s->kept_at = 0;
	s->kept_end = n;
	return 0;
}

/* One piece from s to the other side: 1 there may be more, 0 not now, -1 broken. */
static int
move_piece(struct side *s)
{
	ssize_t n, sent;

	if (s->kept_at < s->kept_end) {
		sent = put(s->other, s->kept + s->kept_at, s->kept_end - s->kept_at);
		if (sent == -1)
			return -1;
		s->kept_at += (size_t)sent;
		return s->kept_at == s->kept_end;
	}
	if (s->ended)
		return 0;
	n = recv(s->fd, relay.in, PIECE, 0);
	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0) {
		s->ended = 1;
		return 0;
	}
	sent = put(s->other, relay.in, (size_t)n);
	if (sent == -1)
		return -1;
	if (sent < n)
		return keep(s, relay.in + sent, (size_t)(n - sent));
	return n == PIECE;
}

static int
move(struct side *s)
{
	int rc = 1;

	for (int i = 0; i < AT_ONCE && rc == 1; i++)
		rc = move_piece(s);
	if (rc == -1)
		return -1;
	if (s->ended && s->kept_at == s->kept_end) {
		shutdown(s->other->fd, SHUT_WR);
		if (s->other->ended && s->other->kept_at == s->other->kept_end)
			return -1;
	}
	watch(s);
	watch(s->other);
	return 0;
}

static void
new_pair(int fd)
{
	struct side *a = xcalloc(1, sizeof(*a)), *b = xcalloc(1, sizeof(*b));

	a->fd = fd;
	b->fd = bench_connect(&relay.to);
	if (b->fd == -1)
		bench_die("connect: %s", strerror(errno));
	a->other = b;
	b->other = a;
	a->events = b->events = EPOLLIN;
	bench_epoll_add(relay.ep, a->fd, EPOLLIN, a);
	bench_epoll_add(relay.ep, b->fd, EPOLLIN, b);
}

static void
event(struct side *s, unsigned events)
{
	if (!s->gone && (events & ~(unsigned)EPOLLOUT) && move(s) == -1)
		end_pair(s);
	if (!s->gone && (events & EPOLLOUT) && move(s->other) == -1)
		end_pair(s);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	char to[64];

	if (argc != 3)
		bench_die("usage: bench_relay LISTEN-PORT NEXT-PORT");
	bench_prepare();
	snprintf(to, sizeof(to), "127.0.0.1:%s", argv[2]);
	relay.to = bench_address(to);
	relay.listener = bench_listen(argv[1]);
	relay.ep = epoll_create1(EPOLL_CLOEXEC);
	bench_epoll_add(relay.ep, relay.listener, EPOLLIN, NULL);
	for (;;) {
		int fd, n = epoll_wait(relay.ep, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != NULL)
				event(events[i].data.ptr, events[i].events);
			else
				while ((fd = bench_accept(relay.listener)) != -1)
					new_pair(fd);
		}
		for (; relay.nended > 0; relay.nended--) {
			free(relay.ended[relay.nended - 1]->kept);
			free(relay.ended[relay.nended - 1]);
		}
	}
}
