#include <netinet/in.h>
#include <string.h>

#include "core/client.h"
#include "front/peer_name.h"
#include "mail/hostname.h"
#include "net/dns.h"
#include "net/dns_name.h"
#include "net/hosts.h"

/* One look-up and its answer. */
static const struct dns_result *
look_up(const struct peer_names *p, struct dns_batch *b, const char *name, enum dns_type type)
{
	struct dns_query *q = dns_start(b, span_str(name), type);

	(void)dns_wait_query(q, p->deadline);
	return dns_result(q);
}

/* The name the DNS has for the address; like getnameinfo(3) the first of several. */
static enum attr_state
reverse_name(const struct peer_names *p, struct dns_batch *b, struct client *c)
{
	const struct dns_result *r;
	char question[128];

	if (dns_reverse_name(&c->sa, NULL, question, sizeof(question)) == -1)
		return ATTR_UNKNOWN;
	r = look_up(p, b, question, DNS_PTR);
	if (dns_outcome_answer(r->outcome) == -1)
		return ATTR_TEMPFAIL;
	if (r->n == 0 || strlen(r->rr[0].name) >= sizeof(c->reverse_name))
		return ATTR_UNKNOWN;
	span_copy(span_str(r->rr[0].name), c->reverse_name, sizeof(c->reverse_name));
	return ATTR_KNOWN;
}

/* The octets of an address as A and AAAA have them. */
static struct span
octets(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->ss_family == AF_INET)
		return span_make(&v4->sin_addr, 4);
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return span_make(v6->sin6_addr.s6_addr + 12, 4);
	return span_make(&v6->sin6_addr, 16);
}

/* Does the DNS say that the name has the address? */
static enum attr_state
confirm(const struct peer_names *p, struct dns_batch *b, const struct client *c)
{
	struct span want = octets(&c->sa);
	const struct dns_result *r =
	    look_up(p, b, c->reverse_name, want.len == 4 ? DNS_A : DNS_AAAA);

	if (dns_outcome_answer(r->outcome) == -1)
		return ATTR_TEMPFAIL;
	for (size_t i = 0; i < r->n; i++)
		if (span_eq(r->rr[i].data, want))
			return ATTR_KNOWN;
	return ATTR_UNKNOWN;
}

static enum attr_state
find_reverse(const struct peer_names *p, struct dns_batch *b, struct client *c)
{
	enum attr_state state = ATTR_KNOWN;

	if (!hosts_name(p->hosts, &c->sa, c->reverse_name, sizeof(c->reverse_name)))
		state = b == NULL ? ATTR_TEMPFAIL : reverse_name(p, b, c);
	/* What is no host name must not get into logs and look-up keys. */
	if (state == ATTR_KNOWN && !hostname_valid(span_str(c->reverse_name), 0))
		state = ATTR_UNKNOWN;
	if (state != ATTR_KNOWN)
		span_copy(span_str("unknown"), c->reverse_name, sizeof(c->reverse_name));
	return state;
}

static enum attr_state
find_confirmed(const struct peer_names *p, struct dns_batch *b, const struct client *c)
{
	switch (hosts_address(p->hosts, c->reverse_name, &c->sa)) {
	case HOSTS_SAME:
		return ATTR_KNOWN;
	case HOSTS_OTHER:
		return ATTR_UNKNOWN;
	case HOSTS_UNKNOWN:
		break;
	}
	return b == NULL ? ATTR_TEMPFAIL : confirm(p, b, c);
}

const char *
peer_name_find(const struct peer_names *p, struct client *c)
{
	struct dns_batch *b;

	if (c->sa.ss_family != AF_INET && c->sa.ss_family != AF_INET6)
		return NULL;
	b = p->dns == NULL ? NULL : dns_batch_new(p->dns, p->arena);
	c->reverse_state = c->name_state = find_reverse(p, b, c);
	if (c->reverse_state == ATTR_KNOWN)
		c->name_state = find_confirmed(p, b, c);
	dns_batch_end(b);
	span_copy(span_str(c->name_state == ATTR_KNOWN ? c->reverse_name : "unknown"), c->name,
	    sizeof(c->name));
	if (c->reverse_state != ATTR_KNOWN || c->name_state == ATTR_KNOWN)
		return NULL;
	return c->name_state == ATTR_TEMPFAIL ? "the DNS cannot tell its addresses just now"
					      : "it does not have that address";
}
