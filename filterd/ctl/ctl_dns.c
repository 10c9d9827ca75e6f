/*
 * filterctl dns [-r SERVERS] TYPE NAME ... - ask the DNS as filterd does
 *
 * A line a record: name, seconds left, type, data; or, with -- in front, how the look-up ended.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "ctl/ctl_cmd.h"
#include "net/dns.h"
#include "net/dns_name.h"

#define USAGE      "dns [-r SERVER ...] TYPE NAME ..."
#define SHOWN_NAME 300

static const char *const meanings[] = {
#define OUTCOME(name, text, answer, means) [DNS_##name] = means,
#include "net/dns_outcome.def"
#undef OUTCOME
};

/* As in a zone file. */
static void
put_string(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~') {
			buf_printf(out, "\\%03u", s.p[i]);
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, (char)s.p[i]);
	}
	buf_addc(out, '"');
}

static void
put_address(struct buf *out, int family, struct span address)
{
	char text[INET6_ADDRSTRLEN];

	buf_adds(out, inet_ntop(family, address.p, text, sizeof(text)));
}

static void
put_data(struct buf *out, enum dns_type type, const struct dns_rr *rr)
{
	const struct dns_soa *soa = rr->soa;

	switch (type) {
	case DNS_A:
		put_address(out, AF_INET, rr->data);
		return;
	case DNS_AAAA:
		put_address(out, AF_INET6, rr->data);
		return;
	case DNS_TXT:
		for (size_t i = 0; i < rr->nstrings; i++) {
			if (i > 0)
				buf_addc(out, ' ');
			put_string(out, rr->strings[i]);
		}
		return;
	case DNS_MX:
		buf_printf(out, "%u %s", rr->preference, rr->name);
		return;
	case DNS_SOA:
		buf_printf(out, "%s %s %u %u %u %u %u", rr->name, soa->rname, soa->serial,
		    soa->refresh, soa->retry, soa->expire, soa->minimum);
		return;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		buf_adds(out, rr->name);
		return;
	}
}

static void
put_start(struct buf *out, const char *name, uint32_t ttl, const char *what)
{
	log_quote(out, span_str(name), SHOWN_NAME);
	buf_printf(out, "\t%u\t%s\t", ttl, what);
}

static void
show(const char *name, enum dns_type type, const struct dns_result *r)
{
	struct buf out = { 0 };

	if (r->aliases > 0 && r->name != NULL) {
		put_start(&out, name, r->ttl, "alias");
		buf_printf(&out, "%s\n", r->name);
	}
	for (size_t i = 0; i < r->n; i++) {
		put_start(&out, name, r->rr[i].ttl, dns_type_text(type));
		put_data(&out, type, &r->rr[i]);
		buf_addc(&out, '\n');
	}
	if (r->outcome != DNS_FOUND) {
		put_start(&out, name, r->ttl, dns_type_text(type));
		buf_printf(&out, "-- %s: %s\n", dns_outcome_text(r->outcome), meanings[r->outcome]);
	}
	if (type == DNS_MX && dns_null_mx(r)) {
		put_start(&out, name, r->ttl, dns_type_text(type));
		buf_adds(&out, "-- null MX: the domain takes no mail\n");
	}
	fwrite(out.p, 1, out.len, stdout);
	buf_fini(&out);
}

/* An address asked for its name is turned round. */
static struct span
name_of(const char *text, enum dns_type type, struct arena *a)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	char name[100];

	if (type != DNS_PTR)
		return span_str(text);
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&ss)->sin_addr) != 1) {
		ss.ss_family = AF_INET6;
		if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ss)->sin6_addr) != 1)
			return span_str(text);
	}
	if (dns_reverse_name(&ss, NULL, name, sizeof(name)) == -1)
		return span_str(text);
	return arena_span(a, span_str(name));
}

static int
ask(struct dns *dns, enum dns_type type, int n, char **names)
{
	struct arena *a = arena_new();
	struct dns_batch *b = dns_batch_new(dns, a);
	struct dns_query **q = arena_alloc(a, (size_t)n * sizeof(struct dns_query *));
	int status = 0;

	for (int i = 0; i < n; i++)
		q[i] = dns_start(b, name_of(names[i], type, a), type);
	dns_send(b);
	for (int i = 0; i < n; i++) {
		const struct dns_result *r;

		dns_wait_query(q[i], deadline_never()); /* each ends by itself */
		r = dns_result(q[i]);
		show(names[i], type, r);
		if (dns_outcome_answer(r->outcome) == -1)
			status = EX_TEMPFAIL;
		else if (r->outcome != DNS_FOUND && status == 0)
			status = 1;
	}
	dns_batch_end(b);
	arena_free(a);
	return status;
}

int
ctl_dns(const struct ctl_env *env, int argc, char **argv)
{
	struct dns_options options = { 0 };
	struct conf *conf = NULL;
	struct dns *dns;
	struct err err;
	enum dns_type type;
	int c, status;

	while ((c = getopt(argc, argv, "+r:")) != -1) {
		if (c != 'r')
			return ctl_usage(USAGE);
		options.servers = optarg;
	}
	if (argc - optind < 2)
		return ctl_usage(USAGE);
	if ((type = dns_type_of(argv[optind])) == 0)
		return ctl_fail(EX_USAGE,
		    "%s: no such type; A, AAAA, CNAME, MX, NS, PTR, SOA and TXT are known",
		    argv[optind]);
	if (options.servers == NULL) {
		if ((conf = ctl_load_conf(env)) == NULL)
			return EX_CONFIG;
		options.servers = conf_params(conf)->resolver;
		options.timeout_ms = (unsigned)conf_params(conf)->resolver_timeout;
		options.tries = (unsigned)conf_params(conf)->resolver_tries;
	}
	err_clear(&err);
	dns = dns_new(&options, &err);
	if (dns == NULL)
		status = ctl_fail(
		    err.class == ERR_CONFIG ? EX_CONFIG : EX_OSERR, "resolver: %s", err.text);
	else
		status = ask(dns, type, argc - optind - 1, argv + optind + 1);
	dns_free(dns);
	conf_free(conf);
	return status;
}
