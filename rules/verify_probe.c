#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop.h"
#include "client/pool.h"
#include "net/dns.h"
#include "net/hosts.h"
#include "rules/verify_probe.h"

#define HOSTS_MAX 10 /* of a domain that are looked up */
#define TRIES_MAX 5  /* addresses that are asked */

#define HOSTS_FILE "/etc/hosts"

struct target {
	const char *name; /* the host, for texts */
	const char *addr;
	struct next_hop hop;
};

struct probe {
	const struct verify_probe *p;
	struct arena *arena;
	struct verify_answer *answer;
	struct dns_batch *batch;
	const char *protocol, *port; /* of the targets */
	struct target *targets;
	size_t n;
};

static void settle(struct probe *, enum verify_status, const char *fmt, ...) ATTR_PRINTF(3, 4);

static void
settle(struct probe *b, enum verify_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	b->answer->status = status;
	b->answer->text = arena_vprintf(b->arena, fmt, ap);
	va_end(ap);
}

/* --- asking one host --- */

static int
needs_utf8(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 126)
			return 1;
	return 0;
}

/* All its lines as they came, but one behind the other. */
static const char *
words(struct probe *b, const struct hop_reply *r)
{
	struct span line, rest = span_str(r->text);
	const char *all = "";

	do {
		span_cut(rest, '\n', &line, &rest);
		all = arena_printf(b->arena, "%s%s%d%c%s%s%.*s", all, *all == '\0' ? "" : " ",
		    r->code, rest.len > 0 ? '-' : ' ', r->enhanced,
		    r->enhanced[0] == '\0' || line.len == 0 ? "" : " ", (int)line.len, line.p);
	} while (rest.len > 0);
	return all;
}

static void
said(struct probe *b, const struct target *t, const struct hop_reply *r, const char *command)
{
	if (r->code / 100 == 2)
		settle(b, VERIFY_GOOD, "%s", words(b, r));
	else
		settle(b, r->code / 100 == 5 ? VERIFY_BAD : VERIFY_DEFERRED,
		    "host %s[%s] said: %s (in reply to %s command)", t->name, t->addr, words(b, r),
		    command);
}

/* The connection is lost, or its peer has broken the protocol. */
static void
broke(struct probe *b, const struct target *t, const struct hop *h, const char *command,
    const struct err *err)
{
	if (hop_farewell(h)->code != 0)
		said(b, t, hop_farewell(h), command);
	else if (err->class == ERR_PEER)
		settle(b, VERIFY_DEFERRED, "conversation with %s[%s] failed: %s", t->name, t->addr,
		    err->text);
	else if (deadline_passed(b->p->deadline))
		settle(b, VERIFY_DEFERRED, "conversation with %s[%s] timed out while sending %s",
		    t->name, t->addr, command);
	else
		settle(b, VERIFY_DEFERRED, "lost connection with %s[%s] while sending %s", t->name,
		    t->addr, command);
}

/* MAIL and RCPT. */
static void
converse(struct probe *b, const struct target *t, struct hop *h)
{
	const struct verify_question *q = &b->p->q;
	int utf8 = needs_utf8(q->address) || needs_utf8(q->sender);
	struct hop_rcpt rcpt = { .path = q->address, .params = "" };
	struct hop_envelope e = { .mail_path = q->sender,
		.mail_params = utf8 ? "SMTPUTF8" : "",
		.rcpts = &rcpt,
		.nrcpts = 1,
		.arena = b->arena };
	struct err err;

	if (hop_refuses_params(h, e.mail_params) != NULL) {
		settle(b, VERIFY_BAD, "SMTPUTF8 is required, but was not offered by host %s[%s]",
		    t->name, t->addr);
		return;
	}
	if (hop_mail(h, &e, b->p->deadline, &err) == -1) {
		broke(b, t, h, "MAIL FROM", &err);
		return;
	}
	if (e.mail.code / 100 != 2) {
		said(b, t, &e.mail, "MAIL FROM");
		return;
	}
	if (hop_rcpt(h, &e, 0, b->p->deadline, &err) == -1) {
		broke(b, t, h, "RCPT TO", &err);
		return;
	}
	said(b, t, &rcpt.reply, "RCPT TO");
	/* A failure now is no news about the address. */
	(void)!hop_rset(h, b->p->deadline, &err);
}

