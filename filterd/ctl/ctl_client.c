#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/ctl.h"

#define ANSWER_MAX (64 * 1024 * 1024)

static int
wait_for(int fd, short events, struct deadline until, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = events };
	int rc;

	do {
		rc = poll(&p, 1, deadline_poll_ms(until));
	} while (rc == -1 && errno == EINTR && !deadline_passed(until));
	if (rc > 0)
		return 0;
	err_set(err, ERR_RETRY, "filterd did not answer in time");
	return -1;
}

static int
connect_to(const char *path, struct deadline until, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		err_set(err, ERR_CONFIG, "control_socket %s: the path is too long", path);
		return -1;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (fd != -1 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		if (errno == EAGAIN && !deadline_passed(until)) { /* its queue is full */
			poll(NULL, 0, 10);
			continue;
		}
		if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
			err_set(err, ERR_RETRY, "control_socket %s: no filterd answers there (%s)",
			    path, strerror(errno));
		else
			err_set(err, ERR_SYSTEM, "control_socket %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	if (fd == -1)
		err_set(err, ERR_SYSTEM, "socket: %s", strerror(errno));
	return fd;
}

static int
send_request(int fd, const char *text, size_t len, struct deadline until, struct err *err)
{
	ssize_t n;

	while (len > 0) {
		if (wait_for(fd, POLLOUT, until, err) == -1)
			return -1;
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return 0; /* refused before it was read: the answer says why */
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int
read_answer(int fd, struct buf *out, struct deadline until, struct err *err)
{
	ssize_t n;

	for (;;) {
		if (wait_for(fd, POLLIN, until, err) == -1)
			return -1;
		n = recv(fd, buf_reserve(out, 65536), 65536, 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		/* A reset means that part of the request was not read; what came counts. */
		if (n <= 0)
			return 0;
		out->len += (size_t)n;
		if (out->len > ANSWER_MAX) {
			err_set(err, ERR_PEER, "filterd's answer is too long");
			return -1;
		}
	}
}

static int
check_answer(struct buf *answer, struct err *err)
{
	json_error_t je;
	json_t *o = json_loadb(answer->p == NULL ? "" : answer->p, answer->len, 0, &je);
	const char *error = json_string_value(json_object_get(o, "error"));
	int rc = -1;

	if (answer->len == 0)
		err_set(err, ERR_PEER, "filterd closed the connection without an answer");
	else if (!json_is_object(o))
		err_set(err, ERR_PEER, "filterd's answer is no JSON object");
	else if (error != NULL)
		err_set(err, ERR_PEER, "filterd says: %s", error);
	else
		rc = 0;
	json_decref(o);
	return rc;
}

char *
ctl_ask(const char *path, const char *request, int timeout_ms, struct err *err)
{
	struct deadline until = deadline_in_ms(timeout_ms);
	struct buf b = { 0 };
	char *answer = NULL;
	int fd;

	if ((fd = connect_to(path, until, err)) == -1)
		return NULL;
	buf_adds(&b, request);
	buf_addc(&b, '\n');
	if (send_request(fd, b.p, b.len, until, err) == 0) {
		buf_reset(&b);
		if (read_answer(fd, &b, until, err) == 0 && check_answer(&b, err) == 0) {
			buf_adds(&b, ""); /* the NUL behind the last octet */
			answer = buf_take(&b);
		}
	}
	buf_fini(&b);
	close(fd);
	return answer;
}
