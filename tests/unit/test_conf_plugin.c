/* plugin_file and conf_plugin, with the plugins of tests/lib/plugin_module.c */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "conf/plugin_file.h"
#include "plugins/filterd_plugin.h"
#include "tests/lib/findings.h"
#include "tests/lib/tmpdir.h"

static char folder[PATH_MAX], *copies;

static void
find_folder(void)
{
	const char *build = getenv("FILTERD_BUILD_DIR");
	char *path = xasprintf("%s/tests/modules", build == NULL ? "." : build);

	/* The folders above that of the build may be anybody's. */
	copies = tmpdir_of_copies(path, ".so");
	snprintf(folder, sizeof(folder), "%s", copies);
	free(path);
}

/* Text with DIR for the folder, as tests are written, with the folder itself. */
static char *
filled(const char *text)
{
	struct buf b = { 0 };
	const char *at;

	for (; (at = strstr(text, "DIR")) != NULL; text = at + 3)
		buf_printf(&b, "%.*s%s", (int)(at - text), text, folder);
	buf_printf(&b, "%s", text);
	return buf_take(&b);
}

/* --- plugin_file --- */

static const struct {
	const char *name, *told; /* NULL: it is one */
} file_cases[] = {
	{ "good", NULL },
	{ "plain", NULL },
	{ "nowhere", "plugin nowhere: DIR/nowhere.so: No such file or directory" },
	{ "folder", "plugin folder: DIR/folder.so: must be a file" },
	{ "no_plugin", "plugin no_plugin: DIR/no_plugin.so: file too short" },
	{ "open_to_all", "plugin open_to_all: DIR/open_to_all.so: must not be writable by others "
			 "than its owner" },
	{ "no_symbol", "plugin no_symbol: DIR/no_symbol.so: has no symbol filterd_plugin: it is "
		       "no plugin of filterd" },
	{ "small_symbol", "plugin small_symbol: DIR/small_symbol.so: symbol filterd_plugin is no "
			  "struct filterd_plugin" },
	{ "other_name",
	    "plugin other_name: DIR/other_name.so: is plugin \"somebody\", and its file must be "
	    "named so" },
	{ "bad_row", "plugin bad_row: DIR/bad_row.so: parameter bad_row_X: must be small letters, "
		     "digits and _" },
	{ "no_library", "plugin no_library: DIR/no_library.so: libgone.so.1: cannot open shared "
			"object file: No such file or directory" },
	{ "no_function",
	    "plugin no_function: DIR/no_function.so: undefined symbol: nobody_has_this" },
	{ "", "plugin \"\": a name must be at most 40 small letters, digits and _, a letter "
	      "first" },
	{ "../good", "plugin \"../good\": a name must be at most 40 small letters, digits and _, "
		     "a letter first" },
	{ "Good", "plugin \"Good\": a name must be at most 40 small letters, digits and _, a "
		  "letter first" },
	{ "_good", "plugin \"_good\": a name must be at most 40 small letters, digits and _, a "
		   "letter first" },
};

