/*
 * parts - what a message is made of, decoded: its texts, attachments and what is in them
 *
 * One after the other, in the order in which they stand in the message, come the parts that are no
 * containers: not multiparts nor attached messages, but what these consist of; these themselves
 * come in front of it where they have the name of a file, or another type besides.  A multipart or
 * attached message that is itself encoded, as RFC 2045 forbids and readers decode, is taken apart
 * after decoding.  A file that is opened as a message, by a name with ".eml", ".mht" or ".nws", as
 * message/news, or as the first piece of a message (message/partial), comes itself, and behind it
 * what it consists of; so does a file of S/MIME that is signed in the clear.  A part with several
 *Content-Transfer-Encoding fields that differ comes once for each.  Files that are uuencoded, yEnc
 *or begin-base64 in a text come behind the text.
 *
 * Where a part begins and ends mail readers see otherwise than Postfix in some messages: boundaries
 * with something behind them, several ones, those of RFC 2231, a header with a line that is no
 * field (enum mime_way).  Such a message is walked again in each way, and the parts that were not
 * seen so before come behind the others, as odd ones.
 *
 * Nothing is done before the first part is asked for, and a part is decoded when it is asked for.
 *
 * Ownership: the message must stay; what parts_get() gives is valid until parts_free().
 * Limits: memory_limit octets are decoded in all, those of encoded containers included; a part that
 *	would take more is cut, and says so.  Walked again are 16 times as many octets as the
 *	message has.  What that, the limits of `mime` or inner_limit leave out is told at the end.
 * Threads: one at a time.
 */
#ifndef MAIL_PARTS_H
#define MAIL_PARTS_H

#include <stddef.h>

#include "base/span.h"
#include "mail/mime.h"

struct parts;

struct parts_options {
	struct mime_options mime; /* parts_limit is also that of all parts together */
	size_t memory_limit;
	int inner_limit; /* encoded containers, and files that are messages, within each other */
};

struct parts_part {
	const char *type;    /* "text/plain", lower case */
	const char *name;    /* of the file (mail/mime_param.h), '_' for each control; "" none */
	const char *charset; /* lower case, "" none given */
	struct span raw, decoded;
	int whole; /* 0: memory_limit was reached, and decoded is the beginning */
	int odd;   /* readers may differ on it: its encoding has mistakes (mail/codec.h), it is
		    * encoded in several ways, or in an encoded container */
	/* Every name that some reader may save it under (mime_param_readings() and _decodings()),
	 * and every type that it is given, in lower case; each once, in their order. */
	const struct span *names;
	const char *const *types;
	size_t nnames, ntypes;
	/* Every charset that it is given and that there is (mail/charset.h), in lower case. */
	const char *const *charsets;
	size_t ncharsets;
	int more;  /* of any of these there are more */
	int apart; /* a multipart or message whose own parts come behind it */
	int delsp; /* format=flowed with delsp=yes: a blank before a line's end is not shown */
};

struct parts *parts_new(struct span message, const struct parts_options *);
void parts_free(struct parts *); /* NULL is fine */

/* 1; 0: there is none with this number; -1: nor is there, but a limit may be the reason. */
int parts_get(struct parts *, size_t i, struct parts_part *);
/* The same, but decoded is empty, whole is 1, and odd only what is known without decoding. */
int parts_look(struct parts *, size_t i, struct parts_part *);
/* As parts_get(), of the odd ones alone; others are not kept decoded. */
int parts_odd(struct parts *, size_t i, struct parts_part *);

/* Mistakes of the encodings of all parts, without decoding them: enum parts_mistake. */
enum parts_mistake {
	PARTS_BAD_BASE64 = 1 << 0,
	PARTS_BAD_QP = 1 << 1,
	PARTS_READINGS = 1 << 2,  /* a part may be read in several ways, or has several names
				   * that are not one name in several charsets */
	PARTS_PIECE = 1 << 3,     /* of a message */
	PARTS_ENCRYPTED = 1 << 4, /* a file of S/MIME whose content nobody without the key sees */
};
unsigned parts_mistakes(struct parts *);

#endif
