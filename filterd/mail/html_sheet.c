/* The rules of <style>. */
#include <string.h>

#include "base/attr.h"
#include "mail/html_style.h"
#include "mail/utf8.h"

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int
is_name(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '_' || c == '\\' || c >= 0x80;
}

/* A name at the front of a selector, escapes included. */
static struct span
take_name(struct span *s)
{
	size_t n = 0;
	uint32_t c;

	while (n < s->len && is_name(s->p[n]))
		n += s->p[n] == '\\' ? css_escape(behind(*s, n), &c) : 1;
	*s = behind(*s, n);
	return span_make(s->p - n, n);
}

/* Is the word, as class= has it, this name, as CSS has it? */
static int
name_eq(struct span css, struct span word)
{
	if (span_find(css, '\\') == css.len)
		return span_eq(css, word) || (css.len == word.len && span_case_eq(css, word));
	while (css.len > 0 && word.len > 0) {
		uint32_t c = *css.p;
		size_t used = 1, n;
		char octets[4];

		if (c == '\\')
			used = css_escape(css, &c);
		n = c < 0x80 || used > 1 ? utf8_put(c, octets) : (octets[0] = (char)c, (size_t)1);
		if (word.len < n || !span_case_eq(span_make(octets, n), span_make(word.p, n)))
			return 0;
		css = behind(css, used);
		word = behind(word, n);
	}
	return css.len == 0 && word.len == 0;
}

static size_t
name_hash(struct span name)
{
	return (name.len * 7 + (name.p[0] | 0x20U) * 3 + (name.p[name.len - 1] | 0x20U)) & 63;
}

static uint16_t *
chain_of(struct html_sheet *sheet, const struct html_rule *rule)
{
	if (rule->name.p != NULL && span_find(rule->name, '\\') == rule->name.len)
		return &sheet->named[name_hash(rule->name)];
	if (rule->tag == HTML_OTHER && rule->element.p == NULL)
		return &sheet->any;
	return &sheet->tags[rule->tag]; /* also HTML_OTHER: of those that we do not know */
}

/* What an element without class or id is asked for comes first, ids last, as CSS weighs them. */
static void
rule_add(struct html_sheet *sheet, const struct html_rule *rule)
{
	uint16_t *at = chain_of(sheet, rule);

	if (sheet->n == SHEET_RULES) {
		sheet->full = 1;
		return;
	}
	while (*at != 0 && sheet->rules[*at - 1].id <= rule->id)
		at = &sheet->rules[*at - 1].next;
	sheet->rules[sheet->n] = *rule;
	sheet->rules[sheet->n].next = *at;
	*at = (uint16_t)++sheet->n;
}

/* --- selectors --- */

/* Over "[...]", or a ":pseudo(...)" whose name is taken. */
static void
skip_group(struct span *s, uint8_t open, uint8_t close)
{
	size_t depth = 0, at = 0;

	for (; at < s->len; at++) {
		depth += s->p[at] == open;
		if (s->p[at] == close && --depth == 0) {
			at++;
			break;
		}
	}
	*s = behind(*s, at);
}

/* The element's name. */
static void
element(struct span name, struct html_rule *rule)
{
	struct html_reader r;
	struct html_token t;
	char text[16] = "<";

	if (name.len == 0)
		return;
	rule->element = name;
	if (name.len > sizeof(text) - 3)
		return;
	span_copy(name, text + 1, sizeof(text) - 1);
	html_start(&r, span_str(text), HTML_COMMENTS);
	if (html_next(&r, &t) && t.kind == HTML_START && t.tag != HTML_OTHER) {
		rule->tag = t.tag;
		rule->element = span_make(NULL, 0);
	}
}

static void
name_part(struct span *s, int id, struct html_rule *rule)
{
	struct span name;

	*s = behind(*s, 1);
	name = take_name(s);
	if (rule->name.p != NULL)
		rule->sure = 0; /* it must have both */
	if (name.len > 0 && (rule->name.p == NULL || id > rule->id)) {
		rule->name = name;
		rule->id = id;
	}
}

