/*
 * bench_net - what the benchmark programs share: addresses, sockets, time
 *
 * These programs measure others, so they do as little as they can: one thread, epoll, no copies
 * that could be left out.  They talk to loopback and unix sockets of their own tests only, and end
 * with a message when the machine does not give them what they need.
 */
#ifndef TESTS_BENCH_NET_H
#define TESTS_BENCH_NET_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"

struct bench_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* Print to standard error and exit(1). */
void bench_die(const char *fmt, ...) ATTR_PRINTF(1, 2) ATTR_NORETURN;
/* "127.0.0.1:10025" or "unix:/path". */
struct bench_addr bench_address(const char *text);
/* As many descriptors as the kernel gives; SIGPIPE ignored. */
void bench_prepare(void);
/* A number at least 1. */
long bench_number(const char *text);

/* Non-blocking.  bench_connect(): -1 with errno when it fails at once. */
int bench_listen(const char *port);
int bench_connect(const struct bench_addr *);
int bench_accept(int listener); /* -1: no more */

void bench_epoll_add(int ep, int fd, unsigned events, void *who);
void bench_epoll_change(int ep, int fd, unsigned events, void *who);

double bench_now(void); /* seconds, monotonic */
double bench_cpu(void); /* seconds this process has used */

#endif
