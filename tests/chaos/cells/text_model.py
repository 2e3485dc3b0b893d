# Strings built up letter by letter from a Markov chain; bytes, sets of tuples, del in the loop.
# results: table, text, raw, starts, letter, lengths
# %%
import random
import time

corpus = "the training cell that survives the death of its runtime and resumes at the very batch " * 3
# %%
%%checkpointed text
table = {}
for a, b in zip(corpus, corpus[1:]):
    table.setdefault(a, []).append(b)
    time.sleep(0.002)

text, raw, starts, lengths = "", bytearray(), set(), []
while len(text) < 1500:
    word, letter = "", random.choice(corpus)
    start = letter
    while letter != " ":
        word += letter
        letter = random.choice(table[letter])
        if len(word) > 12:
            break
    if not word:
        del word
        continue
    text = f"{text}{word} "
    raw += word.encode()
    starts.add((start, len(word)))
    lengths.append(len(word))
    del word, start
    time.sleep(0.006)
# %%
print(text[:70])
