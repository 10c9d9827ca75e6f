#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xmem.h"
#include "net/fiber.h"
#include "net/stream.h"

#define IN_SIZE ((size_t)8 * 1024)
#define IN_MAX  ((size_t)64 * 1024)
/* A peer as fast as we are would keep the thread: after so many octets without a wait others go
 * first. */
#define TURN ((size_t)1024 * 1024)

struct stream {
	struct net_watch watch;
	uint8_t *in;
	size_t in_at, in_len, in_size; /* bytes in_at .. in_len are not consumed */
	struct buf out;
	int eof;
	int asked;    /* something was sent: an answer takes a while */
	int filled;   /* the last call brought as much as it could: there may be more */
	size_t moved; /* octets since the last wait */
};

struct stream *
stream_new(int fd)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->watch.fd = fd;
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	close(s->watch.fd);
	free(s->in);
	buf_fini(&s->out);
	free(s);
}

int
stream_fd(const struct stream *s)
{
	return s->watch.fd;
}

struct net_watch *
stream_watch(struct stream *s)
{
	return &s->watch;
}

int
stream_undrained(const struct stream *s)
{
	return s->filled || s->watch.hung_up;
}

struct span
stream_peek(const struct stream *s)
{
	return span_make(s->in == NULL ? NULL : s->in + s->in_at, s->in_len - s->in_at);
}

void
stream_consume(struct stream *s, size_t n)
{
	assert(n <= s->in_len - s->in_at);
	s->in_at += n;
	if (s->in_at == s->in_len)
		s->in_at = s->in_len = 0;
}

int
stream_stirred(const struct stream *s)
{
	return stream_undrained(s) || net_stirred(&s->watch);
}

/* The call alone, result or -errno.  A function of its own that is never inlined: its caller may be
 * on another thread after a wait, and must not remember where errno was (net/fiber.h). */
static __attribute__((noinline)) ssize_t
recv_now(int fd, void *to, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, to, size, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}

