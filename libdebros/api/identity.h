/* Key files: a libp2p PrivateKey message, mode 0600. A file that is there is never
 * replaced, whatever it holds. */
#ifndef DBR_API_IDENTITY_H
#define DBR_API_IDENTITY_H

#include "crypto/keypair.h"
#include "debros.h"

/* Errors, with detail: ENOTFOUND, EACCES, EIO, EINVAL the file is damaged. */
int dbr_identity_load(struct dbr_keypair *out, const char *path, debros_detail *detail);
/* Durable when it returns. Errors, with detail: EEXISTS, EACCES, ENOSPC, EIO. */
int dbr_identity_save(const struct dbr_keypair *keypair, const char *path,
                      debros_detail *detail);
/* The key of the file, or a new one that is saved there. */
int dbr_identity_load_or_create(struct dbr_keypair *out, const char *path,
                                struct dbr_rng *rng, debros_detail *detail);

#endif
