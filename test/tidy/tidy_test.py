#!/usr/bin/env python3
"""A small clean tree passes tidy.py; each violation planted in it is found."""
import os
import subprocess
import tempfile
import unittest

import tidy

HEADER = '#ifndef DBR_CONN_PIPE_H\n#define DBR_CONN_PIPE_H\n\nint dbr_pipe(void);\n\n#endif\n'
CODE = '#include "pipe.h"\n\n#include <string.h>\n\n#include "base/buf.h"\n\n' \
       'int dbr_pipe(void)\n{\n    return 0; /* "quotes" and { braces */\n}\n'

CLEAN = {
    'libdebros/base/buf.h': '#ifndef DBR_BASE_BUF_H\n#define DBR_BASE_BUF_H\n#endif\n',
    'libdebros/conn/pipe.h': HEADER,
    'libdebros/conn/pipe.c': CODE,
    'libdebros/conn/meson.build': "files('pipe.c')\n",
    'test/conn/pipe_test.c': 'int main(void)\n{\n    return 0;\n}\n',
    'test/conn/meson.build': "foreach name : ['pipe']\n",
    'cli/main.cc': '#include <debros/debros.hpp>\n\nint main()\n{\n    return 0; // fine here\n}\n',
    'README.md': 'A line of any length. ' * 10 + 'End.\n',
}


class Tree:
    def __init__(self, changes):
        self.folder = tempfile.TemporaryDirectory()
        for path, text in {**CLEAN, **changes}.items():
            if text is not None:
                full = os.path.join(self.folder.name, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, 'w', encoding='utf-8') as file:
                    file.write(text)

    def __enter__(self):
        return self.folder.name

    def __exit__(self, *_):
        self.folder.cleanup()


