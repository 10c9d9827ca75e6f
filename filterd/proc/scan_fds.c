/*
 * The descriptors of scan_wire.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "proc/scan_wire.h"

#define FDS_MAX 4
#define SEALS   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* Never inlined: after a wait the thread may be another one, and its errno with it (net/fiber.h).
 */
__attribute__((noinline)) int
scan_send(int fd, struct span text, const int *fds, size_t nfds)
{
	union control c = { .room = { 0 } };
	struct iovec v = { .iov_base = (void *)(uintptr_t)text.p, .iov_len = text.len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *h;
	ssize_t n;

	if (nfds > 0 && nfds <= FDS_MAX) {
		m.msg_control = c.room;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, nfds * sizeof(int));
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : 0;
}

/* All that came, wanted or not: what is not taken would stay open. */
static size_t
take_fds(struct msghdr *m, int *out)
{
	size_t n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		size_t len;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		len = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < len && n < FDS_MAX; i++)
			memcpy(&out[n++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
	return n;
}

__attribute__((noinline)) ssize_t
scan_receive(int fd, void *room, size_t size, int *fds, size_t want, int wait)
{
	union control c = { .room = { 0 } };
	struct iovec v = { .iov_base = room, .iov_len = size };
	/* Who wants none gives no room, and the kernel closes what comes. */
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = want == 0 ? NULL : c.room,
		.msg_controllen = want == 0 ? 0 : sizeof(c.room) };
	int got[FDS_MAX], bad;
	size_t n;
	ssize_t len = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));

	if (len <= 0)
		return len == -1 ? -errno : 0;
	n = take_fds(&m, got);
	bad = (m.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : n != want ? -EBADMSG : 0;
	for (size_t i = 0; i < n; i++) {
		if (bad)
			close(got[i]);
		else
			fds[i] = got[i];
	}
	return bad ? bad : len;
}

static int
write_all(int fd, struct span s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s = span_make(s.p + n, s.len - (size_t)n);
	}
	return 0;
}

int
scan_memfd(struct span lead, struct span message, struct err *err)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd != -1 && write_all(fd, lead) == 0 && write_all(fd, message) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0)
		return fd;
	err_set(err, ERR_SYSTEM, "memory file for a scanner: %s", strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

int
scan_memfd_check(int fd, uint64_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || (seals & SEALS) != SEALS || fstat(fd, &st) == -1)
		return -1;
	return S_ISREG(st.st_mode) && st.st_size >= 0 && (uint64_t)st.st_size == size ? 0 : -1;
}
