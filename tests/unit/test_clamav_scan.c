/* The virus scan with libclamav: what is found, what is beyond limits, and what cannot be scanned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "tests/lib/plugin_driver.h"
#include "tests/lib/virus_world.h"

struct world {
	struct virus_world w;
	struct driver *d;
};

static int
setup(void **state)
{
	struct world *t = xcalloc(1, sizeof(*t));

	world_make(&t->w);
	world_eicar_database(&t->w);
	t->d = driver_new("clamav");
	driver_set(t->d, "clamav_database", t->w.db);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct world *t = *state;

	driver_free(t->d);
	world_remove(&t->w);
	free(t);
	return 0;
}

static void
start(struct world *t)
{
	if (driver_scan_open(t->d) == -1)
		fail_msg("%s", driver_why(t->d));
	if (driver_scan_begin(t->d, t->w.tmp) == -1)
		fail_msg("%s", driver_why(t->d));
}

static const struct driver_said *
scan(struct world *t, const char *name, const void *octets, size_t n)
{
	const struct attachment a = { name, octets, n };

	message_give(t->d, &a, 1);
	return driver_scan(t->d, "virus");
}

static void
assert_fact(const struct driver_said *s, const char *fact)
{
	if (driver_said_fact(s, fact))
		return;
	for (size_t i = 0; i < s->nfacts; i++)
		print_message("fact %s\n", s->facts[i]);
	fail_msg("no fact %s (failed: %s)", fact, s->failed == NULL ? "no" : s->failed);
}

static void
assert_failed(const struct driver_said *s, const char *why)
{
	if (s->failed == NULL)
		fail_msg("it did not fail: %s", s->nfacts > 0 ? s->facts[0] : "");
	if (strstr(s->failed, why) == NULL)
		fail_msg("failed with \"%s\", not \"%s\"", s->failed, why);
	assert_fact(s, "clamav=error");
	assert_false(driver_said_fact(s, "clamav=clean"));
	assert_true(driver_said_count(s, "clamav_failed=1"));
}

/* --- what is found --- */

static void
test_finds(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	s = scan(t, "e.com", eicar(), strlen(eicar()));
	assert_null(s->failed);
	assert_fact(s, "virus=" EICAR_NAME);
	assert_int_equal(s->nfacts, 1);
	assert_true(driver_said_key(s, EICAR_NAME));
	assert_true(driver_said_count(s, "clamav_found=1"));
	assert_true(driver_said_count(s, "clamav_scanned=1"));
}

static void
test_clean(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	s = scan(t, "words.bin", "nothing to be found here", 24);
	assert_null(s->failed);
	assert_fact(s, "clamav=clean");
	assert_int_equal(s->nfacts, 1);
	assert_int_equal(s->nkeys, 0);
	/* All its parts were seen: none was scanned again. */
	assert_int_equal(s->ncounts, 1);
	assert_true(driver_said_count(s, "clamav_scanned=1"));
}

/* What is in libclamav's cache of clean files brings no callbacks the next time. */
static void
test_again(void **state)
{
	struct world *t = *state;

	start(t);
	for (int i = 0; i < 3; i++)
		assert_fact(scan(t, "words.bin", "nothing to be found here", 24), "clamav=clean");
}

static void
test_archive(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;
	struct buf zip = { 0 };

	start(t);
	zip_store(&zip, "e.com", eicar(), strlen(eicar()), 0);
	s = scan(t, "e.zip", zip.p, zip.len);
	assert_fact(s, "virus=" EICAR_NAME);
	buf_fini(&zip);
}

static void
test_two_signatures(void **state)
{
	struct world *t = *state;
	const struct attachment a[] = { { "a.bin", "first-bad-thing-here", 20 },
		{ "b.bin", "second-bad-thing-here", 21 } };
	const struct driver_said *s;

	world_database(&t->w, "two.ndb",
	    "Two.First:0:*:66697273742d6261642d7468696e67\n"
	    "Two.Second:0:*:7365636f6e642d6261642d7468696e67\n");
	start(t);
	message_give(t->d, a, nitems(a));
	s = driver_scan(t->d, "virus");
	assert_fact(s, "virus=Two.First.UNOFFICIAL");
	assert_int_equal(s->nfacts, 1);

	driver_set(t->d, "clamav_all_matches", "yes");
	start(t);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "virus=Two.First.UNOFFICIAL");
	assert_fact(s, "virus=Two.Second.UNOFFICIAL");
	assert_int_equal(s->nfacts, 2);
}

