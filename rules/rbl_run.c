#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "mail/idna.h"
#include "rules/dnsbl.h"
#include "rules/rbl_name.h"
#include "rules/rbl_reply.h"
#include "rules/rbl_run.h"
#include "rules/rules_private.h"
#include "table/table.h"

#define REASON_MAX 500 /* octets of TXT that are used, as in Postfix */

/* --- about whom --- */

static const char *
unquoted(const struct path *p)
{
	return p == NULL || p->octets == NULL ? NULL : p->addr;
}

/* The name of a client that has none. */
static const char *
unless_unknown(const char *s)
{
	return text_case_eq(s, "unknown") ? NULL : s;
}

static const char *
unless_empty(const char *s)
{
	return s == NULL || s[0] == '\0' ? NULL : s;
}

int
rbl_untold(struct rule_run *run, const struct rbl_asked *a)
{
	return (a->subject.kind == SUBJECT_CLIENT || a->subject.kind == SUBJECT_REVERSE_CLIENT) &&
	       fact_has(&run->txn->facts, FACT_CLIENT_UNTOLD);
}

struct rbl_asked
rbl_asked(struct rule_run *run, const struct rule_op *op)
{
	struct rbl_asked a = { .kind = RBL_NAMES };

	a.subject.kind = (enum subject_kind)(op->def->variant & 0xff);
	if (rbl_untold(run, &a))
		return a;
	switch (a.subject.kind) {
	case SUBJECT_CLIENT:
		if ((op->def->variant & RBL_BY_NAME) != 0) {
			a.what = unless_unknown(run->client->name);
			break;
		}
		a.kind = RBL_ADDRESSES;
		a.sa = &run->client->sa;
		a.what = run->client->addr;
		break;
	case SUBJECT_REVERSE_CLIENT:
		a.what = unless_unknown(run->client->reverse_name);
		break;
	case SUBJECT_HELO:
		a.what = unless_empty(run->client->helo);
		break;
	case SUBJECT_SENDER:
		a.what = unless_empty(unquoted(&run->txn->sender));
		break;
	case SUBJECT_RECIPIENT:
		a.what = unquoted(run->rcpt);
		break;
	case SUBJECT_CCERT:
	case SUBJECT_SASL:
	case SUBJECT_DATA:
	case SUBJECT_END_OF_DATA:
	case SUBJECT_CONTENT:
		break;
	}
	a.subject.name = a.what;
	return a;
}

const char *
rbl_asked_name(struct rule_run *run, const struct rbl_asked *a, const struct rbl_spec *s)
{
	char name[2 * DNS_NAME_MAX];
	const char *at, *domain;
	int some;

	if (a->what == NULL)
		return NULL;
	if (a->kind == RBL_ADDRESSES) {
		some = rbl_name_of_address(a->sa, s->zone, name, sizeof(name));
	} else {
		at = strrchr(a->what, '@');
		domain = idna_ascii(run->arena, at == NULL ? a->what : at + 1);
		some = domain != NULL && rbl_name_of_domain(domain, s->zone, name, sizeof(name));
	}
	return some ? arena_strdup(run->arena, name) : NULL;
}

/* --- asking --- */

static struct dnsbl_zone *
zone_of(struct rule_run *run, enum rbl_kind kind, const struct rbl_spec *s)
{
	const struct rule_services *services = run->ask->services;

	if (run->o->dnsbl_strict_postfix || services == NULL)
		return NULL;
	return dnsbl_zone(services->zones, kind, s->zone);
}

static struct dnsbl_limits
limits_of(const struct rule_run *run)
{
	return (struct dnsbl_limits){ .refused_limit = run->o->dnsbl_refused_limit,
		.probe_interval = run->o->dnsbl_probe_interval };
}

static void
note(struct rule_run *run, const char *text)
{
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_NOTE, .answer = text });
}

/* Is the zone on, if need be after a probe? */
static int
answers_us(struct rule_run *run, struct dnsbl_zone *z, const struct rbl_asked *a, const char *zone)
{
	struct dnsbl_limits limits = limits_of(run);
	struct dnsbl_points p;
	int on = 1;

	switch (dnsbl_turn(z, &limits, clock_ms())) {
	case DNSBL_ASK:
		return 1;
	case DNSBL_OFF:
		on = 0;
		break;
	case DNSBL_PROBE:
		dnsbl_points(a->kind, zone, &p);
		rule_dns_start(run, p.listed, DNS_A);
		rule_dns_start(run, p.not_listed, DNS_A);
		on = dnsbl_probed(
		    z, rule_dns(run, p.listed, DNS_A), rule_dns(run, p.not_listed, DNS_A));
		break;
	}
	if (!on)
		note(run, arena_printf(run->arena, "the DNS list %s is switched off", zone));
	return on;
}

/* A list that lists everybody lists nobody. */
static int
is_believed(struct rule_run *run, struct dnsbl_zone *z, const struct rbl_asked *a, const char *zone)
{
	struct dnsbl_limits limits = limits_of(run);
	struct dnsbl_points p;

	if (!dnsbl_doubted(z, clock_ms()))
		return 1;
	dnsbl_points(a->kind, zone, &p);
	return dnsbl_confirmed(z, &limits, rule_dns(run, p.not_listed, DNS_A), clock_ms());
}

