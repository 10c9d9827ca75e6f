#include "rules/message_facts.h"

#include "base/attr.h"
#include "base/blocking.h"
#include "core/facts.h"
#include "mail/mailboxes.h"
#include "mail/parts.h"
#include "rules/content_source.h"
#include "rules/content_walk.h"
#include "rules/message_urls.h"
#include "rules/rules_private.h"
#include "rules/text_parts.h"

#define LONG ((size_t)64 * 1024) /* octets of a message for which another thread takes over */

struct bit_fact {
	unsigned bit;
	enum fact fact;
};

static void
set_bits(struct facts *f, unsigned bits, const struct bit_fact *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bits & v[i].bit)
			fact_set(f, v[i].fact);
}

/* --- the structure --- */

static const struct bit_fact seen_facts[] = {
	/* These are set once the header checks have had their turn, too. */
	{ MIME_SEEN_DEPTH, FACT_MIME_LIMIT_DEPTH },
	{ MIME_SEEN_PARTS, FACT_MIME_LIMIT_PARTS },
	{ MIME_SEEN_BOUNDARY_CUT, FACT_MIME_LIMIT_BOUNDARY },
	{ MIME_SEEN_HEADER_CUT, FACT_HEADER_OVER_LIMIT },
	{ MIME_SEEN_HEADER_NUL, FACT_HEADER_NUL },
	{ MIME_SEEN_NON_HEADER, FACT_HEADER_NON_HEADER },
	{ MIME_SEEN_HEADER_COUNT, FACT_HEADER_COUNT },
	{ MIME_SEEN_NO_HEADER, FACT_HEADER_NONE },
	/* and this once check_body has: who asks before it is to know as well */
	{ MIME_SEEN_LINES_CUT, FACT_BODY_LIMIT },
	/* what stands behind a NUL, and where the body begins, readers see differently */
	{ MIME_SEEN_HEADER_NUL, FACT_MIME_HEADER_NUL },
	{ MIME_SEEN_HEADER_NUL | MIME_SEEN_NON_HEADER, FACT_MIME_AMBIGUOUS },
};

static const struct bit_fact odd_facts[] = {
	{ MIME_ODD_TYPES, FACT_MIME_TYPES },
	{ MIME_ODD_ENCODINGS, FACT_MIME_ENCODINGS },
	{ MIME_ODD_NO_BOUNDARY, FACT_MIME_NO_BOUNDARY },
	{ MIME_ODD_NO_END, FACT_MIME_NO_END },
	{ MIME_ODD_UNKNOWN_ENCODING, FACT_MIME_UNKNOWN_ENCODING },
	{ MIME_ODD_ENCODED_CONTAINER, FACT_MIME_ENCODED_CONTAINER },
	{ MIME_ODD_READINGS, FACT_MIME_AMBIGUOUS },
};

static const struct bit_fact part_facts[] = {
	{ PARTS_BAD_BASE64, FACT_MIME_BAD_BASE64 },
	{ PARTS_BAD_QP, FACT_MIME_BAD_QP },
	{ PARTS_READINGS, FACT_MIME_AMBIGUOUS },
	{ PARTS_PIECE, FACT_MIME_PARTIAL },
	{ PARTS_ENCRYPTED, FACT_MIME_ENCRYPTED },
};

/* --- the header --- */

/* What RFC 5322 3.6 has once at most. */
static const struct {
	const char *name;
	enum fact twice;
} single[] = {
	{ "date", FACT_TWICE_DATE },
	{ "from", FACT_TWICE_FROM },
	{ "sender", FACT_TWICE_SENDER },
	{ "reply-to", FACT_TWICE_REPLY_TO },
	{ "to", FACT_TWICE_TO },
	{ "cc", FACT_TWICE_CC },
	{ "bcc", FACT_TWICE_BCC },
	{ "message-id", FACT_TWICE_MESSAGE_ID },
	{ "in-reply-to", FACT_TWICE_IN_REPLY_TO },
	{ "references", FACT_TWICE_REFERENCES },
	{ "subject", FACT_TWICE_SUBJECT },
};

struct header_seen {
	unsigned names; /* of `single`, as bits */
	size_t from, addresses;
};

static void
take_from(struct facts *f, struct header_seen *h, struct span text, size_t name_len)
{
	size_t n = mailboxes_count(span_make(text.p + name_len + 1, text.len - name_len - 1));

	h->from++;
	h->addresses += n;
	if (h->from > 1)
		fact_set(f, FACT_FROM_MULTIPLE);
	if (n > 1)
		fact_set(f, FACT_FROM_SEVERAL);
}

static void
take_field(struct facts *f, struct header_seen *h, const struct content_field *field)
{
	struct span name = span_make(field->text.p, field->name_len);

	for (size_t i = 0; i < nitems(single); i++) {
		if (!span_case_eq_str(name, single[i].name))
			continue;
		if (h->names & 1u << i)
			fact_set(f, single[i].twice);
		h->names |= 1u << i;
	}
	if (span_case_eq_str(name, "from") && field->text.len > field->name_len)
		take_from(f, h, field->text, field->name_len);
}

static void
take_header(struct facts *f, const struct content_walk *w)
{
	struct header_seen h = { .names = 0 };

	for (size_t i = 0; i < w->of[MIME_HDR_PRIMARY].n; i++)
		take_field(f, &h, &w->fields[w->of[MIME_HDR_PRIMARY].v[i]]);
	if (h.addresses == 0)
		fact_set(f, FACT_FROM_MISSING);
}

struct done {
	int all;
};

void
message_facts(struct rule_run *run)
{
	struct facts *f = &run->txn->facts;
	const struct content_walk *w = content_walk(run);
	struct done *done;

	if (w == NULL)
		return;
	done = content_keep(run, "message_facts", sizeof(*done));
	if (done->all)
		return;
	done->all = 1;
	set_bits(f, w->seen, seen_facts, nitems(seen_facts));
	set_bits(f, w->odd, odd_facts, nitems(odd_facts));
	take_header(f, w);
	if (!run->o->mime.disable_mime)
		set_bits(f, parts_mistakes(rule_parts(run)), part_facts, nitems(part_facts));
}

int
message_facts_decoded(struct rule_run *run)
{
	struct text_part part;
	struct span message;
	size_t i = 0;

	if (!content_message(run, &message))
		return 0;
	(void)message_urls(run);
	if (message.len > LONG)
		blocking_begin(); /* it computes for long */
	while (text_part_get(run, i, &part))
		i++;
	if (message.len > LONG)
		blocking_end();
	return 1;
}
