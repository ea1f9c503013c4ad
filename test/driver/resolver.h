/* A resolver with names of the tests' own: see resolver.c. */
#ifndef DBR_TEST_DRIVER_RESOLVER_H
#define DBR_TEST_DRIVER_RESOLVER_H

#define RESOLVER_OURS 0x40000000 /* in ai_flags: from here, not from the system */

#endif
