#include "table/regexp_pcre.h"

#include <regex.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "table/lines.h"
#include "table/pattern_tree.h"
#include "table/pcre_code.h"

struct translation {
	const char *p;
	int caseless, lines; /* lines: REG_NEWLINE */
	struct buf *out;
};

static void
put_octet(unsigned c, struct buf *out)
{
	if (lines_alnum((char)c))
		buf_addc(out, (char)c);
	else
		buf_printf(out, "\\x%02x", c);
}

static void
put_set(const struct pattern_set *s, struct buf *out)
{
	buf_addc(out, '[');
	for (unsigned c = 0; c < 256; c++)
		if (set_has(s, c))
			buf_printf(out, "\\x%02x", c);
	buf_addc(out, ']');
}

/* GNU's. */
static const char *
edge_of(char c)
{
	switch (c) {
	case '<':
		return "\\b(?=\\w)";
	case '>':
		return "\\b(?<=\\w)";
	case '`':
		return "\\A";
	case '\'':
		return "\\z";
	case 'b':
		return "\\b";
	case 'B':
		return "\\B";
	}
	return NULL;
}

/* Behind a backslash. */
static void
put_escape(struct translation *t)
{
	char c = *t->p++;

	if (edge_of(c) != NULL)
		buf_adds(t->out, edge_of(c));
	else if (strchr("wWsS", c) != NULL)
		buf_printf(t->out, "\\%c", c);
	else if (c >= '1' && c <= '9')
		buf_printf(t->out, "\\g{%c}", c);
	else
		put_octet((unsigned char)c, t->out);
}

/* Behind a [.  The C library folds what it reads before it makes a range of it. */
static int
put_bracket(struct translation *t, struct arena *mem)
{
	char *folded = arena_strdup(mem, t->p);
	const char *at = folded;
	int inverted = *at == '^';
	struct pattern_set set;

	for (char *c = folded; t->caseless && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (set_bracket(&at, 1, t->caseless, &set) == -1)
		return -1;
	if (inverted && t->lines)
		set.bits[0] &= ~((uint64_t)1 << '\n');
	if (set_count(&set) == 0)
		return -1;
	put_set(&set, t->out);
	t->p += at - folded;
	return 0;
}

static int
put_next(struct translation *t, struct arena *mem)
{
	char c = *t->p++;
	size_t n;

	switch (c) {
	case '\\':
		put_escape(t);
		return 0;
	case '[':
		return put_bracket(t, mem);
	case '.':
		buf_adds(t->out, t->lines ? "\\N" : ".");
		return 0;
	case '$':
		buf_adds(t->out, t->lines ? "$" : "\\z");
		return 0;
	case '{':
		n = strcspn(t->p, "}") + 1;
		buf_addc(t->out, c);
		buf_add(t->out, t->p, n);
		t->p += n;
		return 0;
	}
	if (strchr("^()|*+?", c) != NULL)
		buf_addc(t->out, c);
	else
		put_octet((unsigned char)c, t->out);
	return 0;
}

/* Reading it into a tree tells whether all of it is understood; what is left is one sign after the
 * other. */
int
regexp_pcre_text(const char *text, unsigned flags, struct buf *out)
{
	const struct tree_flags f = {
		.caseless = (flags & REG_ICASE) != 0,
		.multiline = (flags & REG_NEWLINE) != 0,
		.dotall = (flags & REG_NEWLINE) == 0,
	};
	struct translation t = { text, f.caseless, f.multiline, out };
	struct arena *mem = arena_new();
	struct tree_pattern tree;
	int rc = -1;

	if ((flags & REG_EXTENDED) != 0)
		rc = tree_parse(text, TREE_ERE, &f, mem, &tree);
	while (rc == 0 && *t.p != '\0')
		rc = put_next(&t, mem);
	arena_free(mem);
	return rc;
}

struct pcre_code *
regexp_pcre_new(const char *text, unsigned flags, const struct pcre_limits *limits)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	struct pcre_code *code = NULL;
	struct buf out = { 0 };
	uint32_t options = PCRE2_NEVER_UTF;
	unsigned has;
	char why[200];

	options |= (flags & REG_ICASE) != 0 ? PCRE2_CASELESS : 0;
	options |=
	    (flags & REG_NEWLINE) != 0 ? PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX : PCRE2_DOTALL;
	if (context != NULL && pcre2_set_newline(context, PCRE2_NEWLINE_LF) == 0 &&
	    regexp_pcre_text(text, flags, &out) == 0)
		code =
		    pcre_code_new(buf_cstr(&out), options, context, limits, &has, why, sizeof(why));
	pcre2_compile_context_free(context);
	buf_fini(&out);
	return code;
}
