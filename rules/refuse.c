/* Refusals: their text, what turns them into something else, and their log lines. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "mail/reply.h"
#include "rules/rules_private.h"

const char *
subject_class(enum subject_kind k)
{
	switch (k) {
	case SUBJECT_CLIENT:
		return "Client host";
	case SUBJECT_REVERSE_CLIENT:
		return "Unverified Client host";
	case SUBJECT_CCERT:
		return "Client certificate";
	case SUBJECT_SASL:
		return "SASL login name";
	case SUBJECT_HELO:
		return "Helo command";
	case SUBJECT_SENDER:
		return "Sender address";
	case SUBJECT_RECIPIENT:
		return "Recipient address";
	case SUBJECT_DATA:
		return "Data command";
	case SUBJECT_END_OF_DATA:
		return "End-of-data";
	case SUBJECT_CONTENT:
		return "Message content";
	}
	return "";
}

/* name[addr], written once a transaction. */
static const char *
client_name(struct rule_run *run)
{
	char label[400];

	if (run->kept->client_label == NULL) {
		client_label(run->client, label, sizeof(label));
		run->kept->client_label = arena_strdup(run->arena, label);
	}
	return run->kept->client_label;
}

struct rule_subject
rule_subject(struct rule_run *run, enum subject_kind kind)
{
	struct rule_subject s = { .kind = kind, .name = "" };

	switch (kind) {
	case SUBJECT_CLIENT:
	case SUBJECT_CCERT:
		s.name = client_name(run);
		break;
	case SUBJECT_REVERSE_CLIENT:
		s.name = run->client->reverse_name;
		break;
	case SUBJECT_SASL:
		s.name = run->client->login;
		break;
	case SUBJECT_HELO:
		s.name = run->client->helo;
		break;
	case SUBJECT_SENDER:
		s.name = run->txn->sender.addr == NULL ? "" : run->txn->sender.addr;
		break;
	case SUBJECT_RECIPIENT:
		s.name = run->rcpt == NULL ? "" : run->rcpt->addr;
		break;
	case SUBJECT_DATA:
		s.name = "DATA";
		break;
	case SUBJECT_END_OF_DATA:
		s.name = "END-OF-MESSAGE";
		break;
	case SUBJECT_CONTENT:
		s.name = rules_stage_name(run->ask->stage);
		break;
	}
	return s;
}

/* RFC 3463: x.1.y speaks of an address, and of sender's or recipient's differently.  What a rule
 * says of the wrong one becomes the like of the right one (POSTFIX.md, "Results"). */
void
rule_enhanced_fit(char *e, enum subject_kind kind)
{
	static const struct {
		enum subject_kind kind;
		char from, to;
	} turned[] = {
		{ SUBJECT_SENDER, '1', '7' },
		{ SUBJECT_SENDER, '2', '8' },
		{ SUBJECT_SENDER, '3', '7' },
		{ SUBJECT_SENDER, '4', '7' },
		{ SUBJECT_SENDER, '5', '0' },
		{ SUBJECT_SENDER, '6', '7' },
		{ SUBJECT_RECIPIENT, '7', '3' },
		{ SUBJECT_RECIPIENT, '8', '2' },
	};

	if (strncmp(e + 1, ".1.", 3) != 0 || kind == SUBJECT_CONTENT)
		return;
	if (kind != SUBJECT_SENDER && kind != SUBJECT_RECIPIENT) {
		memcpy(e + 1, ".0.0", 5);
		return;
	}
	/* Codes that are no address's in RFC 3463, newer ones too, say no more than "address". */
	if (e[5] != '\0' || e[4] > '8') {
		memcpy(e + 4, "0", 2);
		return;
	}
	for (size_t i = 0; i < sizeof(turned) / sizeof(turned[0]); i++)
		if (turned[i].kind == kind && turned[i].from == e[4]) {
			e[4] = turned[i].to;
			return;
		}
}

