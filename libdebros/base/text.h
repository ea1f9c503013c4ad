/* Text for people in buffers of a fixed size. */
#ifndef DBR_BASE_TEXT_H
#define DBR_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* vsnprintf that always ends in NUL and, when the text is too long, cuts it between two
 * UTF-8 characters. Returns the length written. */
#ifdef __GNUC__
__attribute__((format(printf, 3, 0)))
#endif
size_t
dbr_text_format(char *out, size_t cap, const char *format, va_list args);

/* Makes `text` one line of valid UTF-8 that steers no terminal: each control character
 * (C0, DEL, C1) becomes a space, each byte that belongs to no character a '?'. */
void dbr_text_clean(char *text);

#endif
