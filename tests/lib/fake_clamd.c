#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "tests/lib/fake_clamd.h"

#define THEN_MAX 32

struct way {
	enum fake_clamd_way way;
	char answer[256];
};

struct fake_clamd {
	int listener, stop[2], port;
	char *socket, *path;
	pthread_t thread;
	pthread_mutex_t lock;
	/* under the lock */
	struct way will, then[THEN_MAX]; /* now; behind it */
	size_t nthen;
	char command[32];
	struct buf message;
	unsigned asked;
};

/* 0: the end, or it is to stop. */
static ssize_t
get(struct fake_clamd *f, int fd, void *p, size_t n)
{
	struct pollfd in[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = f->stop[0], .events = POLLIN } };

	while (poll(in, 2, -1) == -1 && errno == EINTR)
		;
	return in[1].revents ? 0 : recv(fd, p, n, 0);
}

static int
get_all(struct fake_clamd *f, int fd, void *p, size_t n)
{
	ssize_t got;

	for (size_t i = 0; i < n; i += (size_t)got)
		if ((got = get(f, fd, (char *)p + i, n - i)) <= 0)
			return -1;
	return 0;
}

static void
say(int fd, const void *p, size_t n)
{
	/* Whoever does not listen any more is not this side's matter. */
	if (send(fd, p, n, MSG_NOSIGNAL) == -1)
		return;
}

static int
take_stream(struct fake_clamd *f, int fd, const struct way *w, struct buf *b)
{
	uint32_t n;

	for (;;) {
		if (get_all(f, fd, &n, sizeof(n)) == -1)
			return -1;
		n = ntohl(n);
		if (n == 0)
			return 0;
		if (w->way == FAKE_TOO_LARGE) {
			say(fd, "INSTREAM size limit exceeded. ERROR", 36);
			return -1;
		}
		if (get_all(f, fd, buf_reserve(b, n), n) == -1)
			return -1;
		b->len += n;
	}
}

static int
take_descriptor(int fd, struct buf *b)
{
	char octet, room[4096];
	struct iovec v = { &octet, 1 };
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets) };
	struct cmsghdr *c;
	off_t at = 0;
	ssize_t n;
	int file;

	if (recvmsg(fd, &m, 0) != 1 || (c = CMSG_FIRSTHDR(&m)) == NULL)
		return -1;
	memcpy(&file, CMSG_DATA(c), sizeof(file));
	while ((n = pread(file, room, sizeof(room), at)) > 0) {
		buf_add(b, room, (size_t)n);
		at += n;
	}
	close(file);
	return 0;
}

static int
take(struct fake_clamd *f, int fd, const struct way *w, struct buf *b)
{
	char command[32] = "";
	size_t n = 0;

	do {
		if (n == sizeof(command) || get_all(f, fd, command + n, 1) == -1)
			return -1;
	} while (command[n++] != '\0');
	pthread_mutex_lock(&f->lock);
	memcpy(f->command, command, sizeof(command));
	pthread_mutex_unlock(&f->lock);
	return strcmp(command, "zFILDES") == 0 ? take_descriptor(fd, b) : take_stream(f, fd, w, b);
}

static void
wait_for_end(struct fake_clamd *f, int fd)
{
	char rest[4096];

	while (get(f, fd, rest, sizeof(rest)) > 0)
		;
}

static void
answer(struct fake_clamd *f, int fd, const struct way *w)
{
	struct pollfd stop = { .fd = f->stop[0], .events = POLLIN };
	size_t n = strlen(w->answer) + 1;

	switch (w->way) {
	case FAKE_ANSWERS:
		say(fd, w->answer, n);
		break;
	case FAKE_NO_END:
		say(fd, w->answer, n - 1);
		break;
	case FAKE_IN_PIECES:
		for (size_t i = 0; i < n; i++)
			say(fd, w->answer + i, 1);
		break;
	case FAKE_NEVER_ENDS:
		while (poll(&stop, 1, 0) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
			;
		break;
	case FAKE_HANGS:
		wait_for_end(f, fd);
		break;
	case FAKE_HANGS_UP:
	case FAKE_TOO_LARGE:
	case FAKE_DEAF:
		break;
	}
}

static void
serve(struct fake_clamd *f, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = 0 }, { .fd = f->stop[0], .events = POLLIN } };
	struct buf b = { 0 };
	struct way w;
	int rc;

	pthread_mutex_lock(&f->lock);
	w = f->will;
	if (f->nthen > 0) {
		f->will = f->then[0];
		memmove(f->then, f->then + 1, --f->nthen * sizeof(f->then[0]));
	}
	pthread_mutex_unlock(&f->lock);
	if (w.way == FAKE_DEAF) {
		poll(p, 2, -1);
		return;
	}
	rc = take(f, fd, &w, &b);
	pthread_mutex_lock(&f->lock);
	buf_fini(&f->message);
	f->message = b;
	pthread_mutex_unlock(&f->lock);
	if (rc == 0)
		answer(f, fd, &w);
}

