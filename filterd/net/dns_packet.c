#include <string.h>

#include "base/arena.h"
#include "net/dns_packet.h"

#define HEADER_SIZE 12
#define FLAG_QR     0x8000u
#define FLAG_OPCODE 0x7800u
#define FLAG_AA     0x0400u
#define FLAG_TC     0x0200u
#define FLAG_RA     0x0080u
#define FLAG_RCODE  0x000fu

enum { RCODE_OK = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };
enum { CLASS_IN = 1 };

struct packet {
	struct span all;
	unsigned flags;
	unsigned counts[4];        /* question, answer, authority, additional */
	size_t answers, authority; /* where these sections begin */
};

struct record {
	struct dns_name owner;
	unsigned type, class;
	uint32_t ttl;
	struct span data;
	size_t data_at; /* where it stands in the packet */
};

/* --- names and records --- */

/* A name, maybe in pieces: the reader goes on behind its first piece. */
static void
read_name(struct rd *rd, struct span all, struct dns_name *n)
{
	struct rd elsewhere, *r = rd;
	size_t before = (size_t)(rd->p - all.p), to;
	unsigned len;

	n->len = 0;
	for (;;) {
		len = rd_u8(r);
		if (r->bad)
			break;
		if ((len & 0xc0) == 0xc0) {
			to = (len & 0x3f) << 8 | rd_u8(r);
			/* Each further back than all before: there is no way round. */
			if (r->bad || to >= before)
				break;
			before = to;
			rd_init(&elsewhere, span_make(all.p + to, all.len - to));
			r = &elsewhere;
			continue;
		}
		/* 01 and 10 are label types that nobody uses; dns_name_add() finds them too long.
		 */
		if (dns_name_add(n, rd_bytes(r, len)) == -1 || r->bad)
			break;
		if (len == 0)
			return;
	}
	rd->bad = 1;
}

static void
read_record(struct rd *rd, struct span all, struct record *r)
{
	read_name(rd, all, &r->owner);
	r->type = rd_u16(rd);
	r->class = rd_u16(rd);
	r->ttl = rd_u32(rd);
	if (r->ttl > INT32_MAX) /* RFC 2181, section 8 */
		r->ttl = 0;
	r->data = rd_bytes(rd, rd_u16(rd));
	r->data_at = rd->bad ? 0 : (size_t)(r->data.p - all.p);
}

static void
reader_at(struct rd *rd, const struct packet *p, size_t at)
{
	rd_init(rd, span_make(p->all.p + at, p->all.len - at));
}

/* Header, question, and that all sections are whole.  0 or -1. */
static int
read_frame(struct packet *p, const struct dns_name *asked, enum dns_type type)
{
	struct record r;
	struct dns_name question;
	struct rd rd;

	rd_init(&rd, p->all);
	rd_u16(&rd);
	p->flags = rd_u16(&rd);
	for (int i = 0; i < 4; i++)
		p->counts[i] = rd_u16(&rd);
	if (rd.bad || (p->flags & FLAG_QR) == 0 || (p->flags & (FLAG_OPCODE | FLAG_TC)) != 0 ||
	    p->counts[0] != 1)
		return -1;
	read_name(&rd, p->all, &question);
	if (rd_u16(&rd) != (unsigned)type || rd_u16(&rd) != CLASS_IN || rd.bad ||
	    !dns_name_eq(&question, asked))
		return -1;
	p->answers = p->authority = (size_t)(rd.p - p->all.p);
	for (int section = 1; section < 4; section++) {
		if (section == 2)
			p->authority = (size_t)(rd.p - p->all.p);
		for (unsigned i = 0; i < p->counts[section]; i++) {
			read_record(&rd, p->all, &r);
			if (rd.bad) /* counts may be large and lie */
				return -1;
		}
	}
	return rd_left(&rd) == 0 ? 0 : -1;
}

/* --- what stands in a record --- */

static const char *
name_text(const struct dns_name *n, struct arena *a)
{
	char text[DNS_NAME_TEXT_SIZE];
	size_t len = dns_name_format(n, text);

	return (const char *)arena_span(a, span_make(text, len + 1)).p;
}

/* A reader of the record's data that ends where they do, whatever names point to. */
static void
reader_of(struct rd *rd, const struct packet *p, const struct record *r)
{
	rd_init(rd, span_make(p->all.p + r->data_at, r->data.len));
}

static int
read_soa(const struct packet *p, const struct record *r, struct dns_name *mname,
    struct dns_name *rname, struct dns_soa *soa)
{
	struct rd rd;