static void
make_odd_files(void)
{
	char *path = filled("DIR/folder.so");
	FILE *f;

	assert_true(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
	free(path);
	path = filled("DIR/no_plugin.so");
	assert_non_null(f = fopen(path, "w"));
	fclose(f);
	free(path);
	path = filled("DIR/open_to_all.so");
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(chmod(path, 0666), 0);
	fclose(f);
	free(path);
}

static void
remove_odd_files(void)
{
	static const char *const names[] = { "no_plugin", "open_to_all" };
	char *path = filled("DIR/folder.so");

	rmdir(path);
	free(path);
	for (size_t i = 0; i < nitems(names); i++) {
		path = xasprintf("%s/%s.so", folder, names[i]);
		unlink(path);
		free(path);
	}
}

static void
test_file(void **state)
{
	(void)state;
	make_odd_files();
	for (size_t i = 0; i < nitems(file_cases); i++) {
		const char *name = file_cases[i].name;
		struct err err;
		const struct filterd_plugin *p = plugin_file_open(folder, name, &err);
		char *want;

		if (file_cases[i].told == NULL) {
			assert_non_null(p);
			assert_string_equal(p->name, name);
			/* Opened again it is the same, for it was not closed. */
			assert_ptr_equal(plugin_file_open(folder, name, &err), p);
			continue;
		}
		want = filled(file_cases[i].told);
		assert_null(p);
		assert_int_equal(err.class, ERR_CONFIG);
		assert_string_equal(err.text, want);
		free(want);
	}
	remove_odd_files();
}

/* Who may write the folder or the file, or change who may, decides what root's process loads. */
static void
test_owner(void **state)
{
	static const struct {
		uid_t folder, file;
		mode_t folder_mode, file_mode;
		const char *told; /* NULL: it goes on */
	} cases[] = {
		{ 0, 0, 0755, 0644, NULL },
		{ 0, 0, 0700, 0400, NULL },
		{ 0, 0, 0775, 0644, "its folder: must not be writable by others than its owner" },
		{ 0, 0, 01777, 0644, "its folder: must not be writable by others than its owner" },
		{ 0, 0, 0755, 0664, "must not be writable by others than its owner" },
		{ 0, 0, 0755, 0646, "must not be writable by others than its owner" },
		{ 4711, 0, 0755, 0644,
		    "its folder: belongs to uid 4711, and must belong to root or to who filterd "
		    "runs "
		    "as" },
		{ 0, 4711, 0755, 0644,
		    "belongs to uid 4711, and must belong to root or to who filterd runs as" },
	};
	char *tmpdir = tmpdir_make(), *path;
	FILE *f;

	(void)state;
	path = xasprintf("%s/x.so", tmpdir);
	assert_non_null(f = fopen(path, "w"));
	fclose(f);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct err err;
		char *want;

		if (geteuid() != 0 && (cases[i].folder != 0 || cases[i].file != 0))
			continue; /* only root can give them away */
		if (geteuid() == 0) {
			assert_int_equal(chown(tmpdir, cases[i].folder, 0), 0);
			assert_int_equal(chown(path, cases[i].file, 0), 0);
		}
		assert_int_equal(chmod(path, cases[i].file_mode), 0);
		assert_int_equal(chmod(tmpdir, cases[i].folder_mode), 0);
		want = xasprintf("plugin x: %s: %s", path,
		    cases[i].told == NULL ? "file too short" : cases[i].told);
		assert_null(plugin_file_open(tmpdir, "x", &err));
		assert_string_equal(err.text, want);
		free(want);
	}
	free(path);
	tmpdir_remove(tmpdir);
}

/* The same of those above it, where links lead as well; in a sticky one nobody but its owner and
 * the folder's can put another folder in its place. */
