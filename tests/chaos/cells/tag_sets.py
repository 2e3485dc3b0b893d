# Sets of strings in functions, gone through in sorted order only, so that any hash seed gives the same; unseeded.
# results: tags, weights, pairs, dropped, frozen
# %%
import random
import time

posts = [[random.choice("red green blue round flat tall small old new loud".split()) for _ in range(3)] for _ in range(80)]

def collect(posts):
    tags = set()
    for post in posts:
        tags |= set(post)
        tags.discard(post[0] if random.random() < 0.1 else None)
        time.sleep(0.004)
    return tags

def weigh(tags, posts):
    weights = dict.fromkeys(sorted(tags), 0.0)
    for tag in sorted(tags):
        for post in posts[:10]:
            if tag in set(post):
                weights[tag] += random.random()
            time.sleep(0.002)
        yield tag, weights[tag]

def prune(tags, weights, least):
    dropped = []
    for tag in sorted(tags):
        if weights[tag] < least and len(tags) > 3:
            tags.remove(tag)
            dropped.append(tag)
        time.sleep(0.01)
    return dropped
# %%
%%checkpointed tags
tags = collect(posts)
weights = {}
for tag, weight in weigh(tags, posts):
    weights[tag] = weight
dropped = prune(tags, weights, 1.0)
pairs = {frozenset(post) & tags for post in posts}
frozen = frozenset(tags)
for post in posts:
    pairs.add(frozenset(post) | {random.choice(post)})
    time.sleep(0.006)
