#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/dns.h"
#include "tests/lib/dns_answers.h"
#include "tests/lib/dns_make.h"

#define DELAYED_MAX 1000

static const struct {
	const char *word;
	unsigned rcode;
	uint32_t ttl;
	int delay_ms; /* -1: no answer */
} words[] = {
	{ "a", 0, 60, 0 },
	{ "zero", 0, 0, 0 },
	{ "slow", 0, 60, 20 },
	{ "late", 0, 60, 400 },
	{ "nx", 3, 60, 0 },
	{ "slownx", 3, 60, 20 },
	{ "servfail", 2, 0, 0 },
	{ "refused", 5, 0, 0 },
	{ "silent", 0, 0, -1 },
};

struct delayed {
	struct sockaddr_in to;
	int64_t at_us;
	size_t len;
	uint8_t p[512];
};

struct dns_answers {
	pthread_t thread;
	int fd;
	atomic_int asked, stop;
	char at[40];
	struct dns_make m;
	struct delayed delayed[DELAYED_MAX];
	size_t ndelayed;
};

/* The name's text, and what its first label says. */
static size_t
read_question(const uint8_t *p, size_t len, char name[256])
{
	size_t at = 12, n = 0, word, i;
	const char *label;

	while (at < len && p[at] != 0) {
		if (n > 0)
			name[n++] = '.';
		memcpy(name + n, p + at + 1, p[at]);
		n += p[at];
		at += 1u + p[at];
	}
	name[n] = '\0';
	label = name + strspn(name, "0123456789."); /* a reversed address */
	word = strcspn(label, "0123456789-.");
	for (i = 0; i < nitems(words); i++)
		if (strncmp(words[i].word, label, word) == 0 && words[i].word[word] == '\0')
			break;
	assert(i < nitems(words));
	return i;
}

static void
reply(struct dns_answers *s, const uint8_t *p, size_t len, const struct sockaddr_in *to)
{
	char name[256];
	size_t w = read_question(p, len, name);
	struct delayed *d;

	if (words[w].delay_ms == -1)
		return;
	make_reply(&s->m, MAKE_RA | words[w].rcode, name, DNS_A);
	memcpy(s->m.p, p, 2);
	if (words[w].rcode == 0)
		make_a(&s->m, name, words[w].ttl, "127.0.0.2");
	else if (words[w].rcode == 3)
		make_soa(&s->m, 2, "test", 60, words[w].ttl);
	if (words[w].delay_ms == 0) {
		sendto(s->fd, s->m.p, s->m.len, 0, (const struct sockaddr *)to, sizeof(*to));
		return;
	}
	assert(s->ndelayed < DELAYED_MAX && s->m.len <= sizeof(d->p));
	d = &s->delayed[s->ndelayed++];
	d->to = *to;
	d->at_us = clock_us() + words[w].delay_ms * 1000;
	d->len = s->m.len;
	memcpy(d->p, s->m.p, s->m.len);
}

static void
send_due(struct dns_answers *s)
{
	int64_t now = clock_us();

	for (size_t i = 0; i < s->ndelayed;) {
		struct delayed *d = &s->delayed[i];

		if (d->at_us > now) {
			i++;
			continue;
		}
		sendto(s->fd, d->p, d->len, 0, (struct sockaddr *)&d->to, sizeof(d->to));
		*d = s->delayed[--s->ndelayed];
	}
}

static void *
run(void *arg)
{
	struct dns_answers *s = arg;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct sockaddr_in from;
	uint8_t packet[512];
	socklen_t size;
	ssize_t n;

	while (!atomic_load(&s->stop)) {
		poll(&p, 1, s->ndelayed > 0 ? 1 : 20);
		for (;;) {
			size = sizeof(from);
			n = recvfrom(s->fd, packet, sizeof(packet), MSG_DONTWAIT,
			    (struct sockaddr *)&from, &size);
			if (n <= 0)
				break;
			atomic_fetch_add(&s->asked, 1);
			reply(s, packet, (size_t)n, &from);
		}
		send_due(s);
	}
	return NULL;
}

struct dns_answers *
dns_answers_start(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct dns_answers *s = calloc(1, sizeof(*s));
	socklen_t size = sizeof(sin);
	int rc;

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)) |
	     getsockname(s->fd, (struct sockaddr *)&sin, &size);
	assert(rc == 0);
	snprintf(s->at, sizeof(s->at), "127.0.0.1:%u", ntohs(sin.sin_port));
	rc = pthread_create(&s->thread, NULL, run, s);
	assert(rc == 0);
	return s;
}

void
dns_answers_stop(struct dns_answers *s)
{
	atomic_store(&s->stop, 1);
	pthread_join(s->thread, NULL);
	close(s->fd);
	free(s);
}

const char *
dns_answers_at(const struct dns_answers *s)
{
	return s->at;
}

int
dns_answers_asked(struct dns_answers *s)
{
	return atomic_load(&s->asked);
}
