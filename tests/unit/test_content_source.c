/* Restrictions that ask a table about one key of the message after another: what its rows do, in
 * which order, how often it is asked, and what becomes of a look-up that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "core/message.h"
#include "rules/content_source.h"
#include "rules/plugin_impl.h"
#include "table/table.h"
#include "tests/lib/rule_world.h"

#define FAILED "451 4.7.1 Service temporarily unavailable, try again later"

/* --- a source of keys: the message's lines --- */

/* "3 word" is a key of thing 3, "3b word" one of its second reading; others are of their own
 * number.  What begins with ':' has no place;
 * "!" cannot be had. */
static size_t gets;

static struct span
line_at(struct span message, size_t i, size_t *at)
{
	struct span line, rest = message;

	for (size_t k = 0; rest.len > 0; k++) {
		*at = (size_t)(rest.p - message.p);
		span_cut(rest, '\n', &line, &rest);
		if (k == i)
			return line;
	}
	return span_make(NULL, 0);
}

static int
get(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct span message, line;
	size_t at = 0;

	gets++;
	if (!content_message(run, &message))
		return 0;
	line = line_at(message, i, &at);
	if (line.p == NULL)
		return 0;
	key->len = line.len + 1;
	line.len--; /* CR */
	if (span_eq_str(line, "!")) {
		err_set(err, ERR_RETRY, "the octets are away");
		return -1;
	}
	key->thing = i;
	key->at = at;
	key->place = PLACE_LINE;
	if (line.len > 2 && line.p[1] == ' ' && line.p[0] >= '0' && line.p[0] <= '9') {
		key->thing = (size_t)(line.p[0] - '0') + 1000;
		line = span_make(line.p + 2, line.len - 2);
	} else if (line.len > 3 && line.p[2] == ' ' && line.p[1] == 'b') {
		key->thing = (size_t)(line.p[0] - '0') + 1000;
		key->reading = 1;
		line = span_make(line.p + 3, line.len - 3);
	} else if (line.len > 0 && line.p[0] == ':') {
		key->place = PLACE_NONE;
		line = span_make(line.p + 1, line.len - 1);
	} else if (line.len > 2 && line.p[1] == ':') {
		key->place = PLACE_FIELD;
	}
	key->text = line;
	return 1;
}

static enum rule_result
check_lines(struct rule_run *run, const struct rule_op *op)
{
	static const struct content_source source = { "line", get, NULL };

	return content_source_check(run, op, &source);
}

/* As a plugin asks: of one thing "a" and "b", of another one the same. */
static enum rule_result
check_keys(struct rule_run *run, const struct rule_op *op)
{
	static const struct filterd_key keys[2][2] = {
		{ { .text = "a", .thing = 0 }, { .text = "b", .thing = 0 } },
		{ { .text = "c", .thing = 0 }, { .text = "d", .thing = 0 } },
	};
	struct filterd_host host = { 0 };

	plugin_host_fill_keys(&host);
	return host.check_keys(run, op, keys[op->def->variant], 2);
}

static const struct restriction_def rows[] = {
	{ .name = "check_lines",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_lines,
	    .text = "x" },
	{ .name = "check_ab",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = check_keys,
	    .text = "x" },
	{ .name = "check_cd",
	    .args = ARG_TABLE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .variant = 1,
	    .check = check_keys,
	    .text = "x" },
	{ .name = NULL },
};
static const struct filterd_plugin lines = { .abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = "lines",
	.restrictions = rows };

/* --- a table that only knows "b", and may have who asks wait --- */

static int
slow_open(const struct filterd_host *h, const char *name, void **table, char *why, size_t size)
{
	(void)h;
	(void)why;
	(void)size;
	*table = (void *)(uintptr_t)name;
	return 0;
}

static int
slow_get(void *table, struct filterd_octets key, struct filterd_table_answer *answer, char *why,
    size_t size)
{
	static const char row[] = "REJECT";

	if (key.len == 1 && key.p[0] == 'b') {
		table_plugin_answer(answer,
		    (struct filterd_octets){ .p = (const uint8_t *)row, .len = sizeof(row) - 1 });
		return 1;
	}
	if (strcmp(table, "down") == 0)
		usleep(500000);
	snprintf(why, size, "no answer");
	return -1;
}

