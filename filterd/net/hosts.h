/*
 * hosts - what a file like /etc/hosts says of an address or a name
 *
 * getnameinfo(3) and getaddrinfo(3), and so Postfix, look there before they ask the DNS.  The file
 * is read at each call, as they do: what is changed in it counts at once.
 *
 * Results: 1 it is there, 0 it is not; a file that cannot be read says nothing.
 * Threads: any.
 * Limits: lines above 4096 octets, and what stands behind the first megabyte, are passed over.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stddef.h>
#include <sys/socket.h>

/* The first name on the first line of this address. */
int hosts_name(const char *path, const struct sockaddr_storage *, char *out, size_t size);

#define HOSTS_ADDR_SIZE 46 /* INET6_ADDRSTRLEN */
/* The addresses of a name, as text, in the file's order: how many, max at most. */
size_t hosts_addresses(
    const char *path, const char *name, char (*out)[HOSTS_ADDR_SIZE], size_t max);

enum hosts_answer {
	HOSTS_UNKNOWN, /* the name has no address of this family there */
	HOSTS_SAME,    /* it has this one, */
	HOSTS_OTHER,   /* or others only */
};
enum hosts_answer hosts_address(
    const char *path, const char *name, const struct sockaddr_storage *);

#endif