	reader_of(&rd, p, r);
	read_name(&rd, p->all, mname);
	read_name(&rd, p->all, rname);
	soa->serial = rd_u32(&rd);
	soa->refresh = rd_u32(&rd);
	soa->retry = rd_u32(&rd);
	soa->expire = rd_u32(&rd);
	soa->minimum = rd_u32(&rd);
	return rd.bad || rd_left(&rd) != 0 ? -1 : 0;
}

static int
make_soa(const struct packet *p, const struct record *r, struct arena *a, struct dns_rr *rr)
{
	struct dns_soa *soa = arena_calloc(a, sizeof(*soa));
	struct dns_name mname, rname;

	if (read_soa(p, r, &mname, &rname, soa) == -1)
		return -1;
	rr->name = name_text(&mname, a);
	soa->rname = name_text(&rname, a);
	rr->soa = soa;
	return 0;
}

static int
make_name(const struct packet *p, const struct record *r, struct arena *a, struct dns_rr *rr)
{
	struct dns_name n;
	struct rd rd;

	reader_of(&rd, p, r);
	if (r->type == DNS_MX)
		rr->preference = rd_u16(&rd);
	read_name(&rd, p->all, &n);
	if (rd.bad || rd_left(&rd) != 0)
		return -1;
	rr->name = name_text(&n, a);
	return 0;
}

static int
make_address(const struct record *r, size_t len, struct arena *a, struct dns_rr *rr)
{
	if (r->data.len != len)
		return -1;
	rr->data = arena_span(a, r->data);
	return 0;
}

/* The strings one after the other, and where each lies. */
static int
make_txt(const struct record *r, struct arena *a, struct dns_rr *rr)
{
	uint8_t *joined = arena_alloc(a, r->data.len + 1);
	struct span *strings;
	struct span s;
	struct rd rd;
	size_t n = 0;

	rd_init(&rd, r->data);
	while (rd_left(&rd) > 0 && !rd.bad) {
		rd_bytes(&rd, rd_u8(&rd));
		n++;
	}
	if (rd.bad || n == 0)
		return -1;
	strings = arena_alloc(a, n * sizeof(*strings));
	rr->data = span_make(joined, 0);
	rr->strings = strings;
	rr->nstrings = (uint16_t)n;
	rd_init(&rd, r->data);
	for (size_t i = 0; i < n; i++) {
		s = rd_bytes(&rd, rd_u8(&rd));
		strings[i] = span_make(joined + rr->data.len, s.len);
		if (s.len > 0)
			memcpy(joined + rr->data.len, s.p, s.len);
		rr->data.len += s.len;
	}
	return 0;
}

static int
make_rr(const struct packet *p, const struct record *r, struct arena *a, struct dns_rr *rr)
{
	memset(rr, 0, sizeof(*rr));
	rr->ttl = r->ttl;
	switch ((enum dns_type)r->type) {
	case DNS_A:
		return make_address(r, 4, a, rr);
	case DNS_AAAA:
		return make_address(r, 16, a, rr);
	case DNS_TXT:
		return make_txt(r, a, rr);
	case DNS_SOA:
		return make_soa(p, r, a, rr);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_MX:
		return make_name(p, r, a, rr);
	}
	return -1;
}

/* --- the answer --- */

struct reading {
	struct packet p;
	enum dns_type type;
	struct arena *arena;
	struct dns_reply *out;
	struct dns_rr *rr;
	size_t room;
};

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int
keep(struct reading *x, const struct record *r)
{
	struct dns_result *res = &x->out->result;
	struct dns_rr *more;

	if (res->n == DNS_RECORDS_MAX)
		return -1;
	if (res->n == x->room) {
		x->room = x->room == 0 ? 4 : x->room * 4;
		more = arena_alloc(x->arena, x->room * sizeof(*more));
		if (res->n > 0)
			memcpy(more, x->rr, res->n * sizeof(*more));
		res->rr = x->rr = more;
	}
	if (make_rr(&x->p, r, x->arena, &x->rr[res->n]) == -1)
		return -1;
	res->ttl = least(res->ttl, r->ttl);
	res->n++;
	return 0;
}

/* What the answer has for the name: records are kept, and *alias is set if it has none but is one.
 * -1: malformed. */
