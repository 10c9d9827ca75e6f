#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "mail/hostname.h"
#include "mail/syntax.h"
#include "mail/xattr.h"

/* A value that was given is good: 1. */
typedef int good_fn(const char *);

static int
good_any(const char *text)
{
	(void)text;
	return 1;
}

static int
good_name(const char *text)
{
	return hostname_valid(span_str(text), 0);
}

static int
good_addr(const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (span_case_starts(span_str(text), "IPV6:"))
		return inet_pton(AF_INET6, text + 5, &v6) == 1;
	return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1;
}

static int
good_port(const char *text)
{
	uint64_t n;

	return strlen(text) <= 5 && span_u64(span_str(text), 65535, &n) == 0;
}

/* SMTP, ESMTP, LMTP; XFORWARD tells of others too, as a word. */
static int
good_proto(const char *text)
{
	return strlen(text) <= 15 && strchr(text, ' ') == NULL;
}

static int
good_source(const char *text)
{
	return span_case_eq_str(span_str(text), "LOCAL") ||
	       span_case_eq_str(span_str(text), "REMOTE");
}

static const struct {
	const char *name;
	unsigned commands;
	good_fn *good;
} attributes[XATTR_NAMES] = {
	[XATTR_NAME] = { "NAME", XATTR_XFORWARD | XATTR_XCLIENT, good_name },
	[XATTR_REVERSE_NAME] = { "REVERSE_NAME", XATTR_XCLIENT, good_name },
	[XATTR_ADDR] = { "ADDR", XATTR_XFORWARD | XATTR_XCLIENT, good_addr },
	[XATTR_PORT] = { "PORT", XATTR_XFORWARD | XATTR_XCLIENT, good_port },
	[XATTR_PROTO] = { "PROTO", XATTR_XFORWARD | XATTR_XCLIENT, good_proto },
	[XATTR_HELO] = { "HELO", XATTR_XFORWARD | XATTR_XCLIENT, good_any },
	[XATTR_IDENT] = { "IDENT", XATTR_XFORWARD, good_any },
	[XATTR_SOURCE] = { "SOURCE", XATTR_XFORWARD, good_source },
	[XATTR_LOGIN] = { "LOGIN", XATTR_XCLIENT, good_any },
	[XATTR_DESTADDR] = { "DESTADDR", XATTR_XCLIENT, good_addr },
	[XATTR_DESTPORT] = { "DESTPORT", XATTR_XCLIENT, good_port },
};

const char *
xattr_text(enum xattr_name name)
{
	return attributes[name].name;
}

const char *
xattr_announce(enum xattr_command command)
{
	return command == XATTR_XFORWARD
		   ? "NAME ADDR PORT PROTO HELO IDENT SOURCE"
		   : "NAME ADDR PORT PROTO HELO LOGIN REVERSE_NAME DESTADDR DESTPORT";
}

static int
find(enum xattr_command command, struct span name, enum xattr_name *out)
{
	for (size_t i = 0; i < XATTR_NAMES; i++) {
		if ((attributes[i].commands & (unsigned)command) &&
		    span_case_eq_str(name, attributes[i].name)) {
			*out = (enum xattr_name)i;
			return 1;
		}
	}
	return 0;
}

static int
decode(struct span value, char *out)
{
	struct buf text = { 0 };
	int rc = -1;

	if (xtext_decode(value, &text) == 0 && text.len <= XATTR_VALUE_MAX) {
		rc = 0;
		for (size_t i = 0; i < text.len; i++)
			if ((uint8_t)text.p[i] < 0x20 || (uint8_t)text.p[i] > 0x7e)
				rc = -1;
		if (rc == 0)
			span_copy(buf_span(&text), out, XATTR_VALUE_MAX + 1);
	}
	buf_fini(&text);
	return rc;
}

static enum xattr_result
parse(enum xattr_command command, struct xattr *a, struct span *word)
{
	struct span name, value;

	a->text[0] = '\0';
	if (!span_cut(*word, '=', &name, &value) || name.len == 0 || value.len == 0)
		return XATTR_NO_PAIR;
	*word = name;
	if (!find(command, name, &a->name))
		return XATTR_UNKNOWN_NAME;
	*word = value;
	a->state = span_case_eq_str(value, "[UNAVAILABLE]")   ? XATTR_UNAVAILABLE
		   : span_case_eq_str(value, "[TEMPUNAVAIL]") ? XATTR_TEMPUNAVAIL
							      : XATTR_GIVEN;
	if (a->state != XATTR_GIVEN)
		return XATTR_OK;
	return decode(value, a->text) == 0 && attributes[a->name].good(a->text) ? XATTR_OK
										: XATTR_BAD_VALUE;
}

enum xattr_result
xattr_next(enum xattr_command command, struct span *rest, struct xattr *a, struct span *word)
{
	*rest = span_trim(*rest);
	span_cut(*rest, ' ', word, rest);
	*rest = span_trim(*rest);
	return parse(command, a, word);
}