static void
test_encrypted(void **state)
{
	struct world *t = *state;
	const struct attachment both[] = { { "x.zip", NULL, 0 }, { "e.com", NULL, 0 } };
	struct attachment a[nitems(both)];
	const struct driver_said *s;
	struct buf zip = { 0 };

	start(t);
	zip_store(&zip, "x.com", "twelve octet header and then some", 33, 1);
	s = scan(t, "x.zip", zip.p, zip.len);
	assert_null(s->failed);
	assert_fact(s, "clamav=encrypted:Zip");
	assert_false(driver_said_fact(s, "clamav=clean"));
	assert_true(driver_said_key(s, "Heuristics.Encrypted.Zip"));
	assert_int_equal(s->nfacts, 1);

	/* What is behind it is looked at all the same, and nothing of it is lost. */
	memcpy(a, both, sizeof(a));
	a[0].octets = zip.p;
	a[0].n = zip.len;
	a[1].octets = eicar();
	a[1].n = strlen(eicar());
	message_give(t->d, a, nitems(a));
	s = driver_scan(t->d, "virus");
	assert_fact(s, "virus=" EICAR_NAME);
	assert_fact(s, "clamav=encrypted:Zip");
	buf_fini(&zip);
}

#define OCTETS(text)                                                                               \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	const char *octets;
	size_t n;
} unopened[] = {
	OCTETS("Rar!\x1a\a\0 what is in it nobody knows"),
	OCTETS("PK\3\4 and then nothing that belongs there"),
};

/* An archive out of which nothing comes is not clean. */
static void
test_unopened(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;
	struct buf zip = { 0 };

	start(t);
	for (size_t i = 0; i < nitems(unopened); i++) {
		s = scan(t, "x.bin", unopened[i].octets, unopened[i].n);
		assert_null(s->failed);
		assert_fact(s, "clamav=encrypted:Unopened");
		assert_int_equal(s->nfacts, 1);
	}
	/* One that can be opened, also when it has been clean before. */
	zip_store(&zip, "words.txt", "words in an archive", 19, 0);
	for (int i = 0; i < 2; i++) {
		s = scan(t, "x.zip", zip.p, zip.len);
		assert_fact(s, "clamav=clean");
		assert_int_equal(s->nfacts, 1);
	}
	buf_fini(&zip);
}

/* What libclamav remembers as clean is no reason to call it so in another message. */
static void
test_unopened_again(void **state)
{
	static const char *const others[] = { "the first message", "another one", "a third" };
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	for (size_t i = 0; i < nitems(unopened); i++) {
		struct buf zip = { 0 };

		zip_store(&zip, "x.bin", unopened[i].octets, unopened[i].n, 0);
		for (size_t k = 0; k < nitems(others); k++) {
			const struct attachment a[] = { { "a.bin", others[k], strlen(others[k]) },
				{ "x.bin", unopened[i].octets, unopened[i].n } };
			const struct attachment z[] = { a[0], { "x.zip", zip.p, zip.len } };

			message_give(t->d, k < 2 ? a : z, nitems(a));
			s = driver_scan(t->d, "virus");
			assert_null(s->failed);
			assert_fact(s, "clamav=encrypted:Unopened");
			assert_int_equal(s->nfacts, 1);
		}
		/* The archive that it is in, by then seen before. */
		message_give(t->d, &(struct attachment){ "y.zip", zip.p, zip.len }, 1);
		assert_fact(driver_scan(t->d, "virus"), "clamav=encrypted:Unopened");
		buf_fini(&zip);
	}
}

/* A part that libclamav does not come to by itself: here, one that is not in the message. */
static void
test_extra_part(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	scan(t, "a.bin", "nothing to be found here", 24);
	driver_part(t->d, "application/x-hidden", eicar(), strlen(eicar()));
	s = driver_scan(t->d, "virus");
	assert_fact(s, "virus=" EICAR_NAME);
	assert_true(driver_said_count(s, "clamav_extra_parts=1"));

	scan(t, "a.bin", "nothing to be found here", 24);
	driver_part(t->d, "application/x-hidden", "some other octets", 17);
	driver_part(t->d, "multipart/mixed", "what holds others", 17);
	driver_part(t->d, "text/plain", "\r\n\r\n\r\n\r\n", 8);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "clamav=clean");
	assert_true(driver_said_count(s, "clamav_extra_parts=1"));
}

