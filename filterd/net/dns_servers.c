/* Whom to ask: the servers of the options or of resolv.conf (net/dns_private.h). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/span.h"
#include "base/xmem.h"
#include "net/dns_private.h"

#define SEPARATORS ", \t\r\n"
#define UDP_SIZE   1232 /* fits all networks unfragmented; more comes by TCP */

struct servers {
	struct ares_addr_port_node node[DNS_SERVERS_MAX];
	unsigned n;
};

static int
parse_port(const char *text, int *port)
{
	uint64_t n;

	if (span_u64(span_str(text), 65535, &n) == -1 || n == 0)
		return -1;
	*port = (int)n;
	return 0;
}

static int
parse_server(const char *text, struct ares_addr_port_node *node, struct err *err)
{
	struct endpoint at;
	int port;

	if (endpoint_parse(text, "53", &at, err) == -1)
		return -1;
	if (at.kind != ENDPOINT_INET || parse_port(at.port, &port) == -1)
		goto bad;
	memset(node, 0, sizeof(*node));
	node->udp_port = node->tcp_port = port;
	node->family = AF_INET;
	if (inet_pton(AF_INET, at.host, &node->addr.addr4) == 1)
		return 0;
	node->family = AF_INET6;
	if (inet_pton(AF_INET6, at.host, &node->addr.addr6) == 1)
		return 0;
bad:
	err_set(err, ERR_CONFIG, "must be ADDRESS or ADDRESS:PORT, an IPv6 address in brackets");
	return -1;
}

static int
parse_servers(const char *text, struct servers *s, struct err *err)
{
	char *copy = xstrdup(text), *save = NULL;
	int rc = 0;

	s->n = 0;
	for (char *word = strtok_r(copy, SEPARATORS, &save); word != NULL && rc == 0;
	     word = strtok_r(NULL, SEPARATORS, &save)) {
		if (s->n == DNS_SERVERS_MAX) {
			err_set(err, ERR_CONFIG, "at most %d servers", DNS_SERVERS_MAX);
			rc = -1;
		} else if ((rc = parse_server(word, &s->node[s->n], err)) == -1) {
			err_prefix(err, "%s", word);
		} else {
			s->n++;
		}
	}
	free(copy);
	return rc;
}

int
dns_servers_check(const char *text, struct err *err)
{
	struct servers s;

	return parse_servers(text, &s, err);
}

static int
ares_failed(int status, const char *what, struct err *err)
{
	if (status == ARES_SUCCESS)
		return 0;
	err_set(err, ERR_SYSTEM, "%s: %s", what, ares_strerror(status));
	return -1;
}

/* c-ares reads it, by a channel that is used for nothing else. */
static int
read_resolv_conf(const char *path, struct servers *s, struct err *err)
{
	char name[4096];
	struct ares_options o = { .resolvconf_path = name };
	struct ares_addr_port_node *list, *at;
	ares_channel channel;
	int status;

	span_copy(span_str(path), name, sizeof(name));
	if (ares_failed(ares_init_options(&channel, &o, ARES_OPT_RESOLVCONF), path, err) == -1)
		return -1;
	status = ares_get_servers_ports(channel, &list);
	ares_destroy(channel);
	if (ares_failed(status, path, err) == -1)
		return -1;
	s->n = 0;
	for (at = list; at != NULL && s->n < DNS_SERVERS_MAX; at = at->next) {
		s->node[s->n] = *at;
		if (at->udp_port == 0)
			s->node[s->n].udp_port = s->node[s->n].tcp_port = 53;
		s->n++;
	}
	ares_free_data(list);
	if (s->n > 0)
		return 0;
	err_set(err, ERR_CONFIG, "%s: names no server", path);
	return -1;
}

/* --- channels --- */

/* c-ares has a socket to be looked at, differently, or no more. */
static void
on_socket(void *arg, ares_socket_t fd, int for_read, int for_write)
{
	struct dns_server *s = arg;
	struct dns *d = s->dns;
	short events = (short)((for_read ? POLLIN : 0) | (for_write ? POLLOUT : 0));
	size_t i = 0;

	while (i < d->nfds && d->fds[i].fd != fd)
		i++;
	if (events == 0) {
		if (i < d->nfds) {
			d->fds[i] = d->fds[--d->nfds];
			d->fd_server[i] = d->fd_server[d->nfds];
		}
		return;
	}
	if (i == d->room) {
		d->room = d->room == 0 ? 16 : d->room * 2;
		d->fds = xreallocarray(d->fds, d->room, sizeof(*d->fds));
		d->fd_server = xreallocarray(d->fd_server, d->room, sizeof(*d->fd_server));
	}
	if (i == d->nfds)
		d->nfds++;
	d->fds[i] = (struct pollfd){ .fd = fd, .events = events };
	d->fd_server[i] = s;
}

static int
open_channel(struct dns *d, struct dns_server *s, struct ares_addr_port_node *node, struct err *err)
{
	char none[] = "/dev/null";
	struct ares_options o = {
		/* One try: whom to ask next is our business; and so is what SERVFAIL means. */
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
			 ARES_FLAG_EDNS,
		.timeout = (int)d->o.timeout_ms,
		.tries = 1,
		.ednspsz = UDP_SIZE,
		.socket_receive_buffer_size = 1 << 20,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = s,
		.resolvconf_path = none,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		   ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;

	s->dns = d;
	if (ares_failed(ares_init_options(&s->channel, &o, mask), "c-ares", err) == -1) {
		s->channel = NULL;
		return -1;
	}
	node->next = NULL;
	return ares_failed(ares_set_servers_ports(s->channel, node), "c-ares", err);
}

int
dns_servers_open(struct dns *d, const struct dns_options *o, struct err *err)
{
	const char *path = o->resolv_conf != NULL ? o->resolv_conf : "/etc/resolv.conf";
	struct servers s = { .n = 0 };

	if (o->servers != NULL && parse_servers(o->servers, &s, err) == -1)
		return -1;
	if (s.n == 0 && read_resolv_conf(path, &s, err) == -1)
		return -1;
	for (unsigned i = 0; i < s.n; i++) {
		d->nservers++;
		if (open_channel(d, &d->server[i], &s.node[i], err) == -1)
			return -1;
	}
	return 0;
}

void
dns_servers_close(struct dns *d)
{
	for (unsigned i = 0; i < d->nservers; i++)
		if (d->server[i].channel != NULL)
			ares_destroy(d->server[i].channel);
	free(d->fds);
	free(d->fd_server);
}
