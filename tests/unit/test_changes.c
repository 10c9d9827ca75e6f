/* Edits told as changes: an MTA that makes them has what edit_walk() gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "action/handback.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "core/edit.h"
#include "tests/lib/change_text.h"
#include "tests/lib/mta_header.h"

static int
collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}

/* --- round trip --- */

static int
same_mta_field(const struct mta_field *a, const struct mta_field *b)
{
	return span_eq(a->name, b->name) && span_eq(a->value, b->value);
}

/* But for those that stand where Sendmail would have put its own. */
static int
has_in_order(const struct mta_header *want, const struct mta_header *got)
{
	size_t k = 0;

	for (size_t i = 0; i < got->n; i++) {
		if (got->v[i].own_place)
			continue;
		while (k < want->n && !same_mta_field(&want->v[k], &got->v[i]))
			k++;
		if (k == want->n)
			return 0;
		k++;
	}
	return 1;
}

static int
has_as_many(const struct mta_header *want, const struct mta_header *got)
{
	for (size_t i = 0; i < want->n; i++) {
		size_t in_want = 0, in_got = 0;

		for (size_t k = 0; k < want->n; k++)
			in_want += (size_t)same_mta_field(&want->v[i], &want->v[k]);
		for (size_t k = 0; k < got->n; k++)
			in_got += (size_t)same_mta_field(&want->v[i], &got->v[k]);
		if (in_want != in_got)
			return 0;
	}
	return want->n == got->n;
}

