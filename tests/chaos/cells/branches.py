# if/elif/else with loops inside, three nested loops with continue and break, match, del of the variables.
# results: primes, board, paths, kinds, n
# %%
import random
import time

primes, kinds = [], []
# %%
%%checkpointed branches
for n in range(2, 150):
    time.sleep(0.003)
    if n % 2 == 0:
        if n == 2:
            primes.append(n)
        continue
    elif n < 10:
        for d in (3, 5, 7):
            if n % d == 0 and n != d:
                break
        else:
            primes.append(n)
    else:
        d = 3
        while d * d <= n:
            if n % d == 0:
                break
            d += 2
        else:
            primes.append(n)
    match n % 5:
        case 0:
            kinds.append("five")
        case 1 | 2:
            for _ in range(2):
                kinds.append(random.choice("ab"))
                time.sleep(0.003)
        case rest:
            kinds.append(rest)

board = [[0] * 8 for _ in range(8)]
paths = []
for i in range(8):
    for j in range(8):
        if (i + j) % 3 == 0:
            continue
        for k in range(6):
            if k == j:
                continue
            if random.random() < 0.1:
                break
            board[i][j] += k
            time.sleep(0.006)
        paths.append((i, j, board[i][j]))
    del j, k
    kept = [None] * 3
    del kept[0], kept
