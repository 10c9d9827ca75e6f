/*
 * html_render - what the files of html_text share
 *
 * html_text.c walks, html_put.c writes, html_split.c takes out what splits words, html_own.c reads
 * tags, html_stack.c knows which elements are open, html_look.c what a text in them looks like.
 */
#ifndef MAIL_HTML_RENDER_H
#define MAIL_HTML_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/html_style.h"
#include "mail/html_text.h"
#include "mail/html_token.h"

struct html_look {    /* what is inherited */
	uint8_t gone; /* not there: nothing inside can come back */
	uint8_t invisible, pre;
	int font; /* hundredths of a pixel */
	uint32_t color, back;
	/* These hide only in some readers, or we are not sure of them. */
	uint8_t soft_gone, soft_visible, soft_font, soft_color;
	uint8_t block;   /* of this element alone */
	uint8_t clear;   /* gone in a way that Outlook does not know */
	uint8_t modern;  /* so is its colour */
	uint8_t foreign; /* in <svg>, and not in its <text> */
	uint8_t shown;   /* for sure: html_look_hides() need not be asked */
};

struct html_own { /* what an element says for itself */
	struct html_style style;
	unsigned soft;  /* of enum html_says: what comes from <style>, and doubt */
	unsigned doubt; /* of style=: html_style.doubt */
	unsigned left;  /* of enum html_left */
	int turned;     /* its text runs 1: from right to left, 2: from left to right */
	struct span alt, title, value;
	struct span label; /* or placeholder= */
};

struct html_level { /* an open element */
	enum html_tag tag;
	struct span name;
	struct html_own own;
	struct html_look look;
	int inside;  /* of a word, and it may be hidden in a way that we do not know; */
	size_t from; /* where its text begins, then */
};

struct html_known { /* a style= that was read */
	struct span css;
	struct html_style style;
};

#define HTML_NOTE_END '\x1f' /* between texts that are for the end */

enum { HTML_WORK = 1 << 17, HTML_KNOWN = 64, HTML_FONT = 1600 };

struct html_render {
	struct html_options options;
	struct html_sheet sheet;
	/* [0] is the document, body and all; [n] the one that is being read. */
	struct html_level levels[HTML_DEPTH + 1];
	struct html_known known[HTML_KNOWN];
	size_t n;
	size_t deeper;             /* elements that have no level */
	unsigned open[HTML_NTAGS]; /* of each, in levels */
	size_t work;               /* looks that were made anew for what browsers put right */
	int quirks;                /* no doctype */
	int styled;                /* there is a <style> */
	int painted;               /* something is, and we do not know where */
	unsigned seen;
	size_t learned; /* the sheets up to here are known */
	size_t walked;  /* octets, again and again */

	/* the text */
	char *p;
	size_t len;
	const uint8_t *end; /* of the document */
	struct buf notes, scratch;
	struct buf said; /* notes of the sheets */
	/* The last text that may split a word, if one goes on behind it; to: SIZE_MAX: none. */
	size_t split_from, split_to;
	size_t note_at; /* len when the last picture's text was noted */
	int written;    /* something was, before the sheet was complete */
};

/* --- html_own.c --- */
/* A tag that says nothing about that: the element looks as its parent does. */
int html_own_none(const struct html_render *, const struct html_token *);
/* What is in a tag about the element's looks. */
void html_own_read(struct html_render *, const struct html_token *, struct html_own *);

/* --- html_said.c --- */
/* The strings that a sheet or a style puts before, behind or beside an element, as notes. */
void html_said(struct span css, struct buf *notes);

/* --- html_look.c --- */
void html_look_root(struct html_look *);
/* look: of the element, and not the parent's; it is filled where it stands, for to copy what was
 * written just now takes longer than to write it. */
void html_look_of(struct html_render *, const struct html_look *parent, enum html_tag,
    const struct html_own *, struct html_look *look);
/* Is a text with this look hidden; *soft: perhaps not for all. */
int html_look_hides(const struct html_render *, const struct html_look *, int *soft);

/* --- html_stack.c --- */
const struct html_look *html_parent_in_rows(const struct html_render *, enum html_tag);
/* Where a text stands, or an element that begins here. */
static inline const struct html_look *
html_parent(const struct html_render *r, enum html_tag tag)
{
	const struct html_level *top = &r->levels[r->n - 1];

	if ((html_tag_flags(top->tag) & HTML_T_ROWS) == 0)
		return &top->look;
	return html_parent_in_rows(r, tag);
}
/* A tag that ends svg and math: they end. */
void html_stack_leave(struct html_render *, const struct html_token *);
/* End what ends when this element begins.  0: browsers take no notice of it here. */
int html_stack_before(struct html_render *, enum html_tag);
/* levels[n] is the element that begins. */
void html_stack_push(struct html_render *, const struct html_token *);
void html_stack_end(struct html_render *, const struct html_token *);

/* --- html_split.c --- */
/* levels[n], the element that begins, before anything is put for it. */
void html_split_start(struct html_render *, const struct html_token *);
/* What is put from now on is behind a text that began at `from`, inside of a word. */
void html_split_end(struct html_render *, size_t from);
/* Something was put behind split_to. */
void html_split_met(struct html_render *);

/* --- html_put.c --- */
void html_newline(struct html_render *);
void html_put_space(struct html_render *);
/* What html_put() does of a text that is white space, where that does not count. */
void html_put_blanks(struct html_render *);
/* pre: white space counts; readable: so many octets are there from s.p on. */
void html_put(struct html_render *, int pre, struct span s, int references, size_t readable);
/* At the start and end of an element: put the mark, for its text is turned.  There is room, for no
 * tag that turns is shorter than both. */
void html_turn(struct html_render *, const struct html_level *, int start);

#endif
