/* Results as one block that can be kept, and copied by moving its pointers (net/dns_packet.h). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "net/dns_packet.h"

static const struct {
	const char *text;
	int answer;
} outcomes[] = {
#define OUTCOME(name, text, answer, means) [DNS_##name] = { text, answer },
#include "net/dns_outcome.def"
#undef OUTCOME
};

static const struct {
	enum dns_type type;
	const char *text;
} types[] = {
	{ DNS_A, "A" },
	{ DNS_AAAA, "AAAA" },
	{ DNS_CNAME, "CNAME" },
	{ DNS_MX, "MX" },
	{ DNS_NS, "NS" },
	{ DNS_PTR, "PTR" },
	{ DNS_SOA, "SOA" },
	{ DNS_TXT, "TXT" },
};

const char *
dns_outcome_text(enum dns_outcome o)
{
	return (size_t)o < nitems(outcomes) ? outcomes[o].text : "?";
}

int
dns_outcome_answer(enum dns_outcome o)
{
	return (size_t)o < nitems(outcomes) ? outcomes[o].answer : -1;
}

const char *
dns_type_text(enum dns_type t)
{
	for (size_t i = 0; i < nitems(types); i++)
		if (types[i].type == t)
			return types[i].text;
	return "?";
}

enum dns_type
dns_type_of(const char *text)
{
	for (size_t i = 0; i < nitems(types); i++)
		if (strcasecmp(types[i].text, text) == 0)
			return types[i].type;
	return 0;
}

int
dns_null_mx(const struct dns_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rr[i].name != NULL && strcmp(r->rr[i].name, ".") == 0)
			return 1;
	return 0;
}

/* --- packing --- */

/* Where the pieces go: what must be aligned first, text and octets last. */
struct room {
	size_t rrs, soas, strings, octets;
};

static size_t
text_size(const char *s)
{
	return s == NULL ? 0 : strlen(s) + 1;
}

static void
measure(const struct dns_result *r, struct room *room)
{
	room->rrs = r->n;
	room->soas = room->strings = 0;
	room->octets = text_size(r->name);
	for (size_t i = 0; i < r->n; i++) {
		const struct dns_rr *rr = &r->rr[i];

		room->strings += rr->nstrings;
		room->octets += text_size(rr->name) + rr->data.len;
		if (rr->soa != NULL) {
			room->soas++;
			room->octets += text_size(rr->soa->rname);
		}
	}
}

static const void *
put(char **at, const void *p, size_t len)
{
	char *to = *at;

	if (p == NULL)
		return NULL;
	if (len > 0)
		memcpy(to, p, len);
	*at += len;
	return to;
}

struct dns_result *
dns_result_pack(const struct dns_result *r, size_t *size)
{
	struct dns_result *to;
	struct dns_rr *rr;
	struct dns_soa *soa;
	struct span *strings;
	struct room room;
	char *at;

	measure(r, &room);
	*size = sizeof(*to) + room.rrs * sizeof(*rr) + room.soas * sizeof(*soa) +
		room.strings * sizeof(*strings) + room.octets;
	to = xmalloc(*size);
	*to = *r;
	rr = (struct dns_rr *)(void *)(to + 1);
	soa = (struct dns_soa *)(void *)(rr + room.rrs);
	strings = (struct span *)(void *)(soa + room.soas);
	at = (char *)(strings + room.strings);
	to->name = put(&at, r->name, text_size(r->name));
	to->rr = r->n > 0 ? rr : NULL;
	for (size_t i = 0; i < r->n; i++, rr++) {
		const struct dns_rr *from = &r->rr[i];

		*rr = *from;
		rr->name = put(&at, from->name, text_size(from->name));
		rr->data.p = put(&at, from->data.p, from->data.len);
		if (from->strings != NULL)
			rr->strings = strings;
		for (size_t k = 0; k < from->nstrings; k++, strings++)
			*strings = span_make(
			    rr->data.p + (from->strings[k].p - from->data.p), from->strings[k].len);
		if (from->soa == NULL)
			continue;
		*soa = *from->soa;
		soa->rname = put(&at, from->soa->rname, text_size(from->soa->rname));
		rr->soa = soa++;
	}
	return to;
}

/* What pointed into `from` points to the same place of `to`. */
static inline void *
moved(const void *p, const void *from, void *to)
{
	return p == NULL ? NULL : (char *)to + ((const char *)p - (const char *)from);
}

struct dns_result *
dns_result_copy(const struct dns_result *from, size_t size, struct arena *a)
{
	struct dns_result *to = arena_alloc(a, size);
	struct dns_rr *rr;

	memcpy(to, from, size);
	to->name = moved(from->name, from, to);
	rr = moved(from->rr, from, to);
	to->rr = rr;
	for (size_t i = 0; i < to->n; i++, rr++) {
		struct span *strings = moved(rr->strings, from, to);
		struct dns_soa *soa = moved(rr->soa, from, to);

		rr->name = moved(rr->name, from, to);
		rr->data.p = moved(rr->data.p, from, to);
		rr->strings = strings;
		for (size_t k = 0; k < rr->nstrings; k++)
			strings[k].p = moved(strings[k].p, from, to);
		rr->soa = soa;
		if (soa != NULL)
			soa->rname = moved(soa->rname, from, to);
	}
	return to;
}
