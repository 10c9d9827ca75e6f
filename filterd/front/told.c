#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "front/told.h"
#include "mail/syntax.h"
#include "net/dial.h"

const char *
told_bare_address(const char *text)
{
	return span_case_starts(span_str(text), "IPV6:") ? text + 5 : text;
}

int
told_address(struct client *c, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->sa;

	memset(&c->sa, 0, sizeof(c->sa));
	c->sa.ss_family = AF_UNSPEC;
	snprintf(c->addr, sizeof(c->addr), "unknown");
	text = told_bare_address(text);
	if (text[0] == '\0' || strcmp(text, "unknown") == 0)
		return 0;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return -1;
	sockaddr_text(&c->sa, c->addr, sizeof(c->addr), NULL);
	return 0;
}

struct path
told_path(struct arena *a, const char *text)
{
	struct path p = { .octets = text, .local = text, .domain = "", .addr = text, .params = "" };
	const char *at = strrchr(text, '@');

	if (at != NULL) {
		p.local = arena_str(a, span_make(text, (size_t)(at - text)));
		p.domain = at + 1;
	}
	return p;
}

const char *
told_xtext(struct arena *a, const char *xtext)
{
	struct buf out = { 0 };
	const char *text = xtext;

	if (strchr(xtext, '+') == NULL)
		return xtext;
	if (xtext_decode(span_str(xtext), &out) == 0)
		text = arena_strdup(a, buf_cstr(&out));
	buf_fini(&out);
	return text;
}