/* What is called a container and could not be taken apart is a part as any other. */
static void
test_odd_container(void **state)
{
	static const char *const types[] = { "multipart/mixed", "message/rfc822",
		"message/global" };
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	for (size_t i = 0; i < nitems(types); i++) {
		scan(t, "a.bin", "nothing to be found here", 24);
		driver_part(t->d, types[i], eicar(), strlen(eicar()));
		driver_odd_part(t->d);
		s = driver_scan(t->d, "virus");
		assert_fact(s, "virus=" EICAR_NAME);
		assert_true(driver_said_count(s, "clamav_extra_parts=1"));
	}
}

/* Of a part only the beginning is there: what libclamav had in hand may begin so. */
static void
test_cut_part(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	scan(t, "a.bin", "nothing to be found here", 24);
	driver_part(t->d, "application/octet-stream", "nothing to be", 13);
	driver_cut_part(t->d);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "clamav=clean");
	assert_int_equal(s->ncounts, 1);

	driver_part(t->d, "application/octet-stream", "anything to be", 14);
	driver_cut_part(t->d);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "clamav=limit:PartSize");
	assert_true(driver_said_count(s, "clamav_extra_parts=1"));
}

/* There may be more parts than are told. */
static void
test_more_parts(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;

	start(t);
	scan(t, "a.bin", "nothing to be found here", 24);
	driver_more_parts(t->d);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "clamav=limit:Parts");
	assert_int_equal(s->nfacts, 1);
}

/* --- limits --- */

static void
nest(struct buf *out, int depth)
{
	struct buf inner = { 0 };

	zip_store(&inner, "words.txt", "words in an archive", 19, 0);
	for (int i = 1; i < depth; i++) {
		struct buf next = { 0 };

		zip_store(&next, "inner.zip", inner.p, inner.len, 0);
		buf_fini(&inner);
		inner = next;
	}
	*out = inner;
}

static const struct limit_case {
	const char *parameter, *value;
	int depth;      /* of archives in each other; 0: ... */
	size_t members; /* ... an archive with these; 0: ... */
	size_t size;    /* ... a file of this size */
	const char *fact;
} limit_cases[] = {
	{ "clamav_max_recursion", "4", 6, 0, 0, "clamav=limit:MaxRecursion" },
	{ "clamav_max_files", "5", 0, 20, 0, "clamav=limit:MaxFiles" },
	{ "clamav_max_file_size", "4k", 0, 0, 10000, "clamav=limit:MaxFileSize" },
	{ "clamav_max_scan_size", "4k", 0, 0, 10000, "clamav=limit:MaxScanSize" },
	/* None is reached. */
	{ "clamav_max_recursion", "17", 6, 0, 0, "clamav=clean" },
	{ "clamav_max_files", "100", 0, 20, 0, "clamav=clean" },
	/* Limits are told of without heuristics too. */
	{ "clamav_heuristic_alerts", "no", 30, 0, 0, "clamav=limit:MaxRecursion" },
};

static void
test_limits(void **state)
{
	struct world *t = *state;

	for (size_t i = 0; i < nitems(limit_cases); i++) {
		const struct limit_case *c = &limit_cases[i];
		const struct driver_said *s;
		struct buf b = { 0 };
		struct driver *d = t->d;

		t->d = driver_new("clamav");
		driver_set(t->d, "clamav_database", t->w.db);
		driver_set(t->d, c->parameter, c->value);
		if (c->depth > 0)
			nest(&b, c->depth);
		else if (c->members > 0)
			zip_many(&b, c->members);
		else
			memset(buf_reserve(&b, c->size), 'x', c->size), b.len = c->size;
		start(t);
		s = scan(t, "limit.bin", b.p, b.len);
		assert_null(s->failed);
		assert_fact(s, c->fact);
		assert_int_equal(s->nfacts, 1);
		assert_int_equal(driver_said_count(s, "clamav_limits=1"),
		    strncmp(c->fact, "clamav=limit", 12) == 0);
		buf_fini(&b);
		driver_free(t->d);
		t->d = d;
	}
}

/* A limit before the virus does not hide it. */
static void
test_limit_and_virus(void **state)
{
	struct world *t = *state;
	struct attachment a[2] = { { "deep.zip", NULL, 0 }, { "e.com", eicar(), strlen(eicar()) } };
	const struct driver_said *s;
	struct buf b = { 0 };

	driver_set(t->d, "clamav_max_recursion", "4");
	start(t);
	nest(&b, 8);
	a[0].octets = b.p;
	a[0].n = b.len;
	message_give(t->d, a, 2);
	s = driver_scan(t->d, "virus");
	assert_fact(s, "virus=" EICAR_NAME);
	assert_fact(s, "clamav=limit:MaxRecursion");
	buf_fini(&b);
}

