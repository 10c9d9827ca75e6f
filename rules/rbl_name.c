#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "net/dns_name.h"
#include "rules/rbl_name.h"

int
rbl_name_of_address(const struct sockaddr_storage *sa, const char *zone, char *out, size_t size)
{
	return dns_reverse_name(sa, zone, out, size) == 0;
}

/* Postfix's idea of a label: underscores are fine, a hyphen must stand between others. */
static int
is_label(const char *p, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX || p[0] == '-' || p[len - 1] == '-')
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '-' && p[i] != '_')
			return 0;
	return 1;
}

static int
is_number(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)p[i]))
			return 0;
	return 1;
}

static int
is_host_name(const char *name)
{
	for (const char *p = name;; p++) {
		size_t len = strcspn(p, ".");

		if (!is_label(p, len))
			return 0;
		if (p[len] == '\0')
			return !is_number(p, len);
		p += len;
	}
}

int
rbl_name_of_domain(const char *what, const char *zone, char *out, size_t size)
{
	const char *at = strrchr(what, '@');
	const char *domain = at == NULL ? what : at + 1;
	struct dns_name name;
	int n;

	if (!is_host_name(domain))
		return 0;
	n = snprintf(out, size, "%s.%s", domain, zone);
	return n > 0 && (size_t)n < size && dns_name_parse(span_make(out, (size_t)n), &name) == 0;
}
