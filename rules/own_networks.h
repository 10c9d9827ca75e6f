/*
 * own_networks - the addresses of this machine: inet_interfaces, proxy_interfaces, mynetworks_style
 *
 * Answers "is this address mine?", and says what mynetworks is when the configuration does not.
 * Looked up once, at load: interfaces that come later are seen after a reload, as in Postfix.
 *
 * inet_interfaces: all, loopback-only, or host names and addresses.  An address need not be on an
 * interface; a name that has no address is an error.  inet_protocols narrows the families.
 *
 * Ownership: made in the load's arena.  Threads: questions any.
 */
#ifndef RULES_OWN_NETWORKS_H
#define RULES_OWN_NETWORKS_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"

struct own_networks;
struct rule_load;
struct rule_options;

/* An interface's address; what getifaddrs(3) tells, or a test. */
struct own_interface {
	struct sockaddr_storage addr, mask;
	int loopback;
};

/* Of the options: inet_interfaces, proxy_interfaces, inet_protocols, mynetworks_style.  Never NULL;
 * what is wrong has been told. */
struct own_networks *own_networks_compile(
    struct rule_load *, const struct rule_options *) ATTR_MUST_USE;
/* The same, on a machine with these interfaces. */
struct own_networks *own_networks_compile_on(struct rule_load *, const struct rule_options *,
    const struct own_interface *, size_t n) ATTR_MUST_USE;

/* Is it an address of inet_interfaces or proxy_interfaces?  1 or 0. */
int own_networks_has(const struct own_networks *, const struct sockaddr_storage *);
/* The same for text, "192.0.2.1" or "2001:db8::1"; what is no address is not ours. */
int own_networks_has_text(const struct own_networks *, const char *addr);
/* Of inet_interfaces alone: permit_inet_interfaces does not look at the proxy's. */
int own_networks_interface(const struct own_networks *, const struct sockaddr_storage *);
/* What mynetworks is when it is not set: "127.0.0.0/8 [::1]/128 192.0.2.1/32". */
const char *own_networks_default(const struct own_networks *);

#endif
