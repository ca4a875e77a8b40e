"""Train a model: a bar for the epochs, one for the steps of each, the loss beside it."""

import time

import mainstage
from tqdm import tqdm


def train():
    loss = 1.0
    with tqdm(total=3, desc="Epochs", unit="epoch") as epochs:
        for epoch in range(3):
            steps = tqdm(range(25), desc=f"Epoch {epoch + 1}", leave=False)
            for _ in steps:
                time.sleep(0.04)
                loss *= 0.98
                steps.set_postfix(loss=f"{loss:.2f}")
            epochs.update(1)
    return loss


with mainstage.Run("Training"):
    print(f"loss {train():.3f}")
