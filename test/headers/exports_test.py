#!/usr/bin/env python3
"""The library exports exactly the functions that its header declares.

    exports_test.py LIBRARY HEADER
"""
import re
import subprocess
import sys


def main(library, header):
    with open(header, encoding='utf-8') as file:
        text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
    declared = set(re.findall(r'DEBROS_API\b[^;(]*\b(debros_\w+)\(', text))
    symbols = subprocess.run(['nm', '--dynamic', '--defined-only', '--format=posix', library],
                             check=True, text=True, stdout=subprocess.PIPE).stdout
    exported = {line.split()[0].split('@')[0] for line in symbols.splitlines()}
    for name in sorted(declared - exported):
        print(f'{name} is declared and not exported')
    for name in sorted(exported - declared):
        print(f'{name} is exported and not declared')
    return 0 if declared == exported and declared else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
