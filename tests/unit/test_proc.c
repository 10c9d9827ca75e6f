/* The supervisor with workers that do what the test wants; delays are injected, so nothing here
 * takes longer than a fraction of a second. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "proc/notify.h"
#include "proc/pidfile.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "tests/lib/child.h"

#define PATIENCE_MS 10000

/* What a fake worker and the test share: lines on a pipe. */
struct stage {
	int tell[2];
	int refuse_listeners; /* an err_class */
	int quiet_worker;     /* ignores PROC_TERMINATE */
	int new_limit;        /* told to the supervisor; -1: not */
	int last_words;       /* status after PROC_TERMINATE */
	struct proc_role roles[1];
};

static void
tell(struct stage *st, const char *text)
{
	assert_int_equal(write(st->tell[1], text, strlen(text)), strlen(text));
}

static int
open_listeners(void *arg, int *fds, size_t n, struct err *err)
{
	struct stage *st = arg;

	if (st->refuse_listeners != 0) {
		err_set(err, st->refuse_listeners, "no socket today");
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		if ((fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
			return -1;
	return 0;
}

/* Ready at once; tells every order. */
static int
obedient_worker(void *arg, const struct proc_worker *w)
{
	struct stage *st = arg;
	char line[128], c;

	snprintf(line, sizeof(line), "start %d %d %d %d %d\n", (int)getpid(), (int)getuid(),
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), w->first, w->nfds > 0 && w->fds[0] != -1);
	if (st->new_limit != -1)
		proc_worker_stop_limit(w, st->new_limit);
	proc_worker_ready(w);
	/* Behind it: who has read "start" may kill a worker that counts as ready. */
	tell(st, line);
	while (read(w->orders, &c, 1) == 1) {
		snprintf(line, sizeof(line), "order %c\n", c);
		tell(st, line);
		if (c == PROC_TERMINATE && !st->quiet_worker)
			return st->last_words;
	}
	tell(st, "eof\n");
	return 0;
}

static int
config_worker(void *arg, const struct proc_worker *w)
{
	(void)arg;
	(void)w;
	return EX_CONFIG;
}

static int
zero_worker(void *arg, const struct proc_worker *w)
{
	(void)arg;
	(void)w;
	return 0;
}

static int
aborting_worker(void *arg, const struct proc_worker *w)
{
	(void)arg;
	(void)w;
	raise(SIGKILL); /* quieter than abort(3) under a sanitizer */
	return 0;
}

/* Tells when it was born, for only its own clock knows: the test may be late to hear of it. */
static int
dying_worker(void *arg, const struct proc_worker *w)
{
	struct stage *st = arg;
	char line[64];

	snprintf(line, sizeof(line), "start %d %lld\n", (int)getpid(), (long long)clock_ms());
	proc_worker_ready(w);
	tell(st, line);
	raise(SIGKILL);
	return 0;
}

static void
reopen(void *arg)
{
	tell(arg, "reopen\n");
}

/* The next line a worker told, without its end; "" when the pipe ended. */
static const char *
heard(struct stage *st)
{
	static char line[128];
	size_t n = 0;
	struct pollfd p = { .fd = st->tell[0], .events = POLLIN };

	while (n < sizeof(line) - 1) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		if (read(st->tell[0], line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return line;
}

/* "start PID ..." */
static pid_t
heard_start(struct stage *st)
{
	const char *line = heard(st);

	assert_int_equal(strncmp(line, "start ", 6), 0);
	return (pid_t)atoi(line + 6);
}

/* "start PID MILLISECONDS" */
static int64_t
heard_birth(struct stage *st)
{
	long long ms;

	assert_int_equal(sscanf(heard(st), "start %*d %lld", &ms), 1);
	return ms;
}

static struct proc_ops
ops_for(struct stage *st, int (*worker)(void *, const struct proc_worker *))
{
	st->roles[0] = (struct proc_role){ "worker", "filterd-worker", worker };
	return (struct proc_ops){
		.open_listeners = open_listeners,
		.roles = st->roles,
		.nroles = 1,
		.reopen = reopen,
		.arg = st,
		.nlisteners = 1,
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

	assert_int_equal(pipe(st->tell), 0);
	pid = child_fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		close(st->tell[0]);
		_exit(proc_supervise(ops));
	}
	close(st->tell[1]);
	return pid;
}

static int
ended(struct stage *st, pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(st->tell[0]);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static struct stage
stage_new(void)
{
	return (struct stage){ .new_limit = -1 };
}

static void
test_ready_and_term(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };

	(void)state;
	for (size_t i = 0; i < nitems(signals); i++) {
		struct stage st = stage_new();
		struct proc_ops ops = ops_for(&st, obedient_worker);
		pid_t pid = supervise(&st, &ops), worker = heard_start(&st);

		assert_int_not_equal(worker, pid);
		kill(pid, signals[i]);
		assert_string_equal(heard(&st), "order T");
		assert_int_equal(ended(&st, pid), 0);
		assert_int_equal(kill(worker, 0), -1);
	}
}

/* The worker's own status does not matter once a stop was ordered. */
static void
test_stop_is_orderly(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid;

	(void)state;
	st.last_words = 1;
	pid = supervise(&st, &ops);
	heard_start(&st);
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
}

static void
test_rights(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid = supervise(&st, &ops);
	int worker, uid, nnp, first, has_fd;

	(void)state;
	assert_int_equal(
	    sscanf(heard(&st), "start %d %d %d %d %d", &worker, &uid, &nnp, &first, &has_fd), 5);
	if (getuid() == 0)
		assert_int_not_equal(uid, 0);
	else
		assert_int_equal(uid, getuid());
	assert_int_equal(nnp, 1);
	assert_int_equal(first, 1);
	assert_int_equal(has_fd, 1);
	kill(worker, SIGKILL);
	assert_int_equal(
	    sscanf(heard(&st), "start %d %d %d %d %d", &worker, &uid, &nnp, &first, &has_fd), 5);
	assert_int_equal(first, 0);
	assert_int_equal(has_fd, 1);
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
}

static const struct {
	int (*worker)(void *, const struct proc_worker *);
	int refuse_listeners, status;
} first_start_cases[] = {
	{ config_worker, 0, EX_CONFIG },
	{ zero_worker, 0, EX_SOFTWARE }, /* ended well without ever serving */
	{ aborting_worker, 0, EX_SOFTWARE },
	{ obedient_worker, ERR_CONFIG, EX_CONFIG },
	{ obedient_worker, ERR_SYSTEM, EX_OSERR },
};

static void
test_first_start_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(first_start_cases); i++) {
		struct stage st = stage_new();
		struct proc_ops ops = ops_for(&st, first_start_cases[i].worker);

		st.refuse_listeners = first_start_cases[i].refuse_listeners;
		assert_int_equal(ended(&st, supervise(&st, &ops)), first_start_cases[i].status);
	}
}

static void
test_user(void **state)
{
	static const char *const users[] = { "no-such-user-here", "root" };

	(void)state;
	for (size_t i = 0; i < nitems(users); i++) {
		struct stage st = stage_new();
		struct proc_ops ops = ops_for(&st, obedient_worker);
		pid_t pid;

		ops.user = users[i];
		pid = supervise(&st, &ops);
		if (getuid() != 0) { /* ignored: all runs as the one who started it */
			heard_start(&st);
			kill(pid, SIGTERM);
		}
		assert_int_equal(ended(&st, pid), getuid() == 0 ? EX_CONFIG : 0);
	}
}

static void
test_back_off(void **state)
{
	static const int64_t gaps[] = { 10, 20, 40, 80, 80 };
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, dying_worker);
	pid_t pid = supervise(&st, &ops);
	int64_t last, now;

	(void)state;
	last = heard_birth(&st);
	for (size_t i = 0; i < nitems(gaps); i++) {
		now = heard_birth(&st);
		assert_true(now - last >= gaps[i]);
		last = now;
	}
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
}

/* A worker that lived stable_ms is not punished for the deaths before it. */
static void
test_back_off_ends(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid;
	int64_t before;

	(void)state;
	ops.restart_delay_ms = 1;
	ops.restart_delay_max_ms = 600000;
	ops.stable_ms = 1;
	pid = supervise(&st, &ops);
	before = clock_ms();
	/* Doubled each time this would come to 17 minutes. */
	for (int i = 0; i < 20; i++) {
		pid_t worker = heard_start(&st);
		poll(NULL, 0, 3);
		kill(worker, SIGKILL);
	}
	assert_true(clock_ms() - before < PATIENCE_MS);
	heard_start(&st);
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
}

static void
test_orders(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid = supervise(&st, &ops), worker = heard_start(&st);

	(void)state;
	/* As a terminal does: the whole group gets it, the worker hears of it once. */
	kill(worker, SIGHUP);
	kill(pid, SIGHUP);
	assert_string_equal(
	    heard(&st), "reopen"); /* before the worker tries it with fewer rights */
	assert_string_equal(heard(&st), "order H");
	kill(worker, SIGUSR1);
	kill(pid, SIGUSR1);
	assert_string_equal(heard(&st), "reopen");
	assert_string_equal(heard(&st), "order L");
	kill(worker, SIGINT);
	kill(worker, SIGTERM);
	kill(pid, SIGTERM);
	assert_string_equal(heard(&st), "order T");
	assert_int_equal(ended(&st, pid), 0);
}

static void
test_supervisor_killed(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid = supervise(&st, &ops);
	int status;

	(void)state;
	heard_start(&st);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(heard(&st), "eof");
	assert_string_equal(heard(&st), ""); /* and it ended */
	close(st.tell[0]);
}

static void
test_stop_limit(void **state)
{
	(void)state;
	for (int told = 0; told <= 1; told++) {
		struct stage st = stage_new();
		struct proc_ops ops = ops_for(&st, obedient_worker);
		int64_t before;
		pid_t pid;

		st.quiet_worker = 1;
		if (told)
			st.new_limit = 20;
		ops.stop_time_limit_ms = told ? 3600000 : 20;
		pid = supervise(&st, &ops);
		heard_start(&st);
		before = clock_ms();
		kill(pid, SIGTERM); /* on a busy machine it may not even hear of it in time */
		assert_int_equal(ended(&st, pid), 0);
		assert_true(clock_ms() - before >= 60);
		assert_true(clock_ms() - before < PATIENCE_MS);
	}
}

/* So many orders wait for a worker that there is no room for the stop. */
static void
test_full_orders(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid, worker;
	const char *line;
	int64_t before;

	(void)state;
	ops.stop_time_limit_ms = 3600000;
	pid = supervise(&st, &ops);
	worker = heard_start(&st);
	kill(worker, SIGSTOP);
	for (int i = 0; i < 1000; i++) {
		kill(pid, SIGHUP);
		assert_string_equal(heard(&st), "reopen");
	}
	kill(pid, SIGTERM);
	/* Most likely it has tried by then.  If it has not, there is room and nothing is shown. */
	poll(NULL, 0, 50);
	before = clock_ms();
	kill(worker, SIGCONT);
	do {
		line = heard(&st);
		assert_string_not_equal(line, "");
	} while (strcmp(line, "order H") == 0);
	assert_true(strcmp(line, "eof") == 0 || strcmp(line, "order T") == 0);
	assert_int_equal(ended(&st, pid), 0);
	assert_true(clock_ms() - before < PATIENCE_MS);
}

/* A stop in the middle of a back-off is immediate. */
static void
test_stop_in_back_off(void **state)
{
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, dying_worker);
	pid_t pid;

	(void)state;
	ops.restart_delay_ms = 3600000;
	pid = supervise(&st, &ops);
	heard_start(&st);
	poll(NULL, 0, 20); /* until its death is known; if it is not, the stop is as quick */
	kill(pid, SIGTERM);
	assert_int_equal(ended(&st, pid), 0);
}

