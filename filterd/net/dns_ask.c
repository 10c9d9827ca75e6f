/* Questions to servers, and what their replies mean (net/dns_private.h).  The resolver's thread
 * alone is here, but for dns_settle(). */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "net/dns_packet.h"
#include "net/dns_private.h"

/* A server that was silent is not asked first for so long, if there is another. */
#define PASS_OVER_MS 60000

struct dns_job {
	struct dns *dns;
	struct dns_entry *entry;
	struct dns_job *next;     /* among those to be sent again */
	struct dns_name name;     /* asked now */
	unsigned aliases;         /* that have led there, */
	uint32_t ttl;             /* and how long they may be kept */
	unsigned first, attempt;  /* server first + attempt is asked now */
	unsigned answered;        /* bit: this server has said what it has to say */
	enum dns_outcome trouble; /* the most telling so far */
};

static void
answer(struct dns *d, struct dns_entry *e, const struct dns_result *r, unsigned ttl)
{
	struct dns_result *packed;
	size_t size;

	dns_count(d->outcomes[r->outcome]);
	packed = dns_result_pack(r, &size);
	dns_cache_answer(d->cache, e, packed, size, ttl, clock_ms());
	dns_entry_unref(e);
}

void
dns_settle(struct dns *d, struct dns_entry *e, enum dns_outcome outcome)
{
	const struct dns_result r = { .outcome = outcome };

	answer(d, e, &r, 0);
}

static void
job_free(struct dns_job *j)
{
	j->dns->in_flight--;
	free(j);
}

/* --- how it ends --- */

static unsigned
keep_for(const struct dns *d, const struct dns_result *r)
{
	unsigned most = r->outcome == DNS_FOUND ? d->o.max_ttl : d->o.max_negative_ttl;

	return r->ttl < most ? r->ttl : most;
}

static void
end(struct dns_job *j, struct dns_reply *reply)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_result *r = &reply->result;

	dns_name_format(&reply->name, text);
	r->name = text;
	if (r->ttl > j->ttl)
		r->ttl = j->ttl;
	r->ttl = keep_for(j->dns, r);
	answer(j->dns, j->entry, r, r->ttl);
	job_free(j);
}

static void
end_trouble(struct dns_job *j, enum dns_outcome outcome)
{
	struct dns_result r = { .outcome = outcome, .aliases = j->aliases };

	/* What is wrong on this machine may be right in a moment. */
	if (outcome != DNS_UNREACHABLE && outcome != DNS_BUSY && outcome != DNS_BAD_NAME)
		r.ttl = j->dns->o.trouble_ttl;
	answer(j->dns, j->entry, &r, r.ttl);
	job_free(j);
}

/* --- whom to ask --- */

static unsigned
server_of(const struct dns_job *j)
{
	return (j->first + j->attempt) % j->dns->nservers;
}

static unsigned
first_server(struct dns *d)
{
	if (d->first != 0 && clock_ms() >= d->first_until_ms)
		d->first = 0;
	return d->first;
}

static void
pass_over(struct dns *d, unsigned server)
{
	if (d->nservers == 1 || server != d->first)
		return;
	d->first = (d->first + 1) % d->nservers;
	d->first_until_ms = clock_ms() + PASS_OVER_MS;
}

static void
send_later(struct dns_job *j)
{
	j->next = j->dns->again;
	j->dns->again = j;
}

/* This server was no help: the next, or give up with what tells most. */
static void
next_server(struct dns_job *j, enum dns_outcome trouble)
{
	struct dns *d = j->dns;
	unsigned server = server_of(j);

	/* dns_outcome.def has them in order. */
	if (trouble < j->trouble)
		j->trouble = trouble;
	if (trouble == DNS_TIMEOUT || trouble == DNS_UNREACHABLE)
		pass_over(d, server);
	else
		j->answered |= 1u << server;
	while (++j->attempt < d->o.tries * d->nservers) {
		if (j->answered & 1u << server_of(j))
			continue;
		send_later(j);
		return;
	}
	end_trouble(j, j->trouble);
}