static void
round_trip(struct span message, const struct edit_list *edits, enum mta_kind kind, struct arena *a)
{
	struct change_list l = { .arena = a, .sendmail = kind == MTA_SENDMAIL };
	struct mta_header want = { 0 }, got;
	struct buf text = { 0 }, told = { 0 };
	int good;

	edit_walk(message, edits, collect, &text);
	mta_header_split(&want, buf_span(&text), a);
	mta_header_init(&got, kind, message, a);
	assert_int_equal(changes_of_edits(message, edits, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(mta_header_apply(&got, &l.v[i], a), 0);
	mta_header_shown(&got);
	good =
	    has_as_many(&want, &got) && has_in_order(&want, &got) && span_eq(want.body, got.body);
	if (!good) {
		change_text(l.v, l.n, &told);
		print_message("MTA %d, message:\n%.*s\nwanted:\n%s\nchanges: %s\ngot:\n", kind,
		    (int)message.len, (const char *)message.p, buf_cstr(&text), buf_cstr(&told));
		for (size_t i = 0; i < got.n; i++)
			print_message("%.*s:%.*s\n", (int)got.v[i].name.len,
			    (const char *)got.v[i].name.p, (int)got.v[i].value.len,
			    (const char *)got.v[i].value.p);
	}
	assert_true(good);
	buf_fini(&text);
	buf_fini(&told);
}

/* --- by hand --- */

#define HEAD "A: 1\r\nB: 2\r\n\tmore\r\nA: 3\r\nSubject: hi\r\nA: 5\r\n"
#define TEXT HEAD "\r\nbody\r\n"
/* offsets:   0        6                19       25              38       44     46 */
#define AT_B       6
#define AT_A2      19
#define AT_SUBJECT 25
#define AT_A3      38
#define AT_END     44
#define AT_BODY    46

static const struct {
	struct {
		size_t at, del;
		const char *ins;
	} e[3];
	const char *changes; /* NULL: it cannot be told */
} cases[] = {
	{ { { 0, 0, "" } }, "" },
	{ { { 0, 0, "X: y\r\n" } }, "ins 0 X: y" },
	/* what comes first stands first, so it is inserted last */
	{ { { 0, 0, "X: y\r\n" }, { 0, 0, "Z: w\r\n" } }, "ins 0 Z: w|ins 0 X: y" },
	/* behind one of ours and the MTA's own */
	{ { { AT_B, 0, "X: y\r\n" } }, "ins 2 X: y" },
	{ { { AT_B, 0, "A: y\r\n" } }, "ins 2 A: y" },
	{ { { AT_END, 0, "X: y\r\n" } }, "add X: y" },
	/* Sendmail would add it above the first A: */
	{ { { AT_END, 0, "A: y\r\n" } }, "ins end A: y" },
	{ { { AT_END, 0, "X: y\r\nX: z\r\n" } }, "ins end X: y|ins end X: z" },
	/* the last of a name first */
	{ { { 0, 6, "" }, { AT_A2, 6, "" }, { AT_A3, 6, "" } }, "hdr 3 A -|hdr 2 A -|hdr 1 A -" },
	{ { { AT_B, 13, "" } }, "hdr 1 B -" },
	/* a part of a value, as TAG does it */
	{ { { AT_SUBJECT + 9, 0, "[x] " } }, "hdr 1 Subject: [x] hi" },
	{ { { AT_SUBJECT, 0, "X: y\r\n" }, { AT_SUBJECT, 13, "Subject: ho\r\n" } },
	    "hdr 1 Subject: ho|ins 4 X: y" },
	/* another name */
	{ { { AT_SUBJECT, 13, "X: ho\r\n" } }, "hdr 1 Subject -|ins 4 X: ho" },
	/* several for one: the first of the same name is the one that changes */
	{ { { AT_SUBJECT, 13, "X: y\r\nSubject: ho\r\nSubject: hu\r\n" } },
	    "hdr 1 Subject: ho|ins 5 Subject: hu|ins 4 X: y" },
	/* a fold comes and goes */
	{ { { AT_SUBJECT + 8, 0, "\r\n " } }, "hdr 1 Subject:\r\n  hi" },
	{ { { AT_B + 4, 3, "" } }, "hdr 1 B: 2more" },
	/* two become one */
	{ { { AT_A2 + 4, 2 + 8, "" } }, "hdr 1 Subject -|hdr 2 A: 3 hi" },
	{ { { AT_A3 - 2, 2, "\r\n " } }, "hdr 3 A -|hdr 1 Subject: hi\r\n A: 5" },
	/* an empty value would delete: the field goes and comes */
	{ { { AT_SUBJECT + 8, 3, "" } }, "hdr 1 Subject -|ins 4 Subject:" },
	{ { { AT_SUBJECT + 9, 2, "" } }, "hdr 1 Subject -|ins 4 Subject: " },
	/* the whole header at once, as rules with TAG make it: what is the same stays */
	{ { { 0, AT_END, "A: 1\r\nB: 2\r\n\tmore\r\nX: y\r\nSubject: [x] hi\r\nA: 5\r\n" } },
	    "hdr 1 Subject: [x] hi|hdr 2 A -|ins 3 X: y" },
	{ { { 0, AT_END, "" } }, "hdr 3 A -|hdr 1 Subject -|hdr 2 A -|hdr 1 B -|hdr 1 A -" },
	/* what changes nothing is no change */
	{ { { 0, AT_END, HEAD }, { AT_BODY, 4, "body" } }, "" },
	{ { { AT_BODY, 4, "new" } }, "body:new\r\n" },
	{ { { AT_BODY, 6, "" } }, "body:" },
	{ { { AT_BODY, 0, "a\r\n" }, { AT_BODY + 6, 0, "z\r\n" } }, "body:a\r\nbody\r\nz\r\n" },
	{ { { 0, 0, "X: y\r\n" }, { AT_BODY, 0, "a\r\n" } }, "ins 0 X: y|body:a\r\nbody\r\n" },
	/* no field */
	{ { { 0, 0, "no field\r\n" } }, NULL },
	{ { { 0, 0, ": y\r\n" } }, NULL },
	{ { { 0, 0, " X: y\r\n" } }, NULL },
	{ { { 0, 0, "X y: z\r\n" } }, NULL },
	{ { { 0, 2, "" } }, NULL },
	{ { { AT_SUBJECT + 9, 0, "a\rb" } }, NULL },
	{ { { AT_SUBJECT + 9, 0, "a\n b" } }, NULL },
	/* its body too: none of it is told */
	{ { { 0, 0, "no field\r\n" }, { AT_BODY, 4, "new" } }, NULL },
	/* the line between header and body */
	{ { { 0, 0, "X: y\r\n\r\n" } }, NULL },
	{ { { AT_END, 2, "" } }, NULL },
	{ { { AT_A3, 8, "" } }, NULL },
	{ { { AT_END + 1, 0, "x" } }, NULL },
	{ { { AT_END - 2, 2, "" } }, NULL },
};

static void
test_changes_by_hand(void **state)
{
	struct span message = span_make(TEXT, strlen(TEXT));

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct arena *a = arena_new();
		struct change_list l = { .arena = a };
		struct edit_list edits;
		struct buf told = { 0 };

		edit_list_init(&edits, a);
		for (size_t k = 0; k < nitems(cases[i].e) && cases[i].e[k].ins != NULL; k++)
			edit_add(&edits, cases[i].e[k].at, cases[i].e[k].del,
			    span_str(cases[i].e[k].ins));
		assert_int_equal(
		    changes_of_edits(message, &edits, &l), cases[i].changes == NULL ? -1 : 0);
		change_text(l.v, l.n, &told);
		assert_string_equal(
		    buf_cstr(&told), cases[i].changes == NULL ? "" : cases[i].changes);
		for (int kind = 0; kind < MTA_KINDS && cases[i].changes != NULL; kind++)
			round_trip(message, &edits, (enum mta_kind)kind, a);
		buf_fini(&told);
		arena_free(a);
	}
}

/* What is odd in a header as it arrived is nothing to complain of where it stays. */
static const struct {
	const char *message;
	size_t at, del;
	const char *ins, *changes;
} odd_cases[] = {
	{ "", 0, 0, "X: y\r\n", "ins 0 X: y" },
	{ "\r\nbody", 0, 0, "X: y\r\n", "ins 0 X: y" },
	{ "\r\nbody", 2, 4, "new", "body:new" },
	{ "\r\n", 2, 0, "new", "body:new" },
	{ "A: 1\r\n", 6, 0, "X: y\r\n", "add X: y" },
	{ "A: 1\r\nno field\r\nB: 2\r\n\r\n", 0, 6, "", "hdr 1 A -" },
	{ "A: 1\r\nno field\r\nB: 2\r\n\r\n", 6, 10, "", NULL },
	{ "A: 1\r\nno field\r\nB: 2\r\n\r\n", 6, 10, "is: one\r\n", NULL },
	{ " B: 2\r\nA: 1\r\n\r\n", 7, 4, "A: 2", "hdr 1 A: 2" },
	{ " B: 2\r\nA: 1\r\n\r\n", 0, 0, "X: y\r\n", NULL }, /* " B: 2" becomes its */
	/* blanks in front of the colon are no part of the name; case is none of where it counts */
	{ "A: 1\r\na : 2\r\n\r\n", 10, 1, "3", "hdr 2 a: 3" },
	{ "A: 1\r\nA: 2\r\n\r\n", 6, 1, "a", "hdr 2 A -|ins end a: 2" },
};

static void
test_changes_odd(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(odd_cases); i++) {
		struct arena *a = arena_new();
		struct change_list l = { .arena = a };
		struct edit_list edits;
		struct buf told = { 0 };

		edit_list_init(&edits, a);
		edit_add(&edits, odd_cases[i].at, odd_cases[i].del, span_str(odd_cases[i].ins));
		assert_int_equal(changes_of_edits(span_str(odd_cases[i].message), &edits, &l),
		    odd_cases[i].changes == NULL ? -1 : 0);
		change_text(l.v, l.n, &told);
		assert_string_equal(
		    buf_cstr(&told), odd_cases[i].changes == NULL ? "" : odd_cases[i].changes);
		buf_fini(&told);
		arena_free(a);
	}
}

