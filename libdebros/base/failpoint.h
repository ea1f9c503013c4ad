/* Named places where a test may let the process die or wait. Nothing at all unless built
 * with the Meson option `failpoints`. */
#ifndef DBR_BASE_FAILPOINT_H
#define DBR_BASE_FAILPOINT_H

#ifdef DBR_FAILPOINTS

/* Called with the name of each failpoint that is passed; NULL: nobody looks. In life
 * api/ sets it from the environment, a simulation sets its own. */
extern void (*dbr_failpoint_hook)(const char *name);

#define DBR_FAILPOINT(name)                                                              \
    do {                                                                                 \
        if (dbr_failpoint_hook != NULL) {                                                \
            dbr_failpoint_hook(name);                                                    \
        }                                                                                \
    } while (0)

#else

#define DBR_FAILPOINT(name) ((void)0)

#endif
#endif
