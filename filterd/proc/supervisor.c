#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/child.h"
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
	struct nursery n;
	struct pollfd *poll; /* signals, then each child's messages */
	int ready;           /* a worker of each role has been */
	int stopping, status, done;
	struct deadline kill_at;
};

/* It serves or it never will: the process that waits is told once. */
static void
started(struct supervisor *s, int status)
{
	if (s->n.start_fd == -1)
		return;
	if (status == 0)
		daemon_detach();
	daemon_started(s->n.start_fd, status);
	s->n.start_fd = -1;
}

static void
complain(const struct supervisor *s, const struct err *err)
{
	if (s->ops.complain != NULL)
		s->ops.complain(s->ops.arg, err);
	else
		log_error(NULL, NULL, "%s", err->text);
}

static size_t
count_alive(const struct supervisor *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->ops.nroles; i++)
		n += s->n.children[i].pid != 0;
	return n;
}

static int
all_served(const struct supervisor *s)
{
	for (size_t i = 0; i < s->ops.nroles; i++)
		if (!s->n.children[i].served)
			return 0;
	return 1;
}

/* --- stop --- */

static void
close_listeners(struct supervisor *s)
{
	for (size_t i = 0; i < s->ops.nlisteners; i++) {
		if (s->n.fds[i] != -1)
			close(s->n.fds[i]);
		s->n.fds[i] = -1;
	}
}

/* All end, and then we do. */
static void
wind_down(struct supervisor *s, int status)
{
	s->stopping = 1;
	s->status = status;
	/* Now, not at the end: a successor may bind as soon as the workers have let go too. */
	close_listeners(s);
	for (size_t i = 0; i < s->ops.nroles; i++) {
		s->n.children[i].restart_at = deadline_never();
		child_order(&s->n.children[i], PROC_TERMINATE);
	}
	s->kill_at = deadline_in_ms((int64_t)s->ops.stop_time_limit_ms + s->ops.stop_grace_ms);
	s->done = count_alive(s) == 0;
}

static void
begin_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	notify_send("STOPPING=1");
	log_info(NULL, NULL, "stopping");
	wind_down(s, 0);
}

/* --- a worker's death --- */

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
child_ended(struct supervisor *s, size_t role, int wstatus)
{
	const char *name = s->ops.roles[role].name;
	struct child *c = &s->n.children[role];
	int pid = (int)c->pid;
	char how[128];

	describe_end(wstatus, how, sizeof(how));
	c->pid = 0;
	atomic_store(&s->n.states[role].pid, 0);
	atomic_store(&s->n.states[role].serving, 0);
	if (s->stopping) {
		s->done = count_alive(s) == 0;
		log_info(NULL, NULL, "%s %d %s%s", name, pid, how, s->done ? "; stopped" : "");
	} else if (!c->served) {
		/* What is wrong at the first start will be wrong at the second. */
		log_error(NULL, NULL, "%s %d %s before it was ready", name, pid, how);
		wind_down(s, WIFEXITED(wstatus) && WEXITSTATUS(wstatus) != 0 ? WEXITSTATUS(wstatus)
									     : EX_SOFTWARE);
	} else {
		log_error(NULL, NULL, "%s %d %s", name, pid, how);
		child_restart_later(&s->n, role);
	}
}

static void
reap(struct supervisor *s)
{
	pid_t pid;
	int wstatus;

	/* All children: started by a shell's exec the supervisor may have inherited others. */
	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		for (size_t i = 0; i < s->ops.nroles; i++)
			if (pid == s->n.children[i].pid) {
				child_close_orders(&s->n.children[i]);
				child_ended(s, i, wstatus);
				break;
			}
}

/* --- orders and messages --- */

static void
reopen_log(struct supervisor *s)
{
	if (s->ops.reopen != NULL)
		s->ops.reopen(s->ops.arg);
	else
		log_reopen();
}

static void
order_all(struct supervisor *s, char what)
{
	for (size_t i = 0; i < s->ops.nroles; i++)
		child_order(&s->n.children[i], what);
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
		order_all(s, PROC_RELOAD);
		break;
	case SIGUSR1:
		reopen_log(s);
		order_all(s, PROC_REOPEN);
		break;
	case SIGINT:
	case SIGTERM:
		begin_stop(s);
		break;
	}
}

static void
child_ready(struct supervisor *s, size_t role)
{
	s->n.children[role].served = 1;
	atomic_store(&s->n.states[role].serving, 1);
	if (s->ready || s->stopping || !all_served(s))
		return;
	s->ready = 1;
	notify_send("READY=1\nMAINPID=%d\nSTATUS=serving", (int)getpid());
	started(s, 0);
}

static void
on_message(struct supervisor *s, size_t role)
{
	int value;

	switch (child_message(&s->n.children[role], &value)) {
	case WORKER_READY:
		child_ready(s, role);
		break;
	case WORKER_LIMIT:
		if (value >= 0)
			s->ops.stop_time_limit_ms = value;
		break;
	}
}

/* --- the loop --- */

static void
kill_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->ops.nroles; i++) {
		int pid = (int)s->n.children[i].pid;

		if (pid == 0)
			continue;
		log_warn(NULL, NULL, "%s %d did not end within stop_time_limit: killed",
		    s->ops.roles[i].name, pid);
		kill(pid, SIGKILL);
	}
	s->kill_at = deadline_never();
}

