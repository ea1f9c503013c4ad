/* Failpoints of a process: DEBROS_FAILPOINTS="NAME=crash,NAME=sleep:MS". Only in builds
 * with the Meson option `failpoints`. */
#ifndef DBR_API_FAILPOINTS_H
#define DBR_API_FAILPOINTS_H

#ifdef DBR_FAILPOINTS
void dbr_failpoints_from_environment(void);
#else
#define dbr_failpoints_from_environment() ((void)0)
#endif

#endif
