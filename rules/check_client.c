/* Restrictions that look at the client's address and names. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "rules/map_list.h"
#include "rules/match_list.h"
#include "rules/own_networks.h"
#include "rules/rules_private.h"

/* A peer that speaks for others and has not said for whom: nothing can be held against the client,
 * which is not the peer. */
static int
is_untold(struct rule_run *run, const struct rule_op *op)
{
	if (!fact_has(&run->txn->facts, FACT_CLIENT_UNTOLD))
		return 0;
	rule_warn(run, "%s: the client is not known, no XFORWARD told of it", op->word);
	return 1;
}

static enum rule_result
check_mynetworks(struct rule_run *run, const struct rule_op *op)
{
	const struct client *c = run->client;
	struct map_ask ask = rule_map_ask(run);
	struct err err = { 0 };

	(void)op;
	/* Handed in on the machine that speaks for the client: it has no address. */
	if (client_is_local(c))
		return RULE_OK;
	switch (match_list_host(run->rules->mynetworks, &ask, c->name, c->addr, &err)) {
	case 1:
		return RULE_OK;
	case 0:
		return RULE_DUNNO;
	}
	return rule_table_failed(run, run->subject, &err);
}

/* As in Postfix it is the connection's address that counts, whoever XCLIENT says that the client
 * is.  But who forwards for others speaks from this machine for all the world. */
static enum rule_result
check_interfaces(struct rule_run *run, const struct rule_op *op)
{
	const struct client *c = run->client;

	if (is_untold(run, op))
		return RULE_DUNNO;
	if (client_is_local(c))
		return RULE_OK;
	if (c->source != SOURCE_XFORWARD_REMOTE && run->txn->peer != NULL)
		c = run->txn->peer;
	return own_networks_interface(run->rules->own, &c->sa) ? RULE_OK : RULE_DUNNO;
}

/* A name that could not be looked up is no reason that gives points. */
static enum rule_result
refuse_unknown(struct rule_run *run, enum attr_state s, const char *enhanced, const char *what)
{
	int64_t code = s == ATTR_TEMPFAIL ? 450 : run->o->unknown_client_reject_code;
	enum rule_result r;

	if (s == ATTR_TEMPFAIL)
		rule_trouble_begin(run);
	r = rule_refuse(run, code, enhanced, "Client host rejected: cannot find your %s, [%s]",
	    what, run->client->addr);
	return s == ATTR_TEMPFAIL ? rule_trouble_end(run, r) : r;
}

static enum rule_result
check_name(struct rule_run *run, const struct rule_op *op)
{
	const struct client *c = run->client;

	if (strcasecmp(c->name, "unknown") != 0 || client_is_local(c) || is_untold(run, op))
		return RULE_DUNNO;
	return refuse_unknown(run, c->name_state, "4.7.25", "hostname");
}

static enum rule_result
check_reverse_name(struct rule_run *run, const struct rule_op *op)
{
	const struct client *c = run->client;

	if (strcasecmp(c->reverse_name, "unknown") != 0 || client_is_local(c) || is_untold(run, op))
		return RULE_DUNNO;
	/* XFORWARD tells of verified names only, and an MTA may be set up to tell a mail filter no
	 * others: the client may have one that is not. */
	if (c->source == SOURCE_XFORWARD_REMOTE || c->reverse_untold) {
		rule_warn(run, "%s: %s does not tell the unverified name of [%s]", op->word,
		    c->reverse_untold ? "the MTA" : "XFORWARD", c->addr);
		return RULE_DUNNO;
	}
	return refuse_unknown(run, c->reverse_state, "4.7.1", "reverse hostname");
}

static const char *const older_client[] = { "reject_unknown_client", NULL };

const struct restriction_def restrictions_client[] = {
	{ .name = "permit_mynetworks",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_mynetworks,
	    .text = "Permits clients in mynetworks." },
	{ .name = "permit_inet_interfaces",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_interfaces,
	    .text =
		"Permits connections from an address of this machine (inet_interfaces). It is the "
		"connection that counts, not whom XCLIENT names; of a client that XFORWARD or a "
		"policy request tells of it is his own address, for all of them come through the "
		"same MTA." },
	{ .name = "reject_unknown_client_hostname",
	    .older = older_client,
	    .stages = AT_ANY,
	    .check = check_name,
	    .text = "Rejects a client whose address has no name, or whose name does not lead back "
		    "to the address, with unknown_client_reject_code." },
	{ .name = "reject_unknown_reverse_client_hostname",
	    .stages = AT_ANY,
	    .check = check_reverse_name,
	    .text = "Rejects a client whose address has no name, with "
		    "unknown_client_reject_code." },
	{ .name = NULL },
};
