/* Which elements are open, as browsers have it. */
#include <string.h>

#include "mail/html_render.h"

static int
is_formatting(enum html_tag tag)
{
	switch ((int)tag) {
	case HTML_a:
	case HTML_b:
	case HTML_big:
	case HTML_code:
	case HTML_em:
	case HTML_font:
	case HTML_i:
	case HTML_nobr:
	case HTML_s:
	case HTML_small:
	case HTML_strike:
	case HTML_strong:
	case HTML_tt:
	case HTML_u:
		return 1;
	}
	return 0;
}

/* What only stands in tables. */
static int
is_row_part(enum html_tag tag)
{
	switch ((int)tag) {
	case HTML_tbody:
	case HTML_thead:
	case HTML_tfoot:
	case HTML_tr:
	case HTML_td:
	case HTML_th:
	case HTML_caption:
	case HTML_colgroup:
		return 1;
	}
	return 0;
}

static int
is_cell(enum html_tag tag)
{
	return tag == HTML_td || tag == HTML_th || tag == HTML_caption;
}

/* Elements that end tags do not reach through. */
static int
is_scope(enum html_tag tag)
{
	return is_cell(tag) || tag == HTML_table || tag == HTML_template || tag == HTML_marquee ||
	       tag == HTML_object || tag == HTML_applet;
}

static int
is_heading(enum html_tag tag)
{
	return tag >= HTML_h1 && tag <= HTML_h6;
}

static int
is_special(enum html_tag tag)
{
	return (html_tag_flags(tag) & HTML_T_BLOCK) != 0 || is_scope(tag) || tag == HTML_button ||
	       tag == HTML_select;
}

/* --- looks --- */

/* The level whose content would stand here; text right inside a table stands before it. */
static size_t
parent_level(const struct html_render *r, enum html_tag tag)
{
	size_t top = r->n - 1;

	if (is_row_part(tag) || tag == HTML_col || tag == HTML_style || tag == HTML_script ||
	    tag == HTML_template)
		return top;
	if (r->levels[top].tag != HTML_table &&
	    (!is_row_part(r->levels[top].tag) || is_cell(r->levels[top].tag)))
		return top;
	while (top > 0 && r->levels[top].tag != HTML_table)
		top--;
	return top > 0 ? top - 1 : 0;
}

const struct html_look *
html_parent(const struct html_render *r, enum html_tag tag)
{
	return &r->levels[parent_level(r, tag)].look;
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
	size_t to = at, was = r->n;

	for (size_t i = at; i < was; i++) {
		struct html_level *l = &r->levels[i];
		const struct html_look *under = &r->levels[to - 1].look;

		if (l->look.block && !l->look.gone)
			html_newline(r);
		if (!keep || i == at || !is_formatting(l->tag)) {
			r->open[l->tag]--;
			if (l->own.turned)
				html_turn(r, l, 0);
			continue;
		}
		r->levels[to] = *l;
		r->levels[to].look = html_look_of(r, under, l->tag, &l->own);
		to++;
	}
	r->n = to;
}

/* One formatting element ends; what is in it goes on without it. */
static void
take_out(struct html_render *r, size_t at)
{
	r->open[r->levels[at].tag]--;
	if (r->levels[at].own.turned)
		html_turn(r, &r->levels[at], 0);
	for (size_t i = at; i + 1 < r->n; i++) {
		r->levels[i] = r->levels[i + 1];
		r->levels[i].look =
		    html_look_of(r, &r->levels[i - 1].look, r->levels[i].tag, &r->levels[i].own);
	}
	r->n--;
}

/* The nearest open one, if none stands between that `stops`; 0: there is none. */
static size_t
find(const struct html_render *r, enum html_tag tag, int (*stops)(enum html_tag))
{
	if (r->open[tag] == 0)
		return 0;
	for (size_t i = r->n - 1; i > 0; i--) {
		if (r->levels[i].tag == tag)
			return i;
		if (stops(r->levels[i].tag))
			return 0;
	}
	return 0;
}

static int
stops_in_table(enum html_tag tag)
{
	return tag == HTML_table || tag == HTML_template;
}

static int
stops_button(enum html_tag tag)
{
	return is_scope(tag) || tag == HTML_button;
}

static int
stops_list(enum html_tag tag)
{
	return is_scope(tag) || tag == HTML_ul || tag == HTML_ol || tag == HTML_menu ||
	       tag == HTML_dir || tag == HTML_dl;
}

static void
end_one(struct html_render *r, enum html_tag tag, int (*stops)(enum html_tag), int keep)
{
	size_t at = find(r, tag, stops);

	if (at > 0)
		pop_to(r, at, keep);
}

static void
end_formatting(struct html_render *r, enum html_tag tag)
{
	size_t at = find(r, tag, is_scope);

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
	end_one(r, HTML_td, stops_in_table, 0);
	end_one(r, HTML_th, stops_in_table, 0);
	end_one(r, HTML_caption, stops_in_table, 0);
	end_one(r, HTML_colgroup, stops_in_table, 0);
	if (tag == HTML_td || tag == HTML_th)
		return;
	end_one(r, HTML_tr, stops_in_table, 0);
	if (tag == HTML_tr)
		return;
	end_one(r, HTML_tbody, stops_in_table, 0);
	end_one(r, HTML_thead, stops_in_table, 0);
	end_one(r, HTML_tfoot, stops_in_table, 0);
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
		end_one(r, HTML_table, stops_in_table, 0);
	if (ends_paragraph(tag))
		end_one(r, HTML_p, stops_button, 1);
	if (tag == HTML_li) {
		end_one(r, HTML_li, stops_list, 1);
	} else if (tag == HTML_dd || tag == HTML_dt) {
		end_one(r, HTML_dd, stops_list, 1);
		end_one(r, HTML_dt, stops_list, 1);
	} else if (tag == HTML_a || tag == HTML_nobr) {
		end_formatting(r, tag);
	} else if (tag == HTML_button) {
		end_one(r, HTML_button, is_scope, 1);
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
	for (size_t i = r->n - 1; i > 0 && !is_scope(r->levels[i].tag); i--) {
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
		end_one(r, t->tag, stops_in_table, 0);
	else if (is_special(t->tag))
		end_one(r, t->tag, t->tag == HTML_p ? stops_button : is_scope, 1);
	else
		end_other(r, t);
}
