/* Which elements are open, as browsers have it. */
#include <string.h>

#include "base/attr.h"
#include "mail/html_render.h"

static int
is_formatting(enum html_tag tag)
{
	return (html_tag_flags(tag) & HTML_T_LETTERS) != 0;
}

enum kind {               /* bits */
	K_PART = 1 << 0,  /* only stands in tables */
	K_CELL = 1 << 1,  /* of these those with text */
	K_SCOPE = 1 << 2, /* end tags do not reach through it, */
	K_TABLE = 1 << 3, /* nor those of rows and cells through this, */
	K_LIST = 1 << 4,  /* nor those of list items, */
	K_CLICK = 1 << 5, /* nor those of paragraphs */
	K_WALL = 1 << 6,  /* nor those of letters */
};

static const uint8_t kinds[HTML_NTAGS] = {
	[HTML_tbody] = K_PART,
	[HTML_thead] = K_PART,
	[HTML_tfoot] = K_PART,
	[HTML_tr] = K_PART,
	[HTML_colgroup] = K_PART,
	[HTML_td] = K_PART | K_CELL | K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_th] = K_PART | K_CELL | K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_caption] = K_PART | K_CELL | K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_table] = K_SCOPE | K_TABLE | K_LIST | K_CLICK | K_WALL,
	[HTML_template] = K_SCOPE | K_TABLE | K_LIST | K_CLICK | K_WALL,
	[HTML_marquee] = K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_object] = K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_applet] = K_SCOPE | K_LIST | K_CLICK | K_WALL,
	[HTML_button] = K_CLICK | K_WALL,
	[HTML_select] = K_WALL,
	[HTML_ul] = K_LIST,
	[HTML_ol] = K_LIST,
	[HTML_menu] = K_LIST,
	[HTML_dir] = K_LIST,
	[HTML_dl] = K_LIST,
};

static int
is_row_part(enum html_tag tag)
{
	return (kinds[tag] & K_PART) != 0;
}

static int
is_cell(enum html_tag tag)
{
	return (kinds[tag] & K_CELL) != 0;
}

static int
is_heading(enum html_tag tag)
{
	return tag >= HTML_h1 && tag <= HTML_h6;
}

static int
is_special(enum html_tag tag)
{
	if (tag == HTML_option || tag == HTML_optgroup)
		return 0;
	return (html_tag_flags(tag) & HTML_T_BLOCK) != 0 || (kinds[tag] & K_WALL) != 0;
}

/* --- looks --- */

/* Text right inside a table stands before it. */
const struct html_look *
html_parent_in_rows(const struct html_render *r, enum html_tag tag)
{
	size_t top = r->n - 1;

	if (is_row_part(tag) || tag == HTML_col || tag == HTML_style || tag == HTML_script ||
	    tag == HTML_template)
		return &r->levels[top].look;
	while (top > 0 && r->levels[top].tag != HTML_table)
		top--;
	return &r->levels[top > 0 ? top - 1 : 0].look;
}

void
html_stack_push(struct html_render *r, const struct html_token *t)
{
	struct html_level *l = &r->levels[r->n];

	if (r->n == HTML_DEPTH) {
		r->deeper++;
		r->seen |= HTML_SEEN_LIMIT;
		return;
	}
	l->tag = t->tag;
	l->name = t->name;
	r->n++;
	if (l->own.turned)
		html_turn(r, l, 1);
	r->open[t->tag]++;
}

/* --- ends --- */

