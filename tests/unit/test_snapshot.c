/* What a configuration that is well formed is told once it is put to use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/xmem.h"
#include "engine/snapshot.h"
#include "tests/lib/findings.h"
#include "tests/lib/tmpdir.h"

#define THREE                                                                                      \
	"listeners =\n"                                                                            \
	"    { lmtp:127.0.0.1:1 }\n"                                                               \
	"    { smtp:127.0.0.1:2 }\n"                                                               \
	"    { lmtp:127.0.0.1:3, name = third }\n"

#define NO_HOP "must begin with smtp: or lmtp:, as in smtp:[127.0.0.1]:10026"
#define NO_NET                                                                                     \
	"\"10.0.0.0/99\": must be an address, NET/BITS, [IPV6], [IPV6]/BITS or unix, with an "     \
	"optional !"

/* %s: the folder of rules (a pattern file) and map. */
static const struct {
	const char *conf, *rules, *map;
	const char *told; /* without what stands before ": " of a file in the folder */
	int good;
} cases[] = {
	{ THREE, "", "", "", 1 },
	{ THREE "header_checks = regexp:%s/rules\n", "if /a/\n/x/ DUNNO\n", "",
	    "warning rules:1: IF without ENDIF\n", 1 },
	/* Two parameters of one file. */
	{ THREE "header_checks = regexp:%s/rules\nbody_checks = regexp:%s/rules\n",
	    "/x/ OK\nif /a/\n/y/ DUNNO\n", "", "warning rules:2: IF without ENDIF\n", 1 },
	{ THREE "header_checks = regexp:%s/rules\n", "/x/ BOGUS\n/y/ BOGUS\n", "",
	    "error rules:1: \"BOGUS\": BOGUS is no action\n"
	    "error rules:2: \"BOGUS\": BOGUS is no action\n",
	    0 },
	/* Known only when the destination is looked at. */
	{ THREE "body_checks = regexp:%s/rules\n", "/x/ FILTER carrier:[pigeon]\n", "",
	    "warning rules:1: FILTER carrier:[pigeon] will be answered with 451 4.3.5: " NO_HOP
	    "\n",
	    1 },
	{ THREE "filter_next_hop_maps = texthash:%s/map\n", "", "a b\na c\n",
	    "error t:5: filter_next_hop_maps: map, line 2: duplicate key \"a\"\n", 0 },
	/* The second takes the first one's value and was not set anywhere. */
	{ THREE "allowed_clients = 10.0.0.0/99\n", "", "",
	    "error t:5: allowed_clients: " NO_NET "\n"
	    "error t:0: smtpd_authorized_xforward_hosts: " NO_NET "\n",
	    0 },
	/* A listener's own value is told with its line, wherever else the parameter is set. */
	{ "listeners = { lmtp:127.0.0.1:1 }\n    { lmtp:127.0.0.1:2, next_hop = x:1 }\n"
	  "    { lmtp:127.0.0.1:3, next_hop = x:1 }\nnext_hop = smtp:[127.0.0.1]:25\n",
	    "", "",
	    "error t:2: next_hop: \"x:1\": " NO_HOP "\n"
	    "error t:3: next_hop: \"x:1\": " NO_HOP "\n",
	    0 },
	/* Who answers an MTA sends nothing on, but held mail that is released. */
	{ "listeners = { policy:127.0.0.1:1, next_hop = x:1 } { milter:127.0.0.1:2, next_hop = x:2 "
	  "}\n",
	    "", "", "error t:1: next_hop: \"x:2\": " NO_HOP "\n", 0 },
};

static void
write_file(const char *folder, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	free(path);
}

/* Without "FOLDER/". */
static char *
cut_folder(char *text, const char *folder)
{
	size_t n = strlen(folder) + 1;

	for (char *p = text; (p = strstr(p, folder)) != NULL;)
		memmove(p, p + n, strlen(p + n) + 1);
	return text;
}

static void
test_told_once(void **state)
{
	struct counters *counters = xcalloc(1, sizeof(*counters));

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		char *folder = tmpdir_make();
		char *text = xasprintf(cases[i].conf, folder, folder);
		struct buf told = { 0 };
		struct snapshot *s;
		struct conf *conf;
		char *got;

		write_file(folder, "rules", cases[i].rules);
		write_file(folder, "map", cases[i].map);
		conf = findings_load(text, &told);
		assert_non_null(conf);
		s = snapshot_build(conf, counters, findings_add, &told);
		got = cut_folder(buf_take(&told), folder);
		if (strcmp(got, cases[i].told) != 0)
			print_error("row %zu: \"%s\"\n", i, got);
		assert_string_equal(got, cases[i].told);
		assert_int_equal(s != NULL, cases[i].good);
		snapshot_unref(s);
		free(got);
		free(text);
		tmpdir_remove(folder);
	}
	free(counters);
}

