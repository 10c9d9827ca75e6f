/*
 * milter_syntax - the wire protocol between an MTA and a mail filter, read and written
 *
 * Sendmail's milter protocol, versions 2 to 6, as in libmilter's mfdef.h (8.17) and Postfix's
 * MILTER_README.  A packet is a length of 4 octets (big-endian; it counts what follows), a command
 * octet, and data.  Texts in the data end in NUL.  Pure functions over bytes.
 *
 * A length is not believed before it is within bounds (PITFALLS H1): what speaks another protocol
 * is told from a long packet by its first five octets.
 *
 * Errors: ERR_PEER; a peer that breaks the grammar is hung up on, which an MTA takes for a filter
 * that has failed.  Threads: any.
 */
#ifndef MAIL_MILTER_SYNTAX_H
#define MAIL_MILTER_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct arena;
struct err;

#define MILTER_VERSION_MIN 2
#define MILTER_VERSION     6

/* Data of one packet, the command octet apart.  65535 unless more was negotiated (MDS); Postfix
 * sends a header field in one packet however long it is, so the bound is that of the largest. */
#define MILTER_DATA_64K  65535
#define MILTER_DATA_256K ((256 * 1024) - 1)
#define MILTER_DATA_1M   ((1024 * 1024) - 1)
#define MILTER_FRAME_MAX ((size_t)1024 * 1024 + 512)

enum milter_command { /* SMFIC_*: what an MTA sends */
	MILTER_ABORT = 'A',
	MILTER_BODY = 'B',
	MILTER_CONNECT = 'C',
	MILTER_MACRO = 'D',
	MILTER_END = 'E', /* end of message; data: a last body chunk, maybe empty */
	MILTER_HELO = 'H',
	MILTER_QUIT_NC = 'K',
	MILTER_HEADER = 'L',
	MILTER_MAIL = 'M',
	MILTER_EOH = 'N',
	MILTER_OPTNEG = 'O',
	MILTER_QUIT = 'Q',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_UNKNOWN = 'U',
};

enum milter_reply { /* SMFIR_*: what a filter sends */
	MILTER_R_ADDRCPT = '+',
	MILTER_R_DELRCPT = '-',
	MILTER_R_ADDRCPT_PAR = '2',
	MILTER_R_ACCEPT = 'a',
	MILTER_R_REPLBODY = 'b',
	MILTER_R_CONTINUE = 'c',
	MILTER_R_DISCARD = 'd',
	MILTER_R_CHGFROM = 'e',
	MILTER_R_ADDHEADER = 'h',
	MILTER_R_INSHEADER = 'i',
	MILTER_R_SETSYMLIST = 'l',
	MILTER_R_CHGHEADER = 'm',
	MILTER_R_PROGRESS = 'p',
	MILTER_R_QUARANTINE = 'q',
	MILTER_R_REJECT = 'r',
	MILTER_R_SKIP = 's',
	MILTER_R_TEMPFAIL = 't',
	MILTER_R_REPLYCODE = 'y',
};

enum milter_action { /* SMFIF_*: bits; what the MTA lets a filter do */
	MILTER_CAN_ADDHDRS = 0x01,
	MILTER_CAN_CHGBODY = 0x02,
	MILTER_CAN_ADDRCPT = 0x04,
	MILTER_CAN_DELRCPT = 0x08,
	MILTER_CAN_CHGHDRS = 0x10,
	MILTER_CAN_QUARANTINE = 0x20,
	MILTER_CAN_CHGFROM = 0x40,
	MILTER_CAN_ADDRCPT_PAR = 0x80,
	MILTER_CAN_SETSYMLIST = 0x100,
	MILTER_CAN_ALL = 0x1ff,
};

enum milter_step { /* SMFIP_*: bits; NO: it is not sent, NR: it is not answered */
	MILTER_NO_CONNECT = 0x01,
	MILTER_NO_HELO = 0x02,
	MILTER_NO_MAIL = 0x04,
	MILTER_NO_RCPT = 0x08,
	MILTER_NO_BODY = 0x10,
	MILTER_NO_HEADERS = 0x20,
	MILTER_NO_EOH = 0x40,
	MILTER_NR_HEADER = 0x80,
	MILTER_NO_UNKNOWN = 0x100,
	MILTER_NO_DATA = 0x200,
	MILTER_SKIP = 0x400,
	MILTER_RCPT_REJ = 0x800,
	MILTER_NR_CONNECT = 0x1000,
	MILTER_NR_HELO = 0x2000,
	MILTER_NR_MAIL = 0x4000,
	MILTER_NR_RCPT = 0x8000,
	MILTER_NR_DATA = 0x10000,
	MILTER_NR_UNKNOWN = 0x20000,
	MILTER_NR_EOH = 0x40000,
	MILTER_NR_BODY = 0x80000,
	MILTER_HDR_LEADSPC = 0x100000,
	MILTER_STEPS_ALL = 0x1fffff,
	MILTER_MDS_256K = 0x10000000,
	MILTER_MDS_1M = 0x20000000,
};

