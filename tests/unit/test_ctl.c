/* The control socket: a real one in a folder of its own, both sides in this process. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/ctl.h"

#define PATIENCE_MS 10000

static char folder[] = "/tmp/test_ctl.XXXXXX";
static char path[64];

/* Answers "echo" with what it got, "big" with a megabyte, "slow" after a while, nothing else. */
static char *
answer(void *arg, const char *request)
{
	char *big;

	assert_string_equal(arg, "the argument");
	if (strstr(request, "\"big\"") != NULL) {
		big = xmalloc(1000011);
		memset(big, 'x', 1000010);
		memcpy(big, "{\"big\":\"", 8);
		strcpy(big + 1000008, "\"}");
		return big;
	}
	if (strstr(request, "\"slow\"") != NULL)
		poll(NULL, 0, 50);
	if (strstr(request, "\"echo\"") != NULL || strstr(request, "\"slow\"") != NULL)
		return xasprintf("{\"got\":%s}", request);
	return NULL;
}

static struct ctl_server *
start(void)
{
	struct err err = { 0 };
	struct ctl_server *s = ctl_start(path, answer, (void *)(uintptr_t) "the argument", &err);

	assert_string_equal(err.text, "");
	assert_non_null(s);
	return s;
}

static int
dial_it(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* All that comes until the server closes. */
static char *
read_all(int fd)
{
	struct buf b = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	buf_adds(&b, "");
	for (;;) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = recv(fd, buf_reserve(&b, 4096), 4096, 0);
		if (n <= 0)
			break;
		b.len += (size_t)n;
	}
	buf_adds(&b, "");
	close(fd);
	return buf_take(&b);
}

static const struct {
	const char *request;
	size_t len; /* 0: strlen */
	const char *answer_part;
} request_cases[] = {
	{ "{\"do\":\"echo\",\"n\":1}\n", 0, "{\"got\":{\"do\":\"echo\",\"n\":1}}\n" },
	{ "{\"do\":\"echo\"}\r\n", 0, "{\"got\":" }, /* netcat -C: white space is JSON's own */
	{ "{\"do\":\"nonsense\"}\n", 0, "{\"error\":\"no such request\"}\n" },
	{ "{\"do\":1}\n", 0, "{\"error\":\"a request is" },
	{ "{\"what\":\"echo\"}\n", 0, "{\"error\":\"a request is" },
	{ "[\"do\",\"echo\"]\n", 0, "{\"error\":\"a request is" },
	{ "\"do\"\n", 0, "{\"error\":\"not JSON:" }, /* Jansson wants an array or object */
	{ "\n", 0, "{\"error\":\"not JSON:" },
	{ "{\"do\":\"echo\"\n", 0, "{\"error\":\"not JSON:" },
	{ "{\"do\":\"echo\",\"do\":\"big\"}\n", 0, "{\"error\":\"not JSON:" }, /* which of them? */
	{ "{\"do\":\"ec\xffho\"}\n", 0, "{\"error\":\"not JSON:" },
	{ "{\"do\":\"echo\"}\0\n", 15, "{\"error\":\"a NUL" },
	{ "{\"do\":\"echo\"}", 0, "" }, /* gone before the line ended: nobody to answer */
};

