# run() calls season(), season() calls week(), all with loops; several values returned into targets; return f(...).
# results: farm, years, rain_by_year, best_year, verdict
# %%
import random
import time

farm = {"corn": 40.0, "wheat": 25.0, "stock": []}

def week(crop, amount):
    rain = 0.0
    for day in range(3):
        rain += random.expovariate(1)
        time.sleep(0.008)
    if rain > 6:
        return amount * 0.9, rain
    return amount + rain / 10, rain

def season(farm, weeks):
    total = 0.0
    for w in range(weeks):
        for crop in ("corn", "wheat"):
            farm[crop], rain = week(crop, farm[crop])
            total += rain
    farm["stock"].append(farm["corn"] + farm["wheat"])
    return total, farm["stock"][-1]

def harvests(farm, n):
    for year in range(n):
        yield year, *season(farm, 4)

def judge(numbers):
    worst = min(numbers)
    return rank(worst, numbers)

def rank(value, numbers):
    place = 0
    for number in numbers:
        place += number > value
        time.sleep(0.005)
    return label(place, len(numbers))

def label(place, of):
    return f"{place} of {of}"
# %%
%%checkpointed farm
years, rain_by_year = [], {}
for year, rain, stock in harvests(farm, 5):
    years.append((year, stock))
    rain_by_year[year] = rain
for year in range(5, 7):
    (rain, stock), *_ = [season(farm, 3), None]
    years.append((year, stock))
best_year, (first, *others) = max(years, key=lambda y: y[1])[0], years
verdict = judge([stock for _, stock in years])