/* The last part of a selector, which is about the element itself. */
static void
selector(struct span s, struct html_rule *rule)
{
	while (s.len > 0) {
		uint8_t c = *s.p;

		if (c == '.' || c == '#') {
			name_part(&s, c == '#', rule);
		} else if (c == '[') {
			skip_group(&s, '[', ']');
			rule->sure = 0;
			rule->more = 1;
		} else if (c == ':') {
			s = behind(s, s.len > 1 && s.p[1] == ':' ? 2 : 1);
			take_name(&s);
			if (s.len > 0 && *s.p == '(')
				skip_group(&s, '(', ')');
			rule->sure = 0;
			rule->more = 1;
		} else if (is_name(c)) {
			element(take_name(&s), rule);
		} else if (c == '*') {
			s = behind(s, 1);
		} else if (c == '/') {
			s = behind(s, css_skip(s)); /* a comment, or nothing that there is */
		} else {
			/* A blank, '>' and its kin: what was before is about others. */
			s = behind(s, 1);
			*rule = (struct html_rule){ .style = rule->style, .more = 1 };
		}
	}
}

static void
rule_read(struct html_sheet *sheet, struct span selectors, struct span block, int sure)
{
	struct html_style style = { 0 };

	html_style_read(block, &style);
	if (style.says == 0)
		return;
	sheet->paints |= (style.says & (SAYS_BACK | SAYS_IMAGE)) != 0;
	while (selectors.len > 0) {
		struct html_rule rule = { .sure = sure, .style = style };

		selector(span_trim(css_until(&selectors, ",")), &rule);
		rule_add(sheet, &rule);
		if (selectors.len > 0)
			selectors = behind(selectors, 1);
	}
}

/* --- the sheet --- */

/* "@media print" is not about reading, "@font-face" not about elements: their blocks are passed
 * over.  1: the block holds rules. */
static int
at_rule(struct span prelude)
{
	char text[64];
	struct span s = span_make(text, css_plain(prelude, text, sizeof(text)));

	if (span_case_starts(s, "@media"))
		return (!span_case_starts(s, "@media print") &&
			   !span_case_starts(s, "@media speech")) ||
		       span_find(s, ',') < s.len;
	return span_case_starts(s, "@supports") || span_case_starts(s, "@layer") ||
	       span_case_starts(s, "@container") || span_case_starts(s, "@scope");
}

/* At '{': over the block and all blocks in it. */
static void
skip_block(struct span *css)
{
	size_t depth = 0;

	while (css->len > 0) {
		css_until(css, "{}");
		if (css->len == 0)
			return;
		depth += *css->p == '{';
		depth -= *css->p == '}' && depth > 0;
		*css = behind(*css, 1);
		if (depth == 0)
			return;
	}
}

static void
skip_lead(struct span *css)
{
	for (;;) {
		if (css->len > 0 && (is_space(*css->p) || *css->p == ';'))
			*css = behind(*css, 1);
		else if (span_case_starts(*css, "<!--"))
			*css = behind(*css, 4);
		else if (span_case_starts(*css, "-->"))
			*css = behind(*css, 3);
		else if (span_case_starts(*css, "/*"))
			*css = behind(*css, css_skip(*css));
		else
			return;
	}
}

void
html_sheet_init(struct html_sheet *sheet)
{
	sheet->n = sheet->steps = 0;
	sheet->full = sheet->paints = 0;
	sheet->any = 0;
	memset(sheet->named, 0, sizeof(sheet->named));
	memset(sheet->tags, 0, sizeof(sheet->tags));
}

void
html_sheet_read(struct html_sheet *sheet, struct span css, int sure)
{
	size_t inside = 0; /* of @media and its kin */

	while (css.len > 0) {
		struct span head, block;

		skip_lead(&css);
		if (css.len == 0)
			return;
		if (*css.p == '}') {
			inside -= inside > 0;
			css = behind(css, 1);
			continue;
		}
		if (*css.p == '@') {
			head = css_until(&css, "{;");
			if (css.len > 0 && *css.p == '{' && !at_rule(head)) {
				skip_block(&css);
			} else if (css.len > 0) {
				inside += *css.p == '{';
				css = behind(css, 1);
			}
			continue;
		}
		head = css_until(&css, "{}");
		if (css.len == 0 || *css.p == '}')
			continue;
		css = behind(css, 1);
		block = css_until(&css, "}");
		if (css.len > 0)
			css = behind(css, 1);
		rule_read(sheet, head, block, sure && inside == 0);
	}
}