static void
slow_close(void *table)
{
	(void)table;
}

static const struct filterd_table_type types[] = {
	{ .type = "slow", .text = "x", .open = slow_open, .get = slow_get, .close = slow_close },
	{ .type = NULL },
};

/* --- a world with a message --- */

struct world {
	struct rule_world w;
	struct plugin_instance plugin;
	struct message *message;
	char *edited;
	size_t len;
	struct buf facts;
};

static const char *
class_of(void *arg, const char *name, struct rule_where *where)
{
	static const char *const classes[][2] = {
		{ "lover", "permit" },
		{ "hater", "reject" },
		{ "watcher", "check_recipient_access static:{INFO seen}" },
		{ "again", "check_lines inline:{a=REJECT}" },
		{ "failing", "check_lines fail:retry" },
	};

	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	for (size_t i = 0; i < nitems(classes); i++)
		if (strcmp(classes[i][0], name) == 0)
			return classes[i][1];
	return NULL;
}

static void
put(struct message *m, const char *text)
{
	struct err err;
	size_t n = strlen(text);
	uint8_t *p = message_reserve(m, n, &err);

	assert_non_null(p);
	memcpy(p, text, n);
	message_commit(m, n);
}

static void
begin(struct world *x, const char *list, enum rule_failure on_failure, const char *text)
{
	static const struct message_options opt = { .memory_limit = 1 << 24,
		.spool_directory = "/nonexistent" };

	static const struct table_plugin plugin = { .types = types };
	static const struct table_plugins plugins = { .v = &plugin, .n = 1 };

	memset(x, 0, sizeof(*x));
	rule_world_init(&x->w);
	table_registry_plugins(x->w.tables, &plugins);
	x->plugin = (struct plugin_instance){ .def = &lines, .on_failure = on_failure };
	x->w.o.plugins = &x->plugin;
	x->w.o.nplugins = 1;
	x->w.o.site = class_of;
	x->w.o.smtpd_restriction_classes = "lover, hater, watcher, again, failing";
	x->w.o.lists[LIST_CONTENT] = list;
	assert_int_equal(rule_world_compile(&x->w), 0);
	rule_world_accept(&x->w);
	x->message = message_new(&opt);
	put(x->message, text);
	x->w.txn.message = x->message;
	gets = 0;
}

static void
end(struct world *x)
{
	rule_world_fini(&x->w);
	message_free(x->message);
	free(x->edited);
	buf_fini(&x->facts);
}

static const char *
facts_of(struct world *x)
{
	buf_reset(&x->facts);
	facts_format(&x->w.txn.facts, &x->facts);
	return buf_cstr(&x->facts);
}

static int
append(void *arg, struct span piece)
{
	struct world *x = arg;

	x->edited = realloc(x->edited, x->len + piece.len + 1);
	memcpy(x->edited + x->len, piece.p, piece.len);
	x->len += piece.len;
	x->edited[x->len] = '\0';
	return 0;
}

static const char *
edited(struct world *x)
{
	x->len = 0;
	assert_int_equal(
	    edit_walk(message_view(x->message), &x->w.txn.rcpts[0]->verdict.edits, append, x), 0);
	return x->edited;
}

/* --- what a row does --- */