/* The elements from this level on end; keep: not bold and its kin, which go on outside. */
static void
pop_to(struct html_render *r, size_t at, int keep)
{
	size_t to = at, was = r->n, split = SIZE_MAX;
	int word = 1; /* goes on behind all of them */

	for (size_t i = at; i < was; i++) {
		struct html_level *l = &r->levels[i];
		const struct html_look *under = &r->levels[to - 1].look;

		if (l->inside && word && l->from < split)
			split = l->from;
		word &= split != SIZE_MAX || !l->look.block || l->look.gone;
		if (l->look.block && !l->look.gone)
			html_newline(r);
		if (!keep || i == at || !is_formatting(l->tag)) {
			r->open[l->tag]--;
			if (l->own.turned)
				html_turn(r, l, 0);
			continue;
		}
		r->levels[to] = *l;
		html_look_of(r, under, r->levels[to].tag, &r->levels[to].own, &r->levels[to].look);
		if (l->from > split)
			r->levels[to].from = split;
		to++;
	}
	r->n = to;
	html_split_end(r, split);
}

/* One formatting element ends; what is in it goes on without it. */
static void
take_out(struct html_render *r, size_t at)
{
	size_t split = r->levels[at].inside ? r->levels[at].from : SIZE_MAX;

	r->open[r->levels[at].tag]--;
	if (r->levels[at].own.turned)
		html_turn(r, &r->levels[at], 0);
	for (size_t i = at; i + 1 < r->n; i++) {
		r->levels[i] = r->levels[i + 1];
		html_look_of(r, &r->levels[i - 1].look, r->levels[i].tag, &r->levels[i].own,
		    &r->levels[i].look);
		if (r->levels[i].from > split)
			r->levels[i].from = split;
	}
	r->n--;
	html_split_end(r, split);
}

/* The nearest open one, if none of these kinds stands between; 0: there is none. */
static size_t
find(const struct html_render *r, enum html_tag tag, unsigned stops)
{
	if (r->open[tag] == 0)
		return 0;
	for (size_t i = r->n - 1; i > 0; i--) {
		if (r->levels[i].tag == tag)
			return i;
		if ((kinds[r->levels[i].tag] & stops) != 0)
			return 0;
	}
	return 0;
}

static void
end_one(struct html_render *r, enum html_tag tag, unsigned stops, int keep)
{
	size_t at = find(r, tag, stops);

	if (at > 0)
		pop_to(r, at, keep);
}

static void
end_formatting(struct html_render *r, enum html_tag tag)
{
	size_t at = find(r, tag, K_SCOPE);

	if (at == 0)
		return;
	r->work += r->n - at;
	if (r->work > HTML_WORK)
		r->seen |= HTML_SEEN_LIMIT;
	for (size_t i = at + 1; i < r->n && r->work <= HTML_WORK; i++) {
		if (is_special(r->levels[i].tag)) {
			take_out(r, at);
			return;
		}
	}
	pop_to(r, at, 1);
}

/* --- svg and math --- */

/* HTML may stand in it. */
static int
is_gate(const struct html_level *l)
{
	static const char *const names[] = { "foreignobject", "desc", "annotation-xml", "mi", "mo",
		"mn", "ms", "mtext" };

	for (size_t i = 0; l->tag == HTML_OTHER && i < nitems(names); i++)
		if (span_case_eq_str(l->name, names[i]))
			return 1;
	return l->tag == HTML_title;
}

void
html_stack_leave(struct html_render *r, const struct html_token *t)
{
	size_t at = 0;

	if (r->open[HTML_svg] + r->open[HTML_math] == 0 || !html_leaves_foreign(t))
		return;
	for (size_t i = r->n - 1; i > 0 && !is_gate(&r->levels[i]); i--) {
		struct html_token open = { .kind = HTML_START, .tag = r->levels[i].tag };

		if ((html_tag_flags(open.tag) & HTML_T_FOREIGN) != 0)
			at = i;
		else if (html_leaves_foreign(&open))
			break;
	}
	if (at > 0)
		pop_to(r, at, 0);
}

/* --- what a start tag ends --- */

static int
ends_paragraph(enum html_tag tag)
{
	return (html_tag_flags(tag) & HTML_T_BLOCK) != 0 && !is_row_part(tag) && tag != HTML_br &&
	       tag != HTML_body && tag != HTML_html && tag != HTML_head && tag != HTML_title &&
	       tag != HTML_option && tag != HTML_optgroup && tag != HTML_legend &&
	       tag != HTML_textarea;
}

