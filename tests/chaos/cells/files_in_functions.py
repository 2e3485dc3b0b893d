# Functions that write and append to files inside `with`, one context manager of a class, one of a function.
# results: stats, depth, written, lines_seen
# files: run.log, table.csv
# seeded
# %%
import random
import time
from contextlib import contextmanager

depth, written = [], 0
journal = open("run.log", "a")

class Section:
    """Writes a title and an end mark around what is logged inside."""

    def __init__(self, out, title):
        self.out, self.title = out, title

    def __enter__(self):
        depth.append(self.title)
        self.out.write(f"<{self.title}>\n")
        return self

    def __exit__(self, kind, error, trace):
        depth.pop()
        self.out.write(f"</{self.title} {kind is None}>\n")

    def line(self, text):
        self.out.write("  " * len(depth) + text + "\n")

@contextmanager
def counting(what):
    before = written
    yield what
    stats[what] = written - before

def write_part(out, part):
    global written
    with Section(out, part) as section:
        for i in range(24):
            section.line(f"{part} {i} {random.random():.9f}")
            written += 1
            time.sleep(0.007)
    return part, written

def write_table(path, rows):
    global written
    with open(path, "w") as out:
        print("row", "value", sep=",", file=out)
        for row in range(rows):
            print(row, random.gauss(0, 1), sep=",", file=out)
            written += 1
            time.sleep(0.006)
    return rows
# %%
%%checkpointed files-in-functions
stats, lines_seen = {}, 0
with journal, counting("log") as what:
    for part in ("load", "fit", "score"):
        stats[part] = write_part(journal, part)
with counting("table"):
    rows = write_table("table.csv", 60)
for line in open("run.log"):
    lines_seen += len(line)
    time.sleep(0.004)