static const struct {
	const char *list, *message; /* lines are a, b, c unless told */
	const char *answer;
	const char *log;    /* in it; NULL: nothing is logged at all */
	const char *edited; /* NULL: nothing is changed */
} row_cases[] = {
	{ "check_lines inline:{z=REJECT}", NULL, "dunno", NULL, NULL },
	{ "check_lines inline:{b=REJECT}", NULL, "554 5.7.1 Message content rejected", NULL, NULL },
	{ "check_lines inline:{{b=REJECT no c here}}", NULL, "554 5.7.1 no c here", NULL, NULL },
	{ "check_lines inline:{{b=REJECT 5.6.0 odd}}", NULL, "554 5.6.0 odd", NULL, NULL },
	{ "check_lines inline:{{b=DEFER later}}", NULL, "450 4.7.1 later", NULL, NULL },
	{ "check_lines inline:{{b=521 go}}", NULL, "521 5.7.1 go", NULL, NULL },
	{ "check_lines inline:{b=550}", NULL, "550 5.7.1 Message content rejected", NULL, NULL },
	{ "check_lines inline:{b=1234}", NULL, "ok", NULL, NULL },
	/* the first key's row decides */
	{ "check_lines inline:{{c=REJECT 3},{b=DEFER 2}}", NULL, "450 4.7.1 2", NULL, NULL },
	{ "check_lines inline:{b=OK,c=REJECT}, reject", NULL, "ok", NULL, NULL },
	{ "check_lines inline:{b=PASS,c=REJECT}, reject", NULL, "ok", NULL, NULL },
	{ "check_lines inline:{b=DUNNO,c=REJECT}", NULL, "554 5.7.1 Message content rejected", NULL,
	    NULL },
	{ "check_lines inline:{b=DISCARD,c=REJECT}, reject", NULL, "ok",
	    "discard: END-OF-MESSAGE from mail.good.example[192.0.2.10]: line b; from=", NULL },
	{ "check_lines inline:{{b=WARN look},c=REJECT}", NULL, "554 5.7.1 Message content rejected",
	    "warn: END-OF-MESSAGE from mail.good.example[192.0.2.10]: line b: look; from=", NULL },
	{ "check_lines inline:{b=INFO}, defer", NULL,
	    "450 4.3.2 <r@local.example>: Recipient address rejected: Try again later",
	    "info: END-OF-MESSAGE from mail.good.example[192.0.2.10]: line b; from=", NULL },
	/* only the first that would refuse counts */
	{ "warn_if_reject check_lines inline:{a=REJECT,{b=REJECT 2},c=WARN}", NULL, "dunno",
	    "reject_warning: END-OF-MESSAGE from mail.good.example[192.0.2.10]: 554 5.7.1 Message "
	    "content rejected; from=",
	    NULL },
	/* classes and lists, each once */
	{ "check_lines inline:{a=lover}, reject", NULL, "ok", NULL, NULL },
	{ "check_lines inline:{a=hater}", NULL, "554 5.7.1 Access denied", NULL, NULL },
	{ "check_lines inline:{a=watcher,b=watcher,c=watcher}", NULL, "dunno",
	    "<r@local.example>: Recipient address seen; from=", NULL },
	{ "check_lines inline:{a=watcher,{b=watcher, defer}}", NULL, "450 4.3.2 Try again later",
	    "<r@local.example>: Recipient address seen; from=", NULL },
	{ "check_lines inline:{c=again}", NULL, "554 5.7.1 Message content rejected", NULL, NULL },
	/* a line changed for this recipient */
	{ "check_lines inline:{b=IGNORE}", NULL, "dunno", NULL, "a\r\nc\r\n" },
	{ "check_lines inline:{{b=STRIP no b}}", NULL, "dunno",
	    "strip: END-OF-MESSAGE from mail.good.example[192.0.2.10]: line b: no b; from=",
	    "a\r\nc\r\n" },
	{ "check_lines inline:{{b=REPLACE x y}}", NULL, "dunno",
	    "replace: END-OF-MESSAGE from mail.good.example[192.0.2.10]: line b: x y; from=",
	    "a\r\nx y\r\nc\r\n" },
	{ "check_lines inline:{{b=PREPEND x}}", NULL, "dunno",
	    "line b: x; from=", "a\r\nx\r\nb\r\nc\r\n" },
	{ "check_lines inline:{a=IGNORE,b=IGNORE,c=REJECT}", NULL,
	    "554 5.7.1 Message content rejected", NULL, "c\r\n" },
	/* what was decided about a line first stays, and both are done where both can be */
	{ "check_lines inline:{{b=REPLACE x}}, check_lines inline:{b=IGNORE}", NULL, "dunno",
	    "replace:", "a\r\nx\r\nc\r\n" },
	{ "check_lines inline:{b=IGNORE}, check_lines inline:{{b=PREPEND x}}", NULL, "dunno",
	    "prepend:", "a\r\nx\r\nc\r\n" },
	{ "check_lines inline:{{b=PREPEND x}}, check_lines inline:{b=IGNORE}", NULL, "dunno",
	    "prepend:", "a\r\nx\r\nc\r\n" },
	{ "check_lines inline:{c=IGNORE}, check_lines inline:{a=IGNORE}", NULL, "dunno", NULL,
	    "b\r\n" },
	/* header fields */
	{ "check_lines static:{REPLACE X-Y: 1}", "s: b\r\n", "dunno", "replace:", "X-Y: 1\r\n" },
	{ "check_lines static:{PREPEND X-Y: 1}", "s: b\r\n", "dunno",
	    "prepend:", "X-Y: 1\r\ns: b\r\n" },
	{ "check_lines static:{REPLACE no field}", "s: b\r\n", "dunno",
	    "static:{REPLACE no field}: \"REPLACE no field\" needs a header field, \"Name: "
	    "value\"",
	    NULL },
	{ "check_lines static:{PREPEND Bcc: x}", "s: b\r\n", "dunno", "message_drop_headers",
	    NULL },
	{ "check_lines static:REPLACE", "s: b\r\n", "dunno", "needs a text", NULL },
	/* without a place */
	{ "check_lines inline:{b=IGNORE}", "a\r\n:b\r\n", "dunno", "no line of the message", NULL },
	{ "check_lines inline:{{b=REPLACE x}}", ":b\r\n", "dunno", "no line of the message", NULL },
	/* keys of one thing: the first that is known */
	{ "check_lines inline:{b=DUNNO,{c=REJECT c}}", "0 a\r\n0 b\r\n0 c\r\n", "dunno", NULL,
	    NULL },
	{ "check_lines inline:{{c=REJECT c}}", "0 a\r\n0 b\r\n0 c\r\n", "554 5.7.1 c", NULL, NULL },
	{ "check_lines inline:{b=DUNNO,{c=REJECT c}}", "0 b\r\n1 c\r\n", "554 5.7.1 c", NULL,
	    NULL },
	/* another reading of it is asked about all the same, but one row answers once */
	{ "check_lines inline:{a=DUNNO,{b=REJECT b}}", "0 a\r\n0b b\r\n", "554 5.7.1 b", NULL,
	    NULL },
	{ "warn_if_reject check_lines inline:{z=REJECT}, check_lines inline:{a=IGNORE,b=IGNORE}",
	    "0 a\r\n0b b\r\n0b a\r\n", "dunno", NULL, "0b b\r\n0b a\r\n" },
	/* effects of others stay possible */
	{ "check_lines inline:{{b=PREPEND X-Front: 1}}", ":b\r\n", "dunno", NULL, NULL },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(row_cases); i++) {
		const char *message =
		    row_cases[i].message == NULL ? "a\r\nb\r\nc\r\n" : row_cases[i].message;
		struct world x;
		const char *said;

		print_message("%s\n", row_cases[i].list);
		begin(&x, row_cases[i].list, FAILURE_DEFER, message);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), row_cases[i].answer);
		said = rule_world_said(&x.w);
		if (row_cases[i].log == NULL) {
			assert_string_equal(said, "");
		} else if (strstr(said, row_cases[i].log) == NULL) {
			fail_msg("%s", said);
		}
		assert_string_equal(
		    edited(&x), row_cases[i].edited == NULL ? message : row_cases[i].edited);
		end(&x);
	}
}

