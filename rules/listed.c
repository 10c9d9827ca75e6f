#include "rules/listed.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "mail/reply.h"
#include "rules/address.h"
#include "rules/load.h"
#include "rules/mail_find.h"
#include "rules/map_list.h"
#include "rules/match_list.h"
#include "rules/rules_private.h"
#include "table/table.h"

struct class_rule { /* the tables that know the users of a class */
	struct map_list maps;
	int given; /* something is written, if only a comma: who is in no table is unknown */
	int64_t code;
	const char *table; /* " in local recipient table" */
};

struct listed_rules {
	struct map_list canonical, recipient_canonical, sender_canonical, virtual_alias, transport;
	struct class_rule local, virtual_mailbox, relay;
	int64_t virtual_alias_code;
	int transport_parents, show_table;
	const char *double_bounce_sender;
};

static int
is_given(const char *maps)
{
	return maps != NULL && maps[strspn(maps, " \t\r\n")] != '\0';
}

struct listed_rules *
listed_rules_compile(struct rule_load *l, const struct rule_options *o)
{
	struct listed_rules *r = arena_calloc(l->mem, sizeof(*r));
	const struct {
		struct map_list *maps;
		const char *name, *text;
	} maps[] = {
		{ &r->canonical, "canonical_maps", o->canonical_maps },
		{ &r->recipient_canonical, "recipient_canonical_maps",
		    o->recipient_canonical_maps },
		{ &r->sender_canonical, "sender_canonical_maps", o->sender_canonical_maps },
		{ &r->virtual_alias, "virtual_alias_maps", o->virtual_alias_maps },
		{ &r->transport, "transport_maps", o->transport_maps },
		{ &r->local.maps, "local_recipient_maps", o->local_recipient_maps },
		{ &r->virtual_mailbox.maps, "virtual_mailbox_maps", o->virtual_mailbox_maps },
		{ &r->relay.maps, "relay_recipient_maps", o->relay_recipient_maps },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		map_list_compile(maps[i].maps, l, maps[i].name, maps[i].text);
	r->local.given = is_given(o->local_recipient_maps);
	r->virtual_mailbox.given = is_given(o->virtual_mailbox_maps);
	r->relay.given = is_given(o->relay_recipient_maps);
	r->local.code = o->unknown_local_recipient_reject_code;
	r->local.table = " in local recipient table";
	r->virtual_mailbox.code = o->unknown_virtual_mailbox_reject_code;
	r->virtual_mailbox.table = " in virtual mailbox table";
	r->relay.code = o->unknown_relay_recipient_reject_code;
	r->relay.table = " in relay recipient table";
	r->virtual_alias_code = o->unknown_virtual_alias_reject_code;
	r->show_table = o->show_user_unknown_table_name;
	r->transport_parents =
	    match_list_parents(l, o->parent_domain_matches_subdomains, "transport_maps");
	r->double_bounce_sender =
	    o->double_bounce_sender == NULL ? "double-bounce" : o->double_bounce_sender;
	return r;
}

struct question { /* one address, while it is looked at */
	const struct listed_rules *rules;
	const struct map_ask *ask;
	const struct address *address;
	int is_sender;
	struct listed_reply *reply;
	struct err *err;
};

static enum listed_result
unknown(struct question *q, int64_t code, const char *enhanced, const char *text)
{
	*q->reply = (struct listed_reply){ .code = code, .text = text };
	snprintf(q->reply->enhanced, sizeof(q->reply->enhanced), "%s", enhanced);
	rule_enhanced_fit(q->reply->enhanced, q->is_sender ? SUBJECT_SENDER : SUBJECT_RECIPIENT);
	return LISTED_UNKNOWN;
}

static enum listed_result
user_unknown(struct question *q, int64_t code, const char *enhanced, const char *table)
{
	return unknown(q, code, enhanced,
	    q->rules->show_table ? arena_printf(q->ask->arena, "User unknown%s", table)
				 : "User unknown");
}

/* --- rewritten: canonical and virtual alias tables --- */

static int
find(struct question *q, const struct map_list *maps)
{
	struct table_hit hit;

	return mail_find(maps, q->ask, q->address, KEYS_FIND, 0, &hit, q->err);
}

static int
is_rewritten(struct question *q)
{
	const struct listed_rules *r = q->rules;
	int rc;

	if ((rc = find(q, &r->recipient_canonical)) != 0)
		return rc;
	if (q->is_sender && (rc = find(q, &r->sender_canonical)) != 0)
		return rc;
	if ((rc = find(q, &r->canonical)) != 0)
		return rc;
	return find(q, &r->virtual_alias);
}

/* --- transport_maps --- */

/* "error:TEXT", "retry:5.1.2 TEXT": the refusal that it is. */
static enum listed_result
refused_by(struct question *q, int64_t code, const char *enhanced, const struct table_hit *hit,
    const char *text)
{
	char own[12];
	size_t n = enhanced_len(span_str(text));

	if (text[0] == '\0')
		text = "Address is undeliverable";
	if (n > 0) {
		memcpy(own, text, n);
		own[n] = '\0';
		enhanced = own;
		text += n;
		text += strspn(text, " \t");
	}
	unknown(q, code, enhanced, text);
	q->reply->file = hit->file;
	q->reply->line = hit->line;
	return LISTED_UNKNOWN;
}

static enum listed_result
by_transport(struct question *q)
{
	const struct listed_rules *r = q->rules;
	struct table_hit hit;
	const char *colon;
	size_t n;
	int rc;

	/* Virtual alias domains have no transport. */
	if (r->transport.n == 0 || q->address->class == ADDR_VIRTUAL_ALIAS)
		return LISTED_KNOWN;
	rc = mail_find(
	    &r->transport, q->ask, q->address, KEYS_TRANSPORT, r->transport_parents, &hit, q->err);
	if (rc == 0)
		rc = map_list_find(&r->transport, q->ask, span_str("*"), 0, &hit, q->err);
	if (rc == -1)
		return LISTED_CANNOT_TELL;
	if (rc == 0)
		return LISTED_KNOWN;
	colon = strchr(hit.value, ':');
	n = colon == NULL ? strlen(hit.value) : (size_t)(colon - hit.value);
	if (n == 5 && memcmp(hit.value, "error", n) == 0)
		return refused_by(
		    q, 550, q->is_sender ? "5.1.0" : "5.1.1", &hit, colon == NULL ? "" : colon + 1);
	if (n == 5 && memcmp(hit.value, "retry", n) == 0)
		return refused_by(
		    q, 450, q->is_sender ? "4.1.0" : "4.1.1", &hit, colon == NULL ? "" : colon + 1);
	return LISTED_KNOWN;
}

/* --- the tables of the class --- */

/* Users whom every mail system must have. */
static int
is_ours_always(const struct question *q)
{
	return text_case_eq(q->address->local, q->rules->double_bounce_sender) ||
	       text_case_eq(q->address->local, "postmaster") ||
	       text_case_eq(q->address->local, "mailer-daemon");
}

static enum listed_result
by_class(struct question *q, const struct class_rule *c)
{
	int rc;

	if (!c->given)
		return LISTED_KNOWN;
	if (c == &q->rules->local && is_ours_always(q))
		return LISTED_KNOWN;
	rc = find(q, &c->maps);
	if (rc == -1)
		return LISTED_CANNOT_TELL;
	return rc == 1 ? LISTED_KNOWN
		       : user_unknown(q, c->code, q->is_sender ? "5.1.0" : "5.1.1", c->table);
}

enum listed_result
listed_check(const struct listed_rules *r, const struct map_ask *ask, const struct address *a,
    int is_sender, struct listed_reply *reply, struct err *err)
{
	struct question q = { .rules = r,
		.ask = ask,
		.address = a,
		.is_sender = is_sender,
		.reply = reply,
		.err = err };
	enum listed_result result;
	int rc = is_rewritten(&q);

	if (rc != 0)
		return rc == 1 ? LISTED_KNOWN : LISTED_CANNOT_TELL;
	result = by_transport(&q);
	if (result != LISTED_KNOWN)
		return result;
	switch (a->class) {
	case ADDR_LOCAL:
		return by_class(&q, &r->local);
	case ADDR_VIRTUAL_ALIAS:
		/* Not one of the aliases; the text is the resolver's, the same for a sender. */
		return user_unknown(&q, r->virtual_alias_code, "5.1.1", " in virtual alias table");
	case ADDR_VIRTUAL_MAILBOX:
		return by_class(&q, &r->virtual_mailbox);
	case ADDR_RELAY:
		return by_class(&q, &r->relay);
	case ADDR_DEFAULT:
		break;
	}
	return LISTED_KNOWN;
}
