# Functions raise; the loop that calls them catches, some retry, one raises from another's error; unseeded.
# results: answers, errors, retries, budget, cleaned_up
# %%
import random
import time


class Transient(Exception):
    def __init__(self, where, code):
        super().__init__(where, code)
        self.code = code

class GaveUp(RuntimeError):
    pass

budget = {"calls": 0}
cleaned_up = []

def request(page):
    budget["calls"] += 1
    time.sleep(0.004)
    if random.random() < 0.25:
        raise Transient(f"page {page}", random.choice([429, 503]))
    return [page * 10 + i for i in range(random.randrange(4))]

def with_retries(page, limit=3):
    for attempt in range(limit):
        try:
            return request(page), attempt
        except Transient as error:
            if error.code == 503 and attempt == limit - 1:
                raise GaveUp(page) from error
            time.sleep(0.003)
    raise KeyError(page)

def crawl(pages):
    found, waits = [], 0
    try:
        for page in pages:
            items, attempts = with_retries(page)
            waits += attempts
            for item in items:
                found.append(item + random.random())
                time.sleep(0.003)
                if item % 97 == 96:
                    raise ValueError(item)
    finally:
        cleaned_up.append(len(found))
    return found, waits
# %%
%%checkpointed crawl
answers, errors, retries = [], [], 0
for first in range(0, 120, 6):
    try:
        found, waits = crawl(range(first, first + 6))
    except GaveUp as error:
        errors.append(("gave up", error.args, error.__cause__.code))
    except (KeyError, ValueError) as error:
        errors.append((type(error).__name__, error.args))
        continue
    else:
        answers.extend(found)
        retries += waits