class Sources(unittest.TestCase):
    def found(self, changes):
        with Tree(changes) as root:
            return list(tidy.check_sources(root))

    def check(self, expected, path, text):
        """`path` with `text` gives exactly one violation, which holds `expected`."""
        found = self.found({path: text})
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(path + ':'), found[0])
        self.assertIn(expected, found[0])

    def check_c(self, expected, line):
        self.check(expected, 'libdebros/conn/pipe.c', CODE + line + '\n')

    def check_include(self, expected, include, folder='conn'):
        """In a header of `folder`, which needs no test of its own."""
        guard = f'DBR_{folder.upper()}_X_H'
        self.check(expected, f'libdebros/{folder}/x.h',
                   f'#ifndef {guard}\n#define {guard}\n#include {include}\n#endif\n')

    def allow_include(self, include, folder):
        guard = f'DBR_{folder.upper()}_X_H'
        self.assertEqual([], self.found({
            f'libdebros/{folder}/x.h':
                f'#ifndef {guard}\n#define {guard}\n#include {include}\n#endif\n'}))

    def test_clean_tree_passes(self):
        self.assertEqual([], self.found({}))

    def test_includes_go_downwards_only(self):
        self.check_include('conn/ may not include "swarm/swarm.h"', '"swarm/swarm.h"')
        self.check_include('may not include', '"sql/sql.h"', 'swarm')
        self.check_include('may not include', '"store/store.h"', 'core')
        self.check_include('may not include', '"store/store.h"', 'driver')
        self.check_include('may not include', '"driver/loop.h"', 'store')
        self.allow_include('"swarm/swarm.h"', 'core')
        self.allow_include('"debros.h"', 'base')

    def test_siblings_never_meet(self):
        siblings = ['dht', 'pubsub', 'kv', 'sql', 'cluster', 'access']
        for one in siblings:
            for other in siblings:
                if one != other:
                    self.check_include('may not include', f'"{other}/{other}.h"', one)

    def test_exceptions_hold_for_one_header_only(self):
        self.allow_include('"sql/types.h"', 'cluster')
        self.check_include('may not include', '"sql/sql.h"', 'cluster')
        self.allow_include('"consensus/log_op.h"', 'store')
        self.check_include('may not include', '"consensus/consensus.h"', 'store')
        self.allow_include('"crypto/system.h"', 'api')
        self.check_include('above the line', '"crypto/system.h"', 'swarm')

    def test_foreign_headers_stay_in_their_folder(self):
        self.check_include('belongs to', '<uv.h>', 'api')
        self.check_include('belongs to', '<sqlite3.h>', 'sql')
        self.check_include('belongs to', '<sodium.h>', 'conn')
        self.check_include('belongs to', '<raft.h>', 'sql')
        self.check_include('belongs to', '<pthread.h>', 'core')
        self.allow_include('<pthread.h>', 'store')
        self.check_include('below the line', '<time.h>', 'core')
        self.check_include('below the line', '<sys/socket.h>', 'swarm')
        self.allow_include('<time.h>', 'driver')

    def test_unknown_headers(self):
        self.check_include('is not in conn/', '"nowhere.h"')
        self.check_include('is in no layer', '"nowhere/x.h"')
        self.check('is no layer', 'libdebros/other/x.c', '')

    def test_clients_see_the_public_headers_only(self):
        self.check('cli/ may not include', 'cli/main.cc', '#include <debros.h>\n')
        self.check('cli/ may not include', 'cli/main.cc', '#include "base/buf.h"\n')
        self.check('cpp/ may not include', 'cpp/x.hpp', '#include "base/buf.h"\n')
        self.check('examples/ may not include', 'examples/x.c', '#include "conn/pipe.h"\n')

    def test_calls_of_the_system(self):
        for call in ['malloc(1)', 'free(p)', 'sprintf(a, b)', 'printf(a)', 'rand()',
                     'time(NULL)', 'clock_gettime(a, b)', 'open(a, 0)', 'socket(a, b, c)',
                     'getrandom(a, b, c)', 'getenv(a)', 'assert(x)', 'abort()']:
            self.check_c('calls ' + call.split('(')[0], f'int x(void) {{ {call}; }}')

    def test_own_functions_and_members_are_no_calls(self):
        self.assertEqual([], self.found({'libdebros/conn/pipe.c': CODE + (
            'static int send(int a)\n{\n    return a;\n}\n\n'
            'int dbr_x(struct x *x)\n{\n    return send(1) + x->open(2) + x->ops.read(3);\n}\n')}))

    def test_function_length(self):
        self.check_c('x() has 61 lines', 'int x(void)\n{\n' + '    y();\n' * 58 + '}')
        self.assertEqual([], self.found({
            'libdebros/conn/pipe.c': CODE + 'int x(void)\n{\n' + '    y();\n' * 57 + '}\n'}))
        self.check('run() has 61 lines', 'cli/main.cc',
                   'namespace a {\nclass B {\n    int run() const\n    {\n'
                   + '        if (x) { y(); }\n' * 58 + '    }\n};\n}\n')

    def test_tables_are_no_functions(self):
        self.assertEqual([], self.found({'libdebros/conn/pipe.c': CODE + (
            'static const struct x table[] = {\n' + '    {F(1)},\n' * 70 + '};\n'
            + 'struct y {\n' + '    int (*f)(void);\n' * 70 + '};\n')}))

    def test_shape(self):
        self.check_c('91 columns', '/*' + 'x' * 87 + '*/')
        self.check_c('a // comment', 'int x; // no')
        self.check_c('a tab', '\tint x;')
        self.check_c('a space at the end', 'int x; ')
        self.check_c('named _t', 'typedef struct x x_t;')
        self.check_c('unfinished', '/* TO' 'DO: later */')
        self.check('no newline', 'libdebros/conn/pipe.c', CODE.rstrip('\n'))
        self.check('carriage return', 'libdebros/conn/pipe.c', CODE + '\r\n')

    def test_braces(self):
        self.check_c('if without braces', 'int x(void)\n{\n    if (y(1))\n        return 0;\n}')
        self.check_c('else without braces', 'int x(void)\n{\n    if (y) {\n    } else\n        z();\n}')
        self.check_c('for without braces', 'int x(void)\n{\n    for (;;)\n        y();\n}')
        self.check_c('while without braces', 'int x(void)\n{\n    while (y());\n}')
        self.assertEqual([], self.found({'libdebros/conn/pipe.c': CODE + (
            'int x(void)\n{\n    if (f(g(1))) {\n    } else if (h) {\n    } else {\n    }\n'
            '    do {\n    } while (y());\n    for (;;) {\n    }\n}\n')}))

    def test_guard(self):
        self.check('DBR_CONN_PIPE_H', 'libdebros/conn/pipe.h',
                   HEADER.replace('CONN_PIPE', 'PIPE'))
        self.check('before everything else', 'libdebros/conn/pipe.h', 'int x;\n' + HEADER)

    def test_every_source_is_built_and_tested(self):
        found = '\n'.join(self.found({'libdebros/conn/lost.c': 'int dbr_lost;\n'}))
        self.assertIn('not listed in libdebros/conn/meson.build', found)
        self.assertIn('has no test/conn/lost_test.c', found)
        self.check('not listed in test/conn/meson.build', 'test/conn/dead_test.c', 'int x;\n')