/* Where macros are sent, and may be asked for (SMFIM_*); the number goes on the wire. */
enum milter_macros_at {
	MILTER_AT_CONNECT,
	MILTER_AT_HELO,
	MILTER_AT_MAIL,
	MILTER_AT_RCPT,
	MILTER_AT_DATA,
	MILTER_AT_END,
	MILTER_AT_EOH,
	MILTER_ATS,
};

/* --- reading --- */

enum milter_found {
	MILTER_BROKEN = -1, /* it can become no packet any more; err says why */
	MILTER_MORE = 0,    /* not complete yet */
	MILTER_WHOLE = 1,
};

struct milter_packet {
	enum milter_command command;
	struct span data; /* in the bytes that were read */
};

/* A packet in front of these bytes?  first: nothing has been negotiated on this connection, so it
 * must be OPTNEG.  *len: the whole length, the 4 octets included; with MILTER_MORE, once the length
 * is known, what is wanted, else 0. */
enum milter_found milter_packet_find(
    struct span, int first, struct milter_packet *, size_t *len, struct err *);

struct milter_options {
	uint32_t version, actions, steps;
};
/* Version, actions and steps; what follows them (lists of macros) is passed over. */
int milter_parse_optneg(struct span, struct milter_options *, struct err *) ATTR_MUST_USE;

struct milter_connection {
	const char *name; /* as sent: the verified name, "[192.0.2.1]", or "localhost" */
	char family;      /* '4', '6', 'L' (unix), 'U' (unknown) */
	unsigned port;    /* 0: none, or not told */
	const char *addr; /* text without "IPv6:"; a path; "" with 'U' */
};
/* Texts point into the data. */
int milter_parse_connect(struct span, struct milter_connection *, struct err *) ATTR_MUST_USE;

/* MAIL and RCPT: the path and its ESMTP parameters; HELO, UNKNOWN: one text.  At least one; the
 * array is the arena's, the texts point into the data. */
int milter_parse_args(
    struct span, struct arena *, const char ***args, size_t *n, struct err *) ATTR_MUST_USE;
/* Without the NULs; lines of a value are parted by LF, or CRLF, as sent.  A field without a name,
 * or octets behind the value's NUL, are broken: MTAs differ in what they make of them. */
int milter_parse_header(
    struct span, struct span *name, struct span *value, struct err *) ATTR_MUST_USE;
/* For which command, and f for each NAME and VALUE, both good for that call; "{client_addr}" is
 * told without braces.  A macro without a value is broken, and then f is called for none. */
int milter_parse_macros(struct span, enum milter_command *,
    void (*f)(void *arg, const char *name, const char *value), void *arg,
    struct err *) ATTR_MUST_USE;
/* The stage whose macros come with a command: 1, or 0: none has any. */
int milter_macros_at(enum milter_command, enum milter_macros_at *);

/* --- writing: each adds one packet --- */

/* What has no data: ACCEPT, CONTINUE, DISCARD, PROGRESS, REJECT, SKIP, TEMPFAIL. */
void milter_put(struct buf *, enum milter_reply);
/* macros[i]: what is asked for at this stage, blank-separated "{x} i"; NULL: the MTA's choice. */
void milter_put_optneg(
    struct buf *, const struct milter_options *, const char *const macros[MILTER_ATS]);
/* 4xx or 5xx (any other code becomes 451).  text: lines parted by LF; `enhanced` is put in front of
 * each, its class made the code's; "" or NULL is X.0.0, as in libmilter, for Postfix takes a reply
 * without one for malformed.  "%" is doubled; the lines are cleaned and cut as by reply_format().
 */
void milter_put_replycode(struct buf *, int code, const char *enhanced, const char *text);
/* ADDHEADER, INSHEADER, CHGHEADER; index goes with the latter two.  Without HDR_LEADSPC the MTA
 * puts a blank in front of the value, with it none.  A value's lines are parted by LF; a CRLF in it
 * becomes LF, a CR or NUL alone a blank; a line that does not begin with white space gets some; a
 * CR or LF in a name is made "?".  CHGHEADER: a value whose p is NULL deletes the field, one that
 * is empty does not (it is made a blank). */
void milter_put_header(
    struct buf *, enum milter_reply, uint32_t index, const char *name, struct span value);
/* In as many REPLBODY packets as it takes; an empty body is one empty packet. */
void milter_put_body(struct buf *, struct span body);
/* ADDRCPT, DELRCPT, QUARANTINE: text and NUL; CHGFROM and ADDRCPT_PAR have params too, NULL none.
 * A control in them becomes "?". */
void milter_put_text(struct buf *, enum milter_reply, const char *text, const char *params);

#endif