static void
on_time(struct supervisor *s)
{
	if (deadline_passed(s->kill_at))
		kill_all(s);
	for (size_t i = 0; i < s->ops.nroles; i++)
		if (s->n.children[i].pid == 0 && deadline_passed(s->n.children[i].restart_at))
			child_start_again(&s->n, i);
}

static int
wait_ms(const struct supervisor *s)
{
	struct deadline next = s->kill_at;

	for (size_t i = 0; i < s->ops.nroles; i++)
		next = deadline_min(next, s->n.children[i].restart_at);
	return deadline_poll_ms(next);
}

/* What they said comes first: one may have been ready and then died.  1: something was said. */
static int
on_messages(struct supervisor *s)
{
	int any = 0;

	for (size_t i = 0; i < s->ops.nroles; i++)
		if (s->poll[i + 1].revents != 0) {
			on_message(s, i);
			any = 1;
		}
	return any;
}

static void
loop(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (!s->done) {
		s->poll[0] = (struct pollfd){ .fd = s->n.sigfd, .events = POLLIN };
		for (size_t i = 0; i < s->ops.nroles; i++)
			s->poll[i + 1] =
			    (struct pollfd){ .fd = s->n.children[i].orders, .events = POLLIN };
		if (poll(s->poll, s->ops.nroles + 1, wait_ms(s)) == -1 && errno != EINTR)
			break;
		if (!on_messages(s) && s->poll[0].revents != 0 &&
		    read(s->n.sigfd, &si, sizeof(si)) == sizeof(si))
			on_signal(s, (int)si.ssi_signo);
		if (!s->done)
			on_time(s);
	}
}

/* --- life --- */

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
	sigprocmask(SIG_BLOCK, &set, &s->n.old_mask);
	if ((s->n.sigfd = signalfd(-1, &set, SFD_CLOEXEC)) == -1) {
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
	if (!s->ops.foreground && (s->n.start_fd = daemon_start(err)) == -1)
		return -1;
	if (s->ops.pid_file != NULL && (s->n.pid_fd = pidfile_open(s->ops.pid_file, err)) == -1)
		return -1;
	umask(022); /* whoever starts us: modes are said where files are made */
	privs_raise_nofile();
	if (s->ops.open_listeners(s->ops.arg, s->n.fds, s->ops.nlisteners, err) == -1 ||
	    catch_signals(s, err) == -1)
		return -1;
	return 0;
}

/* Where all workers can see it, and none of them change it. */
static int
open_states(struct supervisor *s, struct err *err)
{
	void *p = mmap(NULL, s->ops.nroles * sizeof(*s->n.states), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		err_set(err, ERR_SYSTEM, "mmap: %s", strerror(errno));
		return -1;
	}
	s->n.states = p;
	return 0;
}

static int
start_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->ops.nroles; i++) {
		if (child_start(&s->n, i) == 0)
			continue;
		wind_down(s, EX_OSERR);
		return s->done ? -1 : 0;
	}
	return 0;
}

static void
supervisor_init(struct supervisor *s, const struct proc_ops *ops)
{
	*s = (struct supervisor){ .ops = *ops, .kill_at = deadline_never() };
	if (s->ops.restart_delay_max_ms == 0)
		s->ops.restart_delay_max_ms = A_MINUTE_MS;
	if (s->ops.stable_ms == 0)
		s->ops.stable_ms = A_MINUTE_MS;
	if (s->ops.stop_grace_ms == 0)
		s->ops.stop_grace_ms = GRACE_MS;
	s->n = (struct nursery){ .ops = &s->ops, .sigfd = -1, .pid_fd = -1, .start_fd = -1 };
	s->poll = xcalloc(ops->nroles + 1, sizeof(*s->poll));
	s->n.children = xcalloc(ops->nroles, sizeof(*s->n.children));
	for (size_t i = 0; i < ops->nroles; i++)
		child_init(&s->n.children[i], &s->ops);
	s->n.fds = xcalloc(ops->nlisteners + 1, sizeof(*s->n.fds));
	for (size_t i = 0; i < ops->nlisteners; i++)
		s->n.fds[i] = -1;
}

static void
supervisor_fini(struct supervisor *s)
{
	close_listeners(s);
	pidfile_close(s->ops.pid_file, s->n.pid_fd);
	started(s, s->status); /* last: who waits may start another at once */
	if (s->n.sigfd != -1) {
		close(s->n.sigfd);
		sigprocmask(SIG_SETMASK, &s->n.old_mask, NULL);
	}
	for (size_t i = 0; i < s->ops.nroles; i++)
		child_close_orders(&s->n.children[i]);
	if (s->n.states != NULL)
		munmap(s->n.states, s->ops.nroles * sizeof(*s->n.states));
	free(s->n.children);
	free(s->n.fds);
	free(s->poll);
}

int
proc_supervise(const struct proc_ops *ops)
{
	struct supervisor s;
	struct err err = { 0 };

	supervisor_init(&s, ops);
	if (open_states(&s, &err) == -1 || set_up(&s, &err) == -1) {
		complain(&s, &err);
		s.status = err.class == ERR_CONFIG ? EX_CONFIG : EX_OSERR;
	} else if (start_all(&s) == 0) {
		loop(&s);
	}
	supervisor_fini(&s);
	return s.status;
}
