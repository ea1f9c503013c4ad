#include "transfer/descriptor.h"

#include "base/alloc.h"
#include "base/proto.h"
#include "transfer.pb-c.h"

#define ARENA_CAP (64u << 20) /* protobuf-c's bookkeeping is larger than the message */

static void fill(DbrPb__SnapshotFile *pb, const struct dbr_descriptor_file *file)
{
    dbr_pb__snapshot_file__init(pb);
    pb->name = dbr_proto_text(file->name);
    pb->size = file->size;
    pb->hash = dbr_proto_bytes(dbr_bytes(file->hash, sizeof(file->hash)));
}

int dbr_descriptor_encode(struct dbr_buf *out, uint64_t index,
                          const struct dbr_descriptor_file *files, size_t n_files)
{
    DbrPb__SnapshotDescriptor pb = DBR_PB__SNAPSHOT_DESCRIPTOR__INIT;
    DbrPb__SnapshotFile *list = dbr_calloc(n_files + 1, sizeof(*list));
    DbrPb__SnapshotFile **pointers = dbr_calloc(n_files + 1, sizeof(*pointers));
    int rv = list == NULL || pointers == NULL ? DEBROS_ENOMEM : 0;
    for (size_t i = 0; rv == 0 && i < n_files; i++) {
        fill(&list[i], &files[i]);
        pointers[i] = &list[i];
    }
    if (rv == 0) {
        pb.index = index;
        pb.n_file = n_files;
        pb.file = pointers;
        dbr_proto_pack(&pb.base, out);
        rv = out->failed ? DEBROS_ENOMEM : 0;
    }
    dbr_free(pointers);
    dbr_free(list);
    return rv;
}

static bool take_file(struct dbr_descriptor_file *out, const DbrPb__SnapshotFile *pb)
{
    if (pb->name.len == 0 || pb->name.len > DBR_DESCRIPTOR_NAME_MAX ||
        memchr(pb->name.data, '\0', pb->name.len) != NULL ||
        pb->hash.len != sizeof(out->hash) || pb->size == 0 ||
        pb->size > DBR_DESCRIPTOR_FILE_MAX) {
        return false;
    }
    memcpy(out->name, pb->name.data, pb->name.len);
    out->name[pb->name.len] = '\0';
    memcpy(out->hash, pb->hash.data, sizeof(out->hash));
    out->size = pb->size;
    return true;
}

static int take(struct dbr_descriptor *out, const DbrPb__SnapshotDescriptor *pb)
{
    if (pb->index == 0 || pb->n_file == 0 || pb->n_file > DBR_DESCRIPTOR_FILES) {
        return DEBROS_EPROTO;
    }
    out->files = dbr_calloc(pb->n_file, sizeof(*out->files));
    if (out->files == NULL) {
        return DEBROS_ENOMEM;
    }
    out->index = pb->index;
    for (size_t i = 0; i < pb->n_file; i++) {
        struct dbr_descriptor_file *file = &out->files[i];
        if (!take_file(file, pb->file[i]) ||
            (i > 0 && strcmp(file[-1].name, file->name) >= 0)) {
            return DEBROS_EPROTO;
        }
        out->total += file->size; /* 2^48 * 2^16 at most: checked next */
        if (out->total < file->size) {
            return DEBROS_EPROTO;
        }
        out->n_files++;
    }
    return 0;
}

int dbr_descriptor_decode(struct dbr_descriptor *out, debros_bytes bytes)
{
    struct dbr_arena arena;
    *out = (struct dbr_descriptor){.n_files = 0};
    if (bytes.len > DBR_DESCRIPTOR_MAX) {
        return DEBROS_EPROTO;
    }
    dbr_arena_init(&arena, ARENA_CAP);
    DbrPb__SnapshotDescriptor *pb =
        dbr_proto_unpack(&dbr_pb__snapshot_descriptor__descriptor, &arena, bytes);
    int rv = pb == NULL ? DEBROS_EPROTO : take(out, pb);
    dbr_arena_finish(&arena);
    if (rv != 0) {
        dbr_descriptor_finish(out);
        return rv;
    }
    dbr_descriptor_id(out->id, bytes);
    return 0;
}

void dbr_descriptor_finish(struct dbr_descriptor *descriptor)
{
    dbr_free(descriptor->files);
    *descriptor = (struct dbr_descriptor){.n_files = 0};
}

void dbr_descriptor_id(uint8_t out[DBR_SNAPSHOT_ID_SIZE], debros_bytes bytes)
{
    uint8_t digest[DBR_SHA256_SIZE];
    dbr_sha256(digest, bytes);
    memcpy(out, digest, DBR_SNAPSHOT_ID_SIZE);
}

size_t dbr_descriptor_at(const struct dbr_descriptor *descriptor, uint64_t offset,
                         uint64_t *inside)
{
    size_t i = 0;
    while (i < descriptor->n_files && offset >= descriptor->files[i].size) {
        offset -= descriptor->files[i++].size;
    }
    *inside = offset;
    return i;
}
