/* check_client_access and its kin: a table is asked for each form of a name, address or path. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rules/access_lookup.h"
#include "rules/address.h"
#include "rules/rules_private.h"
#include "table/table.h"

/* What Postfix answers, whatever was wrong with the table. */
static const char broken[] = "451 4.3.5 Server configuration error";

static struct origin
origin_of(const struct rule_run *run, const struct table_hit *hit)
{
	return (struct origin){
		.list = rule_list_names[run->list], .file = hit->file, .line = hit->line
	};
}

int
access_lookup(struct access_lookup *a, struct span key, int partial)
{
	struct rule_run *run = a->run;
	const struct table *t = rule_table(run, a->op->table);
	struct table_hit hit = { 0 };
	struct origin origin;
	struct err err;
	int rc;

	if (key.len == 0 || (partial && table_is_pattern(t)))
		return 0;
	rc = rule_lookup(run, t, key, &hit, &err);
	if (rc == 0)
		return 0;
	if (rc == -1) {
		rule_warn(run, "%s: %s", table_name(t), err.text);
		hit = (struct table_hit){ .value = broken };
	} else if (hit.value[0] == '\0') {
		rule_warn(run, "%s: the value for \"%.*s\" is empty", table_name(t), (int)key.len,
		    (const char *)key.p);
		hit.value = broken;
	}
	origin = origin_of(run, &hit);
	a->found = 1;
	run->trouble += hit.value == broken;
	a->result = access_result(run, table_name(t), hit.value, &origin, a->subject);
	run->trouble -= hit.value == broken;
	return 1;
}

int
access_lookup_keys(struct access_lookup *a, struct mail_keys *k)
{
	struct span key;

	while (mail_keys_next(k, &key))
		if (access_lookup(a, key, k->partial))
			return 1;
	return 0;
}

int
access_lookup_name(struct access_lookup *a, const char *name)
{
	struct mail_keys k;

	mail_keys_name(&k, name, a->run->rules->access_parents);
	return access_lookup_keys(a, &k);
}

int
access_lookup_addr(struct access_lookup *a, const char *addr)
{
	struct mail_keys k;

	mail_keys_network(&k, addr);
	return access_lookup_keys(a, &k);
}

static struct access_lookup
begin(struct rule_run *run, const struct rule_op *op, enum subject_kind kind)
{
	return (struct access_lookup){ .run = run, .op = op, .subject = rule_subject(run, kind) };
}

static enum rule_result
client_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = begin(run, op, SUBJECT_CLIENT);

	if (!access_lookup_name(&a, run->client->name))
		access_lookup_addr(&a, run->client->addr);
	return a.result;
}

/* OK would let who owns the name, or the server of a name, decide about us. */
enum rule_result
access_no_ok(struct rule_run *run, const struct rule_op *op, enum rule_result r)
{
	if (r != RULE_OK || run->effects->discard)
		return r;
	return rule_broken(
	    run, "%s: OK is not allowed here, for others could give it; use DUNNO", op->word);
}

static enum rule_result
reverse_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = begin(run, op, SUBJECT_REVERSE_CLIENT);

	if (!access_lookup_name(&a, run->client->reverse_name))
		access_lookup_addr(&a, run->client->addr);
	return access_no_ok(run, op, a.result);
}

static enum rule_result
helo_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = begin(run, op, SUBJECT_HELO);

	if (run->txn->has_helo)
		access_lookup_name(&a, run->client->helo);
	return a.result;
}

static enum rule_result
address_access(struct rule_run *run, const struct rule_op *op, enum subject_kind kind,
    const struct address *address)
{
	struct access_lookup a = begin(run, op, kind);
	struct mail_keys k;

	mail_keys_address(&k, run->arena, address, KEYS_ACCESS, run->rules->access_parents);
	access_lookup_keys(&a, &k);
	/* A route that others made up is no reason to relay. */
	if (kind == SUBJECT_RECIPIENT && address->routed && a.result == RULE_OK &&
	    !run->effects->discard && !run->o->allow_untrusted_routing)
		return RULE_DUNNO;
	return a.result;
}

