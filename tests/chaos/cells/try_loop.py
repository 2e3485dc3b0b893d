# try/except inside a loop, retries, try/finally and try/else around loops, raise and from.
# results: quotients, failures, attempts, log, closed, total
# %%
import random
import time

class Flaky(Exception):
    pass

def fetch(i):
    time.sleep(0.004)
    if random.random() < 0.3:
        raise Flaky(f"no answer for {i}")
    return random.randrange(-2, 3)
# %%
%%checkpointed robust
quotients, failures, log = [], [], []
attempts, total, closed = 0, 0, False
try:
    for i in range(200):
        for retry in range(4):
            attempts += 1
            try:
                value = fetch(i)
            except Flaky as error:
                log.append(str(error))
                continue
            break
        else:
            failures.append(i)
            continue
        try:
            quotients.append(i / value)
        except ZeroDivisionError:
            quotients.append(None)
        else:
            total += value
        finally:
            log.append(f"done {i}")
finally:
    closed = True

try:
    for i in range(150):
        time.sleep(0.004)
        if i == 120:
            raise ValueError(i, random.random())
        total += random.random()
except (ValueError, KeyError) as error:
    failures.append(error.args)
