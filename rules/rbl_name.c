#include <stdio.h>
#include <string.h>

#include "mail/hostname.h"
#include "net/dns_name.h"
#include "rules/rbl_name.h"

int
rbl_name_of_address(const struct sockaddr_storage *sa, const char *zone, char *out, size_t size)
{
	return dns_reverse_name(sa, zone, out, size) == 0;
}

/* A host name whose last label is no number. */
static int
is_host_name(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;

	return hostname_valid(span_str(name), 0) && last[strspn(last, "0123456789")] != '\0';
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
