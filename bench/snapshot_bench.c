/* A snapshot's way between two stores on this disk, in one thread: copied, then read,
 * framed, encrypted, decrypted, parsed and written chunk by chunk, then hashed. Beside
 * it, in the same run, what the disk and the cipher allow for so many bytes. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/system.h"
#include "sql/codec.h"
#include "store/store.h"
#include "transfer/message.h"
#include "limits.h"

#define MIB_DEFAULT 256
#define FRAME       65519u /* text of one Noise message */
#define SYNC        (16u << 20)

struct side {
    char folder[300];
    struct dbr_fs *fs;
    struct dbr_store *store;
};

static const uint8_t key[DBR_AEAD_KEY_SIZE] = {7};
static uint8_t cipher[FRAME + DBR_AEAD_TAG_SIZE];
static uint64_t nonce;

static void report(const char *what, uint64_t bytes, double took, double limit,
                   const char *limit_is)
{
    double figure = (double)bytes / 1e6 / took;
    printf("%-34s %8.0f MB/s", what, figure);
    if (limit > 0) {
        printf("  limit %8.0f (%s)  %3.0f %%", limit, limit_is, 100 * figure / limit);
    }
    printf("\n");
}

static void open_side(struct side *side, const char *root, const char *name)
{
    struct dbr_store_config config;
    (void)snprintf(side->folder, sizeof(side->folder), "%s/%s", root, name);
    dbr_store_config_default(&config);
    dbr_assert(dbr_fs_posix_create(&side->fs, side->folder, NULL) == 0);
    config.fs = side->fs;
    dbr_assert(dbr_store_open(&side->store, &config, NULL) == 0);
}

static void close_side(struct side *side)
{
    dbr_store_close(side->store);
    dbr_fs_posix_destroy(side->fs);
}

static void apply(struct dbr_store *store, uint64_t index, const char *ns,
                  const char *sql)
{
    struct dbr_buf buf = {0};
    debros_statement statement = {.sql = sql};
    struct dbr_sql_transaction t = {
        .ns = ns, .statements = &statement, .n_statements = 1};
    struct dbr_apply_job *job = dbr_apply_job_create(DBR_APPLY_ENTRIES);
    t.key.seq = index;
    dbr_sql_entry_head(&buf, 1700000000000, index);
    dbr_sql_entry_add(&buf, &t);
    job->entries = dbr_apply_entry_create(index, 1, false, dbr_bytes(buf.data, buf.len));
    dbr_store_apply(store, job);
    dbr_assert(job->status == 0);
    dbr_apply_job_destroy(job);
    dbr_buf_finish(&buf);
}

static void fill(struct dbr_store *store, uint64_t mib)
{
    uint64_t index = 1;
    apply(store, index++, "_system",
          "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER)");
    apply(store, index++, "_system",
          "INSERT INTO namespaces VALUES('default', debros_index())");
    apply(store, index++, "default", "CREATE TABLE t(a)");
    for (uint64_t i = 0; i < mib; i++) {
        apply(store, index++, "default",
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
              "256) "
              "INSERT INTO t SELECT randomblob(4000) FROM n");
    }
}

/* The job again until it is done. */
static struct dbr_bulk_job *run(struct dbr_store *store, enum dbr_bulk_job_type type)
{
    struct dbr_bulk_job *job = dbr_bulk_job_create(type);
    job->freeze = 1;
    do {
        dbr_store_bulk(store, job);
        dbr_assert(job->status == 0);
    } while (!job->done);
    return job;
}

static struct dbr_buf copy(struct dbr_store *store)
{
    struct dbr_apply_job *freeze = dbr_apply_job_create(DBR_APPLY_FREEZE);
    freeze->freeze = 1;
    dbr_store_apply(store, freeze);
    dbr_assert(freeze->status == 0);
    dbr_apply_job_destroy(freeze);
    struct dbr_bulk_job *job = run(store, DBR_BULK_COPY);
    struct dbr_buf bytes = dbr_buf_take(&job->data);
    dbr_bulk_job_destroy(job);
    return bytes;
}

/* As the pipe between two nodes does it. */
static void through_the_pipe(uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len; at += FRAME) {
        size_t part = len - at < FRAME ? len - at : FRAME;
        dbr_aead_encrypt(cipher, dbr_bytes(data + at, part), dbr_bytes(NULL, 0), nonce,
                         key);
        dbr_assert(dbr_aead_decrypt(data + at,
                                    dbr_bytes(cipher, part + DBR_AEAD_TAG_SIZE),
                                    dbr_bytes(NULL, 0), nonce, key));
        nonce++;
    }
}

