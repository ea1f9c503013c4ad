"""Adds up Meson's test logs and ends with `N passed, N failed`.

    test-summary.py BUILD_FOLDER...

Exits with 1 when a test failed, when a folder has no log (it did not build), or when no
test ran.
"""
import json
import os
import sys

PASSED = {'OK', 'EXPECTEDFAIL'}


def results(folder):
    """(name, result) of each test, or None without a log."""
    try:
        with open(os.path.join(folder, 'meson-logs', 'testlog.json'), encoding='utf-8') as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return None
    return [(test['name'], test['result']) for test in tests]


def main(folders):
    passed = failed = skipped = 0
    for folder in folders:
        found = results(folder)
        if not found:
            print(f'{folder}: no test ran')
            failed += 1
            continue
        for name, result in found:
            if result in PASSED:
                passed += 1
            elif result == 'SKIP':
                skipped += 1
                print(f'{folder}: skipped: {name}')
            else:
                failed += 1
                print(f'{folder}: {result}: {name}')
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
