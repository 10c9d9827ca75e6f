/* Reading a pattern into a tree. */
#include <string.h>

#include "base/arena.h"
#include "base/span.h"
#include "table/lines.h"
#include "table/pattern_tree.h"

struct parse {
	const char *p;
	enum tree_dialect dialect;
	struct arena *mem;
	struct tree_pattern *out;
	int depth;
};

static struct tree *parse_alternatives(struct parse *, struct tree_flags *);

static struct tree *
edge(struct parse *s, char c)
{
	struct tree *t = tree_new(s->mem, TREE_EDGE);

	t->edge = c;
	return t;
}

static struct tree *
octet(struct parse *s, unsigned c, const struct tree_flags *f)
{
	struct tree *t = tree_new(s->mem, TREE_SET);

	set_add(&t->set, c);
	if (f->caseless)
		set_fold(&t->set);
	return t;
}

static struct tree *
set_node(struct parse *s, const struct pattern_set *set)
{
	struct tree *t;

	if (set_count(set) == 0)
		return NULL;
	t = tree_new(s->mem, TREE_SET);
	t->set = *set;
	return t;
}

static struct tree *
any_octet(struct parse *s, int newline)
{
	struct pattern_set set = { 0 };

	if (!newline)
		set_add(&set, '\n');
	set_invert(&set);
	return set_node(s, &set);
}

static struct tree *
repeat(struct parse *s, struct tree *child, unsigned min, unsigned max)
{
	struct tree *t = tree_new(s->mem, TREE_REPEAT);

	t->min = min;
	t->max = max;
	tree_add(t, child);
	return t;
}

/* White space and comments of a pattern with the flag x. */
static void
skip_space(struct parse *s, const struct tree_flags *f)
{
	while (f->extended && s->dialect == TREE_PCRE) {
		if (lines_blank(*s->p))
			s->p++;
		else if (*s->p == '#')
			s->p += strcspn(s->p, "\n");
		else
			return;
	}
}

/* --- groups --- */

static struct tree *
parse_group_rest(struct parse *s, struct tree_flags f)
{
	struct tree *t;

	if (s->depth == TREE_DEPTH_MAX)
		return NULL;
	s->depth++;
	t = parse_alternatives(s, &f);
	s->depth--;
	if (t == NULL || *s->p != ')')
		return NULL;
	s->p++;
	return t;
}

static void
note_flags(struct parse *s, const struct tree_flags *f)
{
	s->out->caseless |= f->caseless;
	s->out->multiline |= f->multiline;
}

/* `(?i)`, `(?i-s:`; s->p behind the question mark. */
static struct tree *
parse_flags(struct parse *s, struct tree_flags *outer)
{
	struct tree_flags f = *outer;
	int on = 1;

	for (; *s->p != ')' && *s->p != ':'; s->p++) {
		switch (*s->p) {
		case '-':
			on = 0;
			break;
		case 'i':
			f.caseless = on;
			break;
		case 'm':
			f.multiline = on;
			break;
		case 's':
			f.dotall = on;
			break;
		case 'x':
			if (s->p[1] == 'x')
				return NULL;
			f.extended = on;
			break;
		default:
			return NULL;
		}
	}
	note_flags(s, &f);
	if (*s->p++ == ':')
		return parse_group_rest(s, f);
	*outer = f;
	return edge(s, 0);
}

static int
skip_name(struct parse *s, char end)
{
	size_t n = 0;

	while (lines_alnum(s->p[n]) || s->p[n] == '_')
		n++;
	if (n == 0 || s->p[n] != end)
		return -1;
	s->p += n + 1;
	return 0;
}

/* What looks around matches nothing itself. */
static struct tree *
parse_look(struct parse *s, const struct tree_flags *f)
{
	return parse_group_rest(s, *f) == NULL ? NULL : edge(s, 0);
}

