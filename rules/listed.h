/*
 * listed - is this recipient, or sender, known?  reject_unlisted_recipient, reject_unlisted_sender
 *
 * An address is known if a canonical or virtual alias table has it.  Else it is unknown if
 * transport_maps send it to error: or retry:, if it is in a virtual alias domain, or if the tables
 * of its class (local_recipient_maps, virtual_mailbox_maps, relay_recipient_maps) are set and do
 * not have it.  double-bounce, postmaster and mailer-daemon of a local domain are always known.
 *
 * Ownership: rules in the load's arena, texts in the evaluation's.  Threads: any.
 */
#ifndef RULES_LISTED_H
#define RULES_LISTED_H

#include <stdint.h>

#include "base/attr.h"

struct address;
struct err;
struct listed_rules;
struct map_ask;
struct rule_load;
struct rule_options;

enum listed_result {
	LISTED_KNOWN,
	LISTED_UNKNOWN,     /* refuse with the reply below */
	LISTED_CANNOT_TELL, /* err says why: ERR_RETRY, or ERR_CONFIG for an empty answer */
};

struct listed_reply {      /* of LISTED_UNKNOWN */
	int64_t code;      /* as configured; may be any number */
	char enhanced[12]; /* "5.1.1"; x.1.y already fits the subject, its first digit not yet the
			      code */
	const char *text;  /* behind "<address>: Recipient address rejected: " */
	const char *file;  /* the table row that decided (transport_maps), or NULL */
	int line;
};

/* Of the options: virtual_alias_maps, virtual_mailbox_maps, local_recipient_maps,
 * relay_recipient_maps, transport_maps, canonical_maps, recipient_canonical_maps,
 * sender_canonical_maps, parent_domain_matches_subdomains, double_bounce_sender,
 * unknown_*_recipient_reject_code, unknown_virtual_*_reject_code, show_user_unknown_table_name.
 * Never NULL. */
struct listed_rules *listed_rules_compile(
    struct rule_load *, const struct rule_options *) ATTR_MUST_USE;
/* is_sender: reject_unlisted_sender.  The address is one that could be resolved. */
enum listed_result listed_check(const struct listed_rules *, const struct map_ask *,
    const struct address *, int is_sender, struct listed_reply *, struct err *) ATTR_MUST_USE;

#endif
