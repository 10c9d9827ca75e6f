/*
 * html_style - what CSS says about whether a text can be seen
 *
 * Only what hides text is understood: display, visibility, opacity, the sizes, the colours, white
 * space; everything else is passed over.  Escapes ("d\69splay"), comments and quotes are as CSS
 * has them, so that neither hides a declaration or makes one up.
 *
 * Sheets: the rules of <style>, by the last element, class or id of their selectors; a selector
 * that says more ("td > .x", ".x:first-child") and a rule inside @media may or may not hold, which
 * html_rule.sure tells.  Rules about nothing that hides are not kept.
 *
 * Limits: SHEET_RULES rules, and SHEET_STEPS of them looked at; what is beyond says nothing, and
 *	sheet.full is set.
 * Ownership: a sheet points into the html, which must stay.  No allocations.
 */
#ifndef MAIL_HTML_STYLE_H
#define MAIL_HTML_STYLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "mail/html_token.h"

enum html_display { DISPLAY_INLINE, DISPLAY_BLOCK, DISPLAY_NONE };

enum html_says { /* bits: what a style speaks of */
	SAYS_DISPLAY = 1 << 0,
	SAYS_VISIBLE = 1 << 1,
	SAYS_OPACITY = 1 << 2,
	SAYS_FONT = 1 << 3,
	SAYS_COLOR = 1 << 4,
	SAYS_BACK = 1 << 5,
	SAYS_IMAGE = 1 << 6,
	SAYS_PRE = 1 << 7,
	SAYS_HEIGHT = 1 << 8,
	SAYS_MAX_HEIGHT = 1 << 9,
	SAYS_WIDTH = 1 << 10,
	SAYS_MAX_WIDTH = 1 << 11,
	SAYS_OVERFLOW = 1 << 12,
	SAYS_AWAY = 1 << 13,
	SAYS_MSO = 1 << 14,
	SAYS_TURN = 1 << 15,
	SAYS_PAINT = 1 << 16, /* in doubt only: it paints, and not as a background */
	SAYS_TEXT = 1 << 17,  /* in doubt only: it may put a text beside the element */
	SAYS_ALL = (1 << 14) - 1,
};

/* Colours: 0xRRGGBB, or one of these. */
#define COLOR_CLEAR   0x1000000u /* transparent */
#define COLOR_UNKNOWN 0x2000000u
#define COLOR_INHERIT 0x3000000u

struct html_style {
	unsigned says;      /* of enum html_says */
	unsigned important; /* those of them that are "!important" */
	unsigned doubt;     /* those whose value, and that of others, we do not know */
	enum html_display display;
	int empty; /* bits SAYS_HEIGHT to SAYS_MAX_WIDTH: it is nothing */
	int font;  /* hundredths of a pixel, or of a percent of the parent's */
	uint8_t font_relative;
	uint8_t visible, clear, image, pre;
	uint8_t overflow; /* what is too much is not seen */
	uint8_t away;     /* moved out of the window, or not shown for another such reason */
	uint8_t mso_hide; /* Outlook does not show it */
	uint8_t turn;     /* from right to left, perhaps */
	uint8_t modern;   /* of the color: Outlook does not know such */
	uint32_t color, back;
};

/* The declarations are added to what the style says.  Where a value is none that we know, the one
 * before it holds, with doubt: what knows it does as it says. */
void html_style_read(struct span css, struct html_style *);
/* Add another's: it comes later in the cascade. */
void html_style_add(struct html_style *, const struct html_style *other);

/* "#fff", "white", "rgb(255,255,255)"; lower case. */
uint32_t html_color_css(struct span);
/* The value of bgcolor= and color=, where anything is a colour. */
uint32_t html_color_attr(struct span);

enum { SHEET_RULES = 256, SHEET_STEPS = 1 << 20 };

struct html_rule {
	enum html_tag tag;   /* HTML_OTHER: any */
	struct span element; /* a name that no tag is; p NULL: none */
	struct span name;    /* of the class or id; p NULL: none */
	int id;
	int sure;
	int more;      /* the selector says more than these */
	uint16_t next; /* the next of its chain: number + 1 */
	struct html_style style;
};

struct html_sheet {
	struct html_rule rules[SHEET_RULES];
	size_t n;
	size_t steps;                              /* that were needed to ask it */
	int full;                                  /* a limit was reached */
	int paints;                                /* some rule sets a background */
	uint16_t any, named[64], tags[HTML_NTAGS]; /* chains: number + 1 of their first rule */
};

/* An empty one. */
void html_sheet_init(struct html_sheet *);
/* Add what a <style> holds; sure: it has no media= of its own. */
void html_sheet_read(struct html_sheet *, struct span css, int sure);
enum html_left { LEFT_HIDES = 1 << 0, LEFT_SHOWS = 1 << 1 };

/* Add what the sheet says of such an element to the style; maybe: with the rules that are not sure.
 * Returns what some might do that were left out. */
unsigned html_sheet_ask(struct html_sheet *, const struct html_token *, struct span classes,
    struct span id, int maybe, struct html_style *);

/* --- for html_style.c: html_length.c --- */

struct css_length {
	int value; /* hundredths of a pixel, or of a percent */
	int relative;
};

/* The next word of a value. */
int css_word(struct span *value, struct span *word);
/* -1: it is no length. */
int css_length(struct span, struct css_length *);

/* Properties that take a text out of sight by its place, or paint over it: 1; -1: it does not. */
int css_set_away(struct html_style *, struct span value);   /* left, top, text-indent */
int css_set_far(struct html_style *, struct span value);    /* right, bottom, inset, margin */
int css_set_clip(struct html_style *, struct span value);   /* clip, clip-path, transform */
int css_set_zoom(struct html_style *, struct span value);   /* zoom */
int css_set_skip(struct html_style *, struct span value);   /* content-visibility */
int css_set_filter(struct html_style *, struct span value); /* filter */

/* --- for html_style.c and html_sheet.c: html_css.c --- */

/* CSS at its front up to one of the octets `ends` (of ":;{},") that stands in no quotes, brackets,
 * comment or escape; *css is what begins with it, or empty. */
struct span css_until(struct span *css, const char *ends);
/* How many octets the comment or escape at the front takes; 1: it is neither. */
size_t css_skip(struct span);
/* At a backslash: the character that is meant, and how many octets it takes. */
size_t css_escape(struct span, uint32_t *c);
/* The text in lower case, with escapes resolved, one blank for any number of them and of comments,
 * '"' for a string; in brackets a ',' is between any two words.  As much as fits; its length. */
size_t css_plain(struct span, char *out, size_t size);

#endif