/* Each is logged once. */
static void
test_once(void **state)
{
	struct world x;
	const char *said;

	(void)state;
	begin(&x,
	    "warn_if_reject check_lines inline:{a=REJECT,{b=REJECT 2},c=watcher}, check_lines "
	    "inline:{a=watcher,b=watcher}",
	    FAILURE_DEFER, "a\r\nb\r\nc\r\n");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	said = rule_world_said(&x.w);
	assert_non_null(strstr(said, "seen"));
	assert_null(strstr(strstr(said, "seen") + 1, "seen"));
	assert_null(strstr(said, "5.7.1 2"));
	end(&x);
}

/* PREPEND without a place is a field in front of the message. */
static void
test_prepend_in_front(void **state)
{
	struct world x;

	(void)state;
	begin(&x, "check_lines inline:{{b=PREPEND X-Front: 1}}", FAILURE_DEFER, ":b\r\n");
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_int_equal(x.w.txn.rcpts[0]->verdict.prepends.n, 1);
	assert_string_equal(x.w.txn.rcpts[0]->verdict.prepends.v[0].arg, "X-Front: 1");
	end(&x);
}

/* --- how often --- */

static size_t
looked_up(const char *list, const char *message)
{
	struct world x;
	size_t first;

	begin(&x, list, FAILURE_DEFER, message);
	(void)rule_world_ask(&x.w, RULE_CONTENT);
	first = gets;
	/* For a second recipient no key is got that was got before: each check asks at most whether
	 * there are more behind the last. */
	(void)rule_world_ask(&x.w, RULE_CONTENT);
	assert_in_range(gets - first, 0, 2);
	end(&x);
	return first;
}

