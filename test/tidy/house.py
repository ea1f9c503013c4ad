"""The rules of the house as tables: DESIGN's drawing, its fences and every exception.

tidy.py holds them against the sources and against the symbols of the archives. An
exception stands here with its reason or it does not exist.
"""

# ---- Layers: whom a folder of libdebros/ may include ---------------------------------

BELOW_SWARM = ['base', 'crypto', 'multi', 'conn']

MAY_INCLUDE = {
    'base': [],
    'crypto': ['base'],
    'multi': ['base'],
    'conn': ['base', 'crypto', 'multi'],
    'swarm': BELOW_SWARM,
    'consensus': ['base', 'crypto'],
    # Siblings: they meet in core/ and never include each other.
    'dht': BELOW_SWARM + ['swarm'],
    'pubsub': BELOW_SWARM + ['swarm'],
    'kv': BELOW_SWARM + ['swarm', 'consensus'],
    'sql': BELOW_SWARM + ['swarm', 'consensus'],
    'cluster': BELOW_SWARM + ['swarm', 'consensus'],
    'transfer': BELOW_SWARM,
    'access': BELOW_SWARM + ['swarm', 'consensus'],
    'core': BELOW_SWARM + ['swarm', 'consensus', 'dht', 'pubsub', 'kv', 'sql', 'cluster',
                           'transfer', 'access'],
    # Above the line: effects made real. driver/ and store/ never include each other.
    'store': ['base', 'crypto'],
    'driver': BELOW_SWARM + ['core'],
    'api': BELOW_SWARM + ['swarm', 'consensus', 'dht', 'pubsub', 'kv', 'sql', 'cluster',
                          'transfer', 'access', 'core', 'store', 'driver'],
}

# (folder, header) -> why this one header may be included all the same.
MAY_ALSO_INCLUDE = {
    ('multi', 'crypto/hash.h'): 'a multihash is a digest',
    ('multi', 'crypto/keypair.h'): 'a peer id is made of a public key',
    ('cluster', 'sql/types.h'): 'members and invites are rows of the replicated database',
    ('cluster', 'sql/codec.h'): 'the cluster proposes SQL entries of its own',
    ('store', 'consensus/log_op.h'): 'the disk queue that store/ carries out',
    ('store', 'sql/job.h'): 'the applier\'s and the readers\' jobs',
    ('store', 'transfer/job.h'): 'the jobs on a snapshot\'s files',
    ('store', 'dht/job.h'): 'what the node knows of the network, for its tables',
    ('store', 'transfer/descriptor.h'): 'what a snapshot is made of',
    ('store', 'sql/types.h'): 'what the jobs are made of',
    ('store', 'sql/codec.h'): 'the applier decodes log entries',
}

# Headers that only folders above the line may include -> why.
ABOVE_THE_LINE_ONLY = {
    'crypto/system.h': 'the system\'s random source is handed in from above',
}

ABOVE_THE_LINE = ['store', 'driver', 'api']
BELOW_THE_LINE = [name for name in MAY_INCLUDE if name not in ABOVE_THE_LINE]

# Folders outside of libdebros/ that are clients: the headers of ours that they may see.
CLIENTS = {
    'cpp': r'debros\.h|debros/.*\.hpp',
    'cli': r'debros/debros\.hpp',
    'examples': r'debros\.h|debros/debros\.hpp',
    'bindings': r'debros/debros\.hpp',
}

# ---- Fences: foreign headers and symbols, and where alone they may appear ------------

HEADER_FENCES = {
    'uv.h': ['driver'],
    'sqlite3.h': ['store'],
    'sodium.h': ['crypto'],
    'raft.h': ['consensus'],
    'pthread.h': ['driver', 'store', 'api'],
    'threads.h': [],  # pthread.h is the one in use
    'uthash.h': ['base'],
    'protobuf-c/protobuf-c.h': ['base'],
    'cyaml/cyaml.h': [],  # a file is the program's business: cli/
    'yaml.h': [],
}

SYMBOL_FENCES = {
    r'uv_': ['driver'],
    r'sqlite3_': ['store'],
    r'(crypto|sodium|randombytes)_': ['crypto'],
    r'raft_': ['consensus'],
    r'(pthread|thrd|mtx|cnd)_': ['driver', 'store', 'api'],
    r'(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf)$': ['base'],
}

# What of the C library a folder below the line may include.
PURE_HEADERS = ['inttypes.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h',
                'stdint.h', 'stdio.h', 'stdlib.h', 'string.h']
PURE_HEADERS_ALSO = {
    ('multi', 'arpa/inet.h'): 'text forms of IP addresses',
    ('crypto', 'nmmintrin.h'): 'CRC-32C in the processor',
    ('crypto', 'immintrin.h'): 'CRC-32C in the processor',
}

# What an archive below the line may leave undefined, besides the layers that it may
# include: nothing that reads a clock, a file, a socket or a random source, no heap.
PURE_SYMBOLS = [
    r'mem(cpy|move|set|cmp|chr|rchr|mem)',
    r'str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn|pbrk|casecmp|ncasecmp)',
    r'(__isoc(99|23)_)?strto(l|ll|ul|ull)',
    r'v?snprintf',
    r'qsort|bsearch',
    r'__(mem|str|v?snprintf)\w*_chk',  # the same, fortified
    r'__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__tls_get_addr',
    r'protobuf_c_\w+|__assert_fail',   # what protoc-c generates
]
PURE_SYMBOLS_ALSO = {
    ('base', r'malloc|calloc|realloc|free'): 'base/alloc.c, the one door to the heap',
    ('base', r'abort|fprintf|__fprintf_chk|stderr'): 'base/check.c, when a check fails',
    ('crypto', r'(crypto|sodium|randombytes)_\w+'): 'libsodium',
    ('crypto', r'__cpu_\w+'): 'crc32c.c asks for the processor\'s instruction',
    ('consensus', r'raft_\w+'): 'libraft',
    ('multi', r'inet_(pton|ntop)'): 'text forms of IP addresses',
}

# Calls that no source of libdebros/ makes, and the files that may. A file's own static
# function of such a name, and a member, are no such call.
BANNED_CALLS = {
    r'malloc|calloc|realloc|reallocarray|free|strdup|strndup': ['base/alloc.c'],
    r'sprintf|vsprintf|strcpy|strcat|gets|alloca|strtok|atoi|atol|atoll': [],
    r'printf|puts|putchar|vprintf|perror': [],
    r'rand|srand|random|srandom|drand48|arc4random\w*|getrandom|getentropy': [],
    r'assert': [],
}
# The same below the line only: time, files, sockets, processes, threads, environment.
BANNED_BELOW = {
    r'time|clock|gettimeofday|clock_gettime|localtime\w*|gmtime\w*|mktime|nanosleep|u?sleep': [],
    r'fopen|fdopen|fread|fwrite|fclose|open|openat|close|read|write|pread|pwrite|fsync': [],
    r'socket|bind|listen|accept|connect|send|recv|sendto|recvfrom|getaddrinfo|poll|select': [],
    r'fork|execv\w*|system|getenv|setenv|signal|sigaction|exit|_exit': [],
    r'abort|fprintf|fputs': ['base/check.c'],
    r'setlocale|strerror|strtod|strtof': [],
}

# ---- Shape --------------------------------------------------------------------------

MAX_COLUMNS = 90
MAX_FUNCTION_LINES = 60

# Sources of libdebros/ without a test of the same name -> where they are tested.
TESTED_ELSEWHERE = {
}

# Sources that no machine of ours wrote by hand, or that are data.
NOT_OURS = ['subprojects/', 'test/vectors/', 'test/interop/node_modules/']