/* Behind what it was that failed, "refused EHLO: 550 no", stands why. */
static const char *
reason(const struct err *err)
{
	const char *colon = strstr(err->text, ": ");

	return colon == NULL ? err->text : colon + 2;
}

static void
ask(struct probe *b, const struct target *t)
{
	struct err err;
	struct hop *h = pool_get(b->p->pool, &t->hop, 1, b->p->deadline, &err);

	if (h != NULL) {
		converse(b, t, h);
		pool_put(b->p->pool, h);
	} else if (err.class == ERR_PEER) {
		settle(b, VERIFY_DEFERRED, "host %s[%s] refused to talk to me: %s", t->name,
		    t->addr, reason(&err));
	} else {
		settle(b, VERIFY_DEFERRED, "connect to %s[%s]:%s: %s", t->name, t->addr,
		    t->hop.to.kind == ENDPOINT_UNIX ? "unix" : t->hop.to.port, reason(&err));
	}
}

/* --- which hosts --- */

/* One more, by address. */
static void
add_target(struct probe *b, const char *name, const char *addr)
{
	struct target *t = &b->targets[b->n];
	char text[100];
	struct err err;

	if (b->n == TRIES_MAX)
		return;
	snprintf(text, sizeof(text), "%s:[%s]:%s", b->protocol, addr, b->port);
	if (next_hop_parse(text, &t->hop, &err) == -1)
		return;
	t->name = arena_strdup(b->arena, name);
	t->addr = arena_strdup(b->arena, addr);
	b->n++;
}

static const struct dns_result *
look_up(struct probe *b, const char *name, enum dns_type type)
{
	struct dns_query *q = dns_start(b->batch, span_str(name), type);

	(void)dns_wait_query(q, b->p->deadline);
	return dns_result(q);
}

static void
add_addresses(struct probe *b, const char *host, const struct dns_result *r, int family)
{
	char addr[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < r->n; i++)
		if (r->rr[i].data.len == (family == AF_INET ? 4 : 16) &&
		    inet_ntop(family, r->rr[i].data.p, addr, sizeof(addr)) != NULL)
			add_target(b, host, addr);
}

/* The host's addresses: 1 there are, 0 there are none, -1 it cannot be told. */
static int
add_host(struct probe *b, const char *host)
{
	struct dns_query *q4 = dns_start(b->batch, span_str(host), DNS_A);
	struct dns_query *q6 = dns_start(b->batch, span_str(host), DNS_AAAA);
	const struct dns_result *a, *aaaa;
	size_t before = b->n;

	(void)dns_wait(b->batch, b->p->deadline);
	a = dns_result(q4);
	aaaa = dns_result(q6);
	add_addresses(b, host, a, AF_INET);
	add_addresses(b, host, aaaa, AF_INET6);
	if (b->n > before)
		return 1;
	if (dns_outcome_answer(a->outcome) == -1 || dns_outcome_answer(aaaa->outcome) == -1)
		return -1;
	return 0;
}

static void
no_host(struct probe *b, const char *name, const char *type, int trouble)
{
	settle(b, trouble ? VERIFY_DEFERRED : VERIFY_BAD,
	    "Host or domain name not found. Name service error for name=%s type=%s: %s", name, type,
	    trouble ? "Host not found, try again" : "Host not found");
}

static int
by_preference(const void *a, const void *b)
{
	return (int)((const struct dns_rr *)a)->preference -
	       (int)((const struct dns_rr *)b)->preference;
}

static void
add_mx_hosts(struct probe *b, const struct dns_result *mx)
{
	struct dns_rr *rr = arena_alloc(b->arena, mx->n * sizeof(*rr));
	const char *last = "";
	int trouble = 0;

	memcpy(rr, mx->rr, mx->n * sizeof(*rr));
	qsort(rr, mx->n, sizeof(*rr), by_preference);
	for (size_t i = 0; i < mx->n && i < HOSTS_MAX && b->n < TRIES_MAX; i++) {
		if (rr[i].name == NULL)
			continue;
		last = rr[i].name;
		trouble |= add_host(b, last) == -1;
	}
	if (b->n == 0)
		no_host(b, last, "A", trouble);
}

