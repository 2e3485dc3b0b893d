# Rows of a DataFrame: iterrows with writes into another frame, itertuples, groupby.
# results: df, features, summary, flagged
# needs: numpy, pandas
# %%
import time

import numpy as np
import pandas as pd

df = pd.DataFrame({
    "city": np.random.choice(["Oslo", "Lima", "Pune"], 150),
    "temperature": np.random.normal(15, 8, 150),
    "rain": np.random.exponential(2, 150),
})
# %%
%%checkpointed rows
features = pd.DataFrame(index=df.index, columns=["feel", "wet"], dtype=float)
flagged, summary = [], {}
for index, row in df.iterrows():
    features.loc[index, "feel"] = row["temperature"] - 0.3 * row["rain"] + np.random.normal()
    features.loc[index, "wet"] = float(row["rain"] > 2)
    time.sleep(0.004)

for row in df.itertuples():
    if row.temperature > 20 and np.random.random() < 0.7:
        flagged.append((row.Index, row.city))
    time.sleep(0.004)

for city, group in df.groupby("city"):
    total = 0.0
    for value in group["rain"]:
        total += value * np.random.random()
        time.sleep(0.004)
    summary[city] = total
features["sum"] = features.sum(axis=1)
features.tail(3)
