#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/child.h"
#include "proc/worker_side.h"

void
child_init(struct child *c, const struct proc_ops *ops)
{
	*c = (struct child){
		.orders = -1, .delay_ms = ops->restart_delay_ms, .restart_at = deadline_never()
	};
}

static const char *
role_name(const struct nursery *n, size_t role)
{
	return n->ops->roles[role].name;
}

/* --- birth --- */

/* A listening socket that a dead owner's successor is to have must not be kept by others, nor the
 * supervisor's half of another one's orders: its end of file would never come. */
static void
let_go(struct nursery *n, size_t role)
{
	const struct proc_ops *ops = n->ops;

	for (size_t i = 0; i < ops->nroles; i++)
		child_close_orders(&n->children[i]);
	for (size_t i = 0; i < ops->nlisteners; i++) {
		size_t owner = ops->listener_role == NULL ? 0 : ops->listener_role[i];

		if (owner == role || n->fds[i] == -1)
			continue;
		close(n->fds[i]);
		n->fds[i] = -1;
	}
	close(n->sigfd);
	if (n->pid_fd != -1)
		close(n->pid_fd);
	if (n->start_fd != -1)
		close(n->start_fd);
}

static void
live(struct nursery *n, size_t role, int orders)
{
	struct proc_worker w = {
		.fds = n->fds,
		.nfds = n->ops->nlisteners,
		.role = role,
		.orders = orders,
		.first = !n->children[role].served,
		.detach = !n->ops->foreground,
		.states = n->states,
	};

	let_go(n, role);
	mprotect(n->states, n->ops->nroles * sizeof(*n->states), PROT_READ);
	worker_side_run(n->ops, &w, &n->old_mask);
}

int
child_start(struct nursery *n, size_t role)
{
	struct child *c = &n->children[role];
	int pair[2];

	c->restart_at = deadline_never();
	c->born_ms = clock_ms();
	/* Packets, so that a message is whole or absent; the worker's end must not outlive it. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		log_error(
		    NULL, NULL, "no socket for a %s: %s", role_name(n, role), strerror(errno));
		return -1;
	}
	fflush(NULL);
	switch (c->pid = fork()) {
	case -1:
		log_error(
		    NULL, NULL, "no process for a %s: %s", role_name(n, role), strerror(errno));
		c->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return -1;
	case 0:
		close(pair[0]);
		live(n, role, pair[1]);
	}
	close(pair[1]);
	c->orders = pair[0];
	atomic_store(&n->states[role].serving, 0);
	atomic_store(&n->states[role].pid, (int32_t)c->pid);
	log_debug(NULL, NULL, "%s %d started", role_name(n, role), (int)c->pid);
	return 0;
}

void
child_restart_later(struct nursery *n, size_t role)
{
	const struct proc_ops *ops = n->ops;
	struct child *c = &n->children[role];

	if (clock_ms() - c->born_ms >= ops->stable_ms)
		c->delay_ms = ops->restart_delay_ms;
	c->restart_at = deadline_in_ms(c->delay_ms);
	log_info(NULL, NULL, "the next %s starts in %d ms", role_name(n, role), c->delay_ms);
	c->delay_ms = c->delay_ms > ops->restart_delay_max_ms / 2 ? ops->restart_delay_max_ms
								  : 2 * c->delay_ms;
}

void
child_start_again(struct nursery *n, size_t role)
{
	if (child_start(n, role) == -1)
		child_restart_later(n, role);
}

/* --- orders and messages --- */

void
child_close_orders(struct child *c)
{
	if (c->orders != -1)
		close(c->orders);
	c->orders = -1;
}

void
child_order(struct child *c, char what)
{
	if (c->pid == 0 || send(c->orders, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		return;
	/* It has not read for so long that there is no room.  A reload or the like waits there
	 * already; a stop does not, but behind what waits it will see an end of file. */
	if (what == PROC_TERMINATE && errno == EAGAIN)
		shutdown(c->orders, SHUT_WR);
}

char
child_message(struct child *c, int *value)
{
	struct worker_message m;
	ssize_t n = recv(c->orders, &m, sizeof(m), MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		/* Its end is closed: it is about to die, or has.  SIGCHLD says which. */
		child_close_orders(c);
		return 0;
	}
	if (n != (ssize_t)sizeof(m))
		return 0;
	*value = m.value;
	return m.kind;
}
