"""Every kind of thing that docs/kinds.md lists.

For a test that wants them one by one, with the functions of ``kind``: ``namespace = build(kind, folder)``, a snapshot,
``mutate(kind, namespace)``; then ``probe(kind, restored) == probe(kind, build(kind, another))``: to look may change it.
"""

from tests.kinds import of_data, of_keras, of_python, of_torch

TABLES = {
    "tests.kinds.of_python": of_python.KINDS,
    "tests.kinds.of_data": of_data.KINDS,
    "tests.kinds.of_torch": of_torch.KINDS,
    "tests.kinds.of_keras": of_keras.KINDS,
}
KINDS = tuple(kind for kinds in TABLES.values() for kind in kinds)
