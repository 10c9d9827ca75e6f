/*
 * html_text - the text that a person reads in an HTML document
 *
 * Tags and comments go, also from inside of words: "V<!-- x -->ia<b></b>gra" is one word.  What
 * browsers show on a line of its own (<br>, <p>, <div>, <tr>, ...; "display:") is one here, without
 * empty lines; cells of a row are a blank apart; white space is one blank, but in <pre>.  Script,
 * style, template and what else browsers do not show is dropped; character references are resolved;
 * characters that are not seen (mail/text_seen.h) are left out.  Texts that stand in attributes,
 * alt= and title=, follow at the end, a line each; those of pictures without a text between them
 * are one line; placeholder= and label= follow too, and the strings that <style> puts beside
 * elements ("content:'x'").  The value of a button or input field stands where it is.
 *
 * Invisible text is dropped: display:none, visibility, opacity, hidden=, a font below 1.5 px, the
 * colour of the background or none; in style=, in bgcolor= and its kin, and in <style>
 * (mail/html_style.h).  Elements end where browsers end them: a new paragraph ends the one before,
 * "</div>" what was left open in it, a cell outside of a table is none, text between cells stands
 * before the table.
 *
 * Not all readers do what <style> says, some say "display:none" to small screens only, others are
 * Outlook.  So there may be several readings; the first tells by what it has seen which are worth
 * having:
 *
 *	HIDE_LIKELY	what most see: inline styles, and those rules of <style> that surely
 *			hold.  This is the first.
 *	HIDE_MAYBE	also rules in @media, and of selectors that say more than an element, a
 *			class or an id.  HTML_SEEN_MAYBE
 *	HIDE_CERTAIN	without <style>, and without the tricks that depend on the place (height,
 *			overflow, text-indent, colour before a picture).  HTML_SEEN_LIKELY
 *	HIDE_NOTHING	all but what is script, style and the like: what hides here does not in
 *			some reader that we do not know; nor do <template>, <noframes>, <noembed>
 *			and <iframe> hide what is in them.  HTML_SEEN_HIDDEN
 *	HTML_OUTLOOK	"<!--[if mso]>" is no comment, "<![if !mso]>" hides, and opacity,
 *			visibility and some colours do not.  HTML_SEEN_CONDITIONAL
 *	HTML_CONDITIONS	all conditions hold: there are those of other programs.
 *			HTML_SEEN_OTHERS
 *	split		without what stands within a word in an element with attributes, with a
 *			name that is not HTML's or, where there is a <style>, any: it may be
 *			hidden in ways that we do not know.  HTML_SEEN_SPLIT
 *	turned		what is written from right to left ("<bdo dir=rtl>", U+202E) is put as it
 *			is read.  HTML_SEEN_TURNED
 *
 * Weak spots: text that is put together by position, by the cells of a table, by text in pictures
 * or from alt= and text in turn, or of several "content:"; a sheet that is linked; words that are
 * split in several ways of which only some are hidden.
 *
 * The html must be UTF-8 (mail/charset.h); so is the text, and it is at most
 * a quarter longer.  Time is linear:
 * HTML_DEPTH elements within each other and the limits of mail/html_style.h; what is deeper counts
 * as part of the element that holds it, and HTML_SEEN_LIMIT tells.
 * Threads: any.
 */
#ifndef MAIL_HTML_TEXT_H
#define MAIL_HTML_TEXT_H

#include "base/buf.h"
#include "base/span.h"
#include "mail/html_token.h"

enum { HTML_DEPTH = 512 };

enum html_hide { HIDE_CERTAIN, HIDE_LIKELY, HIDE_MAYBE, HIDE_NOTHING };

struct html_options {
	enum html_hide hide;
	enum html_conditions conditional; /* mail/html_token.h */
	int turned;
	int split;
};

enum html_seen { /* bits */
	HTML_SEEN_HIDDEN = 1 << 0,
	HTML_SEEN_LIKELY = 1 << 1,
	HTML_SEEN_MAYBE = 1 << 2,
	HTML_SEEN_CONDITIONAL = 1 << 3,
	HTML_SEEN_LIMIT = 1 << 4,
	HTML_SEEN_TAGS = 1 << 5, /* there is at least one element of HTML, or a comment */
	HTML_SEEN_OTHERS = 1 << 6,
	HTML_SEEN_TURNED = 1 << 7,
	HTML_SEEN_SPLIT = 1 << 8,
};

/* Append the text; what was seen. */
unsigned html_text(struct span html, const struct html_options *, struct buf *out);

/* What <meta> says is the charset, if it says so near the beginning; p NULL: nothing. */
struct span html_charset(struct span html);

#endif
