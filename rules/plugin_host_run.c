/* struct filterd_host: what a check may ask about the mail, the DNS and tables. */
#include <arpa/inet.h>
#include <string.h>

#include "base/err.h"
#include "core/message.h"
#include "rules/plugin_impl.h"
#include "table/table.h"

/* What an access restriction makes of a row without a value. */
#define NO_VALUE "451 4.3.5 Server configuration error"

static void *
host_state(const struct rule_run *run)
{
	return plugin_of(run)->state;
}

/* "" is "not told" of what cannot be empty. */
static const char *
told(const char *s)
{
	return s == NULL || s[0] == '\0' ? NULL : s;
}

static const char *
sender(const struct rule_run *run)
{
	return run->ask->stage < RULE_MAIL ? NULL : run->txn->sender.addr;
}

static const char *
host_about(struct rule_run *run, enum filterd_about about)
{
	const struct client *c = run->client;

	switch (about) {
	case FILTERD_CLIENT_ADDRESS:
		return c->sa.ss_family == AF_UNSPEC ? NULL : c->addr;
	case FILTERD_CLIENT_NAME:
		return told(c->name);
	case FILTERD_REVERSE_CLIENT_NAME:
		return told(c->reverse_name);
	case FILTERD_HELO:
		return run->txn->has_helo ? told(c->helo) : NULL;
	case FILTERD_SENDER:
		return sender(run);
	case FILTERD_RECIPIENT:
		return run->rcpt == NULL ? NULL : run->rcpt->addr;
	case FILTERD_SASL_USERNAME:
		return told(c->login);
	case FILTERD_PROTOCOL:
		return told(c->proto);
	case FILTERD_QUEUE_ID:
		return told(c->ident);
	case FILTERD_DECISION_ID:
		return told(run->txn->id);
	case FILTERD_LISTENER:
		return told(run->txn->listener);
	}
	return NULL;
}

static int64_t
host_time_left_ms(const struct rule_run *run)
{
	return run->ask->deadline.at_ms == DEADLINE_NEVER ? INT64_MAX
							  : deadline_poll_ms(run->ask->deadline);
}

static void *
host_alloc(struct rule_run *run, size_t size)
{
	return arena_calloc(run->arena, size == 0 ? 1 : size);
}

static void *
host_keep(struct rule_run *run, const char *name, size_t size)
{
	return rule_keep(run, plugin_of(run)->def, name, size);
}

static int
host_look_only(struct rule_run *run, const char *what)
{
	return rule_look_only(run, what);
}

/* --- the message --- */

static struct filterd_octets
octets(struct span s)
{
	return (struct filterd_octets){ .p = s.p, .len = s.len };
}

static struct filterd_octets
host_message(struct rule_run *run)
{
	struct span s;

	(void)content_message(run, &s);
	return octets(s);
}

static struct filterd_octets
host_received_line(struct rule_run *run)
{
	return octets(plugin_received_line(run));
}

/* --- the DNS --- */

static void
host_dns_start(struct rule_run *run, const char *name, enum filterd_dns_type type)
{
	const char *ascii = rule_dns_name(run, name);

	if (ascii != NULL)
		rule_dns_start(run, ascii, (enum dns_type)type);
}

static const char *
record_text(struct rule_run *run, enum dns_type type, const struct dns_rr *rr)
{
	char addr[INET6_ADDRSTRLEN];

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (inet_ntop(type == DNS_A ? AF_INET : AF_INET6, rr->data.p, addr, sizeof(addr)) ==
		    NULL)
			return NULL;
		return arena_strdup(run->arena, addr);
	case DNS_TXT:
		return arena_str(run->arena, rr->data);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_SOA:
	case DNS_PTR:
	case DNS_MX:
		break;
	}
	return rr->name;
}

static void
take_records(
    struct rule_run *run, enum dns_type type, const struct dns_result *r, struct filterd_dns *out)
{
	const char **text = arena_calloc(run->arena, (r->n + 1) * sizeof(*text));
	int *preference = arena_calloc(run->arena, (r->n + 1) * sizeof(*preference));

	out->text = text;
	out->preference = preference;
	out->ttl_s = r->ttl;
	for (size_t i = 0; i < r->n; i++) {
		text[out->n] = record_text(run, type, &r->rr[i]);
		preference[out->n] = r->rr[i].preference;
		out->n += text[out->n] != NULL; /* a NUL in a string: nobody's text */
	}
}

static enum filterd_dns_outcome
host_dns(
    struct rule_run *run, const char *name, enum filterd_dns_type type, struct filterd_dns *out)
{
	const char *ascii = rule_dns_name(run, name);
	const struct dns_result *r;

	memset(out, 0, sizeof(*out));
	if (ascii == NULL) /* what can be no name is not there */
		return FILTERD_DNS_NONE;
	r = rule_dns(run, ascii, (enum dns_type)type);
	switch (dns_outcome_answer(r->outcome)) {
	case 1:
		take_records(run, (enum dns_type)type, r, out);
		return out->n > 0 ? FILTERD_DNS_FOUND : FILTERD_DNS_NONE;
	case 0:
		return FILTERD_DNS_NONE;
	default:
		return FILTERD_DNS_FAILED;
	}
}

/* --- tables --- */

static int
host_lookup(
    struct rule_run *run, const struct rule_op *op, const char *key, struct filterd_hit *out)
{
	const struct table *t = rule_table(run, op->table);
	struct table_hit hit = { 0 };
	struct err err;
	int rc;

	memset(out, 0, sizeof(*out));
	if (key[0] == '\0')
		return 0;
	rc = rule_lookup(run, t, span_str(key), &hit, &err);
	if (rc == -1) {
		run->table_trouble = arena_printf(run->arena, "%s: %s", table_name(t), err.text);
		return -1;
	}
	if (rc == 1 && hit.value[0] == '\0') {
		rule_warn(run, "%s: the value for \"%s\" is empty", table_name(t), key);
		hit.value = NO_VALUE;
	}
	*out = (struct filterd_hit){ .value = hit.value, .file = hit.file, .line = hit.line };
	return rc;
}

static enum rule_result
host_table_failed(struct rule_run *run)
{
	struct err err;

	err_set(&err, ERR_RETRY, "%s", run->table_trouble == NULL ? "?" : run->table_trouble);
	return rule_table_failed(run, run->subject, &err);
}

static enum rule_result
host_apply(struct rule_run *run, const struct filterd_hit *hit)
{
	struct origin origin = {
		.list = rule_list_names[run->list], .file = hit->file, .line = hit->line
	};

	return access_result(
	    run, run->op->arg, hit->value, &origin, rule_subject(run, SUBJECT_CONTENT));
}

void
plugin_host_fill_run(struct filterd_host *h)
{
	h->state = host_state;
	h->about = host_about;
	h->time_left_ms = host_time_left_ms;
	h->alloc = host_alloc;
	h->keep = host_keep;
	h->look_only = host_look_only;
	h->message = host_message;
	h->received_line = host_received_line;
	h->dns_start = host_dns_start;
	h->dns = host_dns;
	h->lookup = host_lookup;
	h->table_failed = host_table_failed;
	h->apply = host_apply;
	h->table_answer = table_plugin_answer;
}