/* Behind `(?<` or `(?P<`, or with ' instead of <. */
static struct tree *
parse_named(struct parse *s, const struct tree_flags *f, char end)
{
	return skip_name(s, end) == -1 ? NULL : parse_group_rest(s, *f);
}

/* Behind `(?`. */
static struct tree *
parse_special(struct parse *s, struct tree_flags *f)
{
	switch (*s->p) {
	case ':':
	case '|':
	case '>':
		s->p++;
		return parse_group_rest(s, *f);
	case '#':
		s->p += strcspn(s->p, ")");
		return *s->p++ == '\0' ? NULL : edge(s, 0);
	case '=':
	case '!':
		s->p++;
		return parse_look(s, f);
	case '<':
		s->p++;
		if (*s->p != '=' && *s->p != '!')
			return parse_named(s, f, '>');
		s->p++;
		return parse_look(s, f);
	case '\'':
		s->p++;
		return parse_named(s, f, '\'');
	case 'P':
		if (s->p[1] != '<')
			return NULL;
		s->p += 2;
		return parse_named(s, f, '>');
	}
	return parse_flags(s, f);
}

static struct tree *
parse_group(struct parse *s, struct tree_flags *f)
{
	if (s->dialect == TREE_PCRE && *s->p == '*') /* (*SKIP), (*UTF) */
		return NULL;
	if (s->dialect == TREE_PCRE && *s->p == '?') {
		s->p++;
		return parse_special(s, f);
	}
	return parse_group_rest(s, *f);
}

/* --- escapes --- */

static struct tree *
parse_escape_pcre(struct parse *s, const struct tree_flags *f)
{
	struct pattern_set set;
	char c = *s->p;
	int octets;

	if (c == 'N') {
		s->p++;
		return *s->p == '{' ? NULL : any_octet(s, 0);
	}
	if (c == 'R') {
		set_escape('v', &set);
		s->p++;
		return repeat(s, set_node(s, &set), 1, 2);
	}
	if (set_escape(c, &set)) {
		s->p++;
		return set_node(s, &set);
	}
	if (c != '\0' && strchr("bBAz", c) != NULL)
		return edge(s, *s->p++);
	if (c == 'Z' || c == 'G' || c == 'K') {
		s->p++;
		return edge(s, c == 'Z' ? '$' : 0);
	}
	if (c >= '1' && c <= '9') { /* \10 may be an octet */
		s->p++;
		return *s->p >= '0' && *s->p <= '9' ? NULL
						    : repeat(s, any_octet(s, 1), 0, TREE_ENDLESS);
	}
	octets = set_escaped_octet(&s->p, 0);
	return octets == -1 ? NULL : octet(s, (unsigned)octets, f);
}

static struct tree *
parse_escape_ere(struct parse *s, const struct tree_flags *f)
{
	struct pattern_set set;
	char c = *s->p;

	if (c == '\0')
		return NULL;
	s->p++;
	if (strchr("wWsS", c) != NULL) {
		set_escape(c, &set);
		return set_node(s, &set);
	}
	if (strchr("bB<>`'", c) != NULL)
		return edge(s, 0);
	if (c >= '1' && c <= '9')
		return repeat(s, any_octet(s, 1), 0, TREE_ENDLESS);
	return octet(s, (unsigned char)c, f);
}

/* --- atoms and what repeats them --- */

static struct tree *
parse_atom(struct parse *s, struct tree_flags *f)
{
	struct pattern_set set;
	char c = *s->p++;

	switch (c) {
	case '(':
		return parse_group(s, f);
	case '[':
		return set_bracket(&s->p, s->dialect == TREE_ERE, f->caseless, &set) == -1
			   ? NULL
			   : set_node(s, &set);
	case '\\':
		return s->dialect == TREE_ERE ? parse_escape_ere(s, f) : parse_escape_pcre(s, f);
	case '.':
		return any_octet(s, f->dotall);
	case '^':
	case '$':
		return edge(s, c);
	case '*':
	case '+':
	case '?': /* of nothing, or of what is repeated already */
		return NULL;
	case '{':
		/* Newer versions of PCRE2 read more of these as a repetition. */
		if (s->dialect == TREE_ERE || (*s->p >= '0' && *s->p <= '9') || *s->p == ',' ||
		    lines_blank(*s->p))
			return NULL;
		break;
	}
	return octet(s, (unsigned char)c, f);
}