static void
test_above(void **state)
{
	static const struct {
		const char *path;    /* below T, which is open to all when mode is not 0755 */
		const char *changed; /* below T, "" for T itself */
		uid_t owner;
		mode_t mode;
		const char *told; /* NULL: it goes on */
	} cases[] = {
		{ "a/b/p", "a", 0, 0755, NULL },
		{ "a/b/p", "a/b", 0, 0775, "must not be writable by others than its owner" },
		{ "a/b/p", "a", 0, 0757, "must not be writable by others than its owner" },
		{ "a/b/p", "", 0, 0777, "must not be writable by others than its owner" },
		{ "a/b/p", "a", 0, 01777, NULL },
		{ "a/b/p/../p", "a", 0, 0777, "must not be writable by others than its owner" },
		{ "links/p", "a", 0, 0777, "must not be writable by others than its owner" },
		{ "links/p", "links", 0, 0777, "must not be writable by others than its owner" },
		{ "links/p", "links", 0, 0755, NULL },
		{ "a/b/p", "a", 4711, 0755,
		    "belongs to uid 4711, and must belong to root or to who filterd runs as" },
		/* Who owns it may change what stands in it, whatever the mode is now. */
		{ "a/b/p", "a", 4711, 01777,
		    "belongs to uid 4711, and must belong to root or to who filterd runs as" },
	};
	char *top = tmpdir_make(), *file;
	FILE *f;

	(void)state;
	file = xasprintf("mkdir -p %s/a/b/p %s/links && ln -s ../a/b/p %s/links/p", top, top, top);
	assert_int_equal(system(file), 0);
	free(file);
	file = xasprintf("%s/a/b/p/x.so", top);
	assert_non_null(f = fopen(file, "w"));
	fclose(f);
	for (size_t i = 0; i < nitems(cases); i++) {
		char *changed = xasprintf(
		    "%s%s%s", top, cases[i].changed[0] == '\0' ? "" : "/", cases[i].changed);
		char *path = xasprintf("%s/%s", top, cases[i].path), *want;
		struct err err;

		if (geteuid() == 0)
			assert_int_equal(chown(changed, cases[i].owner, 0), 0);
		else if (cases[i].owner != 0)
			continue;
		assert_int_equal(chmod(changed, cases[i].mode), 0);
		want = cases[i].told == NULL ? xasprintf("plugin x: %s/x.so: file too short", path)
					     : xasprintf("plugin x: %s/x.so: folder %s: %s", path,
						   changed, cases[i].told);
		assert_null(plugin_file_open(path, "x", &err));
		assert_string_equal(err.text, want);
		if (geteuid() == 0)
			assert_int_equal(chown(changed, 0, 0), 0);
		assert_int_equal(chmod(changed, 0755), 0);
		free(want);
		free(path);
		free(changed);
	}
	free(file);
	tmpdir_remove(top);
}

/* Both numbers are told, so that one sees which side is older. */
static void
test_abi_and_size(void **state)
{
	struct err err;
	char *want;

	(void)state;
	assert_null(plugin_file_open(folder, "other_abi", &err));
	want = xasprintf(
	    "plugin other_abi: %s/other_abi.so: has ABI %d, and this filterd has ABI %d: it must "
	    "be compiled again with this filterd's filterd_plugin.h",
	    folder, FILTERD_PLUGIN_ABI + 1, FILTERD_PLUGIN_ABI);
	assert_string_equal(err.text, want);
	free(want);
	assert_null(plugin_file_open(folder, "other_size", &err));
	want = xasprintf("plugin other_size: %s/other_size.so: its struct filterd_plugin has %zu "
			 "octets, expected %zu: it must be compiled again with this filterd's "
			 "filterd_plugin.h",
	    folder, sizeof(struct filterd_plugin) - 8, sizeof(struct filterd_plugin));
	assert_string_equal(err.text, want);
	free(want);
	/* A size that is told and not there. */
	assert_null(plugin_file_open(folder, "short_symbol", &err));
	assert_non_null(strstr(err.text, "short_symbol.so: its struct filterd_plugin has "));
}

/* --- conf --- */

#define HEAD "plugin_directory = DIR\nmyhostname = h.example\n"
#define L1   "listeners = { lmtp:127.0.0.1:10025"

