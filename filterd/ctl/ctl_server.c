#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/ctl.h"

#define PEER_TIMEOUT_MS 5000
#define STACK_SIZE      (256 * 1024)
#define GROUPS_MAX      1024

struct ctl_server {
	uint32_t magic;
#define CTL_SERVER_MAGIC 0xc0117301u
	char *path;
	int listen_fd, wake_fd; /* wake_fd is readable from ctl_stop() on */
	gid_t group;            /* the socket's */
	dev_t dev;              /* which file at path is ours */
	ino_t ino;
	ctl_answer_fn *answer;
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	int npeers;
};

struct peer {
	struct ctl_server *server;
	int fd;
};

/* --- one request --- */

/* 1 ready, 0 not in time or the server stops. */
static int
wait_peer(const struct peer *p, short events, struct deadline until)
{
	struct pollfd pfd[2] = {
		{ .fd = p->fd, .events = events },
		{ .fd = p->server->wake_fd, .events = POLLIN },
	};
	int rc;

	do {
		rc = poll(pfd, nitems(pfd), deadline_poll_ms(until));
	} while (rc == -1 && errno == EINTR && !deadline_passed(until));
	/* An answer is taken out of the queue by the peer even while we stop. */
	if (events == POLLIN && pfd[1].revents != 0)
		return 0;
	return rc > 0 && pfd[0].revents != 0;
}

/* The request without its line end; NULL: too long, too slow, gone. */
static char *
read_request(const struct peer *p, const char **complaint)
{
	struct deadline until = deadline_in_ms(PEER_TIMEOUT_MS);
	char *buf = xmalloc(CTL_REQUEST_MAX + 1), *end;
	size_t len = 0;
	ssize_t n;

	*complaint = NULL;
	while (len < CTL_REQUEST_MAX) {
		if (!wait_peer(p, POLLIN, until)) {
			*complaint = "no complete request in time";
			goto fail;
		}
		n = recv(p->fd, buf + len, CTL_REQUEST_MAX - len, MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			goto fail;
		if ((end = memchr(buf + len, '\n', (size_t)n)) != NULL) {
			*end = '\0';
			if (strlen(buf) != (size_t)(end - buf)) {
				*complaint = "a NUL in the request";
				goto fail;
			}
			return buf;
		}
		len += (size_t)n;
	}
	*complaint = "the request is too long";
fail:
	free(buf);
	return NULL;
}

static void
write_all(const struct peer *p, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		if (!wait_peer(p, POLLOUT, deadline_in_ms(PEER_TIMEOUT_MS)))
			return;
		n = send(p->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static char *
error_answer(const char *text)
{
	json_t *o = json_pack("{s:s}", "error", text);
	char *s = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

	json_decref(o);
	return s != NULL ? s : xstrdup("{\"error\":\"?\"}");
}

static char *
answer_request(const struct peer *p, const char *request)
{
	char text[JSON_ERROR_TEXT_LENGTH + 32];
	json_error_t je;
	json_t *o = json_loads(request, JSON_REJECT_DUPLICATES, &je);
	char *answer = NULL;

	if (o == NULL) {
		snprintf(text, sizeof(text), "not JSON: %s", je.text);
		return error_answer(text);
	}
	/* json_object_get() of anything but an object is NULL. */
	if (!json_is_string(json_object_get(o, "do")))
		answer = error_answer("a request is an object with a text named \"do\"");
	else if ((answer = p->server->answer(p->server->arg, request)) == NULL)
		answer = error_answer("no such request");
	json_decref(o);
	return answer;
}

/* Is the socket's group among the peer's? */
static int
peer_in_group(int fd, const struct ucred *cred, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (cred->gid == group)
		return 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == -1)
		return 0;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return 1;
	return 0;
}

/* The mode of the socket says the same; this also holds where somebody has changed it. */
static int
peer_allowed(const struct ctl_server *s, int fd)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == -1)
		return 0;
	if (cred.uid == 0 || cred.uid == geteuid() || peer_in_group(fd, &cred, s->group))
		return 1;
	log_warn("control", NULL, "refused process %d of user %d", (int)cred.pid, (int)cred.uid);
	return 0;
}

static void
serve(struct peer *p)
{
	const char *complaint = NULL;
	char *request = NULL, *answer = NULL;

	if (!peer_allowed(p->server, p->fd))
		complaint = "not allowed";
	else if ((request = read_request(p, &complaint)) != NULL)
		answer = answer_request(p, request);
	if (complaint != NULL)
		answer = error_answer(complaint);
	if (answer != NULL) {
		write_all(p, answer, strlen(answer));
		write_all(p, "\n", 1);
	}
	free(answer);
	free(request);
}

/* --- threads --- */

