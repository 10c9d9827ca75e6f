#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/regexp_cost.h"

#define DEPTH_MAX 200
/* Nodes in all: this, and some for each character written, for a long list of words is fine. */
#define NODES_FREE     4000
#define NODES_PER_CHAR 4

struct level {
	double before; /* nodes of this pair of parentheses so far, */
	double atom;   /* but for the last thing, which an operator may repeat */
};

/* Past a bracket expression; p is behind its [. */
static const char *
skip_bracket(const char *p)
{
	char kind;

	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p != '\0' && *p != ']') {
		if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			kind = p[1];
			for (p += 2; *p != '\0' && !(*p == kind && p[1] == ']'); p++)
				;
			p += *p == '\0' ? 0 : 2;
		} else
			p++;
	}
	return *p == '\0' ? p : p + 1;
}

/* How often `{n,m}` writes its atom out; p is behind the {. */
static double
repetitions(const char *p)
{
	char *end;
	double n = strtod(p, &end), m = n;

	if (*end == ',')
		m = strtod(end + 1, NULL);
	return (n > m ? n : m) + 1;
}

static void
add_atom(struct level *l, double nodes)
{
	l->before += l->atom;
	l->atom = nodes;
}

/* -1: too deep.  Characters that close or repeat nothing count as text. */
static int
apply(struct level *level, int *depth, char c, const char *rest)
{
	struct level *l = &level[*depth];

	switch (c) {
	case '(':
		if (*depth == DEPTH_MAX)
			return -1;
		level[++*depth] = (struct level){ 0 };
		return 0;
	case ')':
		if (*depth == 0)
			break;
		--*depth;
		add_atom(&level[*depth], l->before + l->atom + 1);
		return 0;
	case '+':
		l->atom = l->atom * 2 + 1;
		return 0;
	case '{':
		l->atom = l->atom * repetitions(rest) + 1;
		return 0;
	}
	add_atom(l, 2); /* itself and what joins it to the rest */
	return 0;
}

int
regexp_cost_check(const char *text, int extended, char *why, size_t whysize)
{
	struct level level[DEPTH_MAX + 1] = { { 0 } };
	double limit = NODES_FREE + NODES_PER_CHAR * (double)strlen(text), nodes = 0;
	int depth = 0;

	for (const char *p = text; *p != '\0';) {
		int escaped = *p == '\\' && p[1] != '\0';
		char c = *(p += escaped);

		p++;
		if (c == '[' && !escaped)
			p = skip_bracket(p);
		if (escaped == extended && strchr("(){+", c) != NULL)
			c = 'x'; /* it stands for itself */
		if (apply(level, &depth, c, p) == -1) {
			snprintf(why, whysize, "parentheses nested deeper than %d", DEPTH_MAX);
			return -1;
		}
		nodes = 0;
		for (int i = 0; i <= depth; i++)
			nodes += level[i].before + level[i].atom;
		if (nodes > limit) {
			snprintf(why, whysize, "the repetitions make the pattern too large");
			return -1;
		}
	}
	return 0;
}
