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
	*word = span_make(text->p + start, i - start);
	*text = span_make(text->p + i, text->len - i);
	return word->len > 0;
}
