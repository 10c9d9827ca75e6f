#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/daemon.h"
#include "proc/notify.h"
#include "proc/pidfile.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "proc/worker_side.h"

#define A_MINUTE_MS 60000
#define GRACE_MS    2000

struct supervisor {
	struct proc_ops ops; /* with the defaults filled in */
	int *fds;
	int sigfd, orders, pid_fd, start_fd;
	sigset_t old_mask;
	pid_t worker;    /* 0: none now */
	int64_t born_ms; /* of the worker that is or was last */
	int delay_ms;    /* the next back-off */
	int served;      /* some worker has been ready */
	int stopping, status, done;
	struct deadline restart_at, kill_at;
};

/* It serves or it never will: the process that waits is told once. */
static void
started(struct supervisor *s, int status)
{
	if (s->start_fd == -1)
		return;
	if (status == 0)
		daemon_detach();
	daemon_started(s->start_fd, status);
	s->start_fd = -1;
}

static void
complain(const struct supervisor *s, const struct err *err)
{
	if (s->ops.complain != NULL)
		s->ops.complain(s->ops.arg, err);
	else
		log_error(NULL, NULL, "%s", err->text);
}

static void
finish(struct supervisor *s, int status)
{
	s->status = status;
	s->done = 1;
}

/* --- the worker's birth and death --- */

static void
run_child(struct supervisor *s, int orders)
{
	struct proc_worker w = {
		.fds = s->fds,
		.nfds = s->ops.nlisteners,
		.orders = orders,
		.first = !s->served,
		.detach = !s->ops.foreground,
	};

	close(s->sigfd);
	close(s->orders);
	if (s->pid_fd != -1)
		close(s->pid_fd);
	if (s->start_fd != -1)
		close(s->start_fd);
	worker_side_run(&s->ops, &w, &s->old_mask);
}

static void
restart_later(struct supervisor *s)
{
	if (clock_ms() - s->born_ms >= s->ops.stable_ms)
		s->delay_ms = s->ops.restart_delay_ms;
	s->restart_at = deadline_in_ms(s->delay_ms);
	log_info(NULL, NULL, "the next worker starts in %d ms", s->delay_ms);
	s->delay_ms = s->delay_ms > s->ops.restart_delay_max_ms / 2 ? s->ops.restart_delay_max_ms
								    : 2 * s->delay_ms;
}

static int
start_worker(struct supervisor *s)
{
	int pair[2];

	s->restart_at = deadline_never();
	s->born_ms = clock_ms();
	/* Packets, so that a message is whole or absent; the worker's end must not outlive it. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		log_error(NULL, NULL, "no socket for a worker: %s", strerror(errno));
		return -1;
	}
	s->orders = pair[0];
	fflush(NULL);
	switch (s->worker = fork()) {
	case -1:
		log_error(NULL, NULL, "no process for a worker: %s", strerror(errno));
		s->worker = 0;
		close(pair[0]);
		close(pair[1]);
		s->orders = -1;
		return -1;
	case 0:
		run_child(s, pair[1]);
	}
	close(pair[1]);
	log_debug(NULL, NULL, "worker %d started", (int)s->worker);
	return 0;
}

static void
describe_end(int wstatus, char *out, size_t size)
{
	if (WIFSIGNALED(wstatus))
		snprintf(out, size, "died of signal %d (%s)%s", WTERMSIG(wstatus),
		    strsignal(WTERMSIG(wstatus)), WCOREDUMP(wstatus) ? ", core dumped" : "");
	else
		snprintf(out, size, "ended with status %d", WEXITSTATUS(wstatus));
}

static void
worker_ended(struct supervisor *s, int wstatus)
{
	char how[128];

	describe_end(wstatus, how, sizeof(how));
	if (s->stopping) {
		log_info(NULL, NULL, "worker %d %s; stopped", (int)s->worker, how);
		finish(s, 0);
	} else if (!s->served) {
		/* What is wrong at the first start will be wrong at the second. */
		log_error(NULL, NULL, "worker %d %s before it was ready", (int)s->worker, how);
		finish(s, WIFEXITED(wstatus) && WEXITSTATUS(wstatus) != 0 ? WEXITSTATUS(wstatus)
									  : EX_SOFTWARE);
	} else {
		log_error(NULL, NULL, "worker %d %s", (int)s->worker, how);
		restart_later(s);
	}
	s->worker = 0;
}

static void
reap(struct supervisor *s)
{
	pid_t pid;
	int wstatus;

	/* All children: started by a shell's exec the supervisor may have inherited others. */
	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		if (pid == s->worker)
			worker_ended(s, wstatus);
	if (s->worker == 0 && s->orders != -1) {
		close(s->orders);
		s->orders = -1;
	}
}

/* --- orders and messages --- */

