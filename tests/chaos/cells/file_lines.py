# Reading a file line by line with enumerate while writing results to another; an interval in iterations.
# results: words, longest, i
# files: lengths.txt, summary.txt
# seeded
# %%
import random
import time

rng = random.Random(7)
with open("poem.txt", "w") as f:
    for _ in range(300):
        f.write(" ".join("".join(rng.choices("abcdefghij", k=rng.randrange(2, 9))) for _ in range(6)) + "\n")
# %%
words, longest = {}, ""
# %%
%%checkpointed read-lines --every 7it
with open("poem.txt") as source, open("lengths.txt", "w") as out:
    out.write("line,length,draw\n")
    for i, line in enumerate(source):
        line = line.rstrip()
        for word in line.split():
            words[word] = words.get(word, 0) + 1
            if len(word) > len(longest):
                longest = word
        if i % 10 == 9:
            out.flush()
        out.write(f"{i},{len(line)},{random.random()}\n")
        time.sleep(0.006)

with open("summary.txt", "a") as out:
    for word in sorted(words)[:60]:
        print(word, words[word], file=out)
        time.sleep(0.01)
# %%
print(open("lengths.txt").readlines()[-1])
