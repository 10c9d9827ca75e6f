#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/text.h"

static int
starts(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static int
put(char *to, size_t size, const char *from, size_t len, const char *what, struct err *err)
{
	if (len == 0 || len >= size) {
		err_set(err, ERR_CONFIG, "%s must have 1 to %zu characters", what, size - 1);
		return -1;
	}
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

static int
parse_unix(const char *path, struct endpoint *e, struct err *err)
{
	if (path[0] != '/') {
		err_set(err, ERR_CONFIG, "must be unix:/PATH, an absolute path");
		return -1;
	}
	e->kind = ENDPOINT_UNIX;
	return put(e->path, sizeof(e->path), path, strlen(path), "a unix socket's path", err);
}

/* HOST in brackets, or up to the last colon; *rest is what follows it. */
static int
parse_host(const char *text, struct endpoint *e, const char **rest, struct err *err)
{
	const char *end;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL) {
			err_set(err, ERR_CONFIG, "']' is missing");
			return -1;
		}
		e->bracketed = 1;
		*rest = end + 1;
		text++;
		if (starts(text, "ipv6:") || starts(text, "IPv6:"))
			text += 5;
	} else {
		end = strchr(text, ':');
		if (end != NULL && strchr(end + 1, ':') != NULL) {
			err_set(err, ERR_CONFIG, "an IPv6 address must stand in [ ]");
			return -1;
		}
		if (end == NULL)
			end = text + strlen(text);
		*rest = end;
	}
	return put(e->host, sizeof(e->host), text, (size_t)(end - text), "a host", err);
}

int
endpoint_parse(const char *text, const char *default_port, struct endpoint *e, struct err *err)
{
	const char *rest;

	*e = (struct endpoint){ .kind = ENDPOINT_INET };
	if (starts(text, "unix:"))
		return parse_unix(text + 5, e, err);
	if (starts(text, "inet:"))
		text += 5;
	if (text[0] == '\0' || strpbrk(text, " \t,{}") != NULL) {
		err_set(err, ERR_CONFIG, "must be HOST:PORT, [ADDRESS]:PORT or unix:/PATH");
		return -1;
	}
	if (parse_host(text, e, &rest, err) == -1)
		return -1;
	if (*rest == '\0' && default_port != NULL) {
		snprintf(e->port, sizeof(e->port), "%s", default_port);
		return 0;
	}
	if (*rest != ':' || rest[1] == '\0') {
		err_set(err, ERR_CONFIG, "must end in :PORT");
		return -1;
	}
	return put(e->port, sizeof(e->port), rest + 1, strlen(rest + 1), "a port", err);
}

void
endpoint_format(const struct endpoint *e, char *out, size_t size)
{
	if (e->kind == ENDPOINT_UNIX)
		snprintf(out, size, "unix:%s", e->path);
	else if (e->bracketed || strchr(e->host, ':') != NULL)
		snprintf(out, size, "[%s]:%s", e->host, e->port);
	else
		snprintf(out, size, "%s:%s", e->host, e->port);
}

/* To Postfix a domain without brackets is a question to the DNS, and its MX may be another host
 * than its address: mail must not go to the wrong one of the two. */
static int
wants_mx(const struct next_hop *h)
{
	struct in_addr a;

	return h->protocol == HOP_SMTP && h->to.kind == ENDPOINT_INET && !h->to.bracketed &&
	       inet_pton(AF_INET, h->to.host, &a) != 1;
}

int
next_hop_parse(const char *text, struct next_hop *h, struct err *err)
{
	char to[320];

	memset(h, 0, sizeof(*h));
	if (starts(text, "smtp:")) {
		h->protocol = HOP_SMTP;
	} else if (starts(text, "lmtp:")) {
		h->protocol = HOP_LMTP;
	} else {
		err_set(err, ERR_CONFIG,
		    "must begin with smtp: or lmtp:, as in smtp:[127.0.0.1]:10026");
		return -1;
	}
	if (endpoint_parse(text + 5, h->protocol == HOP_SMTP ? "25" : "24", &h->to, err) == -1)
		return -1;
	if (wants_mx(h)) {
		err_set(err, ERR_CONFIG,
		    "MX look-up is not available in this version; write smtp:[%s]:%s for the host "
		    "itself",
		    h->to.host, h->to.port);
		return -1;
	}
	endpoint_format(&h->to, to, sizeof(to));
	snprintf(h->text, sizeof(h->text), "%s:%s", h->protocol == HOP_SMTP ? "smtp" : "lmtp", to);
	return 0;
}
