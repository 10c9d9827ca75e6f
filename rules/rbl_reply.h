/*
 * rbl_reply - what a client is told that stands on a list
 *
 * default_rbl_reply, or the template that rbl_reply_maps has for the zone, with its macros filled
 * in: postconf(5) names them at default_rbl_reply.  $name, ${name} and $(name); ${name?text} is
 * text where the value is not empty, ${name:text} where it is, ${name?{text}:{other}} both; ${{a}
 * == {b} ? {text} : {other}} compares (also != < <= >= >, as numbers where both are).  $$ is a
 * dollar sign. What comes from outside is let through smtpd_expansion_filter: each other octet
 * becomes `_`.
 *
 * Threads: any.  Limits: RBL_REPLY_DEPTH texts within one another.
 */
#ifndef RULES_RBL_REPLY_H
#define RULES_RBL_REPLY_H

#include <stdint.h>

#include "base/attr.h"

struct arena;
struct client;

#define RBL_REPLY_DEPTH 20

/* smtpd_expansion_filter: what may pass, a bit an octet. */
struct rbl_safe {
	uint64_t bits[4];
};
/* The parameter's text, with the escapes of C. */
void rbl_safe_make(const char *filter, struct rbl_safe *);

struct rbl_macros {
	int64_t code;       /* $rbl_code */
	const char *domain; /* $rbl_domain: the zone without its filter */
	const char *what;   /* $rbl_what: the address or name that is listed */
	const char *class;  /* $rbl_class: "Client host" */
	const char *txt;    /* $rbl_reason, $rbl_txt; "" none */
	const struct client *client;
	const char *sender, *recipient; /* quotes undone; "" the null sender; NULL: none yet */
	const char *myhostname;         /* $server_name */
	const struct rbl_safe *safe;
};

/* The template filled in, in the arena; NULL: it cannot be, and why says how so. */
const char *rbl_reply_expand(struct arena *, const char *template, const struct rbl_macros *,
    const char **why) ATTR_MUST_USE;
/* Would it ever fail?  NULL, or how so, in the arena. */
const char *rbl_reply_fault(struct arena *, const char *template);

/* A template filled in, taken apart. */
struct rbl_reply {
	int code;
	char enhanced[12];
	const char *text;
};
/* 0, or -1: it does not begin with 4NN or 5NN and a blank. */
int rbl_reply_split(const char *expanded, struct rbl_reply *) ATTR_MUST_USE;

#endif
