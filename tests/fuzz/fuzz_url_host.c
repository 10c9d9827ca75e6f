/*
 * Any octets as the host of a URL: what is taken for one is a name or an address in its only form,
 * is read again as the same, and its registered domain is the end of it.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/public_suffix.h"
#include "mail/url_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

static void
again(const struct url_host *h)
{
	struct url_host second;
	char text[sizeof(h->name) + 2];

	snprintf(text, sizeof(text), h->kind == URL_V6 ? "[%s]" : "%s", h->name);
	must(url_host_read(span_str(text), &second) == 1);
	must(second.kind == h->kind && strcmp(second.name, h->name) == 0);
}

static void
name(const struct public_suffix *suffixes, const char *s)
{
	size_t len = strlen(s), end;
	const char *registered = public_suffix_registered(suffixes, s);

	must(len > 0 && s[len - 1] != '.');
	for (const char *p = s; *p != '\0'; p++)
		must((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && (*p < 'A' || *p > 'Z'));
	if (registered == NULL)
		return;
	end = strlen(registered);
	must(end > 0 && end <= len && strcmp(s + len - end, registered) == 0);
	must(end == len || s[len - end - 1] == '.');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct public_suffix *suffixes;
	struct url_host h;
	uint8_t octets[16];

	if (suffixes == NULL)
		suffixes = public_suffix_new();
	if (!url_host_read(span_make(data, size), &h))
		return 0;
	must(h.kind != URL_NO_HOST && strlen(h.name) <= HOSTNAME_MAX);
	if (h.kind == URL_NAME)
		name(suffixes, h.name);
	else
		must(inet_pton(h.kind == URL_V4 ? AF_INET : AF_INET6, h.name, octets) == 1);
	again(&h);
	(void)public_suffix_is_top(suffixes, h.name);
	return 0;
}
