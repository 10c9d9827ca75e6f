/* A name as text, NUL, and a reply to the question for it; what is found is packed and copied. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const enum dns_type types[] = { DNS_A, DNS_NS, DNS_CNAME, DNS_SOA, DNS_PTR, DNS_MX, DNS_TXT,
	DNS_AAAA };

static void
must(int what)
{
	if (!what)
		abort();
}

static void
check_names(struct span text, struct dns_name *n)
{
	char shown[DNS_NAME_TEXT_SIZE];
	struct dns_name again;

	if (dns_name_parse(text, n) == -1) {
		must(dns_name_parse(span_str("w.test"), n) == 0);
		return;
	}
	dns_name_format(n, shown);
	must(dns_name_parse(span_str(shown), &again) == 0 && dns_name_eq(n, &again));
	must(dns_name_within(n, &again));
}

static void
check_result(const struct dns_result *r, enum dns_type type)
{
	size_t joined;

	must((r->outcome == DNS_FOUND) == (r->n > 0));
	must(r->n <= DNS_RECORDS_MAX && r->aliases <= DNS_ALIASES_MAX + 1);
	for (size_t i = 0; i < r->n; i++) {
		const struct dns_rr *rr = &r->rr[i];

		must(type != DNS_A || rr->data.len == 4);
		must(type != DNS_AAAA || rr->data.len == 16);
		must((type == DNS_SOA) == (rr->soa != NULL));
		must((type == DNS_TXT) == (rr->nstrings > 0));
		if (rr->name != NULL)
			must(strlen(rr->name) < DNS_NAME_TEXT_SIZE);
		joined = 0;
		for (size_t k = 0; k < rr->nstrings; k++) {
			must(rr->strings[k].p == rr->data.p + joined);
			joined += rr->strings[k].len;
		}
		must(type != DNS_TXT || joined == rr->data.len);
	}
}

static void
check_reply(struct span packet, const struct dns_name *n, enum dns_type type, struct arena *a)
{
	struct dns_result *packed, *copy;
	struct dns_reply reply;
	size_t size;

	dns_packet_read(packet, n, type, 0, a, &reply);
	check_result(&reply.result, type);
	packed = dns_result_pack(&reply.result, &size);
	copy = dns_result_copy(packed, size, a);
	memset(packed, 0xee, size);
	free(packed);
	check_result(copy, type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct arena *a = arena_new();
	struct span text, packet;
	struct dns_name n;
	uint8_t *exact;

	span_cut(span_make(p, len), '\0', &text, &packet);
	check_names(text, &n);
	exact = malloc(packet.len + 1);
	if (packet.len > 0)
		memcpy(exact, packet.p, packet.len);
	/* The type is what its question says, so that a fuzzer need not guess. */
	for (size_t i = 0; i < nitems(types); i++)
		check_reply(span_make(exact, packet.len), &n, types[i], a);
	free(exact);
	arena_free(a);
	return 0;
}
