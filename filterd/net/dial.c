#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/blocking.h"
#include "base/err.h"
#include "net/dial.h"
#include "net/fiber.h"

static void
unix_address(const struct endpoint *e, struct sockaddr_un *un)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, e->path, strlen(e->path) + 1); /* endpoint.path has the same size */
}

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) >= sizeof(((struct endpoint *)0)->path),
    "an endpoint's path must fit a socket address");

static int
resolve(const struct endpoint *e, int flags, struct addrinfo **list, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	const char *host = strcmp(e->host, "*") == 0 ? NULL : e->host;
	int rc = getaddrinfo(host, e->port, &hints, list);

	if (rc == 0)
		return 0;
	err_set(err, rc == EAI_NONAME || rc == EAI_SERVICE ? ERR_CONFIG : ERR_RETRY, "%s",
	    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return -1;
}

/* The call alone, 0 or -errno; see recv_now() in net/stream.c. */
static __attribute__((noinline)) int
connect_now(int fd, const struct sockaddr *sa, socklen_t len)
{
	return connect(fd, sa, len) == 0 ? 0 : -errno;
}

/* connect(2) with a deadline: 0, or -errno. */
static int
connect_until(int fd, const struct sockaddr *sa, socklen_t len, struct deadline d)
{
	struct net_watch w = { .fd = fd };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int rc = connect_now(fd, sa, len), failed = 0;
	socklen_t n = sizeof(failed);

	/* A unix socket whose backlog is full says EAGAIN; that is a refusal. */
	if (rc != -EINPROGRESS)
		return rc;
	/* A wait may end for nothing, and then SO_ERROR would look like success. */
	do
		if (net_wait(&w, 1, d) == 0)
			return -ETIMEDOUT;
	while (poll(&p, 1, 0) == 0);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) == -1)
		return -EIO;
	return -failed;
}

/* The descriptor, or -errno. */
static int
dial_one(const struct sockaddr *sa, socklen_t len, struct deadline d)
{
	int one = 1, fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd == -1)
		return -EMFILE;
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = connect_until(fd, sa, len, d);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* A number needs no look-up; for a name the resolver may wait. */
static int
look_up(const struct endpoint *e, struct addrinfo **list, struct err *err)
{
	int rc = resolve(e, AI_NUMERICHOST, list, NULL);

	if (rc == 0)
		return 0;
	blocking_begin();
	rc = resolve(e, AI_ADDRCONFIG, list, err);
	if (rc == -1)
		rc = resolve(e, 0, list, err);
	blocking_end();
	return rc;
}

int
dial(const struct endpoint *e, struct deadline d, struct err *err)
{
	struct addrinfo *list, *a;
	struct sockaddr_un un;
	int fd = -EIO;

	if (e->kind == ENDPOINT_UNIX) {
		unix_address(e, &un);
		fd = dial_one((struct sockaddr *)&un, sizeof(un), d);
	} else {
		if (look_up(e, &list, err) == -1) {
			err_prefix(err, "cannot look up its address");
			return -1;
		}
		for (a = list; a != NULL && fd < 0; a = a->ai_next)
			fd = dial_one(a->ai_addr, a->ai_addrlen, d);
		freeaddrinfo(list);
	}
	if (fd >= 0)
		return fd;
	err_set(err, ERR_RETRY, "cannot connect: %s", strerror(-fd));
	return -1;
}

/* --- listening --- */

static int
listen_failed(const struct endpoint *e, int fd, struct err *err)
{
	char where[320];
	int saved = errno;

	endpoint_format(e, where, sizeof(where));
	err_set(err, ERR_SYSTEM, "cannot listen on %s: %s", where, strerror(saved));
	if (fd != -1)
		close(fd);
	return -1;
}

/* Is somebody listening there? */
static int
unix_alive(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd == -1)
		return 0;
	rc = connect(fd, (const struct sockaddr *)un, sizeof(*un));
	close(fd);
	return rc == 0;
}

static int
listen_unix(const struct endpoint *e, const struct listen_options *o, struct err *err)
{
	struct sockaddr_un un;
	struct group *g;
	struct stat st;
	mode_t old_mask;
	int fd, bound;

	unix_address(e, &un);
	if (lstat(un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (unix_alive(&un)) {
			errno = EADDRINUSE;
			return listen_failed(e, -1, err);
		}
		unlink(un.sun_path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode comes from the umask and lchown(2) follows no link: in a folder of filter_user's
	 * the name may stand for another file by the next call, and we may be root. */
	old_mask = umask(~o->mode & 0777);
	bound = fd != -1 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	umask(old_mask);
	if (!bound)
		return listen_failed(e, fd, err);
	if (o->group != NULL && o->group[0] != '\0') {
		g = getgrnam(o->group);
		if (g == NULL) {
			err_set(err, ERR_CONFIG, "unix:%s: socket_group %s: no such group", e->path,
			    o->group);
			close(fd);
			return -1;
		}
		if (lchown(un.sun_path, (uid_t)-1, g->gr_gid) == -1)
			return listen_failed(e, fd, err);
	}
	if (listen(fd, o->backlog) == -1)
		return listen_failed(e, fd, err);
	return fd;
}

int
listen_open(const struct endpoint *e, const struct listen_options *o, struct err *err)
{
	struct addrinfo *list;
	int one = 1, fd;

	if (e->kind == ENDPOINT_UNIX)
		return listen_unix(e, o, err);
	if (resolve(e, AI_PASSIVE, &list, err) == -1) {
		err_prefix(err, "cannot listen on %s:%s", e->host, e->port);
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (list->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		/* Accepted sockets inherit it. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (fd == -1 || bind(fd, list->ai_addr, list->ai_addrlen) == -1 ||
	    listen(fd, o->backlog) == -1)
		fd = listen_failed(e, fd, err);
	freeaddrinfo(list);
	return fd;
}