static void
test_time(void **state)
{
	struct world *t = *state;
	const struct driver_said *s;
	struct buf b = { 0 };
	const size_t size = 30 << 20;

	start(t);
	for (size_t i = 0; i < size; i += 8)
		buf_add(&b, (uint64_t[]){ i * 2654435761u }, 8);
	/* What is left of the message's time is less than the parameter. */
	driver_time_left(t->d, 1);
	s = scan(t, "long.bin", b.p, b.len);
	assert_null(s->failed);
	assert_fact(s, "clamav=timeout");
	assert_true(driver_said_key(s, "Heuristics.Limits.Exceeded.MaxScanTime"));
	assert_true(driver_said_count(s, "clamav_failed=1"));
	buf_fini(&b);
}

/* --- databases --- */

static void
test_no_database(void **state)
{
	struct world *t = *state;

	driver_set(t->d, "clamav_database", "/nowhere/db");
	assert_int_equal(driver_scan_open(t->d), -1);
	assert_string_equal(driver_why(t->d), "/nowhere/db: there is no database");
	assert_null(driver_engine(t->d));
	assert_int_equal(driver_scan_changed(t->d), 0);
}

static void
test_empty_folder(void **state)
{
	struct world *t = *state;

	world_database(&t->w, "test.ndb", NULL);
	assert_int_equal(driver_scan_open(t->d), -1);
	assert_non_null(strstr(driver_why(t->d), "there is no database"));
	/* One that appears is news. */
	assert_int_equal(driver_scan_changed(t->d), 0);
	world_eicar_database(&t->w);
	assert_int_equal(driver_scan_changed(t->d), 1);
	start(t);
	assert_fact(scan(t, "e.com", eicar(), strlen(eicar())), "virus=" EICAR_NAME);
}

static const struct {
	const char *name, *text;
	const char *why; /* a part of it */
} bad_databases[] = {
	{ "test.ndb", "", "Empty database file" },
	{ "test.ndb", "# a comment alone\n", "there is no signature in it" },
	{ "test.ndb", "Test.Eicar:0:*", "Malformed database" },
	{ "test.ndb", "Test.Eicar:0:*:58354f", NULL }, /* short, and whole */
	{ "test.ndb", "Test.Eicar:0:*:58354", "Malformed database" },
	{ "main.cvd", "ClamAV-VDB:16 Sep 2021 08-32 -0400:62", "CVD" },
	{ "main.cld", "", "CVD" },
	{ "test.txt", "nothing that libclamav reads", "there is no database" },
	/* The canary's signature is taken away. */
	{ "local.ign2", "Filterd.Canary\n", "the canary was not found" },
};

static void
test_bad_databases(void **state)
{
	struct world *t = *state;

	for (size_t i = 0; i < nitems(bad_databases); i++) {
		if (strcmp(bad_databases[i].name, "local.ign2") == 0)
			world_eicar_database(&t->w);
		else
			world_database(&t->w, "test.ndb", "");
		world_database(&t->w, bad_databases[i].name, bad_databases[i].text);
		if (strstr(bad_databases[i].name, ".txt") != NULL)
			world_database(&t->w, "test.ndb", NULL);
		if (bad_databases[i].why == NULL) {
			assert_int_equal(driver_scan_open(t->d), 0);
		} else {
			assert_int_equal(driver_scan_open(t->d), -1);
			if (strstr(driver_why(t->d), bad_databases[i].why) == NULL)
				fail_msg("row %zu: \"%s\", not \"%s\"", i, driver_why(t->d),
				    bad_databases[i].why);
			assert_null(driver_engine(t->d));
		}
		if (strcmp(bad_databases[i].name, "test.ndb") != 0)
			world_database(&t->w, bad_databases[i].name, NULL);
	}
}