struct origin
rule_origin(const struct rule_run *run)
{
	struct origin o = run->hit;

	if (o.file == NULL && run->op != NULL) {
		o.file = run->op->where.file;
		o.line = run->op->where.line;
	}
	if (o.list == NULL)
		o.list = run->rules->lists[run->list].name;
	if (run->op != NULL && run->op->plugin != NULL)
		o.plugin = run->op->plugin->def->name;
	return o;
}

/* A reply is one line, without controls. */
static char *
printable(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return s;
}

void
rule_log(struct rule_run *run, const char *what, const char *text, const char *arg)
{
	const struct transaction *t = run->txn;
	const char *stage = rules_stage_name(run->ask->stage);
	struct origin o = rule_origin(run);
	char label[400], rule[300];
	const char *to = run->rcpt == NULL ? NULL : run->rcpt->octets;

	if (run->looking)
		return;
	client_label(run->client, label, sizeof(label));
	origin_format(&o, rule, sizeof(rule));
	const struct log_field fields[] = {
		LOG_STR("stage", stage),
		LOG_STR("queue_id", run->client->ident),
		LOG_STR("sender", t->sender.octets),
		LOG_STR("recipient", to),
		LOG_STR("client", label),
		LOG_STR("content", text),
		LOG_STR("arg", arg),
		LOG_STR("list", run->rules->lists[run->list].name),
		LOG_STR("rule", rule),
	};
	log_event(LOG_LEVEL_INFO, t->service, t->id, what, fields, nitems(fields),
	    "%s: %s from %s: %s; from=<%s> to=<%s> proto=%s helo=<%s> rule=%s", what, stage, label,
	    text, t->sender.octets == NULL ? "" : t->sender.octets, to == NULL ? "" : to,
	    run->client->proto, run->client->helo, rule);
}

void
rule_warn(struct rule_run *run, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(run->arena, fmt, ap);
	va_end(ap);
	if (!run->looking)
		log_warn(run->txn->service, run->txn->id, "%s", text);
	rule_trace_text(run, TRACE_NOTE, NULL, text);
}

enum how { HOW_POLICY, HOW_BROKEN };

void
rule_trouble_begin(struct rule_run *run)
{
	run->trouble++;
}

enum rule_result
rule_trouble_end(struct rule_run *run, enum rule_result r)
{
	run->trouble--;
	return r;
}

/* Under score_if_reject, unless warn_if_reject makes it a line in the log. */
int
rule_gives_points(const struct rule_run *run)
{
	return run->score != NULL && run->warn_depth == 0 && run->trouble == 0 &&
	       run->policy_failed == 0;
}

static enum rule_result
give_points(struct rule_run *run, int64_t code, const char *enhanced, const char *text)
{
	/* Nobody else reads it. */
	run->scored = run->trace == NULL
			  ? ""
			  : arena_printf(run->arena, "%d %s %s", (int)code, enhanced, text);
	return RULE_REFUSED;
}

/* The one way to a refusal.  text is arena memory. */
static enum rule_result
refuse(struct rule_run *run, enum how how, int64_t code, const char *enhanced, char *text)
{
	char e[12];
	int warns = how == HOW_POLICY && run->warn_depth > 0;

	snprintf(e, sizeof(e), "%s", enhanced);
	if (code < 400 || code > 599) {
		rule_warn(run, "reply code %lld is none of 400 to 599: %s", (long long)code, text);
		code = 450;
		snprintf(e, sizeof(e), "4.7.1");
		text = arena_strdup(run->arena, "Service unavailable");
	}
	printable(text);
	if (how == HOW_POLICY && rule_gives_points(run)) {
		enhanced_fit(e, (int)code);
		return give_points(run, code, e, text);
	}
	/* What could not be found out before would have let the mail pass. */
	if (!warns && run->if_reject.active && code >= 500) {
		struct deferral d = run->if_reject;

		run->warn_depth = 0;
		run->if_reject.active = 0;
		return rule_deferral_refuse(run, &d);
	}
	if (run->o->soft_bounce && code >= 500)
		code -= 100;
	enhanced_fit(e, (int)code);
	if (warns) {
		text = arena_printf(run->arena, "%d %s %s", (int)code, e, text);
		rule_log(run, "reject_warning", text, NULL);
		rule_trace_text(run, TRACE_WARNED, NULL, text);
		return RULE_DUNNO;
	}
	verdict_refuse(run->v, (int)code, e, text, rule_origin(run));
	return RULE_REFUSED;
}