static void
order(struct supervisor *s, char what)
{
	if (s->worker == 0 || send(s->orders, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		return;
	/* It has not read for so long that there is no room.  A reload or the like waits there
	 * already; a stop does not, but behind what waits it will see an end of file. */
	if (what == PROC_TERMINATE && errno == EAGAIN)
		shutdown(s->orders, SHUT_WR);
}

static void
reopen_log(struct supervisor *s)
{
	if (s->ops.reopen != NULL)
		s->ops.reopen(s->ops.arg);
	else
		log_reopen();
}

static void
close_listeners(struct supervisor *s)
{
	for (size_t i = 0; i < s->ops.nlisteners; i++) {
		if (s->fds[i] != -1)
			close(s->fds[i]);
		s->fds[i] = -1;
	}
}

static void
begin_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = 1;
	notify_send("STOPPING=1");
	log_info(NULL, NULL, "stopping");
	/* Now, not at the end: a successor may bind as soon as the worker has let go too. */
	close_listeners(s);
	s->restart_at = deadline_never();
	if (s->worker == 0) {
		finish(s, 0);
		return;
	}
	order(s, PROC_TERMINATE);
	s->kill_at = deadline_in_ms((int64_t)s->ops.stop_time_limit_ms + s->ops.stop_grace_ms);
}

static void
on_signal(struct supervisor *s, int signo)
{
	switch (signo) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGHUP:
		reopen_log(s);
		order(s, PROC_RELOAD);
		break;
	case SIGUSR1:
		reopen_log(s);
		order(s, PROC_REOPEN);
		break;
	case SIGINT:
	case SIGTERM:
		begin_stop(s);
		break;
	}
}

static void
on_message(struct supervisor *s)
{
	struct worker_message m;
	ssize_t n = recv(s->orders, &m, sizeof(m), MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		/* Its end is closed: it is about to die, or has.  SIGCHLD says which. */
		close(s->orders);
		s->orders = -1;
		return;
	}
	if (n != (ssize_t)sizeof(m))
		return;
	if (m.kind == WORKER_READY && !s->served && !s->stopping) {
		s->served = 1;
		notify_send("READY=1\nMAINPID=%d\nSTATUS=serving", (int)getpid());
		started(s, 0);
	} else if (m.kind == WORKER_LIMIT && m.value >= 0) {
		s->ops.stop_time_limit_ms = m.value;
	}
}

/* --- the loop --- */

static void
on_time(struct supervisor *s)
{
	if (s->worker != 0 && deadline_passed(s->kill_at)) {
		log_warn(NULL, NULL, "worker %d did not end within stop_time_limit: killed",
		    (int)s->worker);
		kill(s->worker, SIGKILL);
		s->kill_at = deadline_never();
	}
	if (s->worker == 0 && !s->stopping && deadline_passed(s->restart_at))
		if (start_worker(s) == -1)
			restart_later(s);
}

static void
loop(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (!s->done) {
		struct pollfd p[2] = {
			{ .fd = s->sigfd, .events = POLLIN },
			{ .fd = s->orders, .events = POLLIN },
		};
		int wait_ms = deadline_poll_ms(deadline_min(s->restart_at, s->kill_at));

		if (poll(p, nitems(p), wait_ms) == -1 && errno != EINTR)
			break;
		/* What it said comes first: it may have been ready and then died. */
		if (p[1].revents != 0)
			on_message(s);
		else if (p[0].revents != 0 && read(s->sigfd, &si, sizeof(si)) == sizeof(si))
			on_signal(s, (int)si.ssi_signo);
		on_time(s);
	}
}

static int
catch_signals(struct supervisor *s, struct err *err)
{
	static const int caught[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < nitems(caught); i++) {
		signal(caught[i], SIG_DFL); /* nohup(1) leaves SIGHUP ignored: none would come */
		sigaddset(&set, caught[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	if ((s->sigfd = signalfd(-1, &set, SFD_CLOEXEC)) == -1) {
		err_set(err, ERR_SYSTEM, "signalfd: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int
set_up(struct supervisor *s, struct err *err)
{
	if (privs_check_user(s->ops.user, err) == -1)
		return -1;
	if (!s->ops.foreground && (s->start_fd = daemon_start(err)) == -1)
		return -1;
	if (s->ops.pid_file != NULL && (s->pid_fd = pidfile_open(s->ops.pid_file, err)) == -1)
		return -1;
	umask(022); /* whoever starts us: modes are said where files are made */
	privs_raise_nofile();
	if (s->ops.open_listeners(s->ops.arg, s->fds, s->ops.nlisteners, err) == -1 ||
	    catch_signals(s, err) == -1)
		return -1;
	return 0;
}

int
proc_supervise(const struct proc_ops *ops)
{
	struct supervisor s = {
		.ops = *ops,
		.sigfd = -1,
		.orders = -1,
		.pid_fd = -1,
		.start_fd = -1,
		.delay_ms = ops->restart_delay_ms,
		.restart_at = deadline_never(),
		.kill_at = deadline_never(),
	};
	struct err err = { 0 };

	if (s.ops.restart_delay_max_ms == 0)
		s.ops.restart_delay_max_ms = A_MINUTE_MS;
	if (s.ops.stable_ms == 0)
		s.ops.stable_ms = A_MINUTE_MS;
	if (s.ops.stop_grace_ms == 0)
		s.ops.stop_grace_ms = GRACE_MS;
	s.fds = xcalloc(ops->nlisteners + 1, sizeof(*s.fds));
	for (size_t i = 0; i < ops->nlisteners; i++)
		s.fds[i] = -1;

	if (set_up(&s, &err) == -1) {
		complain(&s, &err);
		finish(&s, err.class == ERR_CONFIG ? EX_CONFIG : EX_OSERR);
	} else if (start_worker(&s) == -1) {
		finish(&s, EX_OSERR);
	} else {
		loop(&s);
	}
	close_listeners(&s);
	pidfile_close(s.ops.pid_file, s.pid_fd);
	started(&s, s.status); /* last: who waits may start another at once */
	if (s.sigfd != -1) {
		close(s.sigfd);
		sigprocmask(SIG_SETMASK, &s.old_mask, NULL);
	}
	if (s.orders != -1)
		close(s.orders);
	free(s.fds);
	return s.status;
}
