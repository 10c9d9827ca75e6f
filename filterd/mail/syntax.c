#include "base/arena.h"
#include "mail/syntax_private.h"

static struct span
skip(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static struct span
skip_blanks(struct span s)
{
	size_t n = 0;

	while (n < s.len && is_blank(s.p[n]))
		n++;
	return skip(s, n);
}

/* Where the path ends: at '>' when in brackets, else at a blank; len when it does not.  Quotes and
 * backslashes hide both. */
static size_t
path_end(struct span s, int brackets)
{
	int quoted = 0;
	struct span plain = span_make(s.p, span_find(s, '>'));

	/* Nearly every path is one of these. */
	if (brackets && span_find(plain, '"') == plain.len && span_find(plain, '\\') == plain.len)
		return plain.len;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && (brackets ? s.p[i] == '>' : is_blank(s.p[i])))
			return i;
	}
	return s.len;
}

/* Cut the path out of "<path> parameters" or "path parameters". */
static int
cut_path(struct span arg, struct span *path, struct span *params)
{
	int brackets = arg.p[0] == '<';
	struct span s = brackets ? skip(arg, 1) : arg;
	size_t end = path_end(s, brackets);

	if (brackets && end == s.len)
		return -1;
	*path = span_make(s.p, end);
	*params = skip(s, end + (size_t)brackets);
	return params->len > 0 && !is_blank(params->p[0]) ? -1 : 0;
}

static enum syntax_result
command(struct arena *a, struct span arg, int utf8, int which, struct mail_path *path,
    struct mail_params *params)
{
	const char *word = which == PARAM_MAIL ? "FROM:" : "TO:";
	struct span text, words;
	enum syntax_result rc;

	*path = (struct mail_path){ .octets = "", .local = "", .domain = "", .addr = "" };
	*params = (struct mail_params){ .raw = "", .size = -1 };
	arg = skip_blanks(arg);
	if (!span_case_starts(arg, word))
		return SYNTAX_BAD_COMMAND;
	arg = skip_blanks(skip(arg, strlen(word)));
	if (arg.len == 0)
		return SYNTAX_BAD_COMMAND;
	if (cut_path(arg, &text, &words) == -1 ||
	    path_parse(a, text, utf8, which == PARAM_MAIL, path) == -1)
		return SYNTAX_BAD_ADDRESS;
	rc = params_parse(a, words, utf8, which, params);
	/* A domain beyond ASCII is a name only for who asked for SMTPUTF8; at RCPT the caller knows
	 * whether MAIL did. */
	if (rc == SYNTAX_OK && which == PARAM_MAIL && !params->smtputf8)
		for (const char *p = path->domain; *p != '\0'; p++)
			if (*p & 0x80)
				return SYNTAX_BAD_ADDRESS;
	return rc;
}

enum syntax_result
syntax_mail(
    struct arena *a, struct span arg, int utf8, struct mail_path *path, struct mail_params *params)
{
	return command(a, arg, utf8, PARAM_MAIL, path, params);
}

enum syntax_result
syntax_rcpt(
    struct arena *a, struct span arg, int utf8, struct mail_path *path, struct mail_params *params)
{
	return command(a, arg, utf8, PARAM_RCPT, path, params);
}

int
syntax_address(struct arena *a, struct span text, int utf8, struct mail_path *path)
{
	return path_parse(a, text, utf8, 0, path);
}

int
syntax_helo(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return 0;
	return s.len > 0 && utf8_valid(s);
}
