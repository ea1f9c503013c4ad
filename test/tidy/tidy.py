#!/usr/bin/env python3
"""Holds the rules of house.py against the tree, and against the archives' symbols.

    tidy.py ROOT                       the sources below ROOT
    tidy.py ROOT --archives A.a ...    the undefined symbols of libdbr_<folder>.a as well

Prints one line for each violation and exits with 1 when there is one.
"""
import argparse
import os
import re
import subprocess
import sys

import house

C_FILES = ('.c', '.h')
CPP_FILES = ('.cc', '.cpp', '.hpp')
TEXT_FILES = C_FILES + CPP_FILES + ('.py', '.proto', '.mjs', '.json', '.md', '.sh', '.yml',
                                    'meson.build', 'meson_options.txt')
SKIPPED_FOLDERS = {'.git', '.deps', 'node_modules', '__pycache__', 'corpus'}
# Spelled so that this file passes its own check.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')


class Source:
    """A file: its text, and for C its code with comments and literals blanked out."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding='utf-8', newline='') as file:
            self.text = file.read()
        self.lines = self.text.split('\n')
        self.is_c = path.endswith(C_FILES)
        self.is_code = self.is_c or path.endswith(CPP_FILES)
        self.code = blank(self.text) if self.is_code else ''
        parts = path.split('/')
        self.top = parts[0]
        self.name = parts[-1]
        # The layer, for what stands in libdebros/<layer>/.
        self.folder = parts[1] if self.top == 'libdebros' and len(parts) == 3 else None


def spaces(match):
    return re.sub(r'[^\n]', ' ', match.group())


def without_preprocessor(code):
    return re.sub(r'^[ \t]*#(?:.*\\\n)*.*$', spaces, code, flags=re.M)


def blank(text):
    """C without comments and literals; line numbers stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def but_includes(match):
        before = text[max(0, match.start() - 20):match.start()]
        return match.group() if re.search(r'#[ \t]*include[ \t]*$', before) else spaces(match)
    return token.sub(but_includes, text)


def find_files(root):
    for folder, folders, names in os.walk(root):
        here = os.path.relpath(folder, root)
        prefix = '' if here == '.' else here.replace(os.sep, '/') + '/'
        folders[:] = sorted(name for name in folders
                            if name not in SKIPPED_FOLDERS
                            and not (prefix == '' and name.startswith('build')))
        for name in sorted(names):
            path = prefix + name
            if path.endswith(TEXT_FILES) or prefix == 'scripts/':
                if not any(path.startswith(other) for other in house.NOT_OURS):
                    yield path


# ---- Rules of one file: each yields (line, message) ----------------------------------

def check_text(source):
    if not source.text.endswith('\n') and source.text:
        yield len(source.lines), 'no newline at the end'
    if '\r' in source.text:
        yield 1, 'a carriage return'
    for number, line in enumerate(source.lines, 1):
        if '\t' in line:
            yield number, 'a tab'
        if line.endswith(' '):
            yield number, 'a space at the end of the line'
        if UNFINISHED.search(line):
            yield number, 'unfinished work is an issue, not a comment'
        if source.is_code and len(line) > house.MAX_COLUMNS:
            yield number, f'{len(line)} columns, at most {house.MAX_COLUMNS}'


def check_comments(source):
    without_blocks = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', spaces, source.text, flags=re.S)
    for number, line in enumerate(without_blocks.split('\n'), 1):
        if '//' in line:
            yield number, 'a // comment in C'


def check_guard(source):
    if source.folder is None:
        return
    guard = f'DBR_{source.folder}_{source.name[:-2]}_H'.upper()
    if source.folder == 'include':
        guard = source.name[:-2].upper() + '_H'
    lines = [line for line in source.code.split('\n') if line.strip()]
    if lines[:2] != [f'#ifndef {guard}', f'#define {guard}']:
        yield 1, f'its guard must be {guard}, before everything else'


def check_types(source):
    for number, line in enumerate(source.code.split('\n'), 1):
        if re.search(r'\btypedef\b.*\b\w+_t;', line):
            yield number, 'a type named _t, which POSIX reserves'


def check_braces(source):
    code = without_preprocessor(source.code)
    for match in re.finditer(r'\b(if|for|while|else)\b\s*(constexpr\s*)?', code):
        at = match.end()
        if match.group(1) != 'else':
            at = after_parentheses(code, at)
        rest = code[at:].lstrip()
        is_tail = match.group(1) == 'while' and code[:match.start()].rstrip().endswith('}')
        allowed = ('{', 'if') if match.group(1) == 'else' else ('{',)
        if not rest.startswith(allowed) and not (is_tail and rest.startswith(';')):
            yield code.count('\n', 0, match.start()) + 1, f'{match.group(1)} without braces'