#define ASKED  (DOOR_EDIT | DOOR_HOLD | DOOR_RCPTS)
#define RELAYS (DOOR_EDIT_SOME | DOOR_FILTER)

static void
test_next_hop_and_door(void **state)
{
	static const struct {
		const char *name, *next_hop;
		unsigned door;
	} listeners[] = {
		{ "smtp", "smtp:[127.0.0.1]:10026", ASKED | RELAYS },
		{ "lmtp", "smtp:[127.0.0.1]:10026",
		    ASKED | RELAYS | DOOR_REPLY_EACH | DOOR_AFTER_QUEUE },
		{ "policy", "", ASKED },
		/* The MTA has one copy of the message, and sends it where it likes. */
		{ "milter", "", ASKED },
		{ "release", "smtp:[::1]:25", ASKED },
	};
	struct counters *counters = xcalloc(1, sizeof(*counters));
	struct buf told = { 0 };
	struct conf *conf = findings_load(
	    "listeners = { smtp:127.0.0.1:1, name = smtp, role = before_queue }\n"
	    " { lmtp:127.0.0.1:2, name = lmtp } { policy:127.0.0.1:3, name = policy }\n"
	    " { milter:127.0.0.1:4, name = milter }\n"
	    " { milter:127.0.0.1:5, name = release, next_hop = smtp:[::1]:25 }\n",
	    &told);
	struct snapshot *s = snapshot_build(conf, counters, findings_add, &told);

	(void)state;
	assert_string_equal(buf_cstr(&told), "");
	assert_non_null(s);
	for (size_t i = 0; i < nitems(listeners); i++) {
		const struct snap_listener *l = snapshot_listener_by_name(s, listeners[i].name);

		assert_non_null(l);
		assert_string_equal(l->next_hop.text, listeners[i].next_hop);
		assert_int_equal(l->plan.door, listeners[i].door);
	}
	snapshot_unref(s);
	buf_fini(&told);
	free(counters);
}

/* Whether a listener has anything to ask: without, no trace of its transactions is kept. */
static void
test_asks(void **state)
{
	static const struct {
		const char *listener;
		int asks;
	} rows[] = {
		{ "lmtp:127.0.0.1:1", 0 },
		{ "smtp:127.0.0.1:1, role = before_queue", 0 },
		/* A listener of an MTA must refuse to relay. */
		{ "smtp:127.0.0.1:1, role = mta, { smtpd_relay_restrictions = reject }", 1 },
		{ "lmtp:127.0.0.1:1, { smtpd_client_restrictions = reject }", 1 },
		{ "lmtp:127.0.0.1:1, { content_restrictions = permit }", 1 },
		{ "lmtp:127.0.0.1:1, { smtpd_reject_unlisted_recipient = yes }", 1 },
		{ "lmtp:127.0.0.1:1, { smtpd_reject_unlisted_sender = yes }", 1 },
		{ "lmtp:127.0.0.1:1, { body_checks = inline:{ { x = DUNNO } } }", 1 },
		/* A class that no list names is asked by nobody. */
		{ "lmtp:127.0.0.1:1, name = other", 0 },
	};
	struct counters *counters = xcalloc(1, sizeof(*counters));

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		/* Not every machine has the default's /etc/aliases. */
		char *text = xasprintf("listeners = { %s }\nc = reject\nalias_maps =\n"
				       "smtpd_restriction_classes = c\n",
		    rows[i].listener);
		struct buf told = { 0 };
		struct conf *conf = findings_load(text, &told);
		struct snapshot *s;

		if (conf == NULL)
			print_error("row %zu: %s\n", i, buf_cstr(&told));
		assert_non_null(conf);
		s = snapshot_build(conf, counters, findings_add, &told);
		if (s == NULL || snapshot_listener(s, 0)->asks != rows[i].asks)
			print_error("row %zu: %s\n", i, buf_cstr(&told));
		assert_non_null(s);
		assert_int_equal(snapshot_listener(s, 0)->asks, rows[i].asks);
		snapshot_unref(s);
		buf_fini(&told);
		free(text);
	}
	free(counters);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_next_hop_and_door),
		cmocka_unit_test(test_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
