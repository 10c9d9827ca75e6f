#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/dial.h"
#include "net/stream.h"

static const struct {
	const char *list, *addr;
	int match; /* -1: the list is refused */
} net_cases[] = {
	{ "127.0.0.0/8, [::1]", "127.3.2.1", 1 },
	{ "127.0.0.0/8, [::1]", "::1", 1 },
	{ "127.0.0.0/8", "128.0.0.1", 0 },
	{ "127.0.0.0/8", "::ffff:127.0.0.1", 1 },   /* IPv4-mapped is IPv4 */
	{ "!10.1.2.3, 10.0.0.0/8", "10.1.2.3", 0 }, /* first match wins */
	{ "!10.1.2.3, 10.0.0.0/8", "10.1.2.4", 1 },
	{ "192.0.2.128/25", "192.0.2.127", 0 },
	{ "192.0.2.128/25", "192.0.2.200", 1 },
	{ "[2001:db8::]/32", "2001:db8:5::1", 1 },
	{ "2001:db8::/32", "2001:db9::1", 0 },
	{ "0.0.0.0/0", "8.8.8.8", 1 },
	{ "", "127.0.0.1", 0 },
	{ "unix", "127.0.0.1", 0 },
	{ "10.0.0.1/8", "10.0.0.1", -1 }, /* host bits */
	{ "10.0.0.0/33", "10.0.0.1", -1 },
	{ "localhost", "127.0.0.1", -1 }, /* no names: they would need DNS to decide */
	{ "[::1", "::1", -1 },
};

static void
sockaddr_of(const char *text, struct sockaddr_storage *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (sa->ss_family == AF_INET6)
		inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)sa)->sin6_addr);
	else
		inet_pton(AF_INET, text, &((struct sockaddr_in *)sa)->sin_addr);
}

static void
test_net_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(net_cases); i++) {
		struct sockaddr_storage sa;
		struct err err;
		struct net_list *l = net_list_parse(net_cases[i].list, &err);

		if (net_cases[i].match == -1) {
			assert_null(l);
			assert_int_equal(err.class, ERR_CONFIG);
			continue;
		}
		assert_non_null(l);
		sockaddr_of(net_cases[i].addr, &sa);
		assert_int_equal(net_list_match(l, &sa), net_cases[i].match);
		net_list_free(l);
	}
}

static void
test_unix_peer(void **state)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNIX };
	struct net_list *l = net_list_parse("127.0.0.1 unix", NULL);
	char text[64];
	int port = 7;

	(void)state;
	assert_int_equal(net_list_match(l, &sa), 1);
	sockaddr_text(&sa, text, sizeof(text), &port);
	assert_string_equal(text, "unix");
	assert_int_equal(port, 0);
	net_list_free(l);
}

static struct stream *
pair(int *other)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	*other = fd[1];
	return stream_new(fd[0]);
}

static void
put(int fd, const char *s, size_t n)
{
	assert_int_equal(write(fd, s, n), (ssize_t)n);
}
#define PUT(fd, text) put(fd, text, sizeof(text) - 1)

static void
test_stream_lines(void **state)
{
	struct span line;
	struct err err;
	int fd;
	struct stream *s = pair(&fd);

	(void)state;
	PUT(fd, "one\r\ntwo\nthr");
	assert_int_equal(stream_line(s, 100, deadline_in_ms(1000), &line, &err), 1);
	assert_true(span_eq_str(line, "one"));
	assert_int_equal(stream_line(s, 100, deadline_in_ms(1000), &line, &err), 1);
	assert_true(span_eq_str(line, "two"));
	PUT(fd, "ee\r\n");
	assert_int_equal(stream_line(s, 100, deadline_in_ms(1000), &line, &err), 1);
	assert_true(span_eq_str(line, "three"));
	PUT(fd, "0123456789");
	assert_int_equal(stream_line(s, 5, deadline_in_ms(1000), &line, &err), -1);
	assert_int_equal(err.class, ERR_PEER);
	close(fd);
	stream_free(s);
}

static void
test_stream_unread(void **state)
{
	char big[20000], got[20000];
	struct err err;
	int fd;
	struct stream *s = pair(&fd);

	(void)state;
	memset(big, 'x', sizeof(big));
	PUT(fd, "abc");
	assert_int_equal(stream_recv(s, got, sizeof(got), deadline_in_ms(1000), &err), 3);
	stream_unread(s, "c", 1);
	stream_unread(s, big, sizeof(big));
	stream_unread(s, "1", 1);
	assert_int_equal(stream_peek(s).len, sizeof(big) + 2);
	assert_int_equal(stream_peek(s).p[0], '1');
	assert_int_equal(stream_peek(s).p[sizeof(big) + 1], 'c');
	stream_consume(s, sizeof(big) + 2);
	stream_park(s);
	close(fd);
	stream_free(s);
}

