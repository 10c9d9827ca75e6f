/* How an element looks: its styles on top of what it inherits. */
#include <string.h>

#include "mail/html_render.h"

enum { FONT_UNSEEN = 150, COLOR_NEAR = 10 };

void
html_look_root(struct html_look *look)
{
	*look = (struct html_look){
		.font = HTML_FONT, .color = 0x000000, .back = 0xffffff, .block = 1, .shown = 1
	};
}

static int
font_of(const struct html_style *st, int parent)
{
	int64_t size = st->font;

	if (st->font_relative)
		size = parent * size / 10000;
	return size > 100000 ? 100000 : size < 0 ? parent : (int)size;
}

static void
look_colors(struct html_render *r, const struct html_style *st, const struct html_own *own,
    struct html_look *look)
{
	int outlook = r->options.conditional == HTML_OUTLOOK;

	if ((st->says & SAYS_COLOR) != 0 && st->color != COLOR_INHERIT &&
	    !(outlook && st->modern)) {
		look->color = st->color;
		look->modern = st->modern;
		look->soft_color &= ~1;
		look->soft_color |= ((own->soft & SAYS_COLOR) != 0);
	}
	if ((st->says & SAYS_BACK) != 0 && st->back != COLOR_CLEAR && st->back != COLOR_INHERIT) {
		look->back = st->back;
		look->soft_color &= ~(2 | 4);
		look->soft_color |= ((own->soft & SAYS_BACK) != 0) ? 2 : 0;
	}
	if ((st->says & SAYS_IMAGE) != 0 && st->image)
		look->soft_color |= 4;
	if (r->sheet.paints)
		look->soft_color |= 8;
	look->soft_color |= (own->doubt & SAYS_COLOR) != 0;
	look->soft_color |= (own->doubt & SAYS_BACK) != 0 ? 2 : 0;
}

static void
look_gone(struct html_render *r, const struct html_style *st, const struct html_own *own,
    struct html_look *look)
{
	int outlook = r->options.conditional == HTML_OUTLOOK;
	int none = ((st->says & SAYS_DISPLAY) != 0 && st->display == DISPLAY_NONE) ||
		   (outlook && st->mso_hide);
	int clear = (st->says & SAYS_OPACITY) != 0 && st->clear && !outlook;
	int soft =
	    r->options.hide != HIDE_CERTAIN && ((st->empty != 0 && st->overflow) || st->away);

	if (st->mso_hide && !none && !look->gone)
		r->seen |= HTML_SEEN_CONDITIONAL;
	if ((!none && !clear && !soft) || r->options.hide == HIDE_NOTHING)
		return;
	if (!look->gone)
		look->clear = clear && !none && !soft;
	/* Inside of what is surely gone nothing is unsure. */
	if (!look->gone || look->soft_gone)
		look->soft_gone = (!none || ((own->soft & SAYS_DISPLAY) != 0)) &&
				  (!clear || ((own->soft & SAYS_OPACITY) != 0));
	look->gone = 1;
}

static int
is_near(uint32_t a, uint32_t b)
{
	for (int shift = 0; shift < 24; shift += 8) {
		int d = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);

		if (d > COLOR_NEAR || d < -COLOR_NEAR)
			return 0;
	}
	return 1;
}

static int
color_hides(const struct html_look *look)
{
	if (look->color == COLOR_CLEAR)
		return 1;
	return look->color < COLOR_CLEAR && look->back < COLOR_CLEAR &&
	       is_near(look->color, look->back);
}

void
html_look_of(struct html_render *r, const struct html_look *parent, enum html_tag tag,
    const struct html_own *own, struct html_look *look)
{
	const struct html_style *st = &own->style;
	unsigned flags = html_tag_flags(tag);

	*look = *parent;
	look->block = (flags & HTML_T_BLOCK) != 0 && tag != HTML_td && tag != HTML_th;
	if ((flags & HTML_T_UNSEEN) != 0 &&
	    !(r->options.hide == HIDE_NOTHING && html_is_fallback(tag))) {
		look->gone = 1;
		look->soft_gone = look->shown = 0;
		return;
	}
	if (tag == HTML_table && r->quirks) {
		/* Without a doctype tables begin anew, in most readers. */
		look->soft_font = 1;
		look->soft_color |= 1;
	}
	if ((st->says | own->doubt) == 0)
		return;
	if ((st->says & SAYS_DISPLAY) != 0 &&
	    (st->display != DISPLAY_NONE || r->options.hide != HIDE_NOTHING))
		look->block = st->display == DISPLAY_BLOCK;
	if ((own->doubt & SAYS_VISIBLE) != 0)
		look->soft_visible = 1;
	if ((own->doubt & SAYS_FONT) != 0)
		look->soft_font = 1;
	if ((st->says & SAYS_VISIBLE) != 0 && r->options.conditional != HTML_OUTLOOK) {
		look->invisible = !st->visible;
		look->soft_visible = ((own->soft & SAYS_VISIBLE) != 0);
	}
	if ((st->says & SAYS_FONT) != 0) {
		look->font = font_of(st, parent->font);
		if (!st->font_relative || parent->font >= FONT_UNSEEN)
			look->soft_font = ((own->soft & SAYS_FONT) != 0);
	}
	if ((st->says & SAYS_PRE) != 0)
		look->pre = st->pre;
	look_colors(r, st, own, look);
	look_gone(r, st, own, look);
	look->shown = !look->gone && !look->invisible && !look->foreign &&
		      look->font >= FONT_UNSEEN && !color_hides(look);
}

int
html_look_hides(const struct html_render *r, const struct html_look *look, int *soft)
{
	int hard = (look->gone && !look->soft_gone) || (look->invisible && !look->soft_visible);
	int hides = look->gone || look->invisible;

	*soft = 0;
	if (r->options.hide == HIDE_NOTHING)
		return look->gone;
	if (look->foreign)
		hides = 1;

	if (look->font < FONT_UNSEEN) {
		hides = 1;
		hard |= !look->soft_font;
	}
	if (color_hides(look)) {
		hides = 1;
		hard |= look->soft_color == 0 && !r->painted;
	}
	*soft = hides && !hard;
	return r->options.hide == HIDE_CERTAIN ? hard : hides;
}
