# A set of strings, gone through once, in the order that it has when the loop begins.
# results: vocabulary, order, index, vectors, left
# seeded
# hashed
# %%
import random
import time

words = [f"word-{i * 7919 % 1000}" for i in range(300)]
# %%
%%checkpointed vocabulary
order, index, vectors = [], {}, {}
for number, word in enumerate(vocabulary := set(words)):
    index[word] = number
    order.append(word)
    vectors[word] = [random.random() for _ in range(4)]
    time.sleep(0.005)

left = {word for word in order if vectors[word][0] < 0.4}
while left:
    if len(left) < 10:
        break
    left.discard(min(left))
    time.sleep(0.006)
