/* The supervisor with workers of two roles, whose lives must not touch each other. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "proc/proc.h"
#include "tests/lib/child.h"

#define PATIENCE_MS 10000

/* Each role tells on a pipe of its own, so that what one says waits for nobody. */
struct stage {
	int tell[2][2];
	int let[2]; /* role 1 is ready once there is something to read; -1: at once */
	struct proc_role roles[2];
};

static int
open_listeners(void *arg, int *fds, size_t n, struct err *err)
{
	(void)arg;
	(void)err;
	for (size_t i = 0; i < n; i++)
		if ((fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
			return -1;
	return 0;
}

static void
tell(struct stage *st, const struct proc_worker *w, const char *text)
{
	assert_int_equal(write(st->tell[w->role][1], text, strlen(text)), strlen(text));
}

static int
worker(void *arg, const struct proc_worker *w)
{
	struct stage *st = arg;
	char line[128], c;

	if (w->role == 1 && st->let[0] != -1)
		assert_int_equal(read(st->let[0], &c, 1), 1);
	proc_worker_ready(w);
	snprintf(line, sizeof(line), "start %d %d %d %d\n", (int)getpid(), w->first,
	    w->fds[0] != -1, w->fds[1] != -1);
	tell(st, w, line);
	while (read(w->orders, &c, 1) == 1) {
		snprintf(line, sizeof(line), "order %c %d %d\n", c, (int)w->states[0].pid,
		    (int)w->states[1].pid);
		tell(st, w, line);
		if (c == PROC_TERMINATE)
			break;
	}
	return 0;
}

static int
config_worker(void *arg, const struct proc_worker *w)
{
	(void)arg;
	(void)w;
	return EX_CONFIG;
}

static const size_t listener_role[] = { 0, 1 };

static void
stage_init(struct stage *st, struct proc_ops *ops)
{
	*st = (struct stage){ .let = { -1, -1 },
		.roles = { { "worker", "filterd-worker", worker },
		    { "other one", "filterd-other", worker } } };
	*ops = (struct proc_ops){
		.open_listeners = open_listeners,
		.roles = st->roles,
		.nroles = 2,
		.listener_role = listener_role,
		.arg = st,
		.nlisteners = 2,
		.user = "nobody",
		.foreground = 1,
		.restart_delay_ms = 10,
		.restart_delay_max_ms = 80,
		.stop_time_limit_ms = PATIENCE_MS,
		.stable_ms = 5000,
		.stop_grace_ms = 50,
	};
}

static pid_t
supervise(struct stage *st, const struct proc_ops *ops)
{
	pid_t pid;

	assert_int_equal(pipe(st->tell[0]), 0);
	assert_int_equal(pipe(st->tell[1]), 0);
	pid = child_fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(proc_supervise(ops));
	close(st->tell[0][1]);
	close(st->tell[1][1]);
	return pid;
}

static int
ended(struct stage *st, pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(st->tell[0][0]);
	close(st->tell[1][0]);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The next line that a worker of the role told, without its end. */
static const char *
heard(struct stage *st, int role)
{
	static char line[128];
	size_t n = 0;
	struct pollfd p = { .fd = st->tell[role][0], .events = POLLIN };

	while (n < sizeof(line) - 1) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		if (read(p.fd, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return line;
}

/* Its process, after "start PID FIRST HAS0 HAS1" with these. */
static int
heard_start(struct stage *st, int role, int first)
{
	int pid, is_first, has[2];

	assert_int_equal(
	    sscanf(heard(st, role), "start %d %d %d %d", &pid, &is_first, &has[0], &has[1]), 4);
	assert_int_equal(is_first, first);
	assert_int_equal(has[role], 1);
	assert_int_equal(has[1 - role], 0); /* the other one's listener */
	return pid;
}

static void
heard_order(struct stage *st, int role, char what, const int pids[2])
{
	char want[64];

	snprintf(want, sizeof(want), "order %c %d %d", what, pids[0], pids[1]);
	assert_string_equal(heard(st, role), want);
}

static void
test_lives(void **state)
{
	struct stage st;
	struct proc_ops ops;
	int pids[2];
	pid_t pid;

	(void)state;
	stage_init(&st, &ops);
	pid = supervise(&st, &ops);
	for (int i = 0; i < 2; i++)
		pids[i] = heard_start(&st, i, 1);
	assert_int_not_equal(pids[0], pids[1]);
	kill(pid, SIGHUP);
	for (int i = 0; i < 2; i++)
		heard_order(&st, i, PROC_RELOAD, pids);
	for (int role = 0; role < 2; role++) {
		kill(pids[role], SIGKILL);
		pids[role] = heard_start(&st, role, 0);
		kill(pid, SIGUSR1);
		for (int i = 0; i < 2; i++) /* the other one is who it was */
			heard_order(&st, i, PROC_REOPEN, pids);
	}
	kill(pid, SIGTERM);
	assert_int_equal(strncmp(heard(&st, 0), "order T", 7), 0);
	assert_int_equal(strncmp(heard(&st, 1), "order T", 7), 0);
	assert_int_equal(ended(&st, pid), 0);
}

/* Whose first start fails takes the others along. */
static void
test_first_start_fails(void **state)
{
	(void)state;
	for (int bad = 0; bad < 2; bad++) {
		struct stage st;
		struct proc_ops ops;
		pid_t pid;

		stage_init(&st, &ops);
		st.roles[bad].run = config_worker;
		pid = supervise(&st, &ops);
		heard_start(&st, 1 - bad, 1);
		assert_int_equal(strncmp(heard(&st, 1 - bad), "order T", 7), 0);
		assert_int_equal(ended(&st, pid), EX_CONFIG);
	}
}

static int
notify_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* It serves when all do. */
static void
test_ready(void **state)
{
	char path[64], text[64] = "";
	struct pollfd p = { .events = POLLIN };
	struct stage st;
	struct proc_ops ops;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_proc_roles.%d.notify", (int)getpid());
	p.fd = notify_socket(path);
	stage_init(&st, &ops);
	assert_int_equal(pipe(st.let), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	pid = supervise(&st, &ops);
	unsetenv("NOTIFY_SOCKET");
	heard_start(&st, 0, 1);
	assert_int_equal(poll(&p, 1, 50), 0);
	assert_int_equal(write(st.let[1], "x", 1), 1);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_true(recv(p.fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strncmp(text, "READY=1", 7), 0);
	heard_start(&st, 1, 1);
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
	close(p.fd);
	close(st.let[0]);
	close(st.let[1]);
	unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lives, children_end),
		cmocka_unit_test_teardown(test_first_start_fails, children_end),
		cmocka_unit_test_teardown(test_ready, children_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