static void *
run(void *arg)
{
	struct fake_clamd *f = arg;
	struct pollfd p[2] = { { .fd = f->listener, .events = POLLIN },
		{ .fd = f->stop[0], .events = POLLIN } };
	int fd;

	for (;;) {
		if (poll(p, 2, -1) == -1 && errno == EINTR)
			continue;
		if (p[1].revents)
			return NULL;
		fd = accept(f->listener, NULL, NULL);
		if (fd == -1)
			continue;
		pthread_mutex_lock(&f->lock);
		f->asked++;
		pthread_mutex_unlock(&f->lock);
		serve(f, fd);
		close(fd);
	}
}

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void
listen_unix(struct fake_clamd *f, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(f->listener, (struct sockaddr *)&un, sizeof(un)) == 0, path);
	f->path = xstrdup(path);
	f->socket = xasprintf("unix:%s", path);
}

static void
listen_port(struct fake_clamd *f)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(in);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(f->listener, (struct sockaddr *)&in, n) == 0, "bind");
	must(getsockname(f->listener, (struct sockaddr *)&in, &n) == 0, "getsockname");
	f->port = ntohs(in.sin_port);
	f->socket = xasprintf("127.0.0.1:%d", f->port);
}

struct fake_clamd *
fake_clamd_new(const char *path)
{
	struct fake_clamd *f = xcalloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	must(pipe2(f->stop, O_CLOEXEC) == 0, "pipe");
	if (path != NULL)
		listen_unix(f, path);
	else
		listen_port(f);
	must(listen(f->listener, 16) == 0, "listen");
	fake_clamd_will(f, FAKE_ANSWERS, "stream: OK");
	must(pthread_create(&f->thread, NULL, run, f) == 0, "pthread_create");
	return f;
}

void
fake_clamd_free(struct fake_clamd *f)
{
	must(write(f->stop[1], "", 1) == 1, "stop");
	pthread_join(f->thread, NULL);
	close(f->stop[0]);
	close(f->stop[1]);
	close(f->listener);
	if (f->path != NULL)
		unlink(f->path);
	free(f->path);
	free(f->socket);
	buf_fini(&f->message);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const char *
fake_clamd_socket(const struct fake_clamd *f)
{
	return f->socket;
}

int
fake_clamd_port(const struct fake_clamd *f)
{
	return f->port;
}

static void
set_way(struct way *w, enum fake_clamd_way way, const char *text)
{
	w->way = way;
	snprintf(w->answer, sizeof(w->answer), "%s", text == NULL ? "" : text);
}

void
fake_clamd_will(struct fake_clamd *f, enum fake_clamd_way way, const char *text)
{
	pthread_mutex_lock(&f->lock);
	set_way(&f->will, way, text);
	f->nthen = 0;
	pthread_mutex_unlock(&f->lock);
}

void
fake_clamd_then(struct fake_clamd *f, const char *text)
{
	pthread_mutex_lock(&f->lock);
	must(f->nthen < THEN_MAX, "too many answers");
	set_way(&f->then[f->nthen++], FAKE_ANSWERS, text);
	pthread_mutex_unlock(&f->lock);
}

unsigned
fake_clamd_asked(struct fake_clamd *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = f->asked;
	pthread_mutex_unlock(&f->lock);
	return n;
}

size_t
fake_clamd_message(struct fake_clamd *f, char *out, size_t size)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = f->message.len < size ? f->message.len : size;
	if (n > 0)
		memcpy(out, f->message.p, n);
	pthread_mutex_unlock(&f->lock);
	return n;
}

void
fake_clamd_command(struct fake_clamd *f, char out[32])
{
	pthread_mutex_lock(&f->lock);
	memcpy(out, f->command, sizeof(f->command));
	pthread_mutex_unlock(&f->lock);
}
