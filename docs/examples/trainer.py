"""Hugging Face's Trainer over batches of real and fresh synthetic rows. Needs `transformers` and `accelerate`."""

import tempfile

import torch
from transformers import Trainer, TrainingArguments

import augment

PIPELINE = {
    "name": "digits",
    "source": {"use": "sklearn", "with": {"dataset": "digits", "imbalance": {"8": 30}}},
    "generators": ["albumentations"],
    "trial": False,
}


class Classifier(torch.nn.Module):
    """Takes what `encode` gives, and returns a loss as the Trainer wants it."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.ReLU())
        self.head = torch.nn.Linear(64, 10)

    def forward(self, pixels, labels=None):
        logits = self.head(self.layers(pixels))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


def encode(rows):
    """Rows as the arguments of the model."""
    pixels, labels = augment.loaders.tensors(rows)
    return {"pixels": pixels, "labels": labels}


class Mixing(Trainer):
    """A Trainer whose training batches come from a mixed loader."""

    def __init__(self, run, **settings):
        super().__init__(train_dataset=augment.loaders.Rows(run.train, encode), **settings)
        self.loader = augment.loaders.mixed(
            run, batch_size=64, proportion={"real": 0.8, "albumentations": 0.2}, encode=encode
        )

    def get_train_dataloader(self):
        return self.loader


def main(steps: int = 60) -> float:
    """Train, and return the accuracy on held-out rows."""
    torch.manual_seed(0)
    run = augment.run(PIPELINE)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            max_steps=steps,
            learning_rate=1e-2,
            per_device_train_batch_size=64,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Mixing(run, model=Classifier(), args=arguments)
        trainer.train()
        found = trainer.predict(augment.loaders.Rows(run.test, encode))
    return float((found.predictions.argmax(axis=1) == found.label_ids).mean())


if __name__ == "__main__":
    print(f"accuracy on held-out rows: {main():.3f}")