static void
test_requests(void **state)
{
	struct ctl_server *s = start();

	(void)state;
	for (size_t i = 0; i < nitems(request_cases); i++) {
		size_t len = request_cases[i].len != 0 ? request_cases[i].len
						       : strlen(request_cases[i].request);
		const char *part = request_cases[i].answer_part;
		int fd = dial_it();
		char *got;

		assert_int_equal(send(fd, request_cases[i].request, len, 0), len);
		shutdown(fd, SHUT_WR);
		got = read_all(fd);
		if (strncmp(got, part, strlen(part)) != 0 || (part[0] == '\0' && got[0] != '\0'))
			fail_msg("%s is answered %s", request_cases[i].request, got);
		free(got);
	}
	ctl_stop(s);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_too_long(void **state)
{
	struct ctl_server *s = start();
	char *long_one = xcalloc(1, CTL_REQUEST_MAX + 2), *got;
	struct err err;

	(void)state;
	memset(long_one, ' ', CTL_REQUEST_MAX + 1);
	memcpy(long_one, "{\"do\":\"echo\"}", 13);
	assert_null(ctl_ask(path, long_one, PATIENCE_MS, &err));
	assert_int_equal(err.class, ERR_PEER);
	assert_non_null(strstr(err.text, "too long"));
	/* Just fits, with its line end. */
	long_one[CTL_REQUEST_MAX - 1] = '\0';
	got = ctl_ask(path, long_one, PATIENCE_MS, &err);
	assert_non_null(got);
	free(got);
	free(long_one);
	ctl_stop(s);
}

static void
test_ask(void **state)
{
	struct ctl_server *s;
	struct err err;
	char *got;

	(void)state;
	assert_null(ctl_ask(path, "{\"do\":\"echo\"}", PATIENCE_MS, &err));
	assert_int_equal(err.class, ERR_RETRY); /* no filterd there */
	s = start();
	got = ctl_ask(path, "{\"do\":\"echo\"}", PATIENCE_MS, &err);
	assert_non_null(got);
	assert_string_equal(got, "{\"got\":{\"do\":\"echo\"}}\n");
	free(got);
	got = ctl_ask(path, "{\"do\":\"big\"}", PATIENCE_MS, &err);
	assert_non_null(got);
	assert_int_equal(strlen(got), 1000011);
	free(got);
	assert_null(ctl_ask(path, "{\"do\":\"?\"}", PATIENCE_MS, &err));
	assert_int_equal(err.class, ERR_PEER);
	assert_string_equal(err.text, "filterd says: no such request");
	assert_null(ctl_ask(path, "{\"do\":\"slow\"}", 5, &err));
	assert_int_equal(err.class, ERR_RETRY); /* not in time */
	ctl_stop(s);                            /* waits for the one that answers still */
}

/* What a process that is no filterd may say at that path. */
static const struct {
	const char *text;
	const char *complaint;
} babble_cases[] = {
	{ "", "without an answer" },
	{ "hello\n", "no JSON object" },
	{ "[1]\n", "no JSON object" },
	{ "{\"a\":1", "no JSON object" },
};

static void *
babble(void *arg)
{
	const char *text = babble_cases[*(size_t *)arg].text;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer;
	char c;

	strcpy(sun.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 || listen(fd, 1) == -1)
		abort();
	peer = accept(fd, NULL, NULL);
	while (read(peer, &c, 1) == 1 && c != '\n')
		;
	(void)!write(peer, text, strlen(text));
	close(peer);
	close(fd);
	return NULL;
}

static void
test_babble(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(babble_cases); i++) {
		pthread_t t;
		struct err err;
		char *got;

		assert_int_equal(pthread_create(&t, NULL, babble, &i), 0);
		do { /* until it listens */
			got = ctl_ask(path, "{\"do\":\"x\"}", PATIENCE_MS, &err);
			assert_null(got);
		} while (err.class == ERR_RETRY);
		pthread_join(t, NULL);
		assert_int_equal(err.class, ERR_PEER);
		assert_non_null(strstr(err.text, babble_cases[i].complaint));
	}
	unlink(path);
}

static void
test_socket(void **state)
{
	struct ctl_server *s = start();
	struct err err;
	struct stat st;
	char longer[200];

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	/* One that answers is not taken over. */
	assert_null(ctl_start(path, answer, NULL, &err));
	assert_non_null(strstr(err.text, "another filterd"));
	/* One put there by a successor is left alone. */
	assert_int_equal(rename(path, "gone"), 0);
	fclose(fopen(path, "w"));
	ctl_stop(s);
	assert_int_equal(access(path, F_OK), 0);
	/* A dead one is replaced. */
	assert_int_equal(rename("gone", path), 0);
	ctl_stop(start());
	assert_null(ctl_start("/nonexistent/folder/control", answer, NULL, &err));
	assert_int_equal(err.class, ERR_SYSTEM);
	assert_null(ctl_start("control", answer, NULL, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_null(ctl_start(longer, answer, NULL, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	assert_null(ctl_ask(longer, "{}", 1, &err));
	assert_int_equal(err.class, ERR_CONFIG);
}

static void
test_crowd(void **state)
{
	struct ctl_server *s = start();
	int silent[CTL_PEERS_MAX];
	struct err err;
	int64_t before;
	char *got;

	(void)state;
	for (size_t i = 0; i < nitems(silent); i++)
		silent[i] = dial_it();
	assert_null(ctl_ask(path, "{\"do\":\"echo\"}", PATIENCE_MS, &err));
	assert_string_equal(err.text, "filterd says: too many requests at one time");
	/* A place that gets free is used. */
	close(silent[0]);
	do {
		got = ctl_ask(path, "{\"do\":\"echo\"}", PATIENCE_MS, &err);
	} while (got == NULL && strstr(err.text, "too many") != NULL);
	assert_non_null(got);
	free(got);
	/* The silent ones do not keep it from stopping. */
	before = clock_ms();
	ctl_stop(s);
	assert_true(clock_ms() - before < 2000);
	for (size_t i = 1; i < nitems(silent); i++)
		close(silent[i]);
}

/* Somebody opened the mode: the peer's identity still decides. */
static void
test_stranger(void **state)
{
	struct ctl_server *s;
	int status = 0;
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	s = start();
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err err = { 0 };
		char *got;

		if (setgid(65534) == -1 || setuid(65534) == -1)
			_exit(2);
		got = ctl_ask(path, "{\"do\":\"echo\"}", PATIENCE_MS, &err);
		_exit(got == NULL && strcmp(err.text, "filterd says: not allowed") == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	ctl_stop(s);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		return -1;
	snprintf(path, sizeof(path), "%s/control", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") == -1 || rmdir(folder) == -1 ? -1 : 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_babble),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_stranger),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