static const struct {
	const char *text, *told;
} conf_cases[] = {
	{ HEAD "plugins = good plain\n", "" },
	{ HEAD "plugins = ,good,\n\n  plain\n", "" },
	{ HEAD "a = good\nplugins = $a\n", "" },
	/* The folder is not looked at without need. */
	{ "plugin_directory = nowhere\n", "" },
	{ "plugin_directory = nowhere\nplugins = ,\n", "" },
	{ "plugins = good\nplugin_directory = nowhere\n",
	    "error t:2: plugin_directory: \"nowhere\" must be an absolute path\n" },
	{ HEAD "plugins = good,\n  nowhere,\n  Plain\n",
	    "error t:4: plugins: plugin nowhere: DIR/nowhere.so: No such file or directory\n"
	    "error t:5: plugins: plugin \"Plain\": a name must be at most 40 small letters, "
	    "digits and _, a letter first\n" },
	/* A plugin is none of Postfix's mistakes. */
	{ HEAD "config_errors = postfix\nplugins = nowhere\n",
	    "error t:4: plugins: plugin nowhere: DIR/nowhere.so: No such file or directory\n" },
	{ HEAD "plugins = good plain\n  good\n",
	    "error t:4: plugins: good must be there only once\n" },
	{ HEAD "plugins = good same_restriction\n",
	    "error t:3: plugin same_restriction: restriction reject_good is plugin good's "
	    "already\n" },
	{ HEAD "plugins = plain same_table\n",
	    "error t:3: plugin same_table: table type plaintype is plugin plain's already\n" },
	{ HEAD "plugins = plain plain_more\n",
	    "error t:3: plugin plain_more: parameter plain_more_x is another plugin's already\n" },
	{ HEAD "plugins = $nobody\n",
	    "error t:3: plugins: refers to $nobody, which nobody defines\n" },
	/* --- its parameters --- */
	{ HEAD "plugins = good\ngood_int = 11\n",
	    "error t:4: good_int: found \"11\", expected at most 10\n" },
	{ HEAD "plugins = good\ngood_int = $b\nb = 11\n",
	    "error t:4: good_int: found \"11\", expected at most 10\n" },
	{ HEAD "plugins = good\ngood_text =\n",
	    "error t:4: good_text: found \"\", expected a value that is not empty\n" },
	{ HEAD "plugins = good\ngood_word = twoo\ngood_on_failure = drop\n",
	    "error t:4: good_word: found \"twoo\", expected one of: one two three; nearest: two\n"
	    "error t:5: good_on_failure: found \"drop\", expected one of: defer hold tag "
	    "accept\n" },
	{ HEAD "plugins = good\ngood_tmie = 1s\n",
	    "error t:4: good_tmie: is no parameter of filterd or Postfix, and nothing refers to "
	    "it; nearest: good_time\n" },
	/* Without it they are nobody's; with one that cannot be opened, that is told alone. */
	{ HEAD "good_time = 1s\n", "error t:3: good_time: is a parameter of plugin good, which "
				   "plugins does not name\n" },
	{ HEAD "other_good_time = 1s\n",
	    "error t:3: other_good_time: is no parameter of filterd or Postfix, "
	    "and nothing refers to it\n" },
	{ HEAD "plugins = nowhere\nnowhere_time = 1s\nnowhere_on_failure = tag\n",
	    "error t:3: plugins: plugin nowhere: DIR/nowhere.so: No such file or directory\n" },
	/* No restrictions, nothing that can fail. */
	{ HEAD "plugins = plain\nplain_on_failure = tag\n",
	    "error t:4: plain_on_failure: is no parameter of filterd or Postfix, and nothing "
	    "refers to it; nearest: urls_on_failure\n" },
	{ HEAD L1 ", good_time = 1s }\nplugins = good\n",
	    "error t:3: listeners: good_time: has one value for all of filterd and must be set "
	    "outside the listeners\n" },
	{ HEAD L1 ", plugins = good }\n",
	    "error t:3: listeners: plugins: has one value for all of filterd and must be set "
	    "outside the listeners\n" },
	{ HEAD L1 ", syslog_name = $good_text }\nplugins = good\n", "" },
};

static void
test_conf(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(conf_cases); i++) {
		struct buf told = { 0 };
		char *text = filled(conf_cases[i].text), *want = filled(conf_cases[i].told);
		struct conf *c = findings_load(text, &told);

		assert_string_equal(buf_cstr(&told), want);
		assert_int_equal(c == NULL, want[0] != '\0');
		conf_free(c);
		buf_fini(&told);
		free(text);
		free(want);
	}
}

static const struct filterd_value *
value(const struct conf_plugin *p, const char *name)
{
	for (size_t i = 0; p->def->params[i].name != NULL; i++)
		if (strcmp(p->def->params[i].name, name) == 0)
			return &p->values[i];
	fail_msg("no parameter %s", name);
	return NULL;
}

