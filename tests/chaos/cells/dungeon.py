# `while True` left by break and by return in functions that call each other; dice from an own Random; seeded by itself.
# results: hero, diary, dice, rooms
# seeded
# %%
import random
import time

dice = random.Random(31337)

def roll(n, sides=6):
    total = 0
    while True:
        throw = dice.randint(1, sides)
        total += throw
        n -= throw != sides
        if n <= 0:
            break
    return total

def fight(hero, strength, diary):
    turn = 0
    while True:
        turn += 1
        strength -= roll(2)
        time.sleep(0.005)
        if strength <= 0:
            diary.append(("won", turn))
            return True
        hero["health"] -= roll(1, 4)
        if hero["health"] <= 0:
            diary.append(("lost", turn))
            return False

def explore(hero, rooms, diary):
    while True:
        rooms += 1
        if roll(1) > 2:
            if not fight(hero, roll(4), diary):
                hero["lives"] -= 1
                hero["health"] = 30
                if not hero["lives"]:
                    break
                continue
            hero["gold"] += roll(3, 10)
        else:
            hero["health"] = min(30, hero["health"] + roll(1))
        time.sleep(0.009)
        if rooms > 110:
            diary.append("out")
            break
    return rooms
# %%
%%checkpointed dungeon
hero = {"health": 30, "lives": 9, "gold": 0}
diary = []
rooms = explore(hero, 0, diary)
