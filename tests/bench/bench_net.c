#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench_net.h"

void
bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

long
bench_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end != '\0' || n < 1)
		bench_die("%s: must be a number of at least 1", text);
	return n;
}

struct bench_addr
bench_address(const char *text)
{
	struct bench_addr a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_un *u = (struct sockaddr_un *)&a.sa;
	struct sockaddr_in *in = (struct sockaddr_in *)&a.sa;
	const char *colon = strrchr(text, ':');
	char host[64];

	if (strncmp(text, "unix:", 5) == 0) {
		if (strlen(text + 5) >= sizeof(u->sun_path))
			bench_die("%s: is too long", text);
		u->sun_family = AF_UNIX;
		strcpy(u->sun_path, text + 5);
		a.len = sizeof(*u);
		return a;
	}
	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		bench_die("%s: must be ADDRESS:PORT or unix:/PATH", text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)bench_number(colon + 1));
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		bench_die("%s: must be an IPv4 address", host);
	return a;
}

void
bench_prepare(void)
{
	struct rlimit r;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
no_delay(int fd)
{
	int on = 1;

	/* Fails on a unix socket, which does not wait anyway. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int
bench_listen(const char *port)
{
	char text[64];
	struct bench_addr a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	snprintf(text, sizeof(text), "127.0.0.1:%s", port);
	a = bench_address(text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd == -1 || bind(fd, (struct sockaddr *)&a.sa, a.len) == -1 || listen(fd, 4096) == -1)
		bench_die("%s: %s", text, strerror(errno));
	return fd;
}

int
bench_connect(const struct bench_addr *a)
{
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		bench_die("socket: %s", strerror(errno));
	no_delay(fd);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) == -1 && errno != EINPROGRESS) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
bench_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd != -1)
		no_delay(fd);
	return fd;
}

void
bench_epoll_add(int ep, int fd, unsigned events, void *who)
{
	struct epoll_event e = { .events = events, .data.ptr = who };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1)
		bench_die("epoll_ctl: %s", strerror(errno));
}

void
bench_epoll_change(int ep, int fd, unsigned events, void *who)
{
	struct epoll_event e = { .events = events, .data.ptr = who };

	if (epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == -1)
		bench_die("epoll_ctl: %s", strerror(errno));
}

double
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double
bench_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
