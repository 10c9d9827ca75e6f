/*
 * footer - smtpd_reject_footer with its macros filled in
 *
 * The syntax is postconf(5)'s for smtpd_reject_footer: $name, ${name}, ${name?text}, ${name:text},
 * ${name?{text}:{text}}; \n in the text starts a new line; \c at its start (kept here, mail/reply.h
 * acts on it) continues the reply's last line.  $decision_id, $protocol and $date (RFC 5322) are
 * ours.  An unknown name stays as it is, so that a typing error shows.  received_header is expanded
 * with it too.
 *
 * Threads: any.
 */
#ifndef ACTION_FOOTER_H
#define ACTION_FOOTER_H

#include "base/buf.h"

struct client;

struct footer_values {
	const char *decision_id;
	const struct client *client;
	const char *server_name;
	const char *sender, *recipient; /* NULL: none */
};

void footer_expand(const char *text, const struct footer_values *, struct buf *out);

#endif
