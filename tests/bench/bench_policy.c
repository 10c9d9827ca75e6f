/*
 * bench_policy - ask a policy server as fast as it answers
 *
 *	bench_policy CONNECTIONS SECONDS ADDRESS:PORT | unix:PATH
 *
 * Each connection has one request under way, for the protocol allows no more.  Requests are those
 * of Postfix at RCPT, each for a message of its own.  Prints requests a second, the processor time
 * this program took, and how many answers were not DUNNO.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/bench_net.h"

#define REPLY_MAX 512

struct conn {
	int fd;
	char reply[REPLY_MAX];
	size_t have;
};

struct load {
	int ep;
	uint64_t asked, answered, others;
};

static void
ask(struct load *l, struct conn *c)
{
	char request[1500];
	uint64_t n = l->asked++;
	int len = snprintf(request, sizeof(request),
	    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
	    "client_address=192.0.2.%u\nclient_name=unknown\nclient_port=%u\n"
	    "reverse_client_name=unknown\nserver_address=192.0.2.254\nserver_port=25\n"
	    "helo_name=mail%u.example.com\nsender=news%u@example.com\n"
	    "recipient=user%u@example.org\nrecipient_count=0\nqueue_id=\ninstance=%x.%x.0\n"
	    "size=20480\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
	    "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
	    "encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n"
	    "encryption_keysize=256\npolicy_context=\n\n",
	    (unsigned)(n % 250) + 1, (unsigned)(n % 60000) + 1024, (unsigned)(n % 1000),
	    (unsigned)(n % 10000), (unsigned)(n % 5000), (unsigned)getpid(), (unsigned)n);

	/* It fits the empty socket, or the machine is not fit for this. */
	if (send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		bench_die("request: %s", strerror(errno));
}

static void
take(struct load *l, struct conn *c)
{
	ssize_t n = recv(c->fd, c->reply + c->have, REPLY_MAX - c->have, 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		bench_die("the server has closed the connection");
	c->have += (size_t)n;
	if (c->have < 2 || memcmp(c->reply + c->have - 2, "\n\n", 2) != 0) {
		if (c->have == REPLY_MAX)
			bench_die("a reply without end");
		return;
	}
	l->answered++;
	l->others += c->have != 14 || memcmp(c->reply, "action=DUNNO", 12) != 0;
	c->have = 0;
	ask(l, c);
}

int
main(int argc, char **argv)
{
	struct epoll_event ready[64];
	struct load l = { 0 };
	struct bench_addr to;
	struct conn *conns;
	double start, now;
	long n, seconds;

	if (argc != 4)
		bench_die("usage: bench_policy CONNECTIONS SECONDS ADDRESS:PORT");
	n = bench_number(argv[1]);
	seconds = bench_number(argv[2]);
	to = bench_address(argv[3]);
	bench_prepare();
	l.ep = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc((size_t)n, sizeof(*conns));
	if (conns == NULL)
		bench_die("no memory");
	for (long i = 0; i < n; i++) {
		conns[i].fd = bench_connect(&to);
		if (conns[i].fd == -1)
			bench_die("connection %ld: %s", i, strerror(errno));
		bench_epoll_add(l.ep, conns[i].fd, EPOLLIN, &conns[i]);
	}
	usleep(100000); /* connecting does not wait */
	start = bench_now();
	for (long i = 0; i < n; i++)
		ask(&l, &conns[i]);
	while ((now = bench_now()) < start + (double)seconds) {
		int k = epoll_wait(l.ep, ready, 64, 1000);

		for (int i = 0; i < k; i++)
			take(&l, ready[i].data.ptr);
	}
	printf("requests %.0f a second, cpu %.2f of %.2f s, not DUNNO %llu\n",
	    (double)l.answered / (now - start), bench_cpu(), now - start,
	    (unsigned long long)l.others);
	free(conns);
	return 0;
}
