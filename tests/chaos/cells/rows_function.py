# Functions that go through a DataFrame row by row and give back a new one; apply, at[], groups; unseeded.
# results: orders, priced, per_client, rejected
# needs: numpy, pandas
# %%
import time

import numpy as np
import pandas as pd

orders = pd.DataFrame({
    "client": np.random.choice(["ann", "bob", "cy", "dee"], 90),
    "amount": np.random.gamma(2.0, 20.0, 90).round(2),
    "express": np.random.random(90) < 0.3,
})
discounts = {"ann": 0.1, "cy": 0.25}

def price_orders(frame, rejected):
    """Adds what is due, and puts orders that can't be priced into rejected."""
    priced = frame.copy()
    priced["due"] = np.nan
    for i, row in frame.iterrows():
        if row.amount < 8:
            rejected.append(i)
            continue
        due = row["amount"] * (1 - discounts.get(row["client"], 0))
        if row["express"]:
            due += np.random.choice([4.0, 5.5])
        priced.at[i, "due"] = due
        time.sleep(0.006)
    return priced

def totals(frame):
    result = {}
    for client, group in frame.groupby("client"):
        running = 0.0
        for order in group.itertuples():
            running += 0 if np.isnan(order.due) else order.due
            time.sleep(0.005)
        result[client] = round(running, 4)
    return pd.Series(result, name="total")
# %%
%%checkpointed rows-function
rejected = []
priced = price_orders(orders, rejected)
per_client = totals(priced)
discounts["bob"] = 0.05
per_client = pd.concat([per_client, totals(price_orders(orders, rejected))], axis=1)