/* A piece larger than what is buffered of lines, behind something that is consumed before it. */
static void
test_stream_large(void **state)
{
	static uint8_t big[200000];
	int fd;
	struct stream *s = pair(&fd);
	size_t sent = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	while (sent < sizeof(big) || stream_peek(s).len < sizeof(big) - 5) {
		ssize_t n = send(fd, big + sent, sizeof(big) - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		assert_int_not_equal(stream_try_fill_to(s, sent == 0 ? 0 : sizeof(big) - 5), 0);
		if (stream_peek(s).p[0] == big[0] && stream_peek(s).p[1] == big[1])
			stream_consume(s, 5);
	}
	assert_int_equal(stream_peek(s).len, sizeof(big) - 5);
	assert_memory_equal(stream_peek(s).p, big + 5, sizeof(big) - 5);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(stream_try_fill_to(s, sizeof(big)), 1);
	stream_consume(s, sizeof(big) - 5);
	assert_int_equal(stream_peek(s).p[0], 'x');
	stream_consume(s, 1);
	stream_park(s);
	close(fd);
	stream_free(s);
}

static void
test_stream_end(void **state)
{
	struct span line;
	struct err err;
	int fd;
	struct stream *s = pair(&fd);

	(void)state;
	assert_int_equal(stream_peer_gone(s), 0);
	assert_int_equal(stream_try_fill(s), -2);
	assert_int_equal(stream_line(s, 100, deadline_in_ms(0), &line, &err), -1);
	assert_int_equal(err.class, ERR_RETRY);
	PUT(fd, "QUIT\r\n");
	close(fd);
	assert_int_equal(stream_try_fill(s), 1);
	assert_int_equal(stream_peer_gone(s), 0); /* there is input to be read */
	/* A deadline in the past still gets what is there. */
	assert_int_equal(stream_line(s, 100, deadline_in_ms(0), &line, &err), 1);
	assert_int_equal(stream_peer_gone(s), 1);
	assert_int_equal(stream_line(s, 100, deadline_in_ms(0), &line, &err), 0);
	stream_free(s);
}

static void
test_stream_write(void **state)
{
	struct iovec v[100];
	char got[256], a[] = "a", b[] = "b";
	struct err err;
	int fd;
	struct stream *s = pair(&fd);

	(void)state;
	for (size_t i = 0; i < nitems(v); i++)
		v[i] = (struct iovec){ .iov_base = i % 2 ? b : a, .iov_len = i == 5 ? 0 : 1 };
	stream_queue(s, "he", 2);
	buf_adds(stream_out(s), "ad:");
	assert_int_equal(stream_writev(s, v, nitems(v), deadline_in_ms(1000), &err), 0);
	assert_int_equal(read(fd, got, sizeof(got)), 5 + 99);
	assert_memory_equal(got, "head:ababaabab", 14);
	assert_int_equal(stream_queued(s), 0);
	close(fd);
	stream_queue(s, "x", 1);
	assert_int_equal(stream_flush(s, deadline_in_ms(1000), &err), -1);
	stream_free(s);
}

static void
test_dial_unix(void **state)
{
	char dir[] = "/tmp/test_netXXXXXX";
	struct listen_options lo = { .backlog = 5, .mode = 0600 };
	struct endpoint e = { .kind = ENDPOINT_UNIX };
	struct err err;
	int l, l2, c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(e.path, sizeof(e.path), "%s/s", dir);
	assert_int_equal(dial(&e, deadline_in_ms(100), &err), -1);
	l = listen_open(&e, &lo, &err);
	assert_int_not_equal(l, -1);
	assert_int_equal(listen_open(&e, &lo, &err), -1); /* somebody answers there */
	c = dial(&e, deadline_in_ms(100), &err);
	assert_int_not_equal(c, -1);
	close(c);
	close(l);
	l2 = listen_open(&e, &lo, &err); /* left behind by a dead process */
	assert_int_not_equal(l2, -1);
	close(l2);
	unlink(e.path);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_list),
		cmocka_unit_test(test_unix_peer),
		cmocka_unit_test(test_stream_lines),
		cmocka_unit_test(test_stream_unread),
		cmocka_unit_test(test_stream_large),
		cmocka_unit_test(test_stream_end),
		cmocka_unit_test(test_stream_write),
		cmocka_unit_test(test_dial_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
