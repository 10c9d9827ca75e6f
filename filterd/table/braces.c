#include <string.h>

#include "base/err.h"
#include "table/braces.h"
#include "table/lines.h"

/* Length of the balanced { } at the start of s, 0 if there is none. */
static size_t
balanced(const char *s)
{
	int level = 0;

	if (*s != '{')
		return 0;
	for (const char *p = s; *p != '\0'; p++) {
		if (*p == '{')
			level++;
		else if (*p == '}' && --level == 0)
			return (size_t)(p - s) + 1;
	}
	return 0;
}

int
braces_strip(char **text, int trim, struct err *err)
{
	char *s = *text;
	size_t n;

	if (*s != '{') {
		err_set(err, ERR_CONFIG, "no '{' at the start of \"%.200s\"", s);
		return -1;
	}
	if ((n = balanced(s)) == 0) {
		err_set(err, ERR_CONFIG, "missing '}' in \"%.200s\"", s);
		return -1;
	}
	if (s[n] != '\0') {
		err_set(err, ERR_CONFIG, "text after the closing '}' in \"%.200s\"", s);
		return -1;
	}
	s[n - 1] = '\0';
	*text = trim ? lines_trim(s + 1) : s + 1;
	return 0;
}

static int
is_separator(char c)
{
	return c != '\0' && strchr(", \t\r\n", c) != NULL;
}

char *
braces_next(char **rest)
{
	char *start = *rest, *p;
	int level = 0;

	while (is_separator(*start))
		start++;
	if (*start == '\0') {
		*rest = start;
		return NULL;
	}
	for (p = start; *p != '\0'; p++) {
		if (*p == '{')
			level++;
		else if (*p == '}' && level > 0)
			level--;
		else if (level == 0 && is_separator(*p))
			break;
	}
	if (*p != '\0')
		*p++ = '\0';
	*rest = p;
	return start;
}

int
braces_assignment(char *text, char **name, char **value, struct err *err)
{
	char *eq = strchr(text, '=');

	if (eq == NULL) {
		err_set(err, ERR_CONFIG, "\"%.200s\": expected NAME = VALUE", text);
		return -1;
	}
	*eq = '\0';
	*name = lines_trim(text);
	*value = lines_trim(eq + 1);
	for (const char *p = *name; *p != '\0'; p++)
		if (lines_blank(*p)) {
			err_set(err, ERR_CONFIG, "\"%.200s\": expected '=' after the name", *name);
			return -1;
		}
	return 0;
}
