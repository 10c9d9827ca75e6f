#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "net/hosts.h"

#define LINE_SIZE 4096
#define FILE_MAX  (1024 * 1024)

struct host_addr {
	int family;
	uint8_t octets[16];
};

/* IPv4 in IPv6 is IPv4.  0, or -1: no address. */
static int
addr_of(const struct sockaddr_storage *sa, struct host_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	memset(a, 0, sizeof(*a));
	a->family = sa->ss_family;
	if (sa->ss_family == AF_INET) {
		memcpy(a->octets, &v4->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		a->family = AF_INET;
		memcpy(a->octets, v6->sin6_addr.s6_addr + 12, 4);
	} else if (sa->ss_family == AF_INET6) {
		memcpy(a->octets, v6->sin6_addr.s6_addr, 16);
	} else {
		return -1;
	}
	return 0;
}

/* The next word of *rest, which moves on; empty: no more. */
static struct span
next_word(struct span *rest)
{
	struct span r = span_trim(*rest);
	size_t n = 0;

	while (n < r.len && r.p[n] != ' ' && r.p[n] != '\t')
		n++;
	*rest = span_make(r.p + n, r.len - n);
	return span_make(r.p, n);
}

/* The address at the front of a line, whose names are left in *names. */
static int
parse_line(const char *line, struct host_addr *a, struct span *names)
{
	char text[INET6_ADDRSTRLEN];
	struct span word;

	span_cut(span_str(line), '#', names, &word);
	word = next_word(names);
	memset(a, 0, sizeof(*a));
	if (word.len == 0 || word.len >= sizeof(text))
		return -1;
	span_copy(word, text, sizeof(text));
	a->family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
	return inet_pton(a->family, text, a->octets) == 1 ? 0 : -1;
}

struct reader {
	FILE *f;
	size_t seen;
	char line[LINE_SIZE];
};

/* The next line that says something: 1, or 0. */
static int
read_line(struct reader *r, struct host_addr *a, struct span *names)
{
	int skipping = 0;

	while (r->seen < FILE_MAX && fgets(r->line, sizeof(r->line), r->f) != NULL) {
		size_t n = strlen(r->line);
		int whole = n > 0 && r->line[n - 1] == '\n';
		int use = !skipping && (whole || feof(r->f));

		r->seen += n;
		skipping = !whole;
		if (use && parse_line(r->line, a, names) == 0)
			return 1;
	}
	return 0;
}

static int
same(const struct host_addr *a, const struct host_addr *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

int
hosts_name(const char *path, const struct sockaddr_storage *sa, char *out, size_t size)
{
	struct reader r = { .f = fopen(path, "re") };
	struct host_addr want, have;
	struct span names, name;
	int found = 0;

	if (r.f == NULL)
		return 0;
	if (addr_of(sa, &want) == 0) {
		while (!found && read_line(&r, &have, &names)) {
			name = next_word(&names);
			found = same(&want, &have) && name.len > 0 && name.len < size;
		}
		if (found)
			span_copy(name, out, size);
	}
	fclose(r.f);
	return found;
}

static int
is_named(struct span names, const char *name)
{
	struct span word;

	while ((word = next_word(&names)).len > 0)
		if (span_case_eq_str(word, name))
			return 1;
	return 0;
}

size_t
hosts_addresses(const char *path, const char *name, char (*out)[HOSTS_ADDR_SIZE], size_t max)
{
	struct reader r = { .f = fopen(path, "re") };
	struct host_addr a;
	struct span names;
	size_t n = 0;

	if (r.f == NULL)
		return 0;
	while (n < max && read_line(&r, &a, &names))
		if (is_named(names, name) &&
		    inet_ntop(a.family, a.octets, out[n], sizeof(out[n])) != NULL)
			n++;
	fclose(r.f);
	return n;
}

enum hosts_answer
hosts_address(const char *path, const char *name, const struct sockaddr_storage *sa)
{
	struct reader r = { .f = fopen(path, "re") };
	enum hosts_answer answer = HOSTS_UNKNOWN;
	struct host_addr want, have;
	struct span names;

	if (r.f == NULL)
		return HOSTS_UNKNOWN;
	if (addr_of(sa, &want) == 0) {
		while (answer != HOSTS_SAME && read_line(&r, &have, &names)) {
			if (is_named(names, name) && have.family == want.family)
				answer = same(&want, &have) ? HOSTS_SAME : HOSTS_OTHER;
		}
	}
	fclose(r.f);
	return answer;
}
