/*
 * text_parts - the texts of a message, as people read them
 *
 * Part by part, with the transfer encoding and the charset undone and HTML rendered (mail/parts.h,
 * charset.h, html_text.h): every part of type text, every other whose type is none or that is named
 * as a text, if it looks like one.  Where readers may differ a part has several texts: encoded in
 * several ways, a charset that lies, HTML in what is said to be plain, style sheets that not all
 * readers obey, text that is hidden from most, text from right to left; and, with
 * text_fold_homoglyphs, the text with look-alike letters folded.  No two texts of a part are the
 * same.
 *
 * Subject and other header fields are none of them: check_decoded_header has those.
 *
 * Limits: text_check_size_limit octets of decoded parts a message; what is beyond is not looked at,
 *	and fact text=limit tells.  Each octet is rendered TEXT_READINGS times at most, and
 *	fact text=limit:readings tells that there were more; two charsets, nine
 *	renderings beside the text itself and the same turned, each also folded, make 44.
 * Facts: text=limit, text=hidden, text=charset:LABEL.
 * Threads: a transaction has one at a time.
 */
#ifndef RULES_TEXT_PARTS_H
#define RULES_TEXT_PARTS_H

#include <stddef.h>

#include "base/span.h"
#include "rules/rule_run.h"

enum { TEXT_READINGS = 44 };

struct text_part {
	struct span text; /* UTF-8, line ends are LF; it lives as long as the transaction */
	size_t part;      /* a number, rising */
	int reading;      /* of the part, from 0 on */
};

/* Text number i of the message: 1; 0: there is none.  Worked out once a transaction, and only as
 * far as somebody asks. */
int text_part_get(struct rule_run *, size_t i, struct text_part *);

#endif
