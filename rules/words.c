#include "rules/rules_private.h"

static int
is_separator(uint8_t c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
rule_word(struct span *text, struct span *word)
{
	size_t i = 0, start;
	int depth = 0;

	while (i < text->len && is_separator(text->p[i]))
		i++;
	for (start = i; i < text->len && (depth > 0 || !is_separator(text->p[i])); i++) {
		if (text->p[i] == '{')
			depth++;
		else if (text->p[i] == '}' && depth > 0)
			depth--;
	}
	if (i == 0) { /* perhaps without octets, and nothing is to be added to no pointer */
		*word = span_make(NULL, 0);
		return 0;
	}
	*word = span_make(text->p + start, i - start);
	*text = span_make(text->p + i, text->len - i);
	return word->len > 0;
}
