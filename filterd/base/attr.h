/*
 * attr - small compiler and language helpers that every room uses
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define ATTR_MUST_USE     __attribute__((warn_unused_result))
#define ATTR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ATTR_NORETURN     __attribute__((noreturn))

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#endif