static char *
formatted(struct rule_run *run, const char *front, const char *fmt, va_list ap)
{
	char *s = arena_vprintf(run->arena, fmt, ap);

	return front[0] == '\0' ? s : arena_printf(run->arena, "%s%s", front, s);
}

enum rule_result
rule_refuse(struct rule_run *run, int64_t code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = formatted(run, "", fmt, ap);
	va_end(ap);
	return refuse(run, HOW_POLICY, code, enhanced, text);
}

static const char *
prefix(struct rule_run *run, struct rule_subject s)
{
	if (s.kind == SUBJECT_CONTENT)
		return "";
	return arena_printf(run->arena, "<%s>: %s rejected: ", s.name, subject_class(s.kind));
}

enum rule_result
rule_reject(struct rule_run *run, struct rule_subject subject, int64_t code, const char *enhanced,
    const char *fmt, ...)
{
	char e[12];
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = formatted(run, prefix(run, subject), fmt, ap);
	va_end(ap);
	snprintf(e, sizeof(e), "%s", enhanced);
	rule_enhanced_fit(e, subject.kind);
	return refuse(run, HOW_POLICY, code, e, text);
}

enum rule_result
rule_broken(struct rule_run *run, const char *fmt, ...)
{
	va_list ap;
	char *why;

	va_start(ap, fmt);
	why = formatted(run, "", fmt, ap);
	va_end(ap);
	rule_warn(run, "%s", why);
	return refuse(
	    run, HOW_BROKEN, 451, "4.3.5", arena_strdup(run->arena, "Server configuration error"));
}

enum rule_result
rule_table_failed(struct rule_run *run, struct rule_subject subject, const struct err *err)
{
	rule_warn(run, "%s", err->text);
	return refuse(run, HOW_BROKEN, 451, "4.3.0",
	    arena_printf(run->arena, "<%s>: Temporary lookup failure", subject.name));
}

/* --- deferrals --- */

static const char *
deferral_name(const struct rule_run *run, const struct deferral *d)
{
	return d == &run->if_permit ? "defer_if_permit" : "defer_if_reject";
}

void
rule_deferral_set(
    struct rule_run *run, struct deferral *d, int64_t code, const char *enhanced, const char *text)
{
	if (d->active)
		return;
	d->active = 1;
	d->code = (int)code;
	snprintf(d->enhanced, sizeof(d->enhanced), "%s", enhanced);
	d->text = text;
	d->origin = rule_origin(run);
	if (run->trace != NULL)
		rule_trace_text(run, TRACE_WAITS, deferral_name(run, d),
		    arena_printf(run->arena, "%d %s %s", d->code, d->enhanced, text));
}

enum rule_result
rule_deferral_refuse(struct rule_run *run, const struct deferral *d)
{
	const char *name = deferral_name(run, d); /* refuse() hands in a copy of if_reject */
	struct origin hit = run->hit;
	enum rule_result r;

	run->hit = d->origin;
	rule_trace_text(run, TRACE_SETTLED, name, NULL);
	r = refuse(run, HOW_POLICY, d->code, d->enhanced, arena_strdup(run->arena, d->text));
	run->hit = hit;
	return r;
}

enum rule_result
rule_defer_if_permit(struct rule_run *run, int64_t code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = printable(formatted(run, "", fmt, ap));
	va_end(ap);
	if (run->warn_depth > 0 || rule_gives_points(run))
		return refuse(run, HOW_POLICY, code, enhanced, text);
	rule_deferral_set(run, &run->if_permit, code, enhanced, text);
	return RULE_DUNNO;
}

enum rule_result
rule_defer_if_reject(struct rule_run *run, int64_t code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = printable(formatted(run, "", fmt, ap));
	va_end(ap);
	rule_deferral_set(run, &run->if_reject, code, enhanced, text);
	return RULE_DUNNO;
}