static int
notify_socket(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(name);

	assert_int_not_equal(fd, -1);
	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sun,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	return fd;
}

static const char *
datagram(int fd)
{
	static char text[256];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

static void
test_notify(void **state)
{
	char names[2][64], want[64];

	(void)state;
	snprintf(names[0], sizeof(names[0]), "/tmp/test_proc.%d.notify", (int)getpid());
	snprintf(names[1], sizeof(names[1]), "@test_proc.%d.notify", (int)getpid());
	for (size_t i = 0; i < nitems(names); i++) {
		struct stage st = stage_new();
		struct proc_ops ops = ops_for(&st, obedient_worker);
		int fd = notify_socket(names[i]);
		pid_t pid;

		setenv("NOTIFY_SOCKET", names[i], 1);
		pid = supervise(&st, &ops);
		unsetenv("NOTIFY_SOCKET");
		snprintf(want, sizeof(want), "READY=1\nMAINPID=%d\nSTATUS=serving", (int)pid);
		assert_string_equal(datagram(fd), want);
		kill(pid, SIGTERM);
		assert_string_equal(datagram(fd), "STOPPING=1");
		assert_int_equal(ended(&st, pid), 0);
		close(fd);
	}
	unlink(names[0]);
	assert_int_equal(notify_send("READY=1"), 0); /* nobody asked */
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_send("READY=1"), -1);
	unsetenv("NOTIFY_SOCKET");
}

