"""Every decoder that a header of the library declares has a fuzz target that calls it.

    decoders_test.py SOURCE_ROOT
"""
import os
import re
import sys
import unittest

DECODER = re.compile(r"\b(dbr_\w+_(?:decode|parse|unpack)"
                     r"|dbr_vote_choose|dbr_cluster_file_read)\(")
# decoder -> the function with a target that hands it its bytes, or that parses for it.
REACHED_BY = {
    "dbr_snapfile_decode": "dbr_descriptor_decode",
    "dbr_transfer_decode": "dbr_transfer_recv",
    "dbr_maddr_value_parse": "dbr_multiaddr_parse",
    "dbr_sql_pb_unpack": "dbr_sql_frame_decode",
    "dbr_proto_unpack": "dbr_cluster_frame_decode",
    "dbr_hex_decode": "dbr_cluster_file_read",
}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def sources(folder, ending):
    for path, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith(ending):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    yield name, re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


class Decoders(unittest.TestCase):
    def test_each_has_a_target(self):
        declared = {name for _, text in sources("libdebros", ".h")
                    for name in DECODER.findall(text)}
        called = {name for _, text in sources("test/fuzz", "_fuzz.c")
                  for name in re.findall(r"\b(dbr_\w+)\(", text)}
        self.assertGreater(len(declared), 10)
        missing = {name for name in declared
                   if name not in called and REACHED_BY.get(name) not in called}
        self.assertEqual(missing, set(), "add test/fuzz/<name>_fuzz.c and a corpus")

    def test_each_target_is_built_and_has_seeds(self):
        with open(os.path.join(ROOT, "test/fuzz/meson.build"), encoding="utf-8") as file:
            text = file.read()
        listed = set(re.findall(r"^  '(\w+)',$", text, flags=re.M))
        listed |= set(re.findall(r"'(\w+)_fuzz\.c'", text))
        self.assertEqual(listed, {name[:-len("_fuzz.c")] for name, _ in
                                  sources("test/fuzz", "_fuzz.c")})
        for name in listed:
            self.assertTrue(os.listdir(os.path.join(ROOT, "test/fuzz/corpus", name)), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