static void
test_looked_up(void **state)
{
	(void)state;
	/* only as far as a list wants: the first line refuses */
	assert_int_equal(looked_up("check_lines inline:{a=REJECT}", "a\r\nb\r\nc\r\n"), 1);
	assert_int_equal(looked_up("check_lines inline:{b=REJECT}", "a\r\nb\r\nc\r\n"), 2);
	assert_int_equal(looked_up("check_lines inline:{x=REJECT}", "a\r\nb\r\nc\r\n"), 4);
	/* two lists with one table: once; with two: twice */
	assert_int_equal(looked_up("check_lines inline:{b=INFO}, check_lines inline:{b=INFO}",
			     "a\r\nb\r\nc\r\n"),
	    5);
	assert_int_equal(looked_up("check_lines inline:{b=INFO}, check_lines inline:{b=WARN}",
			     "a\r\nb\r\nc\r\n"),
	    8);
}

/* What a table knows of one restriction's keys is not what it knows of another one's, though both
 * are a plugin's and ask the same table. */
static const struct {
	const char *list, *answer, *log;
	int once;
} key_cases[] = {
	{ "check_ab inline:{{d=REJECT d}}, check_cd inline:{{d=REJECT d}}", "554 5.7.1 d", NULL,
	    0 },
	{ "check_cd inline:{{d=REJECT d}}, check_ab inline:{{d=REJECT d}}", "554 5.7.1 d", NULL,
	    0 },
	{ "check_ab inline:{{a=REJECT a}}, check_cd inline:{{a=REJECT a}}", "554 5.7.1 a", NULL,
	    0 },
	{ "warn_if_reject check_ab inline:{{a=REJECT a}}, check_cd inline:{{a=REJECT a}}", "dunno",
	    "5.7.1 a", 0 },
	/* of one thing all keys count; the log has the plugin's name */
	{ "check_ab inline:{a=DUNNO,{b=WARN b}}", "dunno", "lines b: b; from=", 1 },
};

static void
test_plugin_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(key_cases); i++) {
		struct world x;
		const char *said;

		print_message("%s\n", key_cases[i].list);
		begin(&x, key_cases[i].list, FAILURE_DEFER, "x\r\n");
		for (int k = 0; k < 2; k++) { /* a second recipient has the same */
			assert_string_equal(
			    rule_world_ask(&x.w, RULE_CONTENT), key_cases[i].answer);
			said = rule_world_said(&x.w);
			/* a row is logged once, a refusal each time */
			if (key_cases[i].log == NULL || (k == 1 && key_cases[i].once))
				assert_string_equal(said, "");
			else
				assert_non_null(strstr(said, key_cases[i].log));
		}
		end(&x);
	}
}

/* --- failures --- */

