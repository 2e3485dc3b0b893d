"""Every kind of thing that docs/kinds.md lists.

For a test that wants them one by one, with the functions of ``kind``: ``namespace = build(kind, folder)``, ``mutate(kind,
namespace)``, and then ``probe(kind, restored) == probe(kind, build(kind, other_folder))``; to look may change a thing.
"""

from tests.kinds import of_data, of_keras, of_python, of_torch

TABLES = {
    "tests.kinds.of_python": of_python.KINDS,
    "tests.kinds.of_data": of_data.KINDS,
    "tests.kinds.of_torch": of_torch.KINDS,
    "tests.kinds.of_keras": of_keras.KINDS,
}
KINDS = tuple(kind for kinds in TABLES.values() for kind in kinds)
