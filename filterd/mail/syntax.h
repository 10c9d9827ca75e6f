/*
 * syntax - SMTP command lines, paths and parameters (RFC 5321, 3461, 1870, 6152, 6531, 3030,
 * draft-hall-prdr; xtext RFC 3461 4)
 *
 * Pure functions over bytes.  A path is parsed once into parts, and its octets are kept for the
 * next hop (PITFALLS A13); what cannot be understood is refused, never guessed at.  Postfix's
 * leniencies are accepted: blanks after the colon and inside the <>, a missing pair of <>, a source
 * route (skipped in the parsed form), dots anywhere in the local part, an unquoted @ in it (the
 * last one counts), no domain, an empty local part, underscores and a final dot in the domain.
 *
 * Postfix accepts and we refuse, since two servers would read it in two ways: comments in an
 * address, <<a@b>>, a@b>, a colon outside a source route or a literal, a quoted domain, controls
 * outside quotes, and CR, LF, NUL anywhere; a parameter given twice; AUTH=.
 */
#ifndef MAIL_SYNTAX_H
#define MAIL_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct arena;

struct mail_path {
	const char *octets; /* between < and >, as sent; "" null path */
	const char *local;  /* quotes and backslashes undone */
	const char *domain; /* "" when there is none (postmaster, null path) */
	const char *addr;   /* local@domain; just local without domain */
};

enum mail_body { BODY_NONE, BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

struct mail_params {
	const char *raw; /* as sent, words joined by one blank, "" none; without PRDR, which is
			    between the client and us */
	long long size;  /* -1: not given */
	enum mail_body body;
	int smtputf8;
	int prdr;           /* draft-hall-prdr: a reply a recipient after the data */
	const char *ret;    /* FULL, HDRS or NULL */
	const char *envid;  /* xtext as sent, or NULL */
	const char *notify; /* as sent, or NULL (RCPT) */
	int notify_never;
	const char *orcpt;   /* as sent, or NULL (RCPT) */
	const char *unknown; /* first parameter that is none of ours, or NULL: 555 5.5.4
				Unsupported option: ... */
	const char *why;     /* with SYNTAX_BAD_PARAM: the reply's text behind 501 5.5.4, as Postfix
				has it */
};

enum syntax_result {
	SYNTAX_OK,
	SYNTAX_BAD_COMMAND, /* not "FROM:<...>" / "TO:<...>" : 501 5.5.4 Syntax: MAIL FROM:<address>
			     */
	SYNTAX_BAD_ADDRESS, /* 501 5.1.7 / 5.1.3 Bad sender|recipient address syntax */
	SYNTAX_BAD_PARAM,   /* 501 5.5.4 and mail_params.why */
};

/* The argument of MAIL ("FROM:<a@b> SIZE=1") or RCPT ("TO:<a@b> NOTIFY=NEVER").  What is wrong
 * first is reported; behind an unknown parameter nothing is looked at (SYNTAX_OK, unknown set).
 * utf8: octets above 127 are allowed in the path (SMTPUTF8 was offered).  Results live in the
 * arena. */
enum syntax_result syntax_mail(
    struct arena *, struct span arg, int utf8, struct mail_path *, struct mail_params *);
enum syntax_result syntax_rcpt(
    struct arena *, struct span arg, int utf8, struct mail_path *, struct mail_params *);
/* Only the address: "user@example.org", as tables and REDIRECT have it.  0 or -1. */
int syntax_address(struct arena *, struct span text, int utf8, struct mail_path *) ATTR_MUST_USE;
/* A host name or address literal as HELO may give it, in Postfix's generous reading: printable, no
 * blank. */
int syntax_helo(struct span);

/* xtext: "+HH" is an octet.  Decode refuses what RFC 3461 forbids, and controls and NUL in the
 * result: -1. */
int xtext_decode(struct span, struct buf *out) ATTR_MUST_USE;
/* 1: xtext of any octets but NUL. */
int xtext_valid(struct span);
void xtext_encode(struct span, struct buf *out);

#endif