enum rbl_reading
rbl_look(
    struct rule_run *run, const struct rbl_asked *a, const struct rbl_spec *s, const char *name)
{
	struct dnsbl_zone *z = zone_of(run, a->kind, s);
	struct dnsbl_limits limits = limits_of(run);
	const struct dns_result *r;
	enum rbl_reading reading;
	char odd[16];

	if (!answers_us(run, z, a, s->zone))
		return RBL_NOT_LISTED;
	r = rule_dns(run, name, DNS_A);
	reading = rbl_spec_read(s, a->kind, run->o->dnsbl_strict_postfix, r, odd);
	if (reading == RBL_TROUBLE)
		rule_warn(run, "%s: RBL lookup error: %s", name, dns_outcome_text(r->outcome));
	if (reading == RBL_REFUSED)
		rule_warn(run, "%s: the DNS list %s refuses to answer: %s", name, s->zone, odd);
	dnsbl_answered(z, &limits, reading, odd, clock_ms());
	if (reading == RBL_LISTED && !is_believed(run, z, a, s->zone))
		reading = RBL_REFUSED;
	return reading;
}

void
rbl_look_start(struct rule_run *run, const struct rbl_asked *a, const struct rbl_spec *s)
{
	const char *name = rbl_asked_name(run, a, s);
	struct dnsbl_points p;

	if (name == NULL)
		return;
	switch (dnsbl_turn_peek(zone_of(run, a->kind, s), clock_ms())) {
	case DNSBL_ASK:
		rule_dns_start(run, name, DNS_A);
		break;
	case DNSBL_PROBE:
		dnsbl_points(a->kind, s->zone, &p);
		rule_dns_start(run, p.listed, DNS_A);
		rule_dns_start(run, p.not_listed, DNS_A);
		break;
	case DNSBL_OFF:
		break;
	}
}

/* --- refusing --- */

/* What the list says of the listing, without controls and what is not ASCII; "" nothing. */
static const char *
reason(struct rule_run *run, const char *name)
{
	const struct dns_result *r = rule_dns(run, name, DNS_TXT);
	char *out = arena_alloc(run->arena, REASON_MAX + 1);
	size_t len = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct span txt = r->rr[i].data;

		if (len > 0 && len + 3 <= REASON_MAX) {
			memcpy(out + len, " / ", 3);
			len += 3;
		}
		for (size_t j = 0; j < txt.len && len < REASON_MAX; j++)
			out[len++] = txt.p[j] < 0x20 || txt.p[j] > 0x7e ? ' ' : (char)txt.p[j];
	}
	out[len] = '\0';
	return out;
}

/* rbl_reply_maps is asked with the whole `zone=filter` and nothing less: 1, 0, -1. */
static int
reply_template(struct rule_run *run, const char *key, const char **template, struct err *err)
{
	struct map_ask ask = rule_map_ask(run);
	struct table_hit hit;
	int rc = map_list_find(&run->rules->rbl_reply_maps, &ask, span_str(key), 0, &hit, err);

	*template = rc == 1 ? hit.value : NULL;
	return rc;
}

static struct rbl_macros
macros_of(struct rule_run *run, const struct rbl_asked *a, const struct rbl_lists *l,
    const struct rbl_spec *s, const char *name)
{
	return (struct rbl_macros){ .code = run->o->maps_rbl_reject_code,
		.domain = s->zone,
		.what = a->what,
		.class = a->class == NULL ? subject_class(a->subject.kind) : a->class,
		.txt = reason(run, name),
		.client = run->client,
		.sender = unquoted(&run->txn->sender),
		.recipient = unquoted(run->rcpt),
		.myhostname = run->o->myhostname,
		.safe = &l->safe };
}

static enum rule_result
refuse_with_reply(struct rule_run *run, const struct rbl_asked *a, const struct rbl_lists *l,
    const struct rbl_spec *s, const char *name)
{
	struct rbl_macros m = macros_of(run, a, l, s, name);
	const char *template, *text = NULL, *why = "";
	struct rbl_reply reply;
	struct err err;

	if (reply_template(run, s->text, &template, &err) == -1)
		return rule_broken(run, "rbl_reply_maps: %s", err.text);
	if (template != NULL && (text = rbl_reply_expand(run->arena, template, &m, &why)) == NULL)
		rule_warn(
		    run, "rbl_reply_maps: bad template for %s: %s: %s", s->text, template, why);
	if (text == NULL)
		text = rbl_reply_expand(run->arena, run->o->default_rbl_reply, &m, &why);
	if (text == NULL)
		return rule_broken(run, "default_rbl_reply: %s", why);
	if (rbl_reply_split(text, &reply) == -1) {
		rule_warn(run, "rbl response code configuration error: %s", text);
		return rule_refuse(run, 450, "4.7.1", "Service unavailable");
	}
	rule_enhanced_fit(reply.enhanced, a->subject.kind);
	return rule_refuse(run, reply.code, reply.enhanced, "%s", reply.text);
}

enum rule_result
rbl_refuse(struct rule_run *run, const struct rbl_asked *a, const struct rbl_lists *l,
    const struct rbl_spec *s, const char *name)
{
	/* Nobody is told the list's reason, so it is not asked for. */
	if (rule_gives_points(run))
		return rule_refuse(
		    run, run->o->maps_rbl_reject_code, "5.7.1", "listed by %s", s->zone);
	return refuse_with_reply(run, a, l, s, name);
}
