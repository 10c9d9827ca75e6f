/*
 * scan_glue - rules/scan.h by way of proc/scan_client.h
 *
 * Rules know no processes and proc knows no rules; here a worker puts one into the other.
 */
#ifndef SCAN_GLUE_H
#define SCAN_GLUE_H

#include "base/attr.h"

struct params;
struct program;
struct rule_services;
struct scan_glue;

/* Fills in services->scan.  NULL: there are no scanners, and nothing is filled in. */
struct scan_glue *scan_glue_new(
    const struct program *, const struct params *, struct rule_services *);
void scan_glue_apply(struct scan_glue *, const struct params *); /* NULL is fine, here and below */
void scan_glue_free(struct scan_glue *);

#endif
