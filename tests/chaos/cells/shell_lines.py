# A cell with imports, shell lines and a change of directory in it, as people paste them.
# results: names, lines, here, answer
# files: data/log.txt
# %%
import time
# %%
%%checkpointed shell
!mkdir -p data
%cd data
import os
import random as rnd
from pathlib import Path

answer = !echo forty-two
names, lines = [], 0
for i in range(120):
    names.append(f"{rnd.random():.6f}")
    time.sleep(0.006)
!echo half way
with open("log.txt", "w") as log:
    for name in names:
        log.write(name + "\n")
        lines += 1
        time.sleep(0.006)
    print(lines, "lines")
here = Path(os.getcwd()).name
answer = list(answer)
for i in range(100):
    lines += rnd.randrange(2)
    time.sleep(0.006)
if lines:
    !echo {lines} lines written
    %cd ..
# %%
print(os.listdir("."))