def after_parentheses(code, at):
    depth = 0
    for match in re.finditer(r'[()]', code[at:]):
        depth += 1 if match.group() == '(' else -1
        if depth == 0:
            return at + match.end()
    return at


def check_function_lengths(source):
    for start, end, name in functions(source.code):
        length = end - start + 1
        if length > house.MAX_FUNCTION_LINES:
            yield start, f'{name}() has {length} lines, at most {house.MAX_FUNCTION_LINES}'


def functions(code):
    """(first line, last line, name) of each function: a block that follows a parameter
    list. Blocks inside of functions belong to them."""
    code = without_preprocessor(code)
    begun = 0        # where the text before the next block begins
    open_blocks = []  # for each: (line, name) of a function, or None
    inside = 0       # functions among them
    for match in re.finditer(r'[{};]', code):
        at = match.start()
        if match.group() == '{':
            found = None if inside else function_head(code[begun:at])
            if found:
                line = code.count('\n', 0, begun + found[0]) + 1
                open_blocks.append((line, found[1]))
                inside += 1
            else:
                open_blocks.append(None)
        elif match.group() == '}' and open_blocks:
            block = open_blocks.pop()
            if block:
                inside -= 1
                yield block[0], code.count('\n', 0, at) + 1, block[1]
        begun = at + 1


def function_head(head):
    """(offset of the line that names it, name) if `head` begins a function's body."""
    if re.match(r'\s*(struct|enum|union|class|namespace|typedef|extern)\b[^(]*$', head):
        return None
    named = re.search(r'(~?\w+|operator\s*\S+?)\s*\((?!\s*\()', head)
    if not named or re.search(r'(?<![=!<>])=(?!=)', head[:named.start()]):
        return None
    return named.start(), named.group(1)


# ---- Rules of the layers ---------------------------------------------------------------

def includes(source):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', source.code, re.M):
        yield source.code.count('\n', 0, match.start()) + 1, match.group(1), match.group(2)


def check_includes(source, root):
    if source.folder is not None and source.folder != 'include':
        for number, bracket, header in includes(source):
            message = wrong_include(source, bracket, header, root)
            if message:
                yield number, message
    elif source.top in house.CLIENTS and '/test/' not in source.path:
        for number, _, header in includes(source):
            ours = header.startswith('debros') or os.path.exists(
                os.path.join(root, 'libdebros', header))
            if ours and not re.fullmatch(house.CLIENTS[source.top], header):
                yield number, f'{source.top}/ may not include {header}'


def wrong_include(source, bracket, header, root):
    folder = source.folder
    if bracket == '"':
        return wrong_layer(source, header, root)
    if header in house.HEADER_FENCES:
        homes = house.HEADER_FENCES[header]
        return None if folder in homes else f'<{header}> belongs to {homes or "nobody"}'
    if folder in house.BELOW_THE_LINE and header not in house.PURE_HEADERS:
        if (folder, header) not in house.PURE_HEADERS_ALSO:
            return f'<{header}> is no header for {folder}/, which is below the line'
    return None


def wrong_layer(source, header, root):
    folder = source.folder
    if header == 'debros.h' or header.endswith('.pb-c.h'):
        return None
    if '/' not in header:
        there = os.path.join(root, 'libdebros', folder, header)
        return None if os.path.exists(there) else f'"{header}" is not in {folder}/'
    target = header.split('/')[0]
    if target not in house.MAY_INCLUDE:
        return f'"{header}" is in no layer'
    if header in house.ABOVE_THE_LINE_ONLY and folder not in house.ABOVE_THE_LINE + [target]:
        return f'"{header}" is only for above the line'
    if target == folder or target in house.MAY_INCLUDE[folder]:
        return None
    if (folder, header) in house.MAY_ALSO_INCLUDE:
        return None
    return f'{folder}/ may not include "{header}"'


def check_calls(source):
    if source.folder in (None, 'include'):
        return
    tables = [house.BANNED_CALLS]
    if source.folder in house.BELOW_THE_LINE:
        tables.append(house.BANNED_BELOW)
    for names, homes in [item for table in tables for item in table.items()]:
        if f'{source.folder}/{source.name}' in homes:
            continue
        for match in re.finditer(r'(?<![\w.>])(' + names + r')[ \t]*\(', source.code):
            if not re.search(r'static\b[^;{}()=]*\b' + match.group(1) + r'\(', source.code):
                yield source.code.count('\n', 0, match.start()) + 1, f'calls {match.group(1)}()'