static const struct {
	const char *set, *name, *text;
	int64_t number;
} value_cases[] = {
	{ "", "good_text", "from h.example", 0 },
	{ "good_text = $good_word+${good_int}\n", "good_text", "two+-3", 0 },
	{ "", "good_bool", "yes", 1 },
	{ "good_bool = NO\n", "good_bool", "NO", 0 },
	{ "", "good_int", "-3", -3 },
	{ "good_int = 10\n", "good_int", "10", 10 },
	{ "good_time = 2\n", "good_time", "2", 120000 }, /* the default's unit: minutes */
	{ "good_time = 2s\n", "good_time", "2s", 2000 },
	{ "", "good_size", "64k", 65536 },
	{ "", "good_word", "two", 1 },
	{ "good_word = THREE\n", "good_word", "THREE", 2 },
	{ "w = one\ngood_word = $w\n", "good_word", "one", 0 },
};

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(value_cases); i++) {
		struct buf told = { 0 };
		char *head = filled(HEAD "plugins = plain,\n  good\n");
		char *text = xasprintf("%s%s", head, value_cases[i].set);
		struct conf *c = findings_load(text, &told);
		const struct conf_plugin *p;
		const struct filterd_value *v;

		assert_string_equal(buf_cstr(&told), "");
		assert_int_equal(conf_plugin_count(c), 2);
		assert_string_equal(conf_plugin(c, 0)->def->name, "plain");
		assert_int_equal(conf_plugin(c, 0)->on_failure, CONF_FAIL_DEFER);
		p = conf_plugin(c, 1);
		assert_string_equal(p->def->name, "good");
		assert_string_equal(p->file, "t");
		assert_int_equal(p->line, 4);
		v = value(p, value_cases[i].name);
		assert_string_equal(v->text, value_cases[i].text);
		assert_int_equal(v->number, value_cases[i].number);
		conf_free(c);
		buf_fini(&told);
		free(text);
		free(head);
	}
}

static void
test_on_failure(void **state)
{
	static const char *const words[] = { "defer", "hold", "tag", "accept" };

	(void)state;
	for (size_t i = 0; i < nitems(words); i++) {
		struct buf told = { 0 };
		char *head = filled(HEAD "plugins = plain_more good\n");
		char *text = xasprintf("%sgood_on_failure = %s\n", head, words[i]);
		struct conf *c = findings_load(text, &told);

		assert_string_equal(buf_cstr(&told), "");
		assert_int_equal(conf_plugin(c, 0)->on_failure, CONF_FAIL_DEFER);
		assert_int_equal(conf_plugin(c, 1)->on_failure, i);
		conf_free(c);
		buf_fini(&told);
		free(text);
		free(head);
	}
}

static char *
printed(const struct conf *c, enum conf_show show, int expanded)
{
	struct conf_view view = { .show = show, .expanded = expanded };
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_int_equal(conf_print(c, &view, NULL, 0, f, stderr), 0);
	fclose(f);
	return out;
}

/* filterctl config: like filterd's own, in their place. */
static void
test_print(void **state)
{
	struct buf told = { 0 };
	char *text = filled(HEAD "plugins = good\ngood_time = 2\n"), *got;
	struct conf *c = findings_load(text, &told);

	(void)state;
	got = printed(c, CONF_SHOW_ALL, 1);
	assert_non_null(strstr(got,
	    "\ngood_bool = yes\ngood_int = -3\ngood_on_failure = defer\ngood_size = 64k\n"
	    "good_text = from h.example\ngood_time = 2\ngood_word = two\n"));
	free(got);
	got = printed(c, CONF_SHOW_DEFAULTS, 0);
	assert_non_null(
	    strstr(got, "\ngood_text = from $myhostname\ngood_time = 5m\ngood_word = two\n"));
	assert_non_null(strstr(got, "\nplugins =\n"));
	free(got);
	got = printed(c, CONF_SHOW_SET, 0);
	assert_int_equal(strncmp(got, "good_time = 2\nmyhostname = h.example\n", 37), 0);
	free(got);
	conf_free(c);
	buf_fini(&told);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_above),
		cmocka_unit_test(test_abi_and_size),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_on_failure),
		cmocka_unit_test(test_print),
	};

	int rc;

	umask(022);
	find_folder();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tmpdir_remove(copies);
	return rc;
}