/* --- elements --- */

static unsigned
might(const struct html_style *st)
{
	const unsigned showing = SAYS_DISPLAY | SAYS_VISIBLE | SAYS_OPACITY | SAYS_FONT |
				 SAYS_HEIGHT | SAYS_MAX_HEIGHT | SAYS_OVERFLOW;
	int hides = ((st->says & SAYS_DISPLAY) != 0 && st->display == DISPLAY_NONE) ||
		    ((st->says & SAYS_VISIBLE) != 0 && !st->visible) ||
		    ((st->says & SAYS_OPACITY) != 0 && st->clear) ||
		    ((st->says & SAYS_FONT) != 0 && st->font < 200) ||
		    ((st->says & SAYS_COLOR) != 0 && st->color == COLOR_CLEAR) ||
		    (st->empty != 0 && st->overflow) || st->away;

	return (hides ? LEFT_HIDES : 0) | ((st->important & showing) != 0 ? LEFT_SHOWS : 0);
}

struct asked {
	struct html_sheet *sheet;
	const struct html_token *t;
	int maybe;
	struct html_style *style;
	unsigned left;
};

/* Is the rule about such an element?  One that says ":nth-child(1)" and nothing else is about few,
 * and it hides no whole paragraphs. */
static int
is_about(const struct html_rule *rule, const struct html_token *t)
{
	if (rule->element.p != NULL)
		return t->tag == HTML_OTHER && name_eq(rule->element, t->name);
	if (rule->tag != HTML_OTHER)
		return rule->tag == t->tag;
	return rule->sure || rule->name.p != NULL || !rule->more ||
	       (html_tag_flags(t->tag) & HTML_T_BLOCK) == 0;
}

/* The rules of a chain that name `word`, a class or id; word.p NULL: those that name none. */
static void
chain_ask(struct asked *a, uint16_t at, struct span word, int id)
{
	for (; at != 0; at = a->sheet->rules[at - 1].next) {
		const struct html_rule *rule = &a->sheet->rules[at - 1];

		if (++a->sheet->steps > SHEET_STEPS) {
			a->sheet->full = 1;
			return;
		}
		if (!is_about(rule, a->t) || rule->id != id ||
		    (rule->name.p == NULL) != (word.p == NULL) ||
		    (word.p != NULL && !name_eq(rule->name, word)))
			continue;
		if (rule->sure || a->maybe)
			html_style_add(a->style, &rule->style);
		else
			a->left |= might(&rule->style);
	}
}

static void
words_ask(struct asked *a, struct span words, int id)
{
	while (words.len > 0) {
		struct span word = words;
		size_t n = 0;

		while (n < words.len && !is_space(words.p[n]))
			n++;
		word.len = n;
		words = behind(words, n < words.len ? n + 1 : n);
		if (n == 0)
			continue;
		chain_ask(a, a->sheet->any, word, id);
		chain_ask(a, a->sheet->tags[a->t->tag], word, id);
		chain_ask(a, a->sheet->named[name_hash(word)], word, id);
	}
}

unsigned
html_sheet_ask(struct html_sheet *sheet, const struct html_token *t, struct span classes,
    struct span id, int maybe, struct html_style *style)
{
	struct asked a = { .sheet = sheet, .t = t, .maybe = maybe, .style = style };

	if (sheet->n == 0)
		return 0;
	chain_ask(&a, sheet->any, span_make(NULL, 0), 0);
	chain_ask(&a, sheet->tags[t->tag], span_make(NULL, 0), 0);
	words_ask(&a, classes, 0);
	words_ask(&a, id, 1);
	return a.left;
}
