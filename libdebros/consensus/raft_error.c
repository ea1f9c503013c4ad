/* libraft's errors as ours. */
#include "consensus/machine.h"

int dbr_consensus_error(int raft_error)
{
    switch (raft_error) {
    case 0:
        return 0;
    case RAFT_NOMEM:
        return DEBROS_ENOMEM;
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
        return DEBROS_ENOTLEADER;
    case RAFT_CANTCHANGE:
    case RAFT_BUSY:
        return DEBROS_EBUSY;
    case RAFT_BADID:
    case RAFT_BADROLE:
    case RAFT_DUPLICATEID:
    case RAFT_DUPLICATEADDRESS:
    case RAFT_NOTFOUND:
        return DEBROS_EINVAL;
    case RAFT_NOCONNECTION: /* a server that does not catch up */
        return DEBROS_ETIMEDOUT;
    default:
        return DEBROS_EINTERNAL;
    }
}
