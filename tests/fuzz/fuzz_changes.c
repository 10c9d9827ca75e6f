/* Any edits of any message: what is told of them is well formed, and a Postfix that does it has
 * what edit_walk() gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/edit.h"
#include "mail/header.h"
#include "tests/lib/mta_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* As core/message.h has it. */
static void
normalise(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.p[i] == '\n')
			buf_addc(out, '\r');
		buf_addc(out, in.p[i] == '\r' ? ' ' : (char)in.p[i]);
	}
}

/* Each edit: where it is from the end of the one before, what it deletes, what it puts there. */
static void
read_edits(struct rd *rd, size_t len, struct edit_list *edits)
{
	size_t at = 0;

	for (size_t n = rd_u8(rd) % 8; n > 0; n--) {
		size_t skip = rd_u8(rd), del = rd_u8(rd), put = rd_u8(rd) % 64;
		struct span ins = rd_bytes(rd, put);

		if (rd->bad || skip > len - at || del > len - at - skip)
			return;
		at += skip;
		edit_add(edits, at, del, ins);
		at += del;
	}
}

static void
check_told(const struct change *c)
{
	struct buf field = { 0 };

	if (c->kind == CHANGE_BODY)
		return;
	check(c->kind == CHANGE_HEADER || c->kind == CHANGE_ADD_HEADER ||
	      c->kind == CHANGE_INSERT_HEADER);
	check(header_name_valid(span_str(c->name)));
	check(c->kind != CHANGE_HEADER || c->index > 0);
	if (c->value.p == NULL) {
		check(c->kind == CHANGE_HEADER);
		return;
	}
	buf_printf(&field, "%s:", c->name);
	buf_add_span(&field, c->value);
	check(header_field_valid(buf_span(&field)));
	buf_fini(&field);
}

/* An MTA shows nothing else; then the model knows what comes of it. */
static int
is_all_fields(const struct mta_header *h, struct span message)
{
	if (message.len > 0 && (message.p[0] == ' ' || message.p[0] == '\t'))
		return 0;
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].value.p == NULL || !header_name_valid(h->v[i].name))
			return 0;
	return 1;
}

static int
collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

/* One that Sendmail put where it would have put its own. */
static int
has_own_place(const struct mta_header *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].own_place)
			return 1;
	return 0;
}

static void
check_done(struct span message, const struct edit_list *edits, const struct change_list *l)
{
	struct mta_header was = { 0 }, want = { 0 }, got;
	struct buf text = { 0 };
	struct arena *a = l->arena;

	mta_header_split(&was, message, a);
	edit_walk(message, edits, collect, &text);
	mta_header_split(&want, buf_span(&text), a);
	mta_header_init(&got, l->sendmail ? MTA_SENDMAIL : MTA_POSTFIX_37, message, a);
	for (size_t i = 0; i < l->n; i++)
		check(mta_header_apply(&got, &l->v[i], a) == 0);
	mta_header_shown(&got);
	if (is_all_fields(&was, message)) {
		check(got.n == want.n && span_eq(got.body, want.body));
		for (size_t i = 0; i < want.n && !has_own_place(&got); i++)
			check(span_case_eq(got.v[i].name, want.v[i].name) &&
			      span_eq(got.v[i].value, want.v[i].value));
	}
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct change_list l = { .arena = a };
	struct buf message = { 0 };
	struct edit_list edits;
	struct rd rd, ahead;

	rd_init(&rd, span_make(data, size));
	ahead = rd;
	edit_list_init(&edits, a);
	/* The message is what follows the edits. */
	read_edits(&ahead, SIZE_MAX / 2, &edits);
	normalise(rd_bytes(&ahead, rd_left(&ahead)), &message);
	edit_list_init(&edits, a);
	read_edits(&rd, message.len, &edits);
	l.sendmail = size % 2;
	if (changes_of_edits(buf_span(&message), &edits, &l) == 0) {
		for (size_t i = 0; i < l.n; i++)
			check_told(&l.v[i]);
		check_done(buf_span(&message), &edits, &l);
	} else {
		check(l.n == 0);
	}
	buf_fini(&message);
	arena_free(a);
	return 0;
}
