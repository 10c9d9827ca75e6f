#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/xmem.h"
#include "proc/scan_folder.h"
#include "proc/scan_state.h"
#include "tests/lib/tmpdir.h"

static int
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void
put(const char *folder, const char *name, size_t size)
{
	char *path = xasprintf("%s/%s", folder, name), block[4096] = "";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	for (size_t n = 0; n < size; n += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
	free(path);
}

static void
make(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

/* --- a scanner's --- */

static void
test_make_and_check(void **state)
{
	char *above = tmpdir_make(), *path = xasprintf("%s/own", above),
	     *aside = xasprintf("%s/aside", above);
	struct err err;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(scan_folder_make(path, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(scan_folder_make(path, &err), -1); /* whoever made it, it is not ours */
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(scan_folder_check(fd, path, &err), 0);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(scan_folder_check(fd, path, &err), -1);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(scan_folder_check(fd, path, &err), -1);
	assert_non_null(strstr(err.text, "is gone"));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(scan_folder_check(fd, path, &err), -1);
	assert_non_null(strstr(err.text, "another one"));
	assert_int_equal(scan_folder_has_room(fd), 1);
	close(fd);
	free(path);
	free(aside);
	tmpdir_remove(above);
}

static void
test_empty(void **state)
{
	char *above = tmpdir_make(), *path = xasprintf("%s/own", above),
	     *outside = xasprintf("%s/outside", above), *link = xasprintf("%s/own/link", above),
	     *file = xasprintf("%s/outside/stays", above);
	struct err err;
	int fd;

	(void)state;
	make(above, "outside");
	put(outside, "stays", 1);
	assert_int_equal(scan_folder_make(path, &err), 0);
	make(path, "a");
	make(path, "a/b");
	put(path, "a/b/c", 1);
	put(path, ".hidden", 1);
	assert_int_equal(symlink("../outside", link), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 2; i++) /* it can be done again */
		assert_int_equal(scan_folder_empty(fd), 0);
	close(fd);
	assert_int_equal(rmdir(path), 0);
	assert_true(exists(file));
	free(path);
	free(outside);
	free(link);
	free(file);
	tmpdir_remove(above);
}

/* Folders within folders, deeper than there are descriptors and stack to follow them. */
static void
test_too_deep(void **state)
{
	char *path = tmpdir_make();
	int fd = open(path, O_RDONLY | O_DIRECTORY), at = dup(fd);

	(void)state;
	put(path, "moved.0", 0);
	make(path, "moved.1");
	put(path, "moved.1/x", 0);
	for (int i = 0; i < 2000; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
	assert_true(scan_folder_size(path) == INT64_MAX);
	assert_int_equal(scan_folder_empty(fd), 0);
	close(fd);
	assert_int_equal(rmdir(path), 0);
	free(path);
}

static void
test_size(void **state)
{
	char *path = tmpdir_make();

	(void)state;
	assert_int_equal(scan_folder_size(path), 0);
	put(path, "nothing", 0);
	assert_true(scan_folder_size(path) > 0); /* a million of these are much too */
	make(path, "sub");
	put(path, "sub/big", 1 << 20);
	assert_true(scan_folder_size(path) >= 1 << 20);
	assert_int_equal(scan_folder_size("/nonexistent"), 0);
	tmpdir_remove(path);
}

/* --- the keeper's --- */

static void
test_left_is_removed(void **state)
{
	char *directory = tmpdir_make(), *first, *second, *third, *other, *file;
	struct err err;
	int one, two, three;

	(void)state;
	other = xasprintf("%s/filterd.d", directory); /* not a name that we make */
	assert_int_equal(mkdir(other, 0700), 0);
	one = scan_folder_open(directory, &first, &err);
	assert_true(one >= 0);
	put(first, "x", 1);
	two = scan_folder_open(directory, &second, &err);
	assert_true(two >= 0 && exists(first)); /* whose owner lives */
	close(one);
	file = xasprintf("%s/y", second);
	put(second, "y", 1);
	three = scan_folder_open(directory, &third, &err);
	assert_true(three >= 0);
	assert_false(exists(first));
	assert_true(exists(file) && exists(other));
	scan_folder_remove(second);
	assert_false(exists(second));
	close(two);
	close(three);
	free(first);
	free(second);
	free(third);
	free(other);
	free(file);
	tmpdir_remove(directory);
}

static void
test_no_directory(void **state)
{
	struct err err;
	char *path;

	(void)state;
	assert_int_equal(scan_folder_open("/nonexistent/x", &path, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/x"));
	assert_string_equal(scan_folder_directory("/some", "/other"), "/some");
}

/* --- scan_state --- */

static void
test_state(void **state)
{
	struct err err;
	struct scan_state *s = scan_state_map(&err);
	struct scan_status *st = xcalloc(1, sizeof(*st));
	struct scan_report r = { .number = 7, .since_us = 5, .nplugins = 1 };
	char why[SCAN_WHY_MAX];

	(void)state;
	assert_non_null(s);
	scan_state_read(s, st);
	assert_int_equal(st->report.number, 0);
	snprintf(r.plugins[0].name, sizeof(r.plugins[0].name), "clamav");
	scan_state_report(s, 2, &r);
	scan_state_scanner(s, 2, 3, 4711, 9);
	scan_state_confined(s, 2, SCAN_CONFINED_WHOLLY);
	scan_state_add(s, SCAN_DIED, 2);
	scan_state_read(s, st);
	assert_int_equal(st->report.number, 0); /* it does not serve yet */
	scan_state_serves(s, 2);
	scan_state_read(s, st);
	assert_int_equal(st->report.number, 7);
	assert_string_equal(st->report.plugins[0].name, "clamav");
	assert_int_equal(st->nscanners, 1);
	assert_int_equal(st->scanners[0].pid, 4711);
	assert_int_equal(st->scanners[0].messages, 9);
	assert_int_equal(st->confined, SCAN_CONFINED_WHOLLY);
	assert_int_equal(st->died, 2);
	assert_int_equal(scan_state_down(s, why), 0);
	scan_state_set_down(s, "no reason");
	assert_int_equal(scan_state_down(s, why), 1);
	assert_string_equal(why, "no reason");
	scan_state_set_down(s, NULL);
	assert_int_equal(scan_state_down(s, why), 0);
	scan_state_clear(s, 2);
	scan_state_read(s, st);
	assert_int_equal(st->nscanners, 0);
	free(st);
	scan_state_unmap(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_check),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_left_is_removed),
		cmocka_unit_test(test_no_directory),
		cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