static int
look(struct reading *x, struct dns_name *alias, uint32_t *alias_ttl)
{
	struct record r;
	struct rd rd, data;

	alias->len = 0;
	reader_at(&rd, &x->p, x->p.answers);
	for (unsigned i = 0; i < x->p.counts[1]; i++) {
		read_record(&rd, x->p.all, &r);
		if (r.class != CLASS_IN || !dns_name_eq(&r.owner, &x->out->name))
			continue;
		if (r.type == (unsigned)x->type) {
			if (keep(x, &r) == -1)
				return -1;
		} else if (r.type == DNS_CNAME && alias->len == 0) {
			reader_of(&data, &x->p, &r);
			read_name(&data, x->p.all, alias);
			if (data.bad || rd_left(&data) != 0)
				return -1;
			*alias_ttl = r.ttl;
		}
	}
	return 0;
}

/* Follow the aliases to records or to their end. */
static enum dns_outcome
follow(struct reading *x)
{
	struct dns_result *res = &x->out->result;
	struct dns_name alias;
	uint32_t ttl = 0;

	for (;;) {
		if (look(x, &alias, &ttl) == -1)
			return DNS_BAD_ANSWER;
		if (res->n > 0)
			return DNS_FOUND;
		if (alias.len == 0)
			return DNS_NODATA;
		if (++res->aliases > DNS_ALIASES_MAX)
			return DNS_CHAIN;
		res->ttl = least(res->ttl, ttl);
		x->out->name = alias;
	}
}

/* "There is nothing" is kept as long as the zone's SOA says (RFC 2308), and whose it is shows that
 * this is no referral. */
static enum dns_outcome
nothing(struct reading *x, enum dns_outcome outcome, unsigned aliases_here)
{
	struct dns_result *res = &x->out->result;
	struct dns_name mname, rname;
	struct dns_soa soa;
	struct record r;
	struct rd rd;
	int referral = 0;

	reader_at(&rd, &x->p, x->p.authority);
	for (unsigned i = 0; i < x->p.counts[2]; i++) {
		read_record(&rd, x->p.all, &r);
		if (r.class != CLASS_IN || !dns_name_within(&x->out->name, &r.owner))
			continue;
		referral |= r.type == DNS_NS;
		if (r.type != DNS_SOA)
			continue;
		if (read_soa(&x->p, &r, &mname, &rname, &soa) == -1)
			return DNS_BAD_ANSWER;
		res->ttl = least(res->ttl, least(r.ttl, soa.minimum));
		return outcome;
	}
	x->out->alias_ttl = res->ttl;
	res->ttl = 0;
	if (outcome == DNS_NODATA && aliases_here > 0) {
		x->out->go_on = 1;
		return outcome;
	}
	if (outcome == DNS_NODATA && (x->p.flags & FLAG_AA) == 0 &&
	    (referral || (x->p.flags & FLAG_RA) == 0))
		return DNS_BAD_ANSWER; /* lame */
	return outcome;
}

static enum dns_outcome
read_all(struct reading *x, const struct dns_name *asked)
{
	struct dns_result *res = &x->out->result;
	unsigned before = res->aliases, rcode;
	enum dns_outcome outcome;

	if (read_frame(&x->p, asked, x->type) == -1)
		return DNS_BAD_ANSWER;
	rcode = x->p.flags & FLAG_RCODE;
	if (rcode == RCODE_SERVFAIL)
		return DNS_SERVFAIL;
	if (rcode == RCODE_REFUSED)
		return DNS_REFUSED;
	if (rcode != RCODE_OK && rcode != RCODE_NXDOMAIN)
		return DNS_BAD_ANSWER;
	outcome = follow(x);
	if (outcome == DNS_FOUND && rcode == RCODE_NXDOMAIN)
		return DNS_BAD_ANSWER;
	if (outcome == DNS_NODATA)
		outcome = nothing(
		    x, rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA, res->aliases - before);
	return outcome;
}

void
dns_packet_read(struct span packet, const struct dns_name *asked, enum dns_type type,
    unsigned aliases, struct arena *a, struct dns_reply *out)
{
	struct reading x = { .p = { .all = packet }, .type = type, .arena = a, .out = out };
	struct dns_result *res = &out->result;

	memset(res, 0, sizeof(*res));
	out->name = *asked;
	out->go_on = 0;
	out->alias_ttl = 0;
	res->aliases = aliases;
	res->ttl = INT32_MAX;
	res->outcome = read_all(&x, asked);
	if (res->outcome != DNS_FOUND) {
		res->rr = NULL;
		res->n = 0;
	}
	if (dns_outcome_answer(res->outcome) == -1)
		res->ttl = 0;
}