static void
test_changed(void **state)
{
	struct world *t = *state;

	start(t);
	assert_int_equal(driver_scan_changed(t->d), 0);
	world_database(&t->w, "more.ndb", "More.One:0:*:6d6f72652d6f6e65\n");
	assert_int_equal(driver_scan_changed(t->d), 1);
	/* Each change is told of once. */
	assert_int_equal(driver_scan_changed(t->d), 0);
	/* What freshclam keeps there is no database. */
	world_database(&t->w, "freshclam.dat", "0");
	assert_int_equal(driver_scan_changed(t->d), 0);
	/* Twice within a second, with the same size. */
	world_database(&t->w, "more.ndb", "More.Two:0:*:6d6f72652d74776f\n");
	assert_int_equal(driver_scan_changed(t->d), 1);
	world_database(&t->w, "more.ndb", NULL);
	assert_int_equal(driver_scan_changed(t->d), 1);
	assert_int_equal(driver_scan_changed(t->d), 0);
}

static void
test_one_file(void **state)
{
	struct world *t = *state;
	char *path = xasprintf("%s/test.ndb", t->w.db);

	driver_set(t->d, "clamav_database", path);
	start(t);
	assert_fact(scan(t, "e.com", eicar(), strlen(eicar())), "virus=" EICAR_NAME);
	free(path);
}

static void
test_describe(void **state)
{
	struct world *t = *state;
	char text[200];

	start(t);
	driver_plugin(t->d)->scan_describe(driver_engine(t->d), text, sizeof(text));
	assert_int_equal(strncmp(text, "signatures=1 version=", 21), 0);
}

static const struct {
	const char *name, *text, *found;
} kinds_of_database[] = {
	{ "a.ndb", "A.Ndb:0:*:6261642d7468696e67\n", "virus=A.Ndb.UNOFFICIAL" },
	{ "a.ldb", "A.Ldb;Engine:51-255,Target:0;0&1;6261642d;7468696e67\n",
	    "virus=A.Ldb.UNOFFICIAL" },
	{ "a.hdb", "e202058d38bb2bc2312dee2650f22451:9:A.Hdb\n", "virus=A.Hdb.UNOFFICIAL" },
	{ "a.hdb", "e202058d38bb2bc2312dee2650f22452:9:A.Hdb\n", NULL }, /* of others */
	{ "a.yara", "rule bad_thing { strings: $a = \"bad-thing\" condition: $a }\n",
	    "virus=YARA.bad_thing.UNOFFICIAL" },
	/* unwanted applications are loaded only when they are wanted */
	{ "a.ndu", "PUA.Tool.Thing:0:*:6261642d7468696e67\n", NULL },
};

static void
test_kinds_of_database(void **state)
{
	struct world *t = *state;

	for (size_t i = 0; i < nitems(kinds_of_database); i++) {
		const char *found = kinds_of_database[i].found;

		world_database(&t->w, kinds_of_database[i].name, kinds_of_database[i].text);
		start(t);
		assert_fact(
		    scan(t, "x.bin", "bad-thing", 9), found == NULL ? "clamav=clean" : found);
		world_database(&t->w, kinds_of_database[i].name, NULL);
	}
}

static const struct {
	const char *parameter, *value, *fact;
} unwanted_cases[] = {
	{ "clamav_detect_pua", "yes", "virus=PUA.Tool.Thing.UNOFFICIAL" },
	{ "clamav_include_pua", "Tool", "virus=PUA.Tool.Thing.UNOFFICIAL" },
	{ "clamav_include_pua", "Other, tool", "virus=PUA.Tool.Thing.UNOFFICIAL" },
	{ "clamav_include_pua", "Thing", "clamav=clean" }, /* the last word is no category */
	{ "clamav_include_pua", "Too", "clamav=clean" },
	{ "clamav_include_pua", "Other", "clamav=clean" },
	{ "clamav_exclude_pua", "Other", NULL }, /* both are set */
	{ "clamav_include_pua", "", "virus=PUA.Tool.Thing.UNOFFICIAL" },
	{ "clamav_exclude_pua", "Tool", "clamav=clean" },
};

/* Each row changes one parameter of the row before. */
static void
test_unwanted(void **state)
{
	struct world *t = *state;

	world_database(&t->w, "a.ndu", "PUA.Tool.Thing:0:*:6261642d7468696e67\n");
	for (size_t i = 0; i < nitems(unwanted_cases); i++) {
		driver_set(t->d, unwanted_cases[i].parameter, unwanted_cases[i].value);
		if (unwanted_cases[i].fact == NULL) {
			assert_int_equal(driver_scan_open(t->d), -1);
			assert_non_null(strstr(driver_why(t->d), "must not both be set"));
			continue;
		}
		start(t);
		assert_fact(scan(t, "x.bin", "bad-thing", 9), unwanted_cases[i].fact);
	}
}

