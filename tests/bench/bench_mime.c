/*
 * bench_mime - what taking a message apart costs, beside GMime
 *
 *	bench_mime -F folder
 *
 * Messages are the files of a folder; both contenders read all of them from memory and make their
 * index or tree of parts.  For each number that it reads it goes so many times over the folder with
 * each, by turns, and prints "ours_us=N gmime_us=N parts=N": CPU a message, and the parts that were
 * counted.  Exit status 1: they do not find as many parts as each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gmime/gmime.h>

#include "base/arena.h"
#include "mail/mime.h"
#include "tests/bench/bench_message.h"
#include "tests/bench/bench_net.h"

#define DOT_LEN 3

static const struct mime_options limits = { .line_length_limit = 2048,
	.header_size_limit = 102400,
	.header_count_limit = 10000,
	.nesting_limit = 100,
	.parts_limit = 10000,
	.boundary_length_limit = 2048 };

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static size_t
by_us(const struct bench_message *m, struct arena *arena)
{
	struct mime_index index;

	(void)mime_walk(span_make(m->p, m->len - DOT_LEN), &limits, NULL, arena, &index);
	arena_reset(arena);
	return index.nparts;
}

static void
count_part(GMimeObject *parent, GMimeObject *part, gpointer arg)
{
	size_t *n = arg;

	(void)parent;
	(void)part;
	++*n;
}

static size_t
by_gmime(const struct bench_message *m)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(m->p, m->len - DOT_LEN);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	size_t n = 0;

	if (message != NULL) {
		g_mime_message_foreach(message, count_part, &n);
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return n;
}

/* Over all messages, `times` times; CPU of one. */
static double
measure(const struct bench_messages *all, long times, struct arena *arena, size_t *parts)
{
	double before = cpu_us();

	*parts = 0;
	for (long i = 0; i < times; i++)
		for (size_t k = 0; k < all->n; k++)
			*parts += arena != NULL ? by_us(&all->m[k], arena) : by_gmime(&all->m[k]);
	return (cpu_us() - before) / (double)times / (double)all->n;
}

int
main(int argc, char **argv)
{
	const char *folder = NULL;
	struct bench_messages all;
	struct arena *arena;
	char line[64];
	int c, differ = 0;

	while ((c = getopt(argc, argv, "F:")) != -1) {
		if (c != 'F')
			bench_die("usage: bench_mime -F folder");
		folder = optarg;
	}
	if (folder == NULL || optind != argc)
		bench_die("usage: bench_mime -F folder");
	all = bench_message_load(folder);
	arena = arena_new();
	g_mime_init();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		long times = strtol(line, NULL, 10);
		size_t ours, theirs;
		double us = measure(&all, times, arena, &ours);
		double gmime_us = measure(&all, times, NULL, &theirs);

		printf("ours_us=%.2f gmime_us=%.2f parts=%zu\n", us, gmime_us, ours);
		fflush(stdout);
		differ |= ours != theirs;
	}
	arena_free(arena);
	g_mime_shutdown();
	return differ;
}
