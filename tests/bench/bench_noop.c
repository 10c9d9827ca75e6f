/*
 * bench_noop - a filter on libmilter that looks at everything and wants nothing
 *
 *	bench_noop [-e SECONDS] SOCKET
 *
 * SOCKET is as smfi_setconn(3) has it: unix:/PATH or inet:PORT@HOST.  Each callback is registered
 * and says CONTINUE, which is how most filters are; -e: at the end of a message after so many
 * seconds.  At SIGTERM it prints what it was told, so that a client can be found out that does not
 * tell what it says.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned seconds;
static atomic_long connections, messages, fields;
static atomic_llong octets;

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)ctx, (void)host, (void)addr;
	connections++;
	return SMFIS_CONTINUE;
}

static sfsistat
on_text(SMFICTX *ctx, char *text)
{
	(void)ctx, (void)text;
	return SMFIS_CONTINUE;
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *text)
{
	(void)ctx, (void)text;
	return SMFIS_CONTINUE;
}

static sfsistat
on_args(SMFICTX *ctx, char **args)
{
	(void)ctx, (void)args;
	return SMFIS_CONTINUE;
}

static sfsistat
on_nothing(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	fields++;
	return SMFIS_CONTINUE;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	(void)ctx, (void)chunk;
	octets += (long long)len;
	return SMFIS_CONTINUE;
}

static sfsistat
on_end(SMFICTX *ctx)
{
	(void)ctx;
	messages++;
	if (seconds > 0)
		sleep(seconds);
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	struct smfiDesc filter = {
		.xxfi_name = (char *)"noop",
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_text,
		.xxfi_envfrom = on_args,
		.xxfi_envrcpt = on_args,
		.xxfi_header = on_header,
		.xxfi_eoh = on_nothing,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_abort = on_nothing,
		.xxfi_close = on_nothing,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_nothing,
	};
	int c, rc;

	while ((c = getopt(argc, argv, "e:")) != -1) {
		if (c != 'e')
			return 2;
		seconds = (unsigned)atoi(optarg);
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: bench_noop [-e SECONDS] SOCKET\n");
		return 2;
	}
	umask(0); /* Postfix is another user */
	if (smfi_setconn(argv[optind]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS ||
	    smfi_setbacklog(1024) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS) {
		fprintf(stderr, "bench_noop: %s: libmilter does not take it\n", argv[optind]);
		return 1;
	}
	rc = smfi_main();
	printf("connections=%ld messages=%ld fields=%ld octets=%lld\n", connections, messages,
	    fields, octets);
	return rc == MI_SUCCESS ? 0 : 1;
}
