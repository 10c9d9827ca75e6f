/* The octets of a next hop: first octet LMTP or not, all or none; then all that it ever says. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop_private.h"

#define RCPTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count_yes(const struct hop_envelope *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->nrcpts; i++)
		n += e->rcpts[i].reply.code / 100 == 2;
	return n;
}

static void
check_reply(const struct hop_reply *r)
{
	assert(r->code == 0 || (r->code >= 200 && r->code <= 599));
	assert(r->text != NULL);
	for (const char *p = r->text; *p != '\0'; p++)
		assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
}

static void
transaction(struct hop *h, int all_or_none)
{
	struct hop_rcpt rcpts[RCPTS];
	struct hop_envelope e = {
		.mail_path = "s@x.example", .mail_params = "SIZE=1", .rcpts = rcpts, .nrcpts = RCPTS
	};
	struct deadline limit = deadline_in_ms(5000);
	struct err err;

	for (size_t i = 0; i < RCPTS; i++)
		rcpts[i] = (struct hop_rcpt){ .path = "r@x.example", .params = "" };
	e.arena = arena_new();
	if (hop_begin(h, &e, all_or_none, limit, &err) == 0) {
		check_reply(&e.mail);
		check_reply(&e.data);
		if (e.data.code == 354) {
			assert(e.mail.code / 100 == 2);
			assert(count_yes(&e) > 0 && (!all_or_none || count_yes(&e) == RCPTS));
			if (hop_content(h, span_str("a: b\r\n\r\n.\r\n"), limit, &err) == 0 &&
			    hop_dot(h, limit, &err) == 0)
				(void)!hop_final(h, &e, limit, &err);
			for (size_t i = 0; i < RCPTS; i++)
				check_reply(&rcpts[i].final);
		} else if (hop_standing(h)) {
			(void)!hop_rset(h, limit, &err);
		}
	} else {
		assert(!hop_standing(h));
		check_reply(hop_farewell(h));
	}
	arena_free(e.arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct next_hop to = { .text = "fuzz" };
	struct err err;
	struct hop *h;
	int fds[2];

	if (size < 1 || size > 32768)
		return 0;
	to.protocol = data[0] & 1 ? HOP_LMTP : HOP_SMTP;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		abort();
	if (send(fds[1], data + 1, size - 1, MSG_NOSIGNAL) != (ssize_t)size - 1 ||
	    shutdown(fds[1], SHUT_WR) == -1)
		abort();
	h = hop_greet(fds[0], &to, "filter.example", deadline_in_ms(5000), &err);
	if (h != NULL) {
		transaction(h, data[0] & 2);
		if (hop_idle(h))
			transaction(h, data[0] & 2);
		hop_close(h);
	}
	close(fds[1]);
	return 0;
}
