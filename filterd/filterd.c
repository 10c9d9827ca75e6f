/*
 * filterd - the daemon's main(): read the options and the configuration, then become the supervisor
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "config.h"
#include "ctl/ctl_cmd.h"
#include "ctl/settings.h"
#include "engine/scanner_engines.h"
#include "engine/snapshot.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "proc/scan_state.h"
#include "program.h"

#define RESTART_DELAY_MS 250

struct options {
	const char *config;
	int check_only, foreground;
};

static void
usage(void)
{
	fprintf(stderr, "usage: filterd [-fnV] [-c FILE]\n");
	exit(EX_USAGE);
}

static void
read_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){ .config = CTL_DEFAULT_CONFIG };
	while ((c = getopt(argc, argv, "c:fnV")) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'f':
			o->foreground = 1;
			break;
		case 'n':
			o->check_only = 1;
			break;
		case 'V':
			printf("filterd %s\n", PACKAGE_VERSION);
			exit(0);
		default:
			usage();
		}
	}
	if (optind < argc)
		usage();
}

static void
report(void *arg, const struct conf_finding *f)
{
	char line[700];

	(void)arg;
	if (f->severity == CONF_NOTE)
		return;
	settings_format_finding(f, line, sizeof(line));
	fprintf(stderr, "filterd: %s\n", line);
}

static void
report_nothing(void *arg, const struct conf_finding *f)
{
	(void)arg;
	(void)f;
}

/* All findings, not only those of the first step that fails. */
static int
check_all(const char *path)
{
	struct counters *counters = xcalloc(1, sizeof(*counters));
	struct snapshot *s = settings_load(path, counters, report, NULL);
	int ok = s != NULL;

	snapshot_unref(s);
	free(counters);
	return ok ? 0 : EX_CONFIG;
}

static void
complain(void *arg, const struct err *err)
{
	const struct program *prog = arg;

	fprintf(stderr, "filterd: error: %s\n", err->text);
	if (!prog->log_stderr)
		log_error(NULL, NULL, "%s", err->text);
}

/* Symbolic links are followed at each reload, not now. */
static char *
absolute(const char *path)
{
	char *folder, *joined;

	if (path[0] == '/' || (folder = getcwd(NULL, 0)) == NULL)
		return xstrdup(path);
	joined = xasprintf("%s/%s", folder, path);
	free(folder);
	return joined;
}

/* A library with one socket a process gets a process a socket. */
static void
set_roles(struct program *prog)
{
	size_t n = conf_listener_count(prog->conf);

	prog->roles = xcalloc(n + 2, sizeof(*prog->roles));
	prog->listener_role = xcalloc(n + 1, sizeof(*prog->listener_role));
	prog->roles[prog->nroles++] =
	    (struct proc_role){ xstrdup("worker"), "filterd-worker", program_worker };
	for (size_t i = 0; i < n; i++) {
		const struct conf_listener *l = conf_listener(prog->conf, i);

		if (!conf_listener_is_libmilter(l))
			continue;
		prog->listener_role[i] = prog->nroles;
		prog->roles[prog->nroles++] =
		    (struct proc_role){ xasprintf("libmilter engine of %s", l->name),
			    "filterd-milter", program_libmilter_worker };
	}
	if (!scanner_engines_wanted(prog->conf))
		return;
	prog->scanner_role = prog->nroles;
	prog->roles[prog->nroles++] = (struct proc_role){ xstrdup("keeper of scanners"),
		"filterd-keeper", program_scanner_keeper };
}

/* The worker tells filterctl what all have counted. */
static int
share_counters(struct program *prog, struct err *err)
{
	void *p = mmap(NULL, prog->nroles * sizeof(*prog->counters), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		err_set(err, ERR_SYSTEM, "mmap: %s", strerror(errno));
		return -1;
	}
	prog->counters = p;
	return 0;
}

/* What workers and scanners meet in, whoever of them is born when. */
static int
share_scanners(struct program *prog, struct err *err)
{
	prog->jobs[0] = prog->jobs[1] = -1;
	if (prog->scanner_role == 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, prog->jobs) == -1) {
		err_set(err, ERR_SYSTEM, "socketpair: %s", strerror(errno));
		return -1;
	}
	/* It goes one way; a scanner that has been taken over has nothing to say to workers there.
	 */
	if (shutdown(prog->jobs[0], SHUT_RD) == -1) {
		err_set(err, ERR_SYSTEM, "shutdown: %s", strerror(errno));
		return -1;
	}
	prog->scan_state = scan_state_map(err);
	return prog->scan_state == NULL ? -1 : 0;
}

static int
run(struct program *prog, const struct options *o)
{
	const struct params *p = conf_params(prog->conf);
	struct proc_ops ops = {
		.open_listeners = program_open_listeners,
		.roles = prog->roles,
		.nroles = prog->nroles,
		.listener_role = prog->listener_role,
		.reopen = program_reopen_log,
		.complain = complain,
		.arg = prog,
		.nlisteners = conf_listener_count(prog->conf),
		.user = prog->user,
		.pid_file = prog->pid_file,
		.foreground = o->foreground,
		.restart_delay_ms = RESTART_DELAY_MS,
		.stop_time_limit_ms = (int)p->stop_time_limit,
	};
	struct err err;

	/* Asked here too, for the log's file is given to this user. */
	if (privs_check_user(prog->user, &err) == -1 || program_open_log(prog, p, &err) == -1 ||
	    share_counters(prog, &err) == -1 || share_scanners(prog, &err) == -1) {
		fprintf(stderr, "filterd: error: %s\n", err.text);
		return err.class == ERR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
	}
	return proc_supervise(&ops);
}

static void
program_fini(struct program *prog)
{
	for (size_t i = 0; i < prog->nsockets; i++)
		free(prog->sockets[i]);
	free(prog->sockets);
	if (prog->counters != NULL)
		munmap(prog->counters, prog->nroles * sizeof(*prog->counters));
	if (prog->scan_state != NULL) {
		scan_state_unmap(prog->scan_state);
		close(prog->jobs[0]);
		close(prog->jobs[1]);
	}
	for (size_t i = 0; i < prog->nroles; i++)
		free(prog->roles[i].name);
	free(prog->roles);
	free(prog->listener_role);
	conf_free(prog->conf);
	free(prog->config_path);
	free(prog->user);
	free(prog->pid_file);
	free(prog->log_path);
}

/* The worker reads the file again and tells the warnings; here only what concerns the supervisor
 * counts. */
static int
load(struct program *prog)
{
	const struct params *p;

	prog->conf = conf_load(prog->config_path, report_nothing, NULL);
	if (prog->conf == NULL || settings_check(prog->conf, report_nothing, NULL) != 0)
		return -1;
	p = conf_params(prog->conf);
	prog->user = xstrdup(p->filter_user);
	if (p->pid_file[0] != '\0')
		prog->pid_file = xstrdup(p->pid_file);
	set_roles(prog);
	return 0;
}

int
main(int argc, char **argv)
{
	struct program prog = { 0 };
	struct options o;
	int status;

	/* A heap for each thread would keep what each once needed; few threads allocate at one
	 * time. */
	mallopt(M_ARENA_MAX, 2);
	read_options(argc, argv, &o);
	log_set_program("filterd");
	if (o.check_only)
		return check_all(o.config);
	prog.config_path = absolute(o.config);
	if (load(&prog) == 0) {
		status = run(&prog, &o);
	} else {
		check_all(prog.config_path);
		status = EX_CONFIG;
	}
	program_fini(&prog);
	return status;
}