/* --- heuristics --- */

/* An ELF file that ends in its header, and a picture that ends in its first block. */
static const char broken_elf[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0>\0\1\0\0\0\0\0@";
static const char broken_gif[] = "GIF89a\1\0\1\0\0\0\0,\0\0\0\0\377";

static const struct {
	const char *parameter;
	const char *octets;
	size_t n;
	const char *virus; /* its beginning */
} heuristics[] = {
	{ "clamav_alert_broken_executables", broken_elf, sizeof(broken_elf),
	    "Heuristics.Broken.Executable" },
	{ "clamav_alert_broken_media", broken_gif, sizeof(broken_gif) - 1,
	    "Heuristics.Broken.Media" },
};

static const struct driver_said *
scan_odd(struct world *t, size_t i)
{
	return scan(t, "x.bin", heuristics[i].octets, heuristics[i].n);
}

static void
test_heuristics(void **state)
{
	struct world *t = *state;

	for (size_t i = 0; i < nitems(heuristics); i++) {
		start(t);
		assert_fact(scan_odd(t, i), "clamav=clean");
		driver_set(t->d, heuristics[i].parameter, "yes");
		start(t);
		if (scan_odd(t, i)->nkeys != 1)
			fail_msg("%s found nothing", heuristics[i].parameter);
		assert_int_equal(strncmp(driver_scan(t->d, "virus")->keys[0], heuristics[i].virus,
				     strlen(heuristics[i].virus)),
		    0);
		driver_set(t->d, heuristics[i].parameter, "no");
	}
}

/* --- the temporary folder --- */

static void
test_folder_missing(void **state)
{
	struct world *t = *state;

	start(t);
	rmdir(t->w.tmp);
	assert_failed(scan(t, "w.bin", "nothing to be found here", 24), "temporary directory");
	assert_int_equal(driver_scan_begin(t->d, t->w.tmp), -1);
	assert_non_null(strstr(driver_why(t->d), "No such file"));
	/* It is there again, and no clean of before is believed. */
	mkdir(t->w.tmp, 0700);
	start(t);
	assert_fact(scan(t, "w.bin", "nothing to be found here", 24), "clamav=clean");
}

/* Root may write anywhere, so it is somebody else here. */
static void
test_folder_of_another(void **state)
{
	struct world *t = *state;
	int is_root = geteuid() == 0;
	const struct driver_said *s;

	start(t);
	assert_int_equal(chmod(t->w.folder, 0755), 0);
	assert_int_equal(is_root ? seteuid(65534) : chmod(t->w.tmp, 0500), 0);
	s = scan(t, "w.bin", "nothing to be found here", 24);
	assert_int_equal(is_root ? seteuid(0) : chmod(t->w.tmp, 0700), 0);
	assert_failed(s, "temporary directory");
}

/* A small file system of its own, for root. */
static int
mount_small(struct world *t)
{
	return mount("none", t->w.tmp, "tmpfs", 0, "size=256k,mode=0700");
}

static void
fill(struct world *t, size_t octets)
{
	char *path = xasprintf("%s/filler", t->w.tmp), *block = xcalloc(1, octets);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	fwrite(block, 1, octets, f);
	fclose(f);
	free(block);
	free(path);
}

/* A full folder is where libclamav says nothing at all: what fits a buffer of the C library is lost
 * when the file is closed. */
static void
test_folder_full(void **state)
{
	struct world *t = *state;
	struct buf big = { 0 };

	start(t);
	if (mount_small(t) == -1) {
		print_message("no tmpfs can be mounted here\n");
		skip();
	}
	start(t);
	assert_fact(scan(t, "w.bin", "nothing to be found here", 24), "clamav=clean");
	fill(t, 256 << 10);
	assert_failed(scan(t, "w.bin", "nothing to be found here", 24), "is full");

	/* It is the message that fills it. */
	umount2(t->w.tmp, MNT_DETACH);
	assert_int_equal(mount_small(t), 0);
	start(t);
	for (size_t i = 0; i < 300000; i += 8)
		buf_add(&big, (uint64_t[]){ i * 2654435761u }, 8);
	assert_failed(scan(t, "big.bin", big.p, big.len), "");
	driver_scan_close(t->d);
	umount2(t->w.tmp, MNT_DETACH);
	buf_fini(&big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encrypted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unopened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unopened_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extra_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_and_virus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_databases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds_of_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heuristics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_describe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
