/*
 * codec - content transfer encodings undone: base64, quoted-printable, uuencode, yEnc
 *
 * Pure functions from octets into a buffer of the caller's.  They cannot fail: as mail readers do,
 * they make the most of what is there, and say in `odd` what was not as it should be.  Where
 * readers differ, what the shorter reading gives is the beginning of what is given here.
 *
 *	base64		Octets that are no digits are passed over: line ends, blanks, junk.  Padding
 *			ends a group of four, and what follows it is decoded as a new group (some
 *			readers stop there).  An '=' where no padding can stand is junk.  Without
 *			padding the last group gives the octets that it has whole.  To others no
 *			'=' ends a group: CODEC_BASE64_ON.
 *	quoted-printable  Hexadecimal digits of either case.  An '=' without two digits behind it
 *			stays as it is.  Blanks at the end of a line are dropped; a soft line break
 *			may have some behind its '=', and be the last line.  Line ends stay as they
 *			are, lines may be of any length.
 *	uuencode	All blocks, one behind the other, from "begin MODE NAME" to "end" or the end
 *			of the text.  Without any "begin" all lines are taken.  A blank and '`' are
 *			both zero.  A line says how many octets it gives: what it lacks was blanks
 *			that a mail server dropped.  Lines that begin with no length are passed
 *			over.
 *	yEnc		All blocks, one behind the other, from "=ybegin" to "=yend" or the end of
 *			the text.  Without any "=ybegin" all lines are taken.  Lines that begin
 *			with "=y" are about the block.
 */
#ifndef MAIL_CODEC_H
#define MAIL_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum codec {
	CODEC_NONE, /* 7bit, 8bit, binary, or no word at all: the octets as they are */
	CODEC_BASE64,
	CODEC_BASE64_ON, /* the same, as it is to readers for whom every '=' is junk */
	CODEC_QP,
	CODEC_UU,
	CODEC_YENC,
	CODEC_UNKNOWN, /* a word that nobody knows: the octets as they are */
};

enum codec_odd {                 /* bits */
	CODEC_ODD_CUT = 1 << 0,  /* the buffer is full */
	CODEC_ODD_JUNK = 1 << 1, /* octets that the encoding has no place for */
	CODEC_ODD_MORE = 1 << 2, /* base64: something follows the padding */
	CODEC_ODD_END = 1 << 3,  /* the end is missing: padding, "end" */
	CODEC_ODD_SOFT = 1 << 4, /* quoted-printable: blanks behind the '=' at the end of a line */
};

/* What the words of a Content-Transfer-Encoding's value say, whatever surrounds them: bits 1 <<
 * enum codec.  Words that nobody knows say something only if they are first. */
unsigned codec_named(struct span value);

/* The ways in which a text is read that is encoded so: bits 1 << enum codec, and more of them. */
unsigned codec_ways(unsigned codecs, struct span in);

/* At least as many octets as decoding gives. */
size_t codec_room(enum codec, struct span in);
/* Decode into out, at most `size` octets.  Their number; *odd (unless NULL) gets enum codec_odd. */
size_t codec_decode(enum codec, struct span in, uint8_t *out, size_t size, unsigned *odd);

/* The same without a buffer: how many octets it would give, and what is odd. */
size_t codec_measure(enum codec, struct span in, unsigned *odd);

/* The next file that somebody put into a text: 1, its lines, its file name, and *text is what
 *follows it; 0: there is no more.  One that never ends has all that follows. CODEC_UU	from "begin
 *MODE NAME" to "end" CODEC_BASE64	what is between "begin-base64 MODE NAME" and "===="
 *	CODEC_YENC	from "=ybegin ... name=NAME" to "=yend" */
int codec_block_next(enum codec, struct span *text, struct span *name, struct span *block);

#endif