static void
test_changes_nul(void **state)
{
	struct arena *a = arena_new();
	struct change_list l = { .arena = a };
	struct edit_list edits;

	(void)state;
	edit_list_init(&edits, a);
	edit_add(&edits, 0, 0, span_make("X: \0\r\n", 6));
	assert_int_equal(changes_of_edits(span_str(TEXT), &edits, &l), -1);
	assert_int_equal(changes_of_edits(span_str(TEXT), NULL, &l), 0);
	/* no message at all */
	edit_list_init(&edits, a);
	edit_add(&edits, 0, 0, span_str("X: y\r\n"));
	assert_int_equal(changes_of_edits(span_make(NULL, 0), &edits, &l), 0);
	assert_int_equal(l.n, 1);
	l.n = 0;
	/* a body may have them */
	edit_list_init(&edits, a);
	edit_add(&edits, AT_BODY, 4, span_make("\0", 1));
	assert_int_equal(changes_of_edits(span_str(TEXT), &edits, &l), 0);
	assert_int_equal(l.n, 1);
	assert_true(span_eq(l.v[0].value, span_make("\0\r\n", 3)));
	arena_free(a);
}

/* --- at random --- */

struct dice {
	uint64_t x;
};

static size_t
roll(struct dice *d, size_t n)
{
	d->x = d->x * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(d->x >> 33) % n;
}

