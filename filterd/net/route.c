#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/route.h"

int
route_exists(int family, const void *addr)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return 0;
	/* Connecting a datagram socket only looks for the route. */
	if (family == AF_INET) {
		memcpy(&v4.sin_addr, addr, sizeof(v4.sin_addr));
		rc = connect(fd, (const struct sockaddr *)&v4, sizeof(v4));
	} else {
		memcpy(&v6.sin6_addr, addr, sizeof(v6.sin6_addr));
		rc = connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	}
	close(fd);
	return rc == 0;
}
