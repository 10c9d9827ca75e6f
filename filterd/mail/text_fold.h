/*
 * text_fold - letters that look alike made one
 *
 * Letters of other scripts, full-width, mathematical, enclosed, raised and lowered ones, ligatures,
 * and letters with accents become the ASCII letters that a person takes them for
 * (text_fold.def); combining marks go.  What looks like no ASCII letter, digit or sign stays.  Case
 * stays, too.
 *
 * The text must be UTF-8; the result may be longer, by half at most.  Threads: any.
 */
#ifndef MAIL_TEXT_FOLD_H
#define MAIL_TEXT_FOLD_H

#include "base/buf.h"
#include "base/span.h"

/* Append the folded text. */
void text_fold(struct span, struct buf *out);

#endif
