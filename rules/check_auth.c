/* Restrictions that permit a client which has shown who it is. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "rules/map_list.h"
#include "rules/rules_private.h"
#include "table/table.h"

enum { CERT_LISTED, CERT_ANY };

static enum rule_result
check_login(struct rule_run *run, const struct rule_op *op)
{
	const struct client *c = run->client;

	(void)op;
	/* SASL's anonymous login says nothing about who it is. */
	return run->o->smtpd_sasl_auth_enable && c->login[0] != '\0' &&
		       strcasecmp(c->login_method, "anonymous") != 0
		   ? RULE_OK
		   : RULE_DUNNO;
}

/* A fingerprint is as good as a verified name: the certificate need not be. */
static int
is_listed(struct rule_run *run, const struct client_tls *tls, struct err *err)
{
	const char *const prints[2] = { tls->ccert_fingerprint, tls->ccert_pubkey_fingerprint };
	struct map_ask ask = rule_map_ask(run);
	struct table_hit hit;
	int found = 0;

	for (int i = 0; i < 2 && found == 0; i++)
		if (prints[i][0] != '\0')
			found = map_list_find(&run->rules->relay_clientcerts, &ask,
			    span_str(prints[i]), 0, &hit, err);
	return found;
}

static enum rule_result
check_cert(struct rule_run *run, const struct rule_op *op)
{
	const struct client_tls *tls = run->client->tls;
	struct err err = { 0 };

	if (tls == NULL)
		return RULE_DUNNO;
	if (op->def->variant == CERT_ANY &&
	    (tls->ccert_subject[0] != '\0' || tls->ccert_issuer[0] != '\0'))
		return RULE_OK;
	switch (is_listed(run, tls, &err)) {
	case 1:
		return RULE_OK;
	case 0:
		return RULE_DUNNO;
	}
	return rule_table_failed(run, run->subject, &err);
}

const struct restriction_def restrictions_auth[] = {
	{ .name = "permit_sasl_authenticated",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_login,
	    .text = "Permits a client that has logged in (smtpd_sasl_auth_enable)." },
	{ .name = "permit_tls_clientcerts",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .variant = CERT_LISTED,
	    .check = check_cert,
	    .text = "Permits a client whose certificate's fingerprint, or its key's, is in "
		    "relay_clientcerts." },
	{ .name = "permit_tls_all_clientcerts",
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .variant = CERT_ANY,
	    .check = check_cert,
	    .text = "Permits a client whose certificate was verified, or is in "
		    "relay_clientcerts." },
	{ .name = NULL },
};
