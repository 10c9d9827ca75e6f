/*
 * reply - SMTP replies: reading them from a peer, cleaning their text, writing them
 *
 * Text from policies, tables, next hops and scanners reaches clients only through reply_format(),
 * which removes controls and non-ASCII, keeps one code on all lines, forces the enhanced code's
 * class to the code's, and cuts a line at 510 octets (PITFALLS A14).
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* One line of a reply: code, whether more follow, text behind it.  0, or -1 when it is none ("2
 * 5x", too short, code outside 200..599). */
int reply_parse_line(struct span line, int *code, int *more, struct span *text) ATTR_MUST_USE;

/* "5.7.1" at the start of text, followed by blank or end: its length, else 0.  Each part is 1-3
 * digits, the first 2, 4 or 5 alone. */
size_t enhanced_len(struct span text);
/* Put an enhanced code's class right for the basic code: "5.7.1" with 450 becomes "4.7.1". */
void enhanced_fit(char *enhanced, int code);

/* Text without controls (they become blanks), without octets above 126 ('?'), without blanks at the
 * end. */
void reply_clean(struct span text, struct buf *out);

/* The wire form, "CODE-ENH text\r\n...CODE ENH text\r\n": text's LF separate lines.  enhanced "" or
 * NULL: none. */
void reply_format(struct buf *out, int code, const char *enhanced, const char *text);
/* The text with smtpd_reject_footer, which is expanded already: behind "\c" it continues the last
 * line, else it is lines of its own.  Lines are parted by LF and not cleaned. */
void reply_join_footer(struct buf *out, const char *text, const char *footer);
/* The wire form of that. */
void reply_format_footer(
    struct buf *out, int code, const char *enhanced, const char *text, const char *footer);

#endif
