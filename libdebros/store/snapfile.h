/* Where the files of snapshots lie:
 *
 *   image/out-FREEZE-N   file N of a copy that members fetch; gone at the next start
 *   image/in-ID          what describes a snapshot that is being received
 *   db/in-ID-N           file N of it, whole or the beginning; kept over restarts, until
 *                        another snapshot is received or this node has caught up
 *                        otherwise. In db/, because it becomes a database by a rename,
 *                        and only within a folder no crash can lose both names
 *   image/INDEX.img      describes the one that the log says is installed at INDEX
 *   image/swap           the same file, renamed: the swap has begun and must be finished
 */
#ifndef DBR_STORE_SNAPFILE_H
#define DBR_STORE_SNAPFILE_H

#include "path.h"
#include "store_private.h"
#include "transfer/descriptor.h"

#define DBR_SWAP_PATH DBR_IMAGE_FOLDER "/swap"

void dbr_snapfile_out_path(char out[DBR_PATH_MAX], uint64_t freeze, size_t file);
void dbr_snapfile_in_path(char out[DBR_PATH_MAX], const uint8_t *id);
void dbr_snapfile_in_file_path(char out[DBR_PATH_MAX], const uint8_t *id, size_t file);
void dbr_snapfile_noted_path(char out[DBR_PATH_MAX], uint64_t index);
/* EPROTO unless it is whole and names databases that a node can have, _system too. */
int dbr_snapfile_decode(struct dbr_descriptor *out, debros_bytes bytes);
/* Reads and decodes; EIO with a detail: damaged. */
int dbr_snapfile_read(struct dbr_fs *fs, const char *path, struct dbr_descriptor *out,
                      debros_detail *detail);
/* Is the name that of a file of the snapshot `id`? */
bool dbr_snapfile_is_in(const char *name, const uint8_t *id);
/* Removes what `wants` answers true for, of the names in image/ or of those in both
 * folders that begin with "in-". */
int dbr_snapfile_sweep(struct dbr_fs *fs, bool (*wants)(void *data, const char *name),
                       void *data);
int dbr_snapfile_sweep_in(struct dbr_fs *fs, bool (*wants)(void *data, const char *name),
                          void *data);

#endif
