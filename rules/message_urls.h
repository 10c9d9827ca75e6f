/*
 * message_urls - the URLs of a message, for all restrictions that ask about them
 *
 * Those of every part that is text (rules/text_kind.h), transfer encoding and charset undone, as
 * mail/url.h finds them; a part that readers may read in several ways in each of them.  Found once
 * a transaction.
 *
 * Fact urls=limit:... tells that there may be more: count (url_check_count_limit), size
 * (url_check_size_limit), depth and length (mail/url.h), parts (a part could not be decoded whole,
 * or there are too many).  What is beyond has not been looked at.
 *
 * Ownership: all of it is the transaction's.
 */
#ifndef RULES_MESSAGE_URLS_H
#define RULES_MESSAGE_URLS_H

#include "mail/url.h"
#include "rules/rule_run.h"

/* NULL: the message has not come yet. */
const struct urls *message_urls(struct rule_run *);

struct url_hosts {
	const struct url **v; /* the first URL of each host */
	size_t n;
};
/* Each host once, in the order of the URLs; NULL: the message has not come yet. */
const struct url_hosts *message_url_hosts(struct rule_run *);
/* The same, but of the names that have one registered domain the first only. */
const struct url_hosts *message_url_domains(struct rule_run *);
/* What is asked about such a one: the registered domain, the address, or the host itself. */
const char *url_domain(const struct url *);

#endif
