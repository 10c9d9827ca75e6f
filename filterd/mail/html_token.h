/*
 * html_token - HTML taken apart: tags, attributes, texts and comments, however broken
 *
 * The tokens are those that browsers, and mail readers built on them, see (the tokenizer of the
 * HTML standard): "<" without a letter, "/", "!" or "?" behind it is text; "--!>" ends a comment
 * as "-->" does, "<!-->" is a whole one; "<!" and "</" before anything strange begin a comment up
 * to the next ">"; quotes count only behind "="; of two attributes with one name the first counts
 * (html_attr_find()); the texts of script, style, title and the like end at their own end tag and
 * hold no tags.  Text may hold NULs, which readers drop.
 *
 * A tag or comment that the end of the input breaks off is a token with `broken` set: browsers show
 * nothing of it.
 *
 * Nothing is allocated, copied or changed, and nesting costs nothing; all spans point into the
 * input, which must stay.  Time is linear in the input.
 * Threads: any, a reader belongs to one at a time.
 */
#ifndef MAIL_HTML_TOKEN_H
#define MAIL_HTML_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum html_tag {
	HTML_OTHER, /* a name that is not in the list */
#define T(name, flags) HTML_##name,
#include "mail/html_tags.def"
#undef T
	HTML_NTAGS
};

enum html_tag_flag {             /* bits */
	HTML_T_VOID = 1 << 0,    /* has no content and no end tag */
	HTML_T_BLOCK = 1 << 1,   /* what is before, in and behind it stands on lines of its own */
	HTML_T_RAW = 1 << 2,     /* its content is text without tags and references */
	HTML_T_TEXT = 1 << 3,    /* its content is text without tags */
	HTML_T_UNSEEN = 1 << 4,  /* its content is not shown */
	HTML_T_FOREIGN = 1 << 5, /* another language inside */
	HTML_T_ROWS = 1 << 6,    /* of a table, and text in it stands before that */
	HTML_T_LETTERS = 1 << 7, /* how letters look: it goes on where blocks around it end */
};

enum html_kind {
	HTML_TEXT,    /* text: as written, references unresolved */
	HTML_START,   /* a start tag */
	HTML_END,     /* an end tag */
	HTML_COMMENT, /* text: what is in it */
	HTML_DOCTYPE, /* text: what follows the word */
	HTML_CDATA,   /* text: what is in it; only inside svg and math, elsewhere it is a comment */
};

struct html_attr {
	struct span name;  /* as written */
	struct span value; /* without its quotes, references unresolved; p NULL: none given */
};

enum { HTML_ATTRS = 16, HTML_HASH_BITS = 10, HTML_HASH = 1 << HTML_HASH_BITS };

struct html_token {
	enum html_kind kind;
	enum html_tag tag; /* START, END: which; TEXT: the element whose raw text this is */
	struct span raw;   /* all of it, as written */
	struct span name;  /* START, END: as written */
	struct span attrs; /* START: for html_attr_next() */
	/* START: the first of them, until the next token is read, and what is behind these. */
	const struct html_attr *first;
	size_t nfirst;
	struct span others;
	struct span text;
	int verbatim; /* TEXT: references mean nothing here */
	int closed;   /* START: "/>" */
	int broken;   /* the input ends before the token does */
};

/* "<!--[if mso]>...<![endif]-->" */
enum html_conditions {
	HTML_COMMENTS,   /* are comments, */
	HTML_CONDITIONS, /* are what they hold, whatever the condition says, */
	HTML_OUTLOOK,    /* or, as for Outlook, only where the condition holds */
};

struct html_reader { /* private, but for split */
	struct span in;
	size_t at;
	enum html_tag raw;
	int foreign;
	enum html_conditions conditions;
	size_t until; /* the end of what is a comment to others, and foreign where it began */
	int was_foreign;
	int fallbacks; /* set by who starts it: as for readers that know no frames */
	int split;     /* a token reaches over that end: to others there are other ones behind it */
	uint8_t hash[HTML_HASH];
	struct html_attr list[HTML_ATTRS];
};

void html_start(struct html_reader *, struct span html, enum html_conditions);
/* 1: the next token; 0: there is no more. */
int html_next(struct html_reader *, struct html_token *);

/* The next attribute of a tag, taken off the front of *attrs: 1; 0: there is no more. */
int html_attr_next(struct span *attrs, struct html_attr *);
/* The first attribute with this (lower case) name: 1; 0: there is none. */
int html_attr_find(struct span attrs, const char *name, struct html_attr *);

extern const uint8_t html_tag_bits[HTML_NTAGS];
static inline unsigned
html_tag_flags(enum html_tag tag)
{
	return html_tag_bits[tag];
}

/* --- html_foreign.c --- */
/* What is in it is for readers that do not know the element, or for scripts. */
int html_is_fallback(enum html_tag);
/* Does this tag, inside of svg or math, end them? */
int html_leaves_foreign(const struct html_token *);

/* html_condition.c: does the condition, "[if gte mso 9]...", hold for Outlook?  What is not
 * understood does. */
int html_condition(struct span);

/* --- character references: "&amp;", "&#65;", "&#x41" --- */

enum html_place { HTML_IN_TEXT, HTML_IN_ATTR }; /* "&copy=" is none in an attribute */

/* At text.p there is '&'.  How many octets the reference takes; 0: it is none.  c: its characters,
 * the second 0 if there is one only. */
size_t html_reference(struct span text, enum html_place, uint32_t c[2]);
/* Append the text with its references resolved to UTF-8, without NULs. */
void html_unescape(struct span text, enum html_place, struct buf *out);

#endif
