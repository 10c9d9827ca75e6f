#include <string.h>

#include "base/attr.h"
#include "mail/pkcs7.h"

enum {
	TAG_END = 0x00,
	TAG_OCTETS = 0x04,
	TAG_OID = 0x06,
	TAG_OCTETS_MADE = 0x24, /* of others */
	TAG_SEQUENCE = 0x30,
	TAG_0 = 0xa0,
};

struct element {
	uint8_t tag;
	int endless; /* its content ends with TAG_END, or with what it is in */
	struct span content;
};

/* The element at the front of s, which goes behind its head.  0: there is none. */
static int
open_element(struct span *s, struct element *e)
{
	size_t n = 0, octets, i = 2;

	if (s->len < 2 || (s->p[0] & 0x1f) == 0x1f)
		return 0;
	*e = (struct element){ .tag = s->p[0], .endless = s->p[1] == 0x80 };
	if (s->p[1] < 0x80) {
		n = s->p[1];
	} else {
		octets = s->p[1] & 0x7f;
		for (; octets > 0 && i < s->len; octets--, i++)
			n = n > SIZE_MAX >> 8 ? SIZE_MAX : n << 8 | s->p[i];
		if (octets > 0)
			return 0;
	}
	*s = span_make(s->p + i, s->len - i);
	if (e->endless || n > s->len)
		n = s->len;
	e->content = span_make(s->p, n);
	return 1;
}

static void
pass(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

/* Behind the content of e, which s stands at. */
static int
pass_content(struct span *s, const struct element *e)
{
	struct element inner;
	size_t open = 1;

	if (!e->endless) {
		pass(s, e->content.len);
		return 1;
	}
	while (open > 0) {
		if (!open_element(s, &inner))
			return 0;
		if (inner.endless)
			open++;
		else if (inner.tag == TAG_END)
			open--;
		else
			pass(s, inner.content.len);
	}
	return 1;
}

/* Into the first element of that tag; what is before it is passed. */
static int
enter(struct span *s, uint8_t tag, struct element *e)
{
	while (open_element(s, e)) {
		if (e->tag == tag) {
			*s = e->content;
			return 1;
		}
		if (e->tag == TAG_END || !pass_content(s, e))
			return 0;
	}
	return 0;
}

static enum pkcs7_kind
kind_of(struct span oid)
{
#define PKCS7 "\x2a\x86\x48\x86\xf7\x0d\x01\x07"
#define SMIME "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01"
	static const struct {
		struct span oid;
		enum pkcs7_kind kind;
	} kinds[] = {
		{ { (const uint8_t *)PKCS7 "\2", 9 }, PKCS7_SIGNED },
		{ { (const uint8_t *)PKCS7 "\3", 9 }, PKCS7_ENCRYPTED }, /* enveloped */
		{ { (const uint8_t *)PKCS7 "\4", 9 }, PKCS7_ENCRYPTED }, /* signed besides */
		{ { (const uint8_t *)PKCS7 "\6", 9 }, PKCS7_ENCRYPTED },
		{ { (const uint8_t *)SMIME "\x17", 11 }, PKCS7_ENCRYPTED }, /* authenticated */
	};

	for (size_t i = 0; i < nitems(kinds); i++)
		if (span_eq(oid, kinds[i].oid))
			return kinds[i].kind;
	return PKCS7_NONE;
}

enum pkcs7_kind
pkcs7_look(struct span s, struct pkcs7_pieces *pieces)
{
	enum pkcs7_kind kind;
	struct element e;

	*pieces = (struct pkcs7_pieces){ 0 };
	if (!open_element(&s, &e) || e.tag != TAG_SEQUENCE)
		return PKCS7_NONE;
	s = e.content;
	if (!open_element(&s, &e) || e.tag != TAG_OID || e.endless)
		return PKCS7_NONE;
	kind = kind_of(e.content);
	if (kind != PKCS7_SIGNED)
		return kind;
	pass(&s, e.content.len);
	/* SignedData, its encapContentInfo, and the octets in that. */
	if (!enter(&s, TAG_0, &e) || !enter(&s, TAG_SEQUENCE, &e) || !enter(&s, TAG_SEQUENCE, &e) ||
	    !enter(&s, TAG_0, &e))
		return PKCS7_NONE;
	pieces->rest = s;
	return PKCS7_SIGNED;
}

int
pkcs7_next(struct pkcs7_pieces *pieces, struct span *piece)
{
	struct element e;

	while (open_element(&pieces->rest, &e)) {
		if (e.tag == TAG_OCTETS && !e.endless) {
			*piece = e.content;
			pass(&pieces->rest, e.content.len);
			return 1;
		}
		if (e.tag == TAG_OCTETS_MADE && pieces->open == 0) {
			pieces->rest = e.content; /* it is all there is */
			pieces->open = 1;
		} else if (e.tag == TAG_OCTETS_MADE) {
			pieces->open += (size_t)e.endless;
		} else if (e.tag == TAG_END && pieces->open > 1) {
			pieces->open--;
		} else {
			break;
		}
	}
	pieces->rest.len = 0;
	return 0;
}
