#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"
#include "mail/mime.h"
#include "mail/reply.h"
#include "mail/syntax.h"
#include "rules/check_action.h"

static const struct {
	const char *word, *name;
	enum check_verb verb;
} verbs[] = {
	{ "BCC", "bcc", CHECK_BCC },
	{ "DISCARD", "discard", CHECK_DISCARD },
	{ "DUNNO", "dunno", CHECK_DUNNO },
	{ "FILTER", "filter", CHECK_FILTER },
	{ "HOLD", "hold", CHECK_HOLD },
	{ "IGNORE", "ignore", CHECK_IGNORE },
	{ "INFO", "info", CHECK_INFO },
	{ "OK", "dunno", CHECK_DUNNO },
	{ "PASS", "pass", CHECK_PASS },
	{ "PREPEND", "prepend", CHECK_PREPEND },
	{ "REDIRECT", "redirect", CHECK_REDIRECT },
	{ "REJECT", "reject", CHECK_REJECT },
	{ "REPLACE", "replace", CHECK_REPLACE },
	{ "STRIP", "strip", CHECK_STRIP },
	{ "TAG", "tag", CHECK_TAG },
	{ "WARN", "warning", CHECK_WARN },
};

struct check_action
check_action_parse(const char *text)
{
	size_t len = strcspn(text, " \t");
	struct check_action a = { .verb = CHECK_UNKNOWN, .arg = text + len };

	a.arg += strspn(a.arg, " \t\r\n\v\f");
	for (size_t i = 0; i < nitems(verbs); i++) {
		if (strlen(verbs[i].word) == len && strncasecmp(verbs[i].word, text, len) == 0)
			a.verb = verbs[i].verb;
	}
	return a;
}

const char *
check_verb_name(enum check_verb verb)
{
	for (size_t i = 0; i < nitems(verbs); i++) {
		if (verbs[i].verb == verb)
			return verbs[i].name;
	}
	return "unknown";
}

/* What goes between < and > of a command to the next hop.  A pattern may put a piece of the message
 * there, so it is looked at like what a client says in RCPT. */
static int
is_address(const char *text)
{
	struct arena *a = arena_new();
	struct mail_path path;
	int ok = strchr(text, '@') != NULL && syntax_address(a, span_str(text), 1, &path) == 0;

	arena_free(a);
	return ok;
}

const char *
check_action_fault(const struct check_action *a, int header)
{
	switch (a->verb) {
	case CHECK_UNKNOWN:
		return "is no action";
	case CHECK_BCC:
	case CHECK_REDIRECT:
		return is_address(a->arg) ? NULL : "needs user@domain";
	case CHECK_FILTER:
		return strchr(a->arg, ':') == NULL ? "needs transport:destination" : NULL;
	case CHECK_PREPEND:
	case CHECK_REPLACE:
		if (a->arg[0] == '\0')
			return "needs a text";
		if (header && mime_field_name(span_str(a->arg)) == 0)
			return "needs \"headername: headervalue\"";
		return NULL;
	case CHECK_DISCARD:
	case CHECK_DUNNO:
	case CHECK_HOLD:
	case CHECK_IGNORE:
	case CHECK_INFO:
	case CHECK_PASS:
	case CHECK_REJECT:
	case CHECK_STRIP:
	case CHECK_TAG:
	case CHECK_WARN:
		return NULL;
	}
	return NULL;
}

struct check_reject
check_reject_parse(const char *arg)
{
	struct check_reject r = { .code = 550, .enhanced = "5.7.1", .text = arg };
	size_t n = enhanced_len(span_str(arg));

	if (n > 0 && n < sizeof(r.enhanced)) {
		memcpy(r.enhanced, arg, n);
		r.enhanced[n] = '\0';
		r.text = arg + n + strspn(arg + n, " \t\r\n\v\f");
	}
	if (r.enhanced[0] == '2') {
		r.bad_class = 1;
		r.enhanced[0] = '4';
	}
	if (r.enhanced[0] == '4')
		r.code = 451;
	/* A code without a text: Postfix 3.7 reads past the end of the string there. */
	if (r.text[0] == '\0')
		r.text = "message content rejected";
	return r;
}
