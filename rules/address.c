#include "rules/address.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "rules/address_impl.h"
#include "rules/load.h"
#include "rules/mail_keys.h"
#include "rules/map_list.h"
#include "rules/match_list.h"
#include "rules/own_networks.h"
#include "rules/rules_private.h"

/* --- compile --- */

static struct match_list *
domains(struct rule_load *l, const char *name, const char *text, const char *or_else)
{
	return match_list_compile(l, name, text == NULL ? or_else : text, MATCH_STRING, 0);
}

static const char *
text_or(const char *text, const char *or_else)
{
	return text == NULL ? or_else : text;
}

struct address_rules *
address_rules_compile(
    struct rule_load *l, const struct rule_options *o, const struct own_networks *own)
{
	struct address_rules *r = arena_calloc(l->mem, sizeof(*r));

	r->myhostname = text_or(o->myhostname, "");
	if (r->myhostname[0] == '\0')
		r->myhostname = "localhost";
	r->mydomain = text_or(o->mydomain, "");
	r->myorigin = text_or(o->myorigin, r->myhostname);
	r->recipient_delimiter = text_or(o->recipient_delimiter, "");
	r->double_bounce_sender = text_or(o->double_bounce_sender, "double-bounce");
	r->allow_percent_hack = o->allow_percent_hack;
	r->swap_bangpath = o->swap_bangpath;
	r->resolve_numeric_domain = o->resolve_numeric_domain;
	r->resolve_dequoted_address = o->resolve_dequoted_address;
	r->resolve_null_domain = o->resolve_null_domain;
	r->allow_min_user = o->allow_min_user;
	r->append_dot_mydomain = o->append_dot_mydomain && r->mydomain[0] != '\0';
	r->own = own;
	r->mydestination = domains(l, "mydestination", o->mydestination, NULL);
	r->virtual_alias_domains =
	    domains(l, "virtual_alias_domains", o->virtual_alias_domains, o->virtual_alias_maps);
	r->virtual_mailbox_domains = domains(
	    l, "virtual_mailbox_domains", o->virtual_mailbox_domains, o->virtual_mailbox_maps);
	r->relay_domains = match_list_compile(l, "relay_domains", o->relay_domains, MATCH_DOMAIN,
	    match_list_parents(l, o->parent_domain_matches_subdomains, "relay_domains"));
	return r;
}

const struct match_list *
address_relay_domains(const struct address_rules *r)
{
	return r->relay_domains;
}

/* --- whose domain is it? --- */

int
address_domain_local(
    const struct address_rules *r, const struct map_ask *ask, const char *domain, struct err *err)
{
	struct span d = span_str(domain);
	char addr[64];
	int rc;

	if (d.len > 0 && d.p[d.len - 1] == '.')
		d.len--;
	if (d.len == 0 || d.p[d.len - 1] == '.')
		return 0;
	if (d.p[d.len] != '\0')
		domain = arena_str(ask->arena, d);
	rc = match_list_domain(r->mydestination, ask, domain, err);
	if (rc != 0)
		return rc;
	return domain_literal(d, addr, sizeof(addr)) && own_networks_has_text(r->own, addr);
}

static int
is_local(
    const struct address_rules *r, const struct map_ask *ask, struct span domain, struct err *err)
{
	const char *text = arena_str(ask->arena, domain);

	return text == NULL ? 0 : address_domain_local(r, ask, text, err);
}

/* Which class a domain that is not local belongs to; 0 or -1. */
static int
classify(const struct address_rules *r, const struct map_ask *ask, const char *domain,
    enum address_class *class, struct err *err)
{
	const struct {
		const struct match_list *list;
		enum address_class class;
	} order[] = {
		{ r->virtual_alias_domains, ADDR_VIRTUAL_ALIAS },
		{ r->virtual_mailbox_domains, ADDR_VIRTUAL_MAILBOX },
		{ r->relay_domains, ADDR_RELAY },
	};

	*class = ADDR_DEFAULT;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int rc = match_list_domain(order[i].list, ask, domain, err);

		if (rc == 1)
			*class = order[i].class;
		if (rc != 0)
			return rc == -1 ? -1 : 0;
	}
	return 0;
}

/* --- the resolver --- */

/* Strip local domains and follow operators until a remote domain or a local user is left.  1: the
 * user is local, 0: the domain is remote, -1. */