/* Few names and values, so that they meet. */
static void
random_field(struct dice *d, struct buf *b)
{
	static const char *const names[] = { "A", "a", "B", "B ", "Subject", "Received", "Date",
		"Authentication-Results" };
	static const char *const values[] = { " 1", " 2", "1", " one\r\n two", "\r\n three", "\t4",
		"", " ", " x: y" };

	buf_adds(b, names[roll(d, nitems(names))]);
	buf_addc(b, ':');
	buf_adds(b, values[roll(d, nitems(values))]);
	buf_adds(b, "\r\n");
}

static void
random_fields(struct dice *d, struct buf *b, size_t max)
{
	for (size_t n = roll(d, max + 1); n > 0; n--)
		random_field(d, b);
}

/* One edit that leaves fields; the field stands from `from` to `to`. */
static void
random_edit(struct dice *d, struct edit_list *edits, struct span message, size_t from, size_t to)
{
	size_t colon = from + span_find(span_make(message.p + from, to - from), ':');
	struct buf ins = { 0 };

	switch (roll(d, 8)) {
	case 0: /* in front, as PREPEND */
		random_fields(d, &ins, 3);
		edit_add(edits, from, 0, buf_span(&ins));
		break;
	case 1: /* in front and instead */
		random_field(d, &ins);
		edit_add(edits, from, 0, buf_span(&ins));
		buf_reset(&ins);
		random_fields(d, &ins, 3);
		edit_add(edits, from, to - from, buf_span(&ins));
		break;
	case 2: /* IGNORE */
		edit_add(edits, from, to - from, span_str(""));
		break;
	case 3: /* REPLACE */
		random_field(d, &ins);
		edit_add(edits, from, to - from, buf_span(&ins));
		break;
	case 4: /* into the value */
		edit_add(edits, colon + 1 + roll(d, 2) * (to - colon - 3), 0, span_str("tag "));
		break;
	case 5:
		edit_add(edits, colon + 1, 0, span_str("\r\n folded"));
		break;
	case 6: /* the name */
		edit_add(edits, from, colon - from, span_str("Other"));
		break;
	default:
		break;
	}
	buf_fini(&ins);
}

