/*
 * cf_expand - $name and its relatives, as in postconf(5)
 *
 *	$name ${name} $(name)		the value, itself expanded
 *	$$				a dollar sign
 *	${name?text} ${name?{text}}	text if name has a value that is not empty
 *	${name:text} ${name:{text}}	text if it has not
 *	${name?{yes}:{no}}		one or the other
 *	${{a} == {b} ? {yes} : {no}}	by comparison: == != < <= > >=; as numbers when both sides
 *					are digits only, else as text; with `level` behind the
 *					operator as compatibility levels (3.6, 3.10)
 *
 * What ? and : ask is whether the value as written is empty, as in Postfix.  Without ? and : a
 * comparison yields `true` or nothing.
 *
 * Limits: CF_EXPAND_DEPTH values inside one another, CF_EXPAND_MAX octets of result.
 */
#ifndef CONF_CF_EXPAND_H
#define CONF_CF_EXPAND_H

#include "base/attr.h"
#include "base/span.h"

#define CF_EXPAND_DEPTH 100
#define CF_EXPAND_MAX   (1u << 20)

struct arena;
struct err;

struct cf_macros {
	/* The value as written; NULL: nobody defines it. */
	const char *(*lookup)(void *arg, const char *name);
	/* A plain reference to what nobody defines, in the value of `in` (NULL: in the text itself
	 * and that has no name); its value is empty. */
	void (*undefined)(void *arg, const char *name, const char *in);
	void *arg;
};

/* self: the parameter whose value text is, so that a loop is seen; or NULL.  -1: err says why, and
 * *in is the parameter whose value is at fault, self or one that it refers to. */
int cf_expand(const char *text, const char *self, const struct cf_macros *, struct arena *,
    const char **out, const char **in, struct err *) ATTR_MUST_USE;

/* Every name that text refers to, in any form, also inside { }. */
void cf_references(const char *text, void (*f)(void *arg, struct span name), void *arg);

#endif