static void
peer_end(struct peer *p)
{
	struct ctl_server *s = p->server;

	close(p->fd);
	free(p);
	pthread_mutex_lock(&s->lock);
	s->npeers--;
	pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static void *
peer_main(void *arg)
{
	serve(arg);
	peer_end(arg);
	return NULL;
}

static int
make_thread(pthread_t *thread, int detached, void *(*f)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t unused;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (detached)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(thread == NULL ? &unused : thread, &attr, f, arg);
	pthread_attr_destroy(&attr);
	return rc;
}

static void
take_peer(struct ctl_server *s, int fd)
{
	static const char busy[] = "{\"error\":\"too many requests at one time\"}\n";
	struct peer *p;
	int full;

	pthread_mutex_lock(&s->lock);
	full = s->npeers >= CTL_PEERS_MAX;
	if (!full)
		s->npeers++;
	pthread_mutex_unlock(&s->lock);
	if (full) {
		(void)!send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return;
	}
	p = xmalloc(sizeof(*p));
	*p = (struct peer){ .server = s, .fd = fd };
	if (make_thread(NULL, 1, peer_main, p) != 0)
		peer_end(p);
}

static void *
listen_main(void *arg)
{
	struct ctl_server *s = arg;
	struct pollfd p[2] = {
		{ .fd = s->listen_fd, .events = POLLIN },
		{ .fd = s->wake_fd, .events = POLLIN },
	};
	int fd;

	for (;;) {
		if (poll(p, nitems(p), -1) == -1)
			continue;
		if (p[1].revents != 0)
			return NULL;
		if (p[0].revents == 0)
			continue;
		if ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) != -1)
			take_peer(s, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			poll(&p[1], 1, 100); /* it stays readable: do not spin */
	}
}

/* --- the socket --- */

static int
answers(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = fd != -1 &&
		  (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN);

	if (fd != -1)
		close(fd);
	return yes;
}

static int
set_address(struct sockaddr_un *sun, const char *path, const char *suffix, struct err *err)
{
	int n;

	sun->sun_family = AF_UNIX;
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s%s", path, suffix);
	if (path[0] == '/' && n < (int)sizeof(sun->sun_path))
		return 0;
	err_set(err, ERR_CONFIG,
	    "control_socket %s: must be an absolute path of at most %zu octets", path,
	    sizeof(sun->sun_path) - strlen(suffix) - 1);
	return -1;
}

/* Made beside its place with the right mode and moved there, so nobody ever meets a socket that is
 * too open or not listening. */
static int
open_socket(struct ctl_server *s, struct err *err)
{
	struct sockaddr_un at, beside;
	struct stat st;

	if (set_address(&at, s->path, "", err) == -1 ||
	    set_address(&beside, s->path, ".new", err) == -1)
		return -1;
	if (answers(&at)) {
		err_set(
		    err, ERR_SYSTEM, "control_socket %s: another filterd answers there", s->path);
		return -1;
	}
	unlink(beside.sun_path);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd == -1 ||
	    bind(s->listen_fd, (struct sockaddr *)&beside, sizeof(beside)) == -1)
		goto fail;
	if (chmod(beside.sun_path, 0660) == -1 || listen(s->listen_fd, 64) == -1 ||
	    stat(beside.sun_path, &st) == -1 || rename(beside.sun_path, s->path) == -1) {
		int saved = errno;
		unlink(beside.sun_path);
		errno = saved;
		goto fail;
	}
	s->group = st.st_gid;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
fail:
	err_set(err, ERR_SYSTEM, "control_socket %s: %s", s->path, strerror(errno));
	return -1;
}

static void
server_free(struct ctl_server *s)
{
	if (s->listen_fd != -1)
		close(s->listen_fd);
	if (s->wake_fd != -1)
		close(s->wake_fd);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	s->magic = 0;
	free(s);
}

struct ctl_server *
ctl_start(const char *path, ctl_answer_fn *answer, void *arg, struct err *err)
{
	struct ctl_server *s = xcalloc(1, sizeof(*s));
	int rc;

	s->magic = CTL_SERVER_MAGIC;
	s->path = xstrdup(path);
	s->answer = answer;
	s->arg = arg;
	s->listen_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	if ((s->wake_fd = eventfd(0, EFD_CLOEXEC)) == -1) {
		err_set(err, ERR_SYSTEM, "eventfd: %s", strerror(errno));
		goto fail;
	}
	if (open_socket(s, err) == -1)
		goto fail;
	if ((rc = make_thread(&s->thread, 0, listen_main, s)) != 0) {
		err_set(err, ERR_SYSTEM, "thread: %s", strerror(rc));
		unlink(path);
		goto fail;
	}
	return s;
fail:
	server_free(s);
	return NULL;
}

/* A successor may have put its own socket there already. */
static void
remove_socket(const struct ctl_server *s)
{
	struct stat st;

	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
}

void
ctl_stop(struct ctl_server *s)
{
	uint64_t one = 1;

	if (s == NULL)
		return;
	(void)!write(s->wake_fd, &one, sizeof(one));
	pthread_join(s->thread, NULL);
	remove_socket(s);
	pthread_mutex_lock(&s->lock);
	while (s->npeers > 0)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	server_free(s);
}
