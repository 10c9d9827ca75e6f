/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "plugins/clamav_wire.h"

int64_t
clamd_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the message as a file --- */

static int
write_all(int fd, const struct iovec *v)
{
	const char *p = v->iov_base;
	size_t left = v->iov_len;
	ssize_t n;

	while (left > 0) {
		n = write(fd, p, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

int
clamd_message_file(const struct iovec message[2])
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (write_all(fd, &message[0]) == 0 && write_all(fd, &message[1]) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

/* --- waiting --- */

/* What is ready of events; 0: it is too late; -1: errno. */
static int
wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int rc;

	do {
		left = until - clamd_clock_ms();
		if (left <= 0)
			return 0;
		rc = poll(&p, 1, left > 60000 ? 60000 : (int)left);
	} while (rc == 0 || (rc == -1 && errno == EINTR));
	return rc == -1 ? -1 : p.revents;
}

static int
dial(const struct clamd_question *q, enum clamd_outcome *outcome)
{
	int fd = socket(q->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc, error = 0, one = 1;
	socklen_t n = sizeof(error);

	*outcome = CLAMD_UNREACHABLE;
	if (fd == -1)
		return -1;
	if (q->to.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = connect(fd, (const struct sockaddr *)&q->to, q->to_len);
	/* A unix socket whose queue is full says EAGAIN, and nothing tells when it is not. */
	while (rc == -1 && errno == EAGAIN && clamd_clock_ms() < q->connect_until_ms) {
		poll(NULL, 0, 10);
		rc = connect(fd, (const struct sockaddr *)&q->to, q->to_len);
	}
	if (rc == 0)
		return fd;
	error = errno;
	if (error == EINPROGRESS) {
		rc = wait_for(fd, POLLOUT, q->connect_until_ms);
		if (rc == 0)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
			return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

/* --- asking --- */

static void
advance(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen > 0 && n >= m->msg_iov[0].iov_len) {
		n -= m->msg_iov[0].iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen > 0) {
		m->msg_iov[0].iov_base = (char *)m->msg_iov[0].iov_base + n;
		m->msg_iov[0].iov_len -= n;
	}
}

/* All of it, unless the other side answers or goes before: what it had to say is read then. */
static enum clamd_outcome
send_all(int fd, struct iovec *v, size_t nv, int64_t until)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = nv };
	ssize_t n;
	int ready;

	advance(&m, 0);
	while (m.msg_iovlen > 0) {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n >= 0) {
			advance(&m, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return CLAMD_ANSWERED;
		ready = wait_for(fd, POLLOUT | POLLIN, until);
		if (ready == 0)
			return CLAMD_LATE;
		if (ready & (POLLIN | POLLERR | POLLHUP))
			return CLAMD_ANSWERED;
	}
	return CLAMD_ANSWERED;
}

static enum clamd_outcome
send_stream(int fd, const struct clamd_question *q)
{
	static const char command[] = "zINSTREAM";
	uint32_t len[3] = { htonl((uint32_t)q->message[0].iov_len),
		htonl((uint32_t)q->message[1].iov_len), 0 };
	struct iovec v[6];
	size_t n = 0;

	v[n++] = (struct iovec){ (void *)(uintptr_t)command, sizeof(command) };
	/* A piece of no octets would be the end. */
	for (size_t i = 0; i < 2; i++)
		if (q->message[i].iov_len > 0) {
			v[n++] = (struct iovec){ &len[i], sizeof(len[i]) };
			v[n++] = q->message[i];
		}
	v[n++] = (struct iovec){ &len[2], sizeof(len[2]) };
	return send_all(fd, v, n, q->answer_until_ms);
}

static enum clamd_outcome
send_descriptor(int fd, const struct clamd_question *q)
{
	static const char command[] = "zFILDES";
	struct iovec v = { (void *)(uintptr_t)command, sizeof(command) };
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	enum clamd_outcome out = send_all(fd, &v, 1, q->answer_until_ms);
	ssize_t n;

	if (out != CLAMD_ANSWERED)
		return out;
	/* The descriptor comes with an octet of its own. */
	v = (struct iovec){ (void *)(uintptr_t) "", 1 };
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &q->fd, sizeof(int));
	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN && wait_for(fd, POLLOUT, q->answer_until_ms) == 0)
			return CLAMD_LATE;
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));
	return CLAMD_ANSWERED;
}

static enum clamd_outcome
read_answer(int fd, const struct clamd_question *q, char *answer, size_t size, size_t *n)
{
	const char *end;
	ssize_t got;

	*n = 0;
	for (;;) {
		got = recv(fd, answer + *n, size - *n, 0);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1 && errno == EAGAIN) {
			if (wait_for(fd, POLLIN, q->answer_until_ms) == 0)
				return CLAMD_LATE;
			continue;
		}
		if (got <= 0)
			return CLAMD_BROKEN;
		end = memchr(answer + *n, '\0', (size_t)got);
		*n += (size_t)got;
		if (end != NULL) {
			*n = (size_t)(end - answer);
			return CLAMD_ANSWERED;
		}
		if (*n == size)
			return CLAMD_BROKEN;
	}
}

enum clamd_outcome
clamd_exchange(const struct clamd_question *q, char *answer, size_t size, size_t *n, char *why,
    size_t why_size)
{
	enum clamd_outcome out;
	int fd = dial(q, &out);

	if (fd == -1) {
		snprintf(why, why_size, "%s", strerror(errno));
		return out;
	}
	out = q->fd != -1 ? send_descriptor(fd, q) : send_stream(fd, q);
	if (out == CLAMD_ANSWERED)
		out = read_answer(fd, q, answer, size, n);
	close(fd);
	if (out == CLAMD_LATE)
		snprintf(why, why_size, "no answer in time");
	else if (out == CLAMD_BROKEN)
		snprintf(why, why_size, "connection closed without a whole answer");
	return out;
}
