#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/xmem.h"
#include "net/fiber.h"

/* The sanitizers keep books about stacks and must be told of each switch. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define WITH_TSAN 1
#endif
#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/*
 * The switch itself.  On x86-64 a few instructions of our own: swapcontext(3) makes two system
 * calls to keep a signal mask that is the same on both sides here.  Elsewhere, and with the
 * sanitizers, swapcontext(3) it is; both ways are tested.
 */
#if defined(__x86_64__) && !defined(WITH_ASAN) && !defined(WITH_TSAN)
#define OWN_SWITCH 1
typedef void *context; /* the stack pointer; all else is on the stack */

/* Save what the System V ABI wants kept across a call, change stacks, restore. */
void fiber_switch(context *save, context load);
__asm__(".text\n"
	".p2align 4\n"
	".globl fiber_switch\n"
	".hidden fiber_switch\n"
	".type fiber_switch, @function\n"
	"fiber_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_switch, .-fiber_switch\n"
	".section .note.GNU-stack,\"\",@progbits\n"
	".text\n");
#else
typedef ucontext_t context;
#endif

struct fiber {
	context self, back;
	char *map; /* guard page, then the stack */
	size_t map_size, guard;
	const struct fiber_owner *owner;
	void (*f)(void *);
	void *arg;
	int done;
#ifdef WITH_ASAN
	void *fake, *back_fake; /* ASan's fake stacks of the two sides */
	const void *back_bottom;
	size_t back_size;
#endif
#ifdef WITH_TSAN
	void *tsan_self, *tsan_back;
#endif
};

/* Which fiber this thread runs: thread-local because that is what it is about. */
static _Thread_local struct fiber *current;

/* Never inlined: after a switch the thread may be another one, and a cached address of `current`
 * with it. */
static __attribute__((noinline)) struct fiber *
get_current(void)
{
	return current;
}

int
fiber_inside(void)
{
	return get_current() != NULL;
}

struct fiber *
fiber_new(size_t stack_size, const struct fiber_owner *owner)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct fiber *f = xcalloc(1, sizeof(*f));

	f->guard = page;
	f->map_size = (stack_size + page - 1) / page * page + page;
	f->map = mmap(NULL, f->map_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (f->map == MAP_FAILED || mprotect(f->map, page, PROT_NONE) == -1) {
		if (f->map != MAP_FAILED)
			munmap(f->map, f->map_size);
		free(f);
		return NULL;
	}
	f->owner = owner;
	f->done = 1;
	return f;
}

void
fiber_free(struct fiber *f)
{
	if (f == NULL)
		return;
#ifdef WITH_TSAN
	if (f->tsan_self != NULL)
		__tsan_destroy_fiber(f->tsan_self);
#endif
	munmap(f->map, f->map_size);
	free(f);
}

/* --- switching --- */

#ifdef OWN_SWITCH
#define SWITCH(save, load) fiber_switch(save, *(load))
#else
#define SWITCH(save, load) swapcontext(save, load)
#endif

/* To the fiber, from the thread. */
static void
enter(struct fiber *f)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(&f->back_fake, f->map + f->guard, f->map_size - f->guard);
#endif
#ifdef WITH_TSAN
	f->tsan_back = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(f->tsan_self, 0);
#endif
	SWITCH(&f->back, &f->self);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(f->back_fake, NULL, NULL);
#endif
}

/* To the thread, from the fiber; for good when it is done. */
static void
leave(struct fiber *f)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(f->done ? NULL : &f->fake, f->back_bottom, f->back_size);
#endif
#ifdef WITH_TSAN
	__tsan_switch_to_fiber(f->tsan_back, 0);
#endif
	SWITCH(&f->self, &f->back);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(f->fake, &f->back_bottom, &f->back_size);
#endif
}

static void
run(struct fiber *f)
{
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(NULL, &f->back_bottom, &f->back_size);
#endif
	f->f(f->arg);
	f->done = 1;
	leave(f);
	abort(); /* a fiber that is done is never resumed */
}

#ifdef OWN_SWITCH
/* The first switch returns here; r12 was laid down by prepare(). */
void fiber_begin(void);
void fiber_run(struct fiber *);
__asm__(".text\n"
	".p2align 4\n"
	".globl fiber_begin\n"
	".hidden fiber_begin\n"
	".type fiber_begin, @function\n"
	"fiber_begin:\n"
	"	movq %r12, %rdi\n"
	"	xorl %ebp, %ebp\n"
	"	call fiber_run\n"
	"	ud2\n"
	".size fiber_begin, .-fiber_begin\n");

__attribute__((visibility("hidden"), used)) void
fiber_run(struct fiber *f)
{
	run(f);
}

/* A stack as fiber_switch() leaves it, whose return address is fiber_begin(). */
static void
prepare(struct fiber *f)
{
	/* At fiber_begin() rsp is a multiple of 16, as the ABI wants it before a call. */
	uint64_t *top = (uint64_t *)(void *)(f->map + f->map_size - 16);
	uint32_t *modes;

	*--top = (uint64_t)(uintptr_t)fiber_begin;
	*--top = 0;                      /* rbp */
	*--top = 0;                      /* rbx */
	*--top = (uint64_t)(uintptr_t)f; /* r12 */
	*--top = 0;
	*--top = 0;
	*--top = 0; /* r15 */
	modes = (uint32_t *)--top;
	modes[0] = 0x1f80; /* mxcsr and x87 control word as a process starts with them */
	modes[1] = 0x037f;
	f->self = top;
}
#else
/* makecontext(3) passes ints: the pointer comes in halves. */
static void
trampoline(unsigned high, unsigned low)
{
	run((struct fiber *)((uintptr_t)high << 32 | (uintptr_t)low));
}

static void
prepare(struct fiber *f)
{
	uintptr_t p = (uintptr_t)f;

	getcontext(&f->self);
	f->self.uc_stack.ss_sp = f->map + f->guard;
	f->self.uc_stack.ss_size = f->map_size - f->guard;
	f->self.uc_link = NULL;
	makecontext(&f->self, (void (*)(void))trampoline, 2, (unsigned)((uint64_t)p >> 32),
	    (unsigned)(p & 0xffffffffu));
}
#endif

void
fiber_start(struct fiber *f, void (*fn)(void *), void *arg)
{
	f->f = fn;
	f->arg = arg;
	f->done = 0;
#ifdef WITH_TSAN
	/* A new one each time: run() never returns, so TSan's record of its calls would only grow.
	 */
	if (f->tsan_self != NULL)
		__tsan_destroy_fiber(f->tsan_self);
	f->tsan_self = __tsan_create_fiber(0);
#endif
	prepare(f);
}

int
fiber_resume(struct fiber *f)
{
	current = f;
	enter(f);
	current = NULL;
	return !f->done;
}

void
fiber_yield(void)
{
	leave(get_current());
}

int
net_wait(struct net_watch *w, int for_write, struct deadline d)
{
	struct fiber *f = get_current();
	struct pollfd p = { .fd = w->fd, .events = for_write ? POLLOUT : POLLIN };
	int rc;

	if (f != NULL)
		return f->owner->wait(f->arg, w, for_write, d);
	do
		rc = poll(&p, 1, deadline_poll_ms(d));
	while (rc == -1 && errno == EINTR);
	return rc;
}

int
net_stirred(const struct net_watch *w)
{
	struct fiber *f = get_current();

	return f == NULL || f->owner->stirred(f->arg, w);
}

void
net_pause(void)
{
	struct fiber *f = get_current();

	if (f != NULL)
		f->owner->pause(f->arg);
}