static uint64_t move_chunk(struct side *from, struct side *to, uint64_t offset)
{
    struct dbr_transfer_message m = {.type = DBR_TRANSFER_CHUNK_OF, .offset = offset};
    struct dbr_bulk_job *read = dbr_bulk_job_create(DBR_BULK_READ);
    struct dbr_bulk_job *write = dbr_bulk_job_create(DBR_BULK_WRITE);
    struct dbr_buf bytes = {0};
    read->freeze = 1;
    read->offset = write->offset = offset;
    read->len = DBR_TRANSFER_CHUNK;
    dbr_store_bulk(from->store, read);
    dbr_assert(read->status == 0);
    m.data = dbr_bytes(read->data.data, read->data.len);
    dbr_assert(dbr_transfer_encode(&bytes, &m) == 0);
    through_the_pipe(bytes.data, bytes.len);
    dbr_assert(dbr_transfer_decode(&m, dbr_bytes(bytes.data, bytes.len)) == 0);
    dbr_buf_add(&write->data, m.data.data, m.data.len);
    dbr_store_bulk(to->store, write);
    dbr_assert(write->status == 0);
    uint64_t len = m.data.len;
    dbr_bulk_job_destroy(read);
    dbr_bulk_job_destroy(write);
    dbr_buf_finish(&bytes);
    return len;
}

static void stage(struct dbr_store *store, const struct dbr_buf *descriptor)
{
    struct dbr_bulk_job *job = dbr_bulk_job_create(DBR_BULK_STAGE);
    dbr_buf_add(&job->data, descriptor->data, descriptor->len);
    dbr_store_bulk(store, job);
    dbr_assert(job->status == 0 && job->offset == 0);
    dbr_bulk_job_destroy(job);
}

/* So many bytes to one file, with the syncs of a transfer: MB/s. */
static double disk_limit(const char *root, uint64_t bytes)
{
    static uint8_t data[256u << 10];
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/raw", root);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    memset(data, 'x', sizeof(data));
    double start = now_s();
    for (uint64_t at = 0; at < bytes; at += sizeof(data)) {
        dbr_assert(pwrite(fd, data, sizeof(data), (off_t)at) == (ssize_t)sizeof(data));
        dbr_assert((at + sizeof(data)) % SYNC != 0 || fdatasync(fd) == 0);
    }
    dbr_assert(fdatasync(fd) == 0);
    double took = now_s() - start;
    close(fd);
    return (double)bytes / 1e6 / took;
}

static double pipe_limit(uint64_t bytes)
{
    static uint8_t data[256u << 10];
    double start = now_s();
    for (uint64_t at = 0; at < bytes; at += sizeof(data)) {
        through_the_pipe(data, sizeof(data));
    }
    return (double)bytes / 1e6 / (now_s() - start);
}

static void bench(const char *root, uint64_t mib)
{
    struct side from;
    struct side to;
    struct dbr_descriptor d;
    open_side(&from, root, "from");
    open_side(&to, root, "to");
    fill(from.store, mib);
    double start = now_s();
    struct dbr_buf descriptor = copy(from.store);
    double copied = now_s() - start;
    dbr_assert(dbr_descriptor_decode(&d, dbr_bytes(descriptor.data, descriptor.len)) ==
               0);
    double disk = disk_limit(root, d.total);
    double cipher_alone = pipe_limit(d.total);
    stage(to.store, &descriptor);
    start = now_s();
    for (uint64_t offset = 0; offset < d.total;) {
        offset += move_chunk(&from, &to, offset);
    }
    double moved = now_s() - start;
    start = now_s();
    dbr_bulk_job_destroy(run(to.store, DBR_BULK_VERIFY));
    double verified = now_s() - start;
    printf("%.0f MB of databases\n", (double)d.total / 1e6);
    report("copied and hashed", d.total, copied, disk, "writing alone");
    report("moved", d.total, moved, 1 / (1 / disk + 1 / cipher_alone),
           "writing + bare cipher");
    report("verified", d.total, verified, 0, "");
    report("all, one after the other", d.total, copied + moved + verified, 0, "");
    printf("bare cipher %.0f MB/s, writing %.0f MB/s\n", cipher_alone, disk);
    dbr_descriptor_finish(&d);
    dbr_buf_finish(&descriptor);
    close_side(&from);
    close_side(&to);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    char root[] = "snapshot-bench-XXXXXX";
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : MIB_DEFAULT;
    dbr_assert(mkdtemp(root) != NULL && dbr_crypto_init() == 0);
    bench(root, mib);
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