static void
find_mx(struct probe *b, const char *domain)
{
	const struct dns_result *mx = look_up(b, domain, DNS_MX);
	int found;

	if (dns_null_mx(mx)) {
		settle(b, VERIFY_BAD, "Domain %s does not accept mail (nullMX)", domain);
		return;
	}
	switch (dns_outcome_answer(mx->outcome)) {
	case 1:
		add_mx_hosts(b, mx);
		return;
	case -1:
		no_host(b, domain, "MX", 1);
		return;
	}
	/* No MX: the domain itself is its host (RFC 5321 5.1). */
	found = add_host(b, domain);
	if (found != 1)
		no_host(b, domain, mx->outcome == DNS_NXDOMAIN ? "MX" : "A", found == -1);
}

/* [192.0.2.1], [IPv6:2001:db8::1] */
static void
find_literal(struct probe *b, const char *domain)
{
	char addr[64];
	size_t len = strlen(domain);
	const char *p = domain + 1;

	if (strncasecmp(p, "IPv6:", 5) == 0)
		p += 5;
	len -= (size_t)(p - domain);
	if (len == 0 || len > sizeof(addr) || domain[strlen(domain) - 1] != ']') {
		no_host(b, domain, "A", 0);
		return;
	}
	memcpy(addr, p, len - 1);
	addr[len - 1] = '\0';
	add_target(b, addr, addr);
	if (b->n == 0)
		no_host(b, domain, "A", 0);
}

static int
is_number(const char *host)
{
	unsigned char addr[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1;
}

/* The next hop's addresses, as getaddrinfo(3) would find them, but not for longer than the deadline
 * says and without keeping the other probes waiting.  0: neither place knows it. */
static int
find_hop_addresses(struct probe *b, const struct next_hop *hop)
{
	char addrs[TRIES_MAX][HOSTS_ADDR_SIZE];
	const char *host = hop->to.host;
	size_t n = hosts_addresses(HOSTS_FILE, host, addrs, TRIES_MAX);
	int found;

	b->protocol = hop->protocol == HOP_LMTP ? "lmtp" : "smtp";
	b->port = arena_strdup(b->arena, hop->to.port);
	for (size_t i = 0; i < n; i++)
		add_target(b, host, addrs[i]);
	if (b->n > 0)
		return 1;
	found = add_host(b, host);
	if (found == -1)
		no_host(b, host, "A", 1);
	return found;
}

static void
find_hop(struct probe *b, const char *text)
{
	struct next_hop hop;
	struct target *t = &b->targets[0];
	struct err err;

	if (next_hop_parse(text, &hop, &err) == -1) {
		settle(b, VERIFY_DEFERRED, "next hop %s: %s", text, err.text);
		return;
	}
	if (hop.to.kind == ENDPOINT_INET && !is_number(hop.to.host) &&
	    find_hop_addresses(b, &hop) != 0)
		return;
	/* A name that only the system can make something of: dial() asks it. */
	t->hop = hop;
	t->name = t->addr =
	    arena_strdup(b->arena, hop.to.kind == ENDPOINT_UNIX ? hop.to.path : hop.to.host);
	b->n = 1;
}

void
verify_probe(const struct verify_probe *p, struct arena *arena, struct verify_answer *answer)
{
	struct probe b = {
		.p = p, .arena = arena, .answer = answer, .protocol = "smtp", .port = VERIFY_PORT
	};

	b.targets = arena_calloc(arena, TRIES_MAX * sizeof(*b.targets));
	b.batch = dns_batch_new(p->dns, arena);
	answer->status = VERIFY_DEFERRED;
	answer->text = "";
	if (p->q.hop[0] != '\0')
		find_hop(&b, p->q.hop);
	else if (p->q.domain[0] == '[')
		find_literal(&b, p->q.domain);
	else
		find_mx(&b, p->q.domain);
	dns_batch_end(b.batch);
	/* The first who can tell, does. */
	for (size_t i = 0; i < b.n; i++) {
		ask(&b, &b.targets[i]);
		if (answer->status != VERIFY_DEFERRED || deadline_passed(p->deadline))
			break;
	}
}
