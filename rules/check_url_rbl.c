/* reject_rhsbl_url: the hosts of the message's URLs in lists in the DNS. */
#include <arpa/inet.h>
#include <string.h>

#include "core/facts.h"
#include "rules/message_urls.h"
#include "rules/rbl_run.h"
#include "rules/rules_private.h"

/* An address that url_host.h has written. */
static const struct sockaddr_storage *
address_of(struct rule_run *run, const struct url *u)
{
	struct sockaddr_storage *sa = arena_calloc(run->arena, sizeof(*sa));

	if (u->kind == URL_V4) {
		sa->ss_family = AF_INET;
		inet_pton(AF_INET, u->host, &((struct sockaddr_in *)sa)->sin_addr);
	} else {
		sa->ss_family = AF_INET6;
		inet_pton(AF_INET6, u->host, &((struct sockaddr_in6 *)sa)->sin6_addr);
	}
	return sa;
}

static struct rbl_asked
asked(struct rule_run *run, const struct url *u)
{
	struct rbl_asked a = { .kind = RBL_NAMES, .what = url_domain(u), .class = "URL host" };

	a.subject = (struct rule_subject){ .kind = SUBJECT_CONTENT, .name = a.what };
	if (u->kind != URL_NAME) {
		a.kind = RBL_ADDRESSES;
		a.sa = address_of(run, u);
	}
	return a;
}

/* How many of them are asked about. */
static size_t
count(struct rule_run *run, const struct url_hosts *d)
{
	size_t limit = (size_t)run->o->url_dns_count_limit;

	if (d == NULL || d->n <= limit)
		return d == NULL ? 0 : d->n;
	fact_set_detail(&run->txn->facts, FACT_URLS_LIMIT, "hosts");
	return limit;
}

static void
prepare(struct rule_run *run, const struct rule_op *op)
{
	const struct rbl_lists *l = op->data;
	const struct url_hosts *d = message_url_domains(run);
	size_t n = l->n == 0 ? 0 : count(run, d);

	for (size_t i = 0; i < n; i++) {
		struct rbl_asked a = asked(run, d->v[i]);

		rbl_look_start(run, &a, &l->specs[0]);
	}
}

static void
note(struct rule_run *run, const struct url *u)
{
	struct span text = u->text;

	text.len = text.len < 200 ? text.len : 200;
	rule_trace_text(run, TRACE_NOTE, NULL,
	    arena_printf(run->arena, "the URL: %.*s", (int)text.len, (const char *)text.p));
}

static enum rule_result
check(struct rule_run *run, const struct rule_op *op)
{
	const struct rbl_lists *l = op->data;
	const struct url_hosts *d = message_url_domains(run);
	size_t n = l->n == 0 ? 0 : count(run, d);
	const char *unknown = NULL;

	prepare(run, op); /* where nothing stands behind it that could go along */
	for (size_t i = 0; i < n; i++) {
		struct rbl_asked a = asked(run, d->v[i]);
		const char *name = rbl_asked_name(run, &a, &l->specs[0]);

		if (name == NULL)
			continue;
		switch (rbl_look(run, &a, &l->specs[0], name)) {
		case RBL_LISTED:
			note(run, d->v[i]);
			/* One listing is enough, also to one who only counts them. */
			return rbl_refuse(run, &a, l, &l->specs[0], name);
		case RBL_TROUBLE:
			unknown = unknown == NULL ? name : unknown;
			break;
		case RBL_NOT_LISTED:
		case RBL_REFUSED:
			break;
		}
	}
	return unknown == NULL ? RULE_DUNNO
			       : rule_failed(run, "the DNS does not tell of %s", unknown);
}

const struct restriction_def restrictions_url_rbl[] = {
	{ .name = "reject_rhsbl_url",
	    .args = ARG_TEXT,
	    .stages = AT_END,
	    .needs = NEED_DNS | NEED_CONTENT,
	    .check = check,
	    .prepare = prepare,
	    .compile = rbl_compile,
	    .on_failure = "urls",
	    .text = "Rejects if the host of a URL in the message stands in this DNS list: by its "
		    "registered domain, or as an address by its octets the other way round. All "
		    "hosts are asked about at a time, up to url_dns_count_limit. If the DNS does "
		    "not tell of one, and no other is listed, urls_on_failure says what becomes "
		    "of the message." },
	{ .name = NULL },
};