static __attribute__((noinline)) ssize_t
send_now(int fd, const struct msghdr *m)
{
	const struct iovec *v = m->msg_iov;
	ssize_t n;

	do
		n = m->msg_iovlen == 1
			? send(fd, v->iov_base, v->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
			: sendmsg(fd, m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}

static ssize_t
recv_some(struct stream *s, void *to, size_t size)
{
	ssize_t n = recv_now(s->watch.fd, to, size);

	s->filled = n > 0 && (size_t)n == size;
	s->asked = 0;
	return n;
}

static void
count_turn(struct stream *s, size_t n)
{
	s->moved += n;
	if (s->moved < TURN)
		return;
	s->moved = 0;
	net_pause();
}

static int
timed_out(struct err *err)
{
	err_set(err, ERR_RETRY, "timeout");
	return -1;
}

/* Bytes, waiting for them until the deadline: >0, 0 end of file, -1. */
static ssize_t
recv_until(struct stream *s, void *to, size_t size, struct deadline d, struct err *err)
{
	ssize_t n = -EAGAIN;

	/* Who has just asked for an answer need not look whether it is there already. */
	if (!s->asked || stream_undrained(s))
		n = recv_some(s, to, size);
	while (n == -EAGAIN) {
		if (net_wait(&s->watch, 0, d) == 0)
			return timed_out(err);
		s->moved = 0;
		n = recv_some(s, to, size);
		if (n == -EAGAIN && deadline_passed(d))
			return timed_out(err);
	}
	if (n > 0) {
		count_turn(s, (size_t)n);
		return n;
	}
	if (n == 0) {
		s->eof = 1;
		return 0;
	}
	err_set(err, ERR_PEER, "%s", strerror((int)-n));
	return -1;
}

/* Make room behind in_len, and for `want` octets behind in_at: 0, or -1 when the most is buffered.
 */
static int
make_room(struct stream *s, size_t want, struct err *err)
{
	if (s->in == NULL) {
		s->in_size = want > IN_SIZE ? want : IN_SIZE;
		s->in = xmalloc(s->in_size);
	}
	if (s->in_len < s->in_size && want <= s->in_size - s->in_at)
		return 0;
	if (s->in_at > 0) {
		memmove(s->in, s->in + s->in_at, s->in_len - s->in_at);
		s->in_len -= s->in_at;
		s->in_at = 0;
		if (want <= s->in_size)
			return 0;
	}
	if (s->in_size >= IN_MAX && want <= s->in_size) {
		err_set(err, ERR_PEER, "more than %zu octets without a line end", IN_MAX);
		return -1;
	}
	s->in_size = want > s->in_size * 2 ? want : s->in_size * 2;
	s->in = xrealloc(s->in, s->in_size);
	return 0;
}

int
stream_fill(struct stream *s, struct deadline d, struct err *err)
{
	ssize_t n;

	if (make_room(s, 0, err) == -1)
		return -1;
	n = recv_until(s, s->in + s->in_len, s->in_size - s->in_len, d, err);
	if (n > 0)
		s->in_len += (size_t)n;
	return n > 0 ? 1 : (int)n;
}

static int
try_fill(struct stream *s, size_t want)
{
	ssize_t n;

	if (make_room(s, want, NULL) == -1)
		return -1;
	n = recv_some(s, s->in + s->in_len, s->in_size - s->in_len);
	if (n < 0)
		return n == -EAGAIN ? -2 : -1;
	if (n == 0) {
		s->eof = 1;
		return 0;
	}
	s->in_len += (size_t)n;
	return 1;
}

int
stream_try_fill(struct stream *s)
{
	return try_fill(s, 0);
}

int
stream_try_fill_to(struct stream *s, size_t want)
{
	size_t had = s->in_len - s->in_at;
	int rc = try_fill(s, want);

	if (rc == 1)
		count_turn(s, s->in_len - s->in_at - had);
	return rc;
}

int
stream_line(struct stream *s, size_t max, struct deadline d, struct span *line, struct err *err)
{
	size_t looked = 0;

	for (;;) {
		struct span have = stream_peek(s);
		const uint8_t *lf =
		    have.len == looked ? NULL : memchr(have.p + looked, '\n', have.len - looked);
		size_t len = lf == NULL ? have.len : (size_t)(lf - have.p);
		int rc;

		if (len > max) {
			err_set(err, ERR_PEER, "a line longer than %zu octets", max);
			return -1;
		}
		if (lf != NULL) {
			*line = span_make(have.p, len);
			if (len > 0 && have.p[len - 1] == '\r')
				line->len--;
			/* The octets stay where they are until the next fill. */
			s->in_at += len + 1;
			if (s->in_at == s->in_len)
				s->in_at = s->in_len = 0;
			return 1;
		}
		looked = have.len;
		rc = stream_fill(s, d, err);
		if (rc != 1)
			return rc;
	}
}

ssize_t
stream_recv(struct stream *s, void *to, size_t size, struct deadline d, struct err *err)
{
	struct span have = stream_peek(s);

	if (have.len > 0) {
		size_t n = have.len < size ? have.len : size;

		memcpy(to, have.p, n);
		stream_consume(s, n);
		return (ssize_t)n;
	}
	return recv_until(s, to, size, d, err);
}

void
stream_unread(struct stream *s, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (s->in_at < n) {
		size_t left = s->in_len - s->in_at;
		size_t size = left + n > IN_SIZE ? left + n : IN_SIZE;
		uint8_t *in = xmalloc(size);

		if (left > 0)
			memcpy(in + size - left, s->in + s->in_at, left);
		free(s->in);
		s->in = in;
		s->in_size = s->in_len = size;
		s->in_at = size - left;
	}
	s->in_at -= n;
	memcpy(s->in + s->in_at, p, n);
}

int
stream_peer_gone(struct stream *s)
{
	char c;
	ssize_t n;

	if (s->in_len > s->in_at)
		return 0;
	if (s->eof)
		return 1;
	if (!stream_stirred(s))
		return 0;
	n = recv(s->watch.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0)
		return 1;
	return n == -1 && errno != EAGAIN && errno != EINTR;
}

void
stream_queue(struct stream *s, const void *p, size_t n)
{
	buf_add(&s->out, p, n);
}

struct buf *
stream_out(struct stream *s)
{
	return &s->out;
}

size_t
stream_queued(const struct stream *s)
{
	return s->out.len;
}

static int
send_all(struct stream *s, struct iovec *v, size_t n, struct deadline d, struct err *err)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };

	s->asked = 1;
	while (m.msg_iovlen > 0) {
		ssize_t k;

		if (m.msg_iov->iov_len == 0) {
			m.msg_iov++;
			m.msg_iovlen--;
			continue;
		}
		k = send_now(s->watch.fd, &m);
		if (k == -EAGAIN) {
			if (deadline_passed(d) || net_wait(&s->watch, 1, d) == 0)
				return timed_out(err);
			s->moved = 0;
			continue;
		}
		if (k < 0) {
			err_set(err, ERR_PEER, "%s", strerror((int)-k));
			return -1;
		}
		count_turn(s, (size_t)k);
		for (; k > 0 && (size_t)k >= m.msg_iov->iov_len; m.msg_iovlen--, m.msg_iov++)
			k -= (ssize_t)m.msg_iov->iov_len;
		if (k > 0) {
			m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + k;
			m.msg_iov->iov_len -= (size_t)k;
		}
	}
	return 0;
}

int
stream_flush(struct stream *s, struct deadline d, struct err *err)
{
	return stream_writev(s, NULL, 0, d, err);
}

int
stream_writev(struct stream *s, struct iovec *v, size_t n, struct deadline d, struct err *err)
{
	struct iovec w[64];
	size_t k = 0;
	int rc = 0;

	if (s->out.len > 0)
		w[k++] = (struct iovec){ .iov_base = s->out.p, .iov_len = s->out.len };
	/* In groups, so that no one has to count to IOV_MAX. */
	for (size_t i = 0; rc == 0 && (i < n || k > 0);) {
		while (i < n && k < 64)
			w[k++] = v[i++];
		rc = send_all(s, w, k, d, err);
		k = 0;
	}
	buf_reset(&s->out);
	return rc;
}

void
stream_park(struct stream *s)
{
	assert(s->in_at == s->in_len && s->out.len == 0);
	free(s->in);
	s->in = NULL;
	s->in_at = s->in_len = s->in_size = 0;
	buf_fini(&s->out);
}
