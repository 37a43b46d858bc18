"""A plain torch loop with fresh synthetic digits in every batch: three lines differ from a loop over real rows."""

import torch

import augment

PIPELINE = {
    "name": "digits",
    "source": {"use": "sklearn", "with": {"dataset": "digits", "imbalance": {"8": 30}}},
    "generators": ["albumentations"],
    "trial": False,
}


def main(epochs: int = 3) -> float:
    """Train, and return the accuracy on held-out rows."""
    torch.manual_seed(0)
    run = augment.run(PIPELINE)
    loader = augment.loaders.mixed(run, batch_size=64, proportion={"real": 0.8, "albumentations": 0.2})

    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 8 * 8, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    images, labels = augment.loaders.tensors(run.test.data)
    with torch.inference_mode():
        return float((model(images).argmax(dim=1) == labels).float().mean())


if __name__ == "__main__":
    print(f"accuracy on held-out rows: {main():.3f}")