static int
parse_number(struct parse *s, unsigned *n)
{
	size_t digits = strspn(s->p, "0123456789");
	uint64_t value;

	if (digits == 0 || span_u64(span_make(s->p, digits), 65535, &value) == -1)
		return -1;
	*n = (unsigned)value;
	s->p += digits;
	return 0;
}

/* `n}`, `n,}`, `n,m}`: -1 otherwise. */
static int
parse_bounds(struct parse *s, unsigned *min, unsigned *max)
{
	if (parse_number(s, min) == -1)
		return -1;
	*max = *min;
	if (*s->p == ',') {
		s->p++;
		*max = TREE_ENDLESS;
		if (*s->p != '}' && parse_number(s, max) == -1)
			return -1;
	}
	if (*s->p != '}' || *max < *min)
		return -1;
	s->p++;
	return 0;
}

static struct tree *
parse_piece(struct parse *s, struct tree_flags *f)
{
	struct tree *t = parse_atom(s, f);
	unsigned min = 0, max = TREE_ENDLESS;

	if (t == NULL)
		return NULL;
	skip_space(s, f);
	switch (*s->p) {
	case '*':
		s->p++;
		break;
	case '+':
		s->p++;
		min = 1;
		break;
	case '?':
		s->p++;
		max = 1;
		break;
	case '{':
		if (s->p[1] < '0' || s->p[1] > '9')
			return t; /* the next atom */
		s->p++;
		if (parse_bounds(s, &min, &max) == -1)
			return NULL;
		break;
	default:
		return t;
	}
	if (t->kind == TREE_EDGE) /* an empty text, repeated */
		return NULL;
	/* How eager it is does not change whether it can match. */
	if (s->dialect == TREE_PCRE && (*s->p == '?' || *s->p == '+'))
		s->p++;
	return repeat(s, t, min, max);
}

static struct tree *
parse_branch(struct parse *s, struct tree_flags *f)
{
	struct tree *cat = tree_new(s->mem, TREE_CAT), *piece;

	for (;;) {
		skip_space(s, f);
		if (*s->p == '\0' || *s->p == '|' || (*s->p == ')' && s->depth > 0))
			return cat;
		if (*s->p == ')' || (piece = parse_piece(s, f)) == NULL)
			return NULL;
		tree_add(cat, piece);
	}
}

/* A flag that is set in one branch holds in those after it. */
static struct tree *
parse_alternatives(struct parse *s, struct tree_flags *f)
{
	struct tree *first = parse_branch(s, f), *alt, *branch;

	if (first == NULL || *s->p != '|')
		return first;
	alt = tree_new(s->mem, TREE_ALT);
	tree_add(alt, first);
	while (*s->p == '|') {
		s->p++;
		if ((branch = parse_branch(s, f)) == NULL)
			return NULL;
		tree_add(alt, branch);
	}
	return alt;
}

int
tree_parse(const char *text, enum tree_dialect dialect, const struct tree_flags *flags,
    struct arena *mem, struct tree_pattern *out)
{
	struct parse s = { .p = text, .dialect = dialect, .mem = mem, .out = out };
	struct tree_flags f = *flags;
	struct tree *root, *anchored;

	memset(out, 0, sizeof(*out));
	note_flags(&s, &f);
	root = parse_alternatives(&s, &f);
	if (root == NULL || *s.p != '\0')
		return -1;
	if (flags->anchored) {
		anchored = tree_new(mem, TREE_CAT);
		tree_add(anchored, edge(&s, 'A'));
		tree_add(anchored, root);
		root = anchored;
	}
	out->root = root;
	return 0;
}