static void
random_edits(struct dice *d, struct edit_list *edits, struct span m, struct buf *ins)
{
	size_t head = 0, end, often = 1 + roll(d, 4);

	for (size_t at = 0; m.p[at] != '\r'; at = head = end) {
		end = at + span_find(span_make(m.p + at, m.len - at), '\n') + 1;
		while (m.p[end] == ' ' || m.p[end] == '\t')
			end += span_find(span_make(m.p + end, m.len - end), '\n') + 1;
		if (roll(d, often) == 0)
			random_edit(d, edits, m, at, end);
	}
	if (roll(d, 4) == 0) {
		random_fields(d, ins, 3);
		edit_add(edits, head, 0, buf_span(ins));
	}
	if (roll(d, 4) == 0)
		edit_add(edits, head + 2 + roll(d, 3), roll(d, 3), span_str("text"));
}

/* As tag.c does where rules and TAG meet: one edit for all of the header. */
static void
join_edits(struct edit_list *edits, struct span m, struct arena *a)
{
	struct edit_list joined, in_header = *edits;
	struct buf text = { 0 };
	size_t head = 0;

	while (m.p[head] != '\r' || (head > 0 && m.p[head - 1] != '\n'))
		head++;
	in_header.n = 0;
	while (in_header.n < edits->n && edits->v[in_header.n].at <= head)
		in_header.n++;
	edit_walk(span_make(m.p, head), &in_header, collect, &text);
	edit_list_init(&joined, a);
	edit_add(&joined, 0, head, buf_span(&text));
	for (size_t i = in_header.n; i < edits->n; i++)
		edit_add(&joined, edits->v[i].at, edits->v[i].del, edits->v[i].ins);
	*edits = joined;
	buf_fini(&text);
}

static void
test_changes_at_random(void **state)
{
	struct dice d = { 20261121 };

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		struct arena *a = arena_new();
		struct buf m = { 0 }, ins = { 0 };
		struct edit_list edits;

		random_fields(&d, &m, i % 50 == 0 ? 120 : 9);
		buf_adds(&m, "\r\nbody of it\r\n");
		edit_list_init(&edits, a);
		random_edits(&d, &edits, buf_span(&m), &ins);
		if (roll(&d, 3) == 0)
			join_edits(&edits, buf_span(&m), a);
		for (int kind = 0; kind < MTA_KINDS; kind++)
			round_trip(buf_span(&m), &edits, (enum mta_kind)kind, a);
		buf_fini(&m);
		buf_fini(&ins);
		arena_free(a);
	}
}

/* Seconds it takes to turn each of so many fields into `becomes`. */
static double
seconds_of(size_t fields, const char *becomes)
{
	struct arena *a = arena_new();
	struct change_list l = { .arena = a };
	size_t len = strlen("X: a\r\n");
	struct edit_list edits;
	struct buf text = { 0 };
	clock_t before;

	edit_list_init(&edits, a);
	for (size_t k = 0; k < fields; k++) {
		buf_adds(&text, "X: a\r\n");
		edit_add(&edits, k * len, len, span_str(becomes));
	}
	buf_adds(&text, "\r\nbody\r\n");
	before = clock();
	assert_int_equal(changes_of_edits(buf_span(&text), &edits, &l), 0);
	before = clock() - before;
	assert_int_equal(l.n, fields * (becomes[0] == '\0' ? 1 : 2));
	assert_int_equal(l.v[0].index, fields);
	buf_fini(&text);
	arena_free(a);
	return (double)before / CLOCKS_PER_SEC;
}

/* Whoever sends a mail decides how many fields it has; what a rule does to all of them must not
 * take minutes (it did: every field was counted and looked for anew). */
static void
test_many_fields(void **state)
{
	(void)state;
	/* With the square of them it would be 64 times as long. */
	assert_true(seconds_of(80000, "") < 24 * seconds_of(10000, "") + 0.2);
	assert_true(seconds_of(80000, "Y: b\r\n") < 24 * seconds_of(10000, "Y: b\r\n") + 0.2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_by_hand),
		cmocka_unit_test(test_changes_odd),
		cmocka_unit_test(test_changes_nul),
		cmocka_unit_test(test_changes_at_random),
		cmocka_unit_test(test_many_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