/* --- replies --- */

/* Nothing but an alias: ask for what it stands for, of the same servers anew. */
static void
go_on(struct dns_job *j, const struct dns_reply *reply, uint32_t ttl)
{
	j->name = reply->name;
	j->aliases = reply->result.aliases;
	j->ttl = ttl;
	j->attempt = j->answered = 0;
	j->trouble = DNS_UNREACHABLE;
	send_later(j);
}

static void
on_packet(struct dns_job *j, struct span packet)
{
	struct arena *a = j->dns->arena;
	struct dns_reply reply;

	dns_packet_read(packet, &j->name, (enum dns_type)j->entry->key.type, j->aliases, a, &reply);
	if (reply.go_on)
		go_on(j, &reply, reply.alias_ttl < j->ttl ? reply.alias_ttl : j->ttl);
	else if (dns_outcome_answer(reply.result.outcome) != -1)
		end(j, &reply);
	else if (reply.result.outcome == DNS_CHAIN)
		end_trouble(j, DNS_CHAIN);
	else
		next_server(j, reply.result.outcome);
	arena_reset(a);
}

static void
on_reply(void *arg, int status, int timeouts, unsigned char *packet, int len)
{
	struct dns_job *j = arg;
	struct dns_reply none = { .result.outcome = DNS_NXDOMAIN, .name = j->name };

	(void)timeouts;
	if (packet != NULL && len >= 0)
		on_packet(j, span_make(packet, (size_t)len));
	else if (status == ARES_ETIMEOUT)
		next_server(j, DNS_TIMEOUT);
	else if (status == ARES_EBADNAME)
		end_trouble(j, DNS_BAD_NAME);
	else if (status == ARES_ENOTFOUND)
		end(j, &none); /* c-ares asks nobody for .onion (RFC 7686) */
	else if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION)
		end_trouble(j, DNS_UNREACHABLE);
	else
		next_server(j, DNS_UNREACHABLE);
}

/* --- questions --- */

/* As ares_query(3) reads a name: a backslash in front of dots and backslashes inside of labels. */
static void
format_for_ares(const struct dns_name *n, char out[2 * DNS_NAME_MAX + 1])
{
	char *to = out;

	for (size_t i = 0; n->p[i] != 0;) {
		size_t end_of_label = i + 1 + n->p[i];

		if (i > 0)
			*to++ = '.';
		for (i++; i < end_of_label; i++) {
			if (n->p[i] == '.' || n->p[i] == '\\')
				*to++ = '\\';
			*to++ = (char)n->p[i];
		}
	}
	if (to == out)
		*to++ = '.';
	*to = '\0';
}

static void
send_job(struct dns_job *j)
{
	char text[2 * DNS_NAME_MAX + 1];

	/* An alias may have led there; a C string cannot say it. */
	if (memchr(j->name.p, 0, j->name.len) != j->name.p + j->name.len - 1) {
		end_trouble(j, DNS_BAD_NAME);
		return;
	}
	format_for_ares(&j->name, text);
	dns_count(j->dns->sent);
	ares_query(
	    j->dns->server[server_of(j)].channel, text, 1, (int)j->entry->key.type, on_reply, j);
}

void
dns_ask(struct dns *d, struct dns_entry *e)
{
	struct dns_job *j = xcalloc(1, sizeof(*j));

	j->dns = d;
	j->entry = e;
	j->name = e->key.name;
	j->ttl = INT32_MAX;
	j->trouble = DNS_UNREACHABLE;
	j->first = first_server(d);
	d->in_flight++;
	send_job(j);
}

void
dns_ask_again(struct dns *d)
{
	struct dns_job *j;

	while ((j = d->again) != NULL) {
		d->again = j->next;
		send_job(j);
	}
}

void
dns_give_up(struct dns *d)
{
	struct dns_job *j;

	while ((j = d->again) != NULL) {
		d->again = j->next;
		end_trouble(j, DNS_UNREACHABLE);
	}
}