static void
test_pidfile(void **state)
{
	char path[64], precious[64], text[32] = "", want[32];
	struct err err;
	FILE *f;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_proc.%d.pid", (int)getpid());
	snprintf(precious, sizeof(precious), "/tmp/test_proc.%d.precious", (int)getpid());
	fd = pidfile_open(path, &err);
	assert_int_not_equal(fd, -1);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	snprintf(want, sizeof(want), "%d\n", (int)getpid());
	assert_string_equal(text, want);
	assert_int_equal(pidfile_open(path, &err), -1);
	snprintf(want, sizeof(want), "as process %d", (int)getpid());
	assert_non_null(strstr(err.text, want));
	pidfile_close(path, fd);
	assert_int_equal(access(path, F_OK), -1);

	/* Left behind by a crash: no lock on it. */
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("1\nand more than a number\n", f);
	fclose(f);
	fd = pidfile_open(path, &err);
	assert_int_not_equal(fd, -1);
	pidfile_close(path, fd);
	/* A link somebody put there: what it leads to is not emptied. */
	f = fopen(precious, "w");
	assert_non_null(f);
	fputs("precious\n", f);
	fclose(f);
	assert_int_equal(symlink(precious, path), 0);
	assert_int_equal(pidfile_open(path, &err), -1);
	unlink(path);
	assert_int_equal(link(precious, path), 0);
	assert_int_equal(pidfile_open(path, &err), -1);
	unlink(path);
	f = fopen(precious, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "precious\n");
	unlink(precious);
	assert_int_equal(pidfile_open("/nonexistent/dir/pid", &err), -1);
	assert_int_equal(err.class, ERR_SYSTEM);
}