static enum rule_result
sender_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = begin(run, op, SUBJECT_SENDER);

	if (run->ask->stage < RULE_MAIL)
		return RULE_DUNNO;
	/* "" is the empty sender too. */
	if (run->txn->sender.addr != NULL && run->txn->sender.addr[0] != '\0')
		return address_access(run, op, SUBJECT_SENDER, rule_sender(run));
	access_lookup(&a, span_str(run->o->smtpd_null_access_lookup_key), 0);
	return a.result;
}

static enum rule_result
recipient_access(struct rule_run *run, const struct rule_op *op)
{
	if (run->rcpt == NULL)
		return RULE_DUNNO;
	return address_access(run, op, SUBJECT_RECIPIENT, rule_recipient(run));
}

int
access_asks_recipient(const struct rule_op *op)
{
	return op->def->check == recipient_access ||
	       (op->def == &restriction_bare_table && op->plugin == NULL);
}

int
access_find_recipient(
    struct rule_run *run, const struct rule_op *op, struct table_hit *hit, struct err *err)
{
	const struct table *t = rule_table(run, op->table);
	struct mail_keys k;
	struct span key;
	int rc = 0;

	mail_keys_address(
	    &k, run->arena, rule_recipient(run), KEYS_ACCESS, run->rules->access_parents);
	while (rc == 0 && mail_keys_next(&k, &key))
		if (!(k.partial && table_is_pattern(t)))
			rc = rule_lookup(run, t, key, hit, err);
	return rc;
}

static enum rule_result
sasl_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = begin(run, op, SUBJECT_SASL);

	if (run->o->smtpd_sasl_auth_enable && run->client->login[0] != '\0')
		access_lookup(&a, span_str(run->client->login), 0);
	return a.result;
}

/* "type:name" alone: the restriction that the list is named after. */
static enum rule_result
bare_table(struct rule_run *run, const struct rule_op *op)
{
	switch (run->list) {
	case LIST_CLIENT:
		return client_access(run, op);
	case LIST_HELO:
		return helo_access(run, op);
	case LIST_SENDER:
		return sender_access(run, op);
	case LIST_RELAY:
	case LIST_RECIPIENT:
	case LIST_CONTENT:
		return recipient_access(run, op);
	case LIST_DATA:
	case LIST_END_OF_DATA:
	case RULE_LISTS:
		break;
	}
	return rule_broken(run, "%s: a check_..._access must stand in front of it here", op->word);
}

const struct restriction_def restriction_bare_table = { .name = "type:name",
	.args = ARG_TABLE,
	.stages = AT_ANY,
	.needs = CAN_PERMIT,
	.check = bare_table,
	.compile = access_compile };

const struct restriction_def restrictions_access[] = {
	{ .name = "check_client_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = client_access,
	    .compile = access_compile,
	    .text =
		"Looks up the client's name, its parent domains, its address and the networks it "
		"is in." },
	{ .name = "check_reverse_client_hostname_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = 0,
	    .check = reverse_access,
	    .compile = access_compile,
	    .text =
		"As check_client_access with the name that the address itself claims. OK is not "
		"allowed." },
	{ .name = "check_helo_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = NEED_HELO | CAN_PERMIT,
	    .check = helo_access,
	    .compile = access_compile,
	    .text = "Looks up the HELO name and its parent domains." },
	{ .name = "check_sender_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = NEED_SENDER | CAN_PERMIT,
	    .check = sender_access,
	    .compile = access_compile,
	    .text = "Looks up the sender: address, domain, parent domains, local part with @." },
	{ .name = "check_recipient_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = NEED_RCPT | CAN_PERMIT,
	    .check = recipient_access,
	    .compile = access_compile,
	    .text = "Looks up the recipient: address, domain, parent domains, local part with @." },
	{ .name = "check_sasl_access",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = sasl_access,
	    .compile = access_compile,
	    .text = "Looks up the login name of an authenticated client." },
	{ .name = NULL },
};
