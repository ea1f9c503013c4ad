"""The checker finds each kind of violation, planted into a history that is sound."""
import unittest

from history import Read, Write, check, check_rows, parse

SOUND = """\
W 0 1 10 20 0 5
W 1 1 12 22 0 5
R 21 30 0 5 0=1 1=1
W 0 2 25 40 6 0
W 1 2 30 45 0 7
R 46 50 0 7 0=1 1=2
R 47 52 0 7 0=2 1=2
W 0 3 50 60 0 9
R 61 70 0 9 0=3 1=2
"""
ROWS = [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3)]


class History(unittest.TestCase):
    def setUp(self):
        self.writes, self.reads = parse(SOUND.splitlines())

    def finds(self, word, problems):
        self.assertTrue(any(problem.startswith(word + ":") for problem in problems),
                        problems)

    def test_a_sound_history(self):
        self.assertEqual(self.writes[0], Write(0, 1, 10, 20, 0, 5))
        self.assertEqual(self.reads[0], Read(21, 30, 0, 5, {0: 1, 1: 1}))
        self.assertEqual(check(self.writes, self.reads), [])
        self.assertEqual(check_rows(self.writes, ROWS), [])
        self.assertEqual(check_rows(self.writes, [r for r in ROWS if r != (0, 2)]), [],
                         "an unknown outcome may be no row")

    def test_writes_out_of_real_time_order(self):
        self.writes[-1] = self.writes[-1]._replace(index=6)
        self.finds("order", check(self.writes, self.reads))

    def test_a_stale_read(self):
        self.reads[-1].seen[0] = 2
        self.finds("stale", check(self.writes, self.reads))
        del self.reads[-1].seen[0]
        self.finds("stale", check(self.writes, self.reads))

    def test_a_read_of_the_future(self):
        self.reads[0].seen[1] = 2
        self.finds("future", check(self.writes, self.reads))
        self.reads[0].seen[1] = 99
        self.finds("future", check(self.writes, self.reads))

    def test_reads_that_go_backwards(self):
        self.reads.append(Read(53, 55, 0, 7, {0: 1, 1: 2}))
        self.assertNotIn("stale", str(check(self.writes, self.reads)))
        self.finds("backwards", check(self.writes, self.reads))

    def test_a_failed_read_says_nothing(self):
        self.reads.append(Read(90, 95, 6, 0, {}))
        self.assertEqual(check(self.writes, self.reads), [])

    def test_rows(self):
        self.finds("lost", check_rows(self.writes, ROWS[1:]))
        self.finds("twice", check_rows(self.writes, ROWS + [(0, 2)]))
        self.finds("unknown", check_rows(self.writes, ROWS + [(7, 7)]))
        self.finds("row order", check_rows(self.writes, [ROWS[2]] + ROWS[:2] + ROWS[3:]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