class Archives(unittest.TestCase):
    """Archives of one object each, made by the C compiler at hand."""

    def found(self, sources):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for layer, code in sources.items():
                stem = os.path.join(folder, layer)
                with open(stem + '.c', 'w', encoding='utf-8') as file:
                    file.write(code)
                subprocess.run([os.environ.get('CC', 'cc'), '-w', '-fPIC', '-O1', '-c',
                                stem + '.c', '-o', stem + '.o'], check=True)
                paths.append(os.path.join(folder, f'libdbr_{layer}.a'))
                subprocess.run(['ar', 'rc', paths[-1], stem + '.o'], check=True)
            return [line.split(': ', 1)[1] for line in tidy.check_archives(paths)]

    def check(self, expected, sources):
        found = self.found(sources)
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])

    def test_pure_archives_pass(self):
        self.assertEqual([], self.found({
            'base': 'void *malloc(long); void *dbr_malloc(long n) { return malloc(n); }',
            'conn': 'void *dbr_malloc(long); void *memcpy(void *, void *, long);'
                    'static const char *const names[] = {"a", "b"};'
                    'const char *dbr_name(int i)'
                    '{ return memcpy(dbr_malloc(2), (void *)names[i], 2); }'}))

    def test_system_below_the_line(self):
        for name in ['time', 'open', 'socket', 'getrandom', 'pthread_mutex_lock', 'fopen']:
            self.check(f'uses {name}', {'swarm': f'int {name}(); int dbr_x() {{ return {name}(); }}'})
            self.check(f'uses {name}', {'base': f'int {name}(); int dbr_x() {{ return {name}(); }}'})
        self.assertEqual([], self.found({'driver': 'int time(); int dbr_x() { return time(); }'}))

    def test_fenced_libraries(self):
        for name, home in [('uv_run', 'driver'), ('sqlite3_open', 'store'),
                           ('crypto_sign', 'crypto'), ('raft_start', 'consensus')]:
            code = f'int {name}(); int dbr_x() {{ return {name}(); }}'
            self.check(f'uses {name}', {'api': code})
            self.assertEqual([], self.found({home: code}))

    def test_heap_only_in_base(self):
        code = 'void *malloc(long); void *dbr_x() { return malloc(9); }'
        for layer in ['sql', 'store', 'driver', 'api']:
            self.check('uses malloc', {layer: code})

    def test_calls_go_downwards_only(self):
        upper = 'int dbr_upper() { return 1; }'
        lower = 'int dbr_upper(); int dbr_lower() { return dbr_upper(); }'
        self.check('uses dbr_upper of swarm/', {'conn': lower, 'swarm': upper})
        self.check('uses dbr_upper of driver/', {'store': lower, 'driver': upper})
        self.assertEqual([], self.found({'core': lower, 'swarm': upper}))

    def test_globals_below_the_line(self):
        self.check('has the variable count', {
            'sql': 'static int count; int dbr_x() { return ++count; }'})
        self.check('has the variable dbr_shared', {'core': 'int dbr_shared = 3;'})
        self.assertEqual([], self.found({'driver': 'int dbr_shared = 3;'}))

    def test_shared_names(self):
        self.check('defines helper', {'conn': 'int helper() { return 1; }'})


if __name__ == '__main__':
    unittest.main()
