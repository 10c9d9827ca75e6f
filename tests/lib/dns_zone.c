#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "net/dns.h"
#include "tests/lib/dns_make.h"
#include "tests/lib/dns_zone.h"

struct record {
	char name[256], type[8], value[512];
};

struct dns_zone {
	pthread_t thread;
	int fd;
	atomic_int stop;
	char at[40];
	struct record *v;
	size_t n;
	struct dns_make m;
	pthread_mutex_t lock; /* of asked */
	char asked[4096], told[4096];
};

static void
parse(struct dns_zone *z, const char *text)
{
	struct record r;
	int used;

	while (sscanf(text, " %255s %7s %511[^\n]%n", r.name, r.type, r.value, &used) == 3) {
		z->v = realloc(z->v, (z->n + 1) * sizeof(*z->v));
		assert(z->v != NULL);
		z->v[z->n++] = r;
		text += used;
	}
}

/* The name in lower case, and the type asked for. */
static int
read_question(const uint8_t *p, size_t len, char name[256])
{
	size_t at = 12, n = 0;

	while (at < len && p[at] != 0) {
		if (n > 0)
			name[n++] = '.';
		for (size_t i = 1; i <= p[at]; i++)
			name[n++] = (char)tolower(p[at + i]);
		at += 1u + p[at];
	}
	name[n] = '\0';
	return p[at + 1] << 8 | p[at + 2];
}

static void
add(struct dns_make *m, const struct record *r)
{
	uint8_t addr[16];
	int used = 0;
	unsigned pref;
	size_t rr;

	if (strcmp(r->type, "A") == 0 || strcmp(r->type, "AAAA") == 0) {
		int v6 = r->type[1] != '\0', ok;

		ok = inet_pton(v6 ? AF_INET6 : AF_INET, r->value, addr);
		assert(ok == 1);
		rr = make_rr(m, 1, r->name, v6 ? DNS_AAAA : DNS_A, 60);
		make_bytes(m, addr, v6 ? 16 : 4);
	} else if (strcmp(r->type, "MX") == 0) {
		int n = sscanf(r->value, "%u %n", &pref, &used);

		assert(n == 1);
		rr = make_rr(m, 1, r->name, DNS_MX, 60);
		make_u16(m, pref);
		make_name(m, r->value + used);
	} else if (strcmp(r->type, "TXT") == 0) {
		rr = make_rr(m, 1, r->name, DNS_TXT, 60);
		assert(strlen(r->value) < 256);
		make_u8(m, (unsigned)strlen(r->value));
		make_bytes(m, r->value, strlen(r->value));
	} else {
		make_of_name(m, 1, r->name, dns_type_of(r->type), r->value);
		return;
	}
	make_end(m, rr);
}

static int
is_trouble(const struct record *r, unsigned *rcode)
{
	static const struct {
		const char *word;
		unsigned rcode;
	} words[] = { { "SERVFAIL", 2 }, { "REFUSED", 5 }, { "TIMEOUT", 0 } };

	for (size_t i = 0; i < nitems(words); i++)
		if (strcmp(r->value, words[i].word) == 0) {
			*rcode = words[i].rcode;
			return 1;
		}
	return 0;
}

static int
is_below(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return n > z && name[n - z - 1] == '.' && strcasecmp(name + n - z, zone) == 0;
}

/* 0: say nothing. */
static int
make_answer(struct dns_zone *z, const char *name, enum dns_type type)
{
	const char *text = dns_type_text(type);
	unsigned rcode = 0;
	int exists = 0, found = 0;

	make_reply(&z->m, MAKE_RA, name, type);
	for (size_t i = 0; i < z->n; i++) {
		const struct record *r = &z->v[i];

		exists |= strcasecmp(r->name, name) == 0 || is_below(r->name, name);
		if (strcasecmp(r->name, name) != 0 ||
		    (strcmp(r->type, "*") != 0 && strcmp(r->type, text) != 0))
			continue;
		if (is_trouble(r, &rcode)) {
			if (rcode == 0)
				return 0;
			make_reply(&z->m, MAKE_RA | rcode, name, type);
			return 1;
		}
		add(&z->m, r);
		found = 1;
	}
	if (!found) {
		make_reply(&z->m, MAKE_RA | (exists ? 0 : 3), name, type);
		make_soa(&z->m, 2, "test", 60, 60);
	}
	return 1;
}

static void
note(struct dns_zone *z, const char *name, enum dns_type type)
{
	size_t at;

	pthread_mutex_lock(&z->lock);
	at = strlen(z->asked);
	snprintf(z->asked + at, sizeof(z->asked) - at, "%s%s %s", at == 0 ? "" : ", ",
	    dns_type_text(type), name);
	pthread_mutex_unlock(&z->lock);
}

static void *
run(void *arg)
{
	struct dns_zone *z = arg;
	struct pollfd p = { .fd = z->fd, .events = POLLIN };
	struct sockaddr_in from;
	uint8_t packet[512];
	char name[256];
	enum dns_type type;

	while (!atomic_load(&z->stop)) {
		socklen_t size = sizeof(from);
		ssize_t n;

		poll(&p, 1, 20);
		n = recvfrom(
		    z->fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (n <= 0)
			continue;
		type = (enum dns_type)read_question(packet, (size_t)n, name);
		note(z, name, type);
		if (!make_answer(z, name, type))
			continue;
		memcpy(z->m.p, packet, 2);
		sendto(z->fd, z->m.p, z->m.len, 0, (const struct sockaddr *)&from, sizeof(from));
	}
	return NULL;
}

struct dns_zone *
dns_zone_start(const char *records)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct dns_zone *z = calloc(1, sizeof(*z));
	socklen_t size = sizeof(sin);
	int rc;

	assert(z != NULL);
	parse(z, records);
	pthread_mutex_init(&z->lock, NULL);
	z->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = bind(z->fd, (struct sockaddr *)&sin, sizeof(sin)) |
	     getsockname(z->fd, (struct sockaddr *)&sin, &size);
	assert(rc == 0);
	snprintf(z->at, sizeof(z->at), "127.0.0.1:%u", ntohs(sin.sin_port));
	rc = pthread_create(&z->thread, NULL, run, z);
	assert(rc == 0);
	return z;
}

void
dns_zone_stop(struct dns_zone *z)
{
	if (z == NULL)
		return;
	atomic_store(&z->stop, 1);
	pthread_join(z->thread, NULL);
	close(z->fd);
	pthread_mutex_destroy(&z->lock);
	free(z->v);
	free(z);
}

const char *
dns_zone_at(const struct dns_zone *z)
{
	return z->at;
}

const char *
dns_zone_asked(struct dns_zone *z)
{
	pthread_mutex_lock(&z->lock);
	memcpy(z->told, z->asked, sizeof(z->told));
	z->asked[0] = '\0';
	pthread_mutex_unlock(&z->lock);
	return z->told;
}
