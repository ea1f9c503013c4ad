/* Paths inside the data folder: short, known ones. */
#ifndef DBR_STORE_PATH_H
#define DBR_STORE_PATH_H

#include <stddef.h>

#define DBR_PATH_MAX 256

/* Asserts that the path fits. */
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
void dbr_path_format(char out[DBR_PATH_MAX], const char *format, ...);
/* The folder that `path` lies in; "." for the data folder itself. */
void dbr_path_parent(char out[DBR_PATH_MAX], const char *path);

#endif