def check_house(source, root):
    """Each source is built, and each has its test."""
    if source.folder is None or not source.name.endswith('.c'):
        return
    if source.folder not in house.MAY_INCLUDE:
        yield 1, f'{source.folder}/ is no layer of house.py'
        return
    build = os.path.join(root, 'libdebros', source.folder, 'meson.build')
    if f"'{source.name}'" not in read(build):
        yield 1, f'not listed in libdebros/{source.folder}/meson.build'
    test = f'test/{source.folder}/{source.name[:-2]}_test.c'
    if f'{source.folder}/{source.name}' not in house.TESTED_ELSEWHERE:
        if not os.path.exists(os.path.join(root, test)):
            yield 1, f'has no {test}'


def check_test_is_run(source, root):
    match = re.fullmatch(r'(test/\w+)/(\w+)_test\.(c|cc|cpp|py)', source.path)
    if match:
        build = read(os.path.join(root, match.group(1), 'meson.build'))
        if not re.search(r"'" + match.group(2) + r"(_test(\.\w+)?)?'", build):
            yield 1, f'not listed in {match.group(1)}/meson.build'


def read(path):
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def check_sources(root):
    for path in find_files(root):
        source = Source(root, path)
        checks = [check_text(source), check_test_is_run(source, root)]
        if source.is_code:
            checks += [check_braces(source), check_function_lengths(source),
                       check_includes(source, root)]
        if source.is_c:
            checks += [check_comments(source), check_types(source), check_calls(source),
                       check_house(source, root)]
        if path.endswith('.h'):
            checks.append(check_guard(source))
        for check in checks:
            for number, message in check:
                yield f'{path}:{number}: {message}'


# ---- Rules of the archives ----------------------------------------------------------------

class Archive:
    def __init__(self, path):
        self.path = path
        self.folder = re.sub(r'^libdbr_|\.a$', '', os.path.basename(path))
        self.defined = set()    # global names
        self.undefined = set()
        self.writable = set()   # variables, static ones too
        output = subprocess.run(['nm', '--format=sysv', path], check=True, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for line in output.split('\n'):
            fields = [field.strip() for field in line.split('|')]
            if len(fields) == 7 and fields[2]:
                self.add(fields[0], fields[2], fields[3], fields[6])

    def add(self, name, kind, entity, section):
        if kind in 'Uwv':
            self.undefined.add(name)
            return
        if kind.isupper():
            self.defined.add(name)
        constant = section.startswith(('.rodata', '.data.rel.ro'))
        if kind == 'C' or (entity in ('OBJECT', 'TLS') and not constant):
            self.writable.add(name)


def check_archives(paths):
    archives = {}
    for path in paths:
        archive = Archive(path)
        archives[archive.folder] = archive
    for archive in archives.values():
        for message in check_archive(archive, archives):
            yield f'{archive.path}: {message}'


def check_archive(archive, archives):
    folder = archive.folder
    if folder not in house.MAY_INCLUDE:
        yield f'{folder} is no layer of house.py'
        return
    for name in sorted(archive.defined):
        if not name.startswith(('dbr_', 'debros_')):
            yield f'defines {name}: shared names begin with dbr_ or debros_'
    for name in sorted(archive.undefined - archive.defined):
        message = wrong_symbol(folder, name, archives)
        if message:
            yield message
    if folder in house.BELOW_THE_LINE:
        for name in sorted(archive.writable):
            yield f'has the variable {name}: no globals below the line'


def wrong_symbol(folder, name, archives):
    for fence, homes in house.SYMBOL_FENCES.items():
        if re.match(fence, name):
            return None if folder in homes else f'uses {name}, which belongs to {homes}'
    if name.startswith(('dbr_', 'debros_')):
        homes = [other for other in archives if name in archives[other].defined]
        allowed = house.MAY_INCLUDE[folder] + [
            header.split('/')[0] for who, header in house.MAY_ALSO_INCLUDE if who == folder]
        wrong = [home for home in homes if home not in allowed]
        return f'uses {name} of {wrong[0]}/' if wrong else None
    if folder in house.ABOVE_THE_LINE or is_pure(folder, name):
        return None
    return f'uses {name}: not for below the line'


def is_pure(folder, name):
    if any(re.fullmatch(pattern, name) for pattern in house.PURE_SYMBOLS):
        return True
    return any(who == folder and re.fullmatch(pattern, name)
               for who, pattern in house.PURE_SYMBOLS_ALSO)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root')
    parser.add_argument('--archives', nargs='*', default=[])
    args = parser.parse_args()
    found = list(check_sources(args.root)) + list(check_archives(args.archives))
    for line in found:
        print(line)
    print(f'{len(found)} violations')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
