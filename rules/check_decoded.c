/* check_decoded_header: header fields as mail readers show them. */
#include "base/attr.h"
#include "mail/field_text.h"
#include "mail/mailboxes.h"
#include "mail/text_seen.h"
#include "mail/text_turn.h"
#include "rules/content_source.h"
#include "rules/content_walk.h"
#include "rules/rules_private.h"

/* A field with names is read as field_text() gives it, and with them as they are shown. */
#define SHOWN    FIELD_READINGS
#define READINGS (FIELD_READINGS + 1)

struct decoded { /* kept with the transaction: as far as somebody has asked */
	struct content_key *keys;
	size_t n, cap;
	size_t fields; /* that were decoded */
};

static void
add(struct rule_run *run, struct decoded *d, const struct content_field *f, int reading,
    struct span text)
{
	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 16 : d->cap * 2;
		struct content_key *keys = arena_alloc(run->arena, cap * sizeof(*keys));

		if (d->n > 0)
			memcpy(keys, d->keys, d->n * sizeof(*keys));
		d->keys = keys;
		d->cap = cap;
	}
	d->keys[d->n++] = (struct content_key){ .text = text,
		.thing = d->fields,
		.reading = reading,
		.place = PLACE_FIELD,
		.at = f->at,
		.len = f->len };
}

static struct span
value_of(const struct content_field *f)
{
	return span_trim(span_make(f->text.p + f->name_len + 1, f->text.len - f->name_len - 1));
}

/* Is the field, as it stands, "Name: value" already? */
static int
is_plain(const struct content_field *f, struct span value)
{
	return value.len > 0 && value.p == f->text.p + f->name_len + 2 &&
	       f->text.p[f->name_len + 1] == ' ' &&
	       value.p + value.len == f->text.p + f->text.len && field_text_is_plain(value);
}

/* Is there another reading of it with this text? */
static int
is_known(const struct decoded *d, size_t first, struct span text)
{
	for (size_t i = first; i < d->n; i++)
		if (span_eq(d->keys[i].text, text))
			return 1;
	return 0;
}

static void
add_new(struct rule_run *run, struct decoded *d, const struct content_field *f, size_t first,
    int reading, const struct buf *text)
{
	if (!is_known(d, first, buf_span(text)))
		add(run, d, f, reading, arena_span(run->arena, buf_span(text)));
}

/* Tables may look for what nobody sees, or for what is seen without it. */
static void
add_line(struct rule_run *run, struct decoded *d, const struct content_field *f, size_t first,
    int reading, struct buf *line)
{
	struct buf seen = { 0 };

	add_new(run, d, f, first, reading, line);
	text_clean(buf_span(line), &seen);
	add_new(run, d, f, first, READINGS + reading, &seen);
	if (text_is_turned(buf_span(line))) {
		line->len = text_turn(line->p, line->len, 0);
		buf_reset(&seen);
		text_clean(buf_span(line), &seen);
		add_new(run, d, f, first, 2 * READINGS + reading, &seen);
	}
	buf_fini(&seen);
}

static void
start_line(const struct content_field *f, struct buf *line)
{
	buf_reset(line);
	buf_add_span(line, span_make(f->text.p, f->name_len));
	buf_adds(line, ": ");
}

static int
has_names(const struct content_field *f)
{
	static const char *const fields[] = { "from", "sender", "reply-to", "to", "cc", "bcc",
		"resent-from", "resent-sender", "resent-to", "resent-cc" };
	struct span name = span_trim(span_make(f->text.p, f->name_len));

	for (size_t i = 0; i < nitems(fields); i++)
		if (span_case_eq_str(name, fields[i]))
			return 1;
	return 0;
}

/* Quoted strings, quoted pairs and comments in the names. */
static void
decode_names(struct rule_run *run, struct decoded *d, const struct content_field *f, size_t first)
{
	struct buf shown = { 0 }, line = { 0 };

	if (has_names(f) && mailboxes_shown(value_of(f), &shown)) {
		start_line(f, &line);
		field_text(span_trim(buf_span(&shown)), FIELD_LENIENT, &line);
		add_line(run, d, f, first, SHOWN, &line);
	}
	buf_fini(&line);
	buf_fini(&shown);
}

static void
decode(struct rule_run *run, struct decoded *d, const struct content_field *f, size_t first)
{
	struct span value = value_of(f);
	unsigned seen = FIELD_WORDS | FIELD_DOUBTS;
	struct buf line = { 0 };

	for (int r = 0; r < FIELD_READINGS; r++) {
		if ((r == FIELD_STRICT && !(seen & FIELD_WORDS)) ||
		    (r == FIELD_GUESS && !(seen & FIELD_DOUBTS)))
			continue;
		start_line(f, &line);
		if (r == FIELD_LENIENT)
			seen = field_text(value, FIELD_LENIENT, &line);
		else
			seen |= field_text(value, (enum field_reading)r, &line);
		add_line(run, d, f, first, r, &line);
	}
	buf_fini(&line);
}

static int
get_decoded(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct decoded *d = content_keep(run, "decoded_header", sizeof(*d));
	const struct content_walk *w = content_walk(run);

	(void)err;
	while (w != NULL && i >= d->n && d->fields < w->nfields) {
		const struct content_field *f = &w->fields[d->fields];
		size_t first = d->n;

		if (is_plain(f, value_of(f)))
			add(run, d, f, 0, f->text);
		else
			decode(run, d, f, first);
		decode_names(run, d, f, first);
		d->fields++;
	}
	if (i >= d->n)
		return 0;
	*key = d->keys[i];
	return 1;
}

static enum rule_result
check_decoded(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source source = { "decoded_header", get_decoded, NULL };

	return content_source_check(run, op, &source);
}

const struct restriction_def restrictions_decoded[] = {
	{ .name = "check_decoded_header",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .check = check_decoded,
	    .compile = content_compile_fields,
	    .on_failure = "patterns",
	    .text = "Looks up each header field of the message, of its parts and of attached "
		    "messages as a mail reader shows it: \"Name: value\" on one line of UTF-8, "
		    "encoded words decoded. Where readers differ on a field each of its texts is "
		    "looked up, and where it has characters that nobody sees also without these; "
		    "fields of addresses also without quotes, backslashes and comments." },
	{ .name = NULL },
};