static int
follow(const struct address_rules *r, const struct map_ask *ask, struct parts *p, struct err *err)
{
	struct span ours = { .p = NULL }; /* the domain that was taken off */
	int taken = 0;

	/* Every turn takes an operator away, or is one of the two that fill in what lacks. */
	for (;;) {
		int rc;

		p->domain = without_final_dot(p->domain);
		if (r->resolve_null_domain && p->has_at && p->domain.len == 0)
			p->has_at = 0;
		if (p->has_at) {
			rc = p->domain.len == 0 ? 1 : is_local(r, ask, p->domain, err);
			if (rc != 1)
				return rc;
			ours = p->domain;
			taken = 1;
			p->has_at = 0;
		}
		if (!p->quoted &&
		    ((r->swap_bangpath && span_find(p->local, '!') < p->local.len) ||
			(r->allow_percent_hack && span_find(p->local, '%') < p->local.len))) {
			parts_rewrite(r, ask->arena, p);
			p->quoted = p->local.len > 0 && !mail_is_dot_string(p->local);
			continue;
		}
		if (parts_crack(r, ask->arena, p))
			continue;
		if (p->local.len == 0) {
			p->local = span_str("MAILER-DAEMON");
			p->quoted = 0;
			continue;
		}
		if (taken)
			break;
		p->domain = span_str(r->myhostname);
		p->has_at = 1;
	}
	p->domain = ours;
	p->has_at = 1;
	return 1;
}

/* A domain that is a bare address, where resolve_numeric_domain allows it: [] are put round it. */
static int
as_literal(const struct address_rules *r, const struct map_ask *ask, struct parts *p, int *local,
    struct err *err)
{
	if (!r->resolve_numeric_domain || !domain_is_address(p->domain))
		return 0;
	p->domain = span_str(
	    arena_printf(ask->arena, "[%.*s]", (int)p->domain.len, (const char *)p->domain.p));
	*local = is_local(r, ask, p->domain, err);
	return 1;
}

/* An operator before the last @, whether or not we would follow it: others might. */
static int
is_routed(struct span full, struct span domain)
{
	size_t i = 0;

	while (i < full.len && full.p[i] != '@' && full.p[i] != '!' && full.p[i] != '%')
		i++;
	return full.len - i != domain.len + 1;
}

/* The rest of the result, from the parts. */
static int
fill(const struct address_rules *r, const struct map_ask *ask, const struct parts *p,
    struct address *out)
{
	struct span joined = parts_join(ask->arena, p);
	char *full = arena_str(ask->arena, joined);
	size_t cut =
	    mail_split_extension(p->local, r->recipient_delimiter, r->double_bounce_sender);

	if (full == NULL)
		return -1;
	text_lower(full);
	out->full = full;
	out->local = arena_str(ask->arena, span_make(full, p->local.len));
	out->domain = full + p->local.len + 1;
	if (cut < p->local.len)
		out->bare = arena_printf(ask->arena, "%.*s@%s", (int)cut, full, out->domain);
	out->routed = is_routed(span_str(full), p->domain);
	return 0;
}

static int
malformed(struct address *out)
{
	*out = (struct address){
		.text = out->text, .full = "", .local = "", .domain = "", .malformed = 1
	};
	return 0;
}

static int
broken(struct address *out)
{
	out->broken = -1;
	return -1;
}

int
address_resolve(const struct address_rules *r, const struct map_ask *ask, const char *text,
    struct address *out, struct err *err)
{
	struct parts p = parts_of(span_str(text));
	struct span again;
	char literal[64];
	int local;

	*out = (struct address){ .text = text, .full = "", .local = "", .domain = "" };
	if (text[0] == '\0') {
		p = parts_of(span_str("MAILER-DAEMON")); /* of $myhostname, not $myorigin */
	} else {
		/* What was rewritten is read again, for what now is a local part may need quotes.
		 */
		parts_rewrite(r, ask->arena, &p);
		again = parts_join(ask->arena, &p);
		p = parts_of(again);
	}
	local = follow(r, ask, &p, err);
	if (local == -1)
		return broken(out);
	if (p.domain.len > 0 && p.domain.p[0] == '[') {
		if (!domain_literal(p.domain, literal, sizeof(literal)))
			return malformed(out);
	} else if (!domain_valid(p.domain) && !as_literal(r, ask, &p, &local, err)) {
		return malformed(out);
	}
	if (local == -1)
		return broken(out);
	/* A leading - might become an option of some delivery command. */
	if (fill(r, ask, &p, out) == -1 || (out->full[0] == '-' && !r->allow_min_user))
		return malformed(out);
	out->class = ADDR_LOCAL;
	if (!local && classify(r, ask, out->domain, &out->class, err) == -1)
		return broken(out);
	out->ours = local || text_case_eq(out->domain, r->myorigin);
	return 0;
}