static const struct {
	const char *list, *message;
	enum rule_failure on_failure;
	const char *answer, *log, *facts;
} failure_cases[] = {
	{ "check_lines fail:retry, reject", "a\r\n", FAILURE_DEFER, FAILED,
	    "lines: check_lines could not be checked: ", "lines=failed" },
	{ "check_lines fail:retry", "a\r\nb\r\n", FAILURE_ACCEPT, "dunno", "on_failure = accept",
	    "lines=failed" },
	{ "{ check_lines fail:retry, on_failure = tag }", "a\r\n", FAILURE_DEFER, "dunno",
	    "on_failure = tag", "lines=failed" },
	{ "check_lines fail:retry", "a\r\n", FAILURE_HOLD, "dunno", "on_failure = hold",
	    "lines=failed" },
	{ "check_lines inline:{b=REJECT}", "!\r\nb\r\n", FAILURE_DEFER, FAILED,
	    "the octets are away; on_failure = defer", "lines=failed" },
	/* who counts points counts none for it; an item that wants it deferred says so itself */
	{ "score_if_reject 3 check_lines fail:retry", "a\r\n", FAILURE_DEFER, "dunno",
	    "on_failure = no points (score_if_reject)", "lines=failed" },
	{ "score_if_reject 3 again, reject_if_score 3", "a\r\n", FAILURE_DEFER,
	    "554 5.7.1 Message score too high", NULL, NULL },
	{ "score_if_reject 3 { check_lines fail:retry, on_failure = defer }", "a\r\n",
	    FAILURE_ACCEPT, FAILED, "on_failure = defer", "lines=failed" },
	{ "score_if_reject 3 failing, reject_if_score 1", "a\r\n", FAILURE_DEFER, "dunno",
	    "on_failure = no points (score_if_reject)", "lines=failed" },
	{ "score_if_reject 3 failing", "a\r\n", FAILURE_TAG, "dunno", "on_failure = tag",
	    "lines=failed" },
	/* and it is forgotten behind the item */
	{ "score_if_reject 3 failing, check_lines fail:retry", "a\r\n", FAILURE_DEFER, FAILED,
	    "on_failure = no points (score_if_reject)", "lines=failed" },
	/* nothing can be asked behind a key that cannot be had */
	{ "check_lines inline:{b=REJECT}", "!\r\nb\r\n", FAILURE_ACCEPT, "dunno",
	    "the octets are away", "lines=failed" },
	/* what came first decides */
	{ "check_lines inline:{{b=REJECT b}}", "b\r\n!\r\n", FAILURE_DEFER, "554 5.7.1 b", NULL,
	    NULL },
};

static void
test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(failure_cases); i++) {
		struct world x;
		const char *said;

		print_message("%s\n", failure_cases[i].list);
		begin(&x, failure_cases[i].list, failure_cases[i].on_failure,
		    failure_cases[i].message);
		assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), failure_cases[i].answer);
		said = rule_world_said(&x.w);
		if (failure_cases[i].log == NULL)
			assert_string_equal(said, "");
		else if (strstr(said, failure_cases[i].log) == NULL)
			fail_msg("%s", said);
		if (failure_cases[i].facts == NULL)
			assert_string_equal(facts_of(&x), "");
		else
			assert_non_null(strstr(facts_of(&x), failure_cases[i].facts));
		end(&x);
	}
}

/* A look-up that fails does not hide what stands behind it, and a table that is down is not asked
 * without end. */
static void
test_failures_go_on(void **state)
{
	struct world x;
	char text[400] = "";

	(void)state;
	begin(&x, "check_lines unionmap:{inline:{b=REJECT},fail:retry}", FAILURE_ACCEPT, "a\r\n");
	for (size_t i = 0; i < 100; i++)
		strcat(text, "a\r\n");
	put(x.message, text);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_int_equal(gets, 102);
	assert_null(strstr(facts_of(&x), "patterns=limit"));
	end(&x);
	begin(&x, "check_lines slow:odd", FAILURE_ACCEPT, "a\r\n");
	strcat(text, "b\r\n");
	put(x.message, text);
	assert_string_equal(
	    rule_world_ask(&x.w, RULE_CONTENT), "554 5.7.1 Message content rejected");
	end(&x);
}

