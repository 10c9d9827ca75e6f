#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "table/lines.h"
#include "table/template.h"

/* The name after a '$': the word, or what stands in ${ } or $( ), which may nest.  Returns what
 * follows, NULL when the bracket is not closed. */
static const char *
take_name(const char *p, struct span *name)
{
	const char *start = p;
	int level = 1;
	char open = *p, close;

	if (open != '{' && open != '(') {
		while (lines_alnum(*p) || *p == '_')
			p++;
		*name = span_make(start, (size_t)(p - start));
		return p;
	}
	close = open == '{' ? '}' : ')';
	for (p = ++start; *p != '\0'; p++) {
		if (*p == open)
			level++;
		else if (*p == close && --level == 0)
			break;
	}
	*name = span_make(start, (size_t)(p - start));
	return *p == '\0' ? NULL : p + 1;
}

static int
parse_group(struct span name, unsigned *group, char *why, size_t whysize)
{
	int len = name.len < 40 ? (int)name.len : 40;
	uint64_t n;

	if (name.len == 0) {
		snprintf(why, whysize, "empty name after '$'");
		return -1;
	}
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] < '0' || name.p[i] > '9') {
			snprintf(why, whysize, "\"$%.*s\": expected a number", len,
			    (const char *)name.p);
			return -1;
		}
	if (span_u64(name, TEMPLATE_GROUPS - 1, &n) == -1 || n == 0) {
		snprintf(why, whysize, "\"$%.*s\" is out of range", len, (const char *)name.p);
		return -1;
	}
	*group = (unsigned)n;
	return 0;
}

static void
add_piece(struct template *t, struct arena *a, struct buf *text, unsigned group)
{
	struct template_piece *grown;
	/* Powers of two: a rule has few pieces, and the arena keeps what is outgrown. */
	size_t n = t->npieces;

	if ((n & (n - 1)) == 0) {
		grown = arena_alloc(a, (n == 0 ? 1 : n * 2) * sizeof(*grown));
		if (n > 0)
			memcpy(grown, t->pieces, n * sizeof(*grown));
		t->pieces = grown;
	}
	t->pieces[t->npieces++] = (struct template_piece){
		.text = arena_span(a, buf_span(text)),
		.group = group,
	};
	buf_reset(text);
}

int
template_parse(const char *text, struct arena *a, struct template *t, char *why, size_t whysize)
{
	struct buf literal = { 0 };
	struct span name;
	unsigned group;
	int rc = -1;

	memset(t, 0, sizeof(*t));
	for (const char *p = text; *p != '\0';) {
		if (*p != '$' || p[1] == '$') {
			buf_addc(&literal, *p);
			p += *p == '$' ? 2 : 1;
			continue;
		}
		if ((p = take_name(p + 1, &name)) == NULL) {
			snprintf(why, whysize, "'$' with a bracket that is not closed");
			goto out;
		}
		if (parse_group(name, &group, why, whysize) == -1)
			goto out;
		if (literal.len > 0)
			add_piece(t, a, &literal, 0);
		add_piece(t, a, &literal, group);
		if (group > t->max_group)
			t->max_group = group;
	}
	t->text = arena_strdup(a, t->max_group == 0 ? buf_cstr(&literal) : text);
	if (t->max_group > 0 && literal.len > 0)
		add_piece(t, a, &literal, 0);
	rc = 0;
out:
	buf_fini(&literal);
	return rc;
}

static struct span
piece_span(const struct template_piece *p, const struct span *group)
{
	return p->group == 0 ? p->text : group[p->group];
}

const char *
template_expand(const struct template *t, const struct span *group, struct arena *a)
{
	size_t len = 0;
	char *out, *p;

	for (size_t i = 0; i < t->npieces; i++)
		len += piece_span(&t->pieces[i], group).len;
	p = out = arena_alloc(a, len + 1);
	for (size_t i = 0; i < t->npieces; i++) {
		struct span s = piece_span(&t->pieces[i], group);

		if (s.len > 0)
			memcpy(p, s.p, s.len);
		p += s.len;
	}
	*p = '\0';
	return out;
}