static void
row_part_before(struct html_render *r, enum html_tag tag)
{
	end_one(r, HTML_td, K_TABLE, 0);
	end_one(r, HTML_th, K_TABLE, 0);
	end_one(r, HTML_caption, K_TABLE, 0);
	end_one(r, HTML_colgroup, K_TABLE, 0);
	if (tag == HTML_td || tag == HTML_th)
		return;
	end_one(r, HTML_tr, K_TABLE, 0);
	if (tag == HTML_tr)
		return;
	end_one(r, HTML_tbody, K_TABLE, 0);
	end_one(r, HTML_thead, K_TABLE, 0);
	end_one(r, HTML_tfoot, K_TABLE, 0);
}

int
html_stack_before(struct html_render *r, enum html_tag tag)
{
	enum html_tag top = r->levels[r->n - 1].tag;

	if (is_row_part(tag)) {
		if (r->open[HTML_table] == 0)
			return 0;
		row_part_before(r, tag);
		return 1;
	}
	if (tag == HTML_table && (top == HTML_table || (is_row_part(top) && !is_cell(top))))
		end_one(r, HTML_table, K_TABLE, 0);
	if (ends_paragraph(tag))
		end_one(r, HTML_p, K_CLICK, 1);
	if (tag == HTML_li) {
		end_one(r, HTML_li, K_LIST, 1);
	} else if (tag == HTML_dd || tag == HTML_dt) {
		end_one(r, HTML_dd, K_LIST, 1);
		end_one(r, HTML_dt, K_LIST, 1);
	} else if (tag == HTML_a || tag == HTML_nobr) {
		end_formatting(r, tag);
	} else if (tag == HTML_button) {
		end_one(r, HTML_button, K_SCOPE, 1);
	} else if (is_heading(tag) && is_heading(top)) {
		pop_to(r, r->n - 1, 1);
	} else if ((tag == HTML_option || tag == HTML_optgroup) && top == HTML_option) {
		pop_to(r, r->n - 1, 0);
	}
	return 1;
}

/* --- end tags --- */

static void
end_heading(struct html_render *r)
{
	for (size_t i = r->n - 1; i > 0 && (kinds[r->levels[i].tag] & K_SCOPE) == 0; i--) {
		if (is_heading(r->levels[i].tag)) {
			pop_to(r, i, 1);
			return;
		}
	}
}

/* An element that nobody knows ends the nearest of its name, if no block stands between. */
static void
end_other(struct html_render *r, const struct html_token *t)
{
	for (size_t i = r->n - 1; i > 0; i--) {
		const struct html_level *l = &r->levels[i];

		if (l->tag == t->tag && (l->tag != HTML_OTHER || span_case_eq(l->name, t->name))) {
			pop_to(r, i, 1);
			return;
		}
		if (is_special(l->tag))
			return;
	}
}

void
html_stack_end(struct html_render *r, const struct html_token *t)
{
	if (r->deeper > 0) {
		if ((html_tag_flags(t->tag) & HTML_T_VOID) == 0)
			r->deeper--;
		return;
	}
	html_stack_leave(r, t);
	if (t->tag == HTML_br || (t->tag == HTML_p && r->open[HTML_p] == 0))
		html_newline(r);
	if (is_heading(t->tag))
		end_heading(r);
	if (t->tag == HTML_body || t->tag == HTML_html || t->tag == HTML_head ||
	    r->open[t->tag] == 0)
		return;
	if (is_formatting(t->tag))
		end_formatting(r, t->tag);
	else if (t->tag == HTML_table || is_row_part(t->tag))
		end_one(r, t->tag, K_TABLE, 0);
	else if (is_special(t->tag))
		end_one(r, t->tag, t->tag == HTML_p ? K_CLICK : K_SCOPE, 1);
	else
		end_other(r, t);
}