/* One that has to be waited for is asked for a while. */
static void
test_failures_end(void **state)
{
	struct world x;
	char text[400] = "";

	(void)state;
	begin(&x, "check_lines slow:down", FAILURE_ACCEPT, "a\r\n");
	for (size_t i = 0; i < 100; i++)
		strcat(text, "a\r\n");
	strcat(text, "b\r\n");
	put(x.message, text);
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_in_range(gets, 3, 8);
	assert_non_null(strstr(facts_of(&x), "patterns=limit:slow:down"));
	assert_non_null(strstr(rule_world_said(&x.w), "too much time went into what failed"));
	/* The next recipient's check has failed in the same way. */
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	assert_in_range(gets, 3, 8);
	end(&x);
}

static void
test_time(void **state)
{
	struct world x;

	(void)state;
	begin(&x, "check_lines inline:{b=REJECT}", FAILURE_DEFER, "a\r\n");
	x.w.deadline_ms = -1;
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), FAILED);
	assert_non_null(strstr(rule_world_said(&x.w), "message_time_limit"));
	end(&x);
}

/* Before the message is there no source has a key. */
static void
test_early(void **state)
{
	struct world x;

	(void)state;
	begin(&x, "check_lines inline:{a=REJECT}", FAILURE_DEFER, "a\r\n");
	x.w.txn.message = NULL;
	assert_string_equal(rule_world_ask(&x.w, RULE_CONTENT), "dunno");
	end(&x);
}

/* Only a recipient's copy is changed: elsewhere an edit would be the message's, and meet those of
 * header and body checks. */
static void
test_elsewhere(void **state)
{
	static const char *const actions[] = { "IGNORE", "STRIP", "REPLACE X: z", "PREPEND X: z" };

	(void)state;
	for (size_t i = 0; i < nitems(actions); i++) {
		struct world x;
		char list[100];
		const char *said;

		print_message("%s\n", actions[i]);
		snprintf(list, sizeof(list), "check_lines static:{%s}", actions[i]);
		begin(&x, list, FAILURE_DEFER, "a\r\nX: y\r\n");
		rule_world_fini(&x.w);
		rule_world_init(&x.w);
		x.w.o.plugins = &x.plugin;
		x.w.o.nplugins = 1;
		x.w.o.lists[LIST_END_OF_DATA] = list;
		assert_int_equal(rule_world_compile(&x.w), 0);
		rule_world_accept(&x.w);
		x.w.txn.message = x.message;
		assert_string_equal(rule_world_ask(&x.w, RULE_END_OF_DATA), "dunno");
		assert_int_equal(x.w.txn.verdict.edits.n, 0);
		said = rule_world_said(&x.w);
		assert_non_null(strstr(said, "only content_restrictions change lines"));
		assert_null(strstr(said, "END-OF-MESSAGE"));
		end(&x);
	}
}

/* What is kept by name is the same memory for the whole transaction. */
static void
test_keep(void **state)
{
	struct world x;
	struct rule_run run;
	int *a, *b;

	(void)state;
	begin(&x, "check_lines inline:{z=REJECT}", FAILURE_DEFER, "a\r\n");
	(void)rule_world_ask(&x.w, RULE_CONTENT);
	run = (struct rule_run){ .txn = &x.w.txn, .arena = x.w.arena, .kept = x.w.txn.rules };
	a = content_keep(&run, "a", sizeof(*a));
	b = content_keep(&run, "b", sizeof(*b));
	assert_int_equal(*a, 0);
	*a = 7;
	assert_int_equal(*b, 0);
	assert_ptr_equal(content_keep(&run, "a", sizeof(*a)), a);
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_prepend_in_front),
		cmocka_unit_test(test_looked_up),
		cmocka_unit_test(test_plugin_keys),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_failures_go_on),
		cmocka_unit_test(test_failures_end),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