static void
test_borrow(void **state)
{
	struct err err;
	uid_t me = geteuid();

	(void)state;
	assert_int_equal(privs_borrow("nobody", &err), 0);
	if (me == 0)
		assert_int_not_equal(geteuid(), 0);
	else
		assert_int_equal(geteuid(), me);
	privs_return();
	assert_int_equal(geteuid(), me);
	assert_int_equal(privs_borrow("no-such-user-here", &err), me == 0 ? -1 : 0);
	assert_int_equal(geteuid(), me);
}

static pid_t
read_pid(const char *path)
{
	FILE *f = fopen(path, "r");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

static void
test_daemon(void **state)
{
	char path[64];
	struct stage st = stage_new();
	struct proc_ops ops = ops_for(&st, obedient_worker);
	pid_t pid, daemon;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_proc.%d.daemon", (int)getpid());
	ops.foreground = 0;
	ops.pid_file = path;
	pid = supervise(&st, &ops);
	heard_start(&st);
	assert_int_equal(waitpid(pid, &(int){ 0 }, 0), pid);
	daemon = read_pid(path);
	assert_int_not_equal(daemon, pid);
	assert_int_equal(getsid(daemon), daemon);
	kill(daemon, SIGTERM);
	assert_string_equal(heard(&st), "order T");
	assert_string_equal(heard(&st), ""); /* both have ended */
	assert_int_equal(access(path, F_OK), -1);
	close(st.tell[0]);

	/* The shell hears of a failed start. */
	st.roles[0].run = config_worker;
	assert_int_equal(ended(&st, supervise(&st, &ops)), EX_CONFIG);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ready_and_term, children_end),
		cmocka_unit_test_teardown(test_stop_is_orderly, children_end),
		cmocka_unit_test_teardown(test_rights, children_end),
		cmocka_unit_test_teardown(test_first_start_fails, children_end),
		cmocka_unit_test_teardown(test_user, children_end),
		cmocka_unit_test_teardown(test_back_off, children_end),
		cmocka_unit_test_teardown(test_back_off_ends, children_end),
		cmocka_unit_test_teardown(test_orders, children_end),
		cmocka_unit_test_teardown(test_supervisor_killed, children_end),
		cmocka_unit_test_teardown(test_stop_limit, children_end),
		cmocka_unit_test_teardown(test_full_orders, children_end),
		cmocka_unit_test_teardown(test_stop_in_back_off, children_end),
		cmocka_unit_test_teardown(test_notify, children_end),
		cmocka_unit_test_teardown(test_pidfile, children_end),
		cmocka_unit_test_teardown(test_borrow, children_end),
		cmocka_unit_test_teardown(test_daemon, children_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
