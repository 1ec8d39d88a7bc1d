"""Train with PyKEEN by turns: the other side of `kge_pykeen.py`.

It runs in any Python that has pykeen; kbtools is not needed.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pykeen
import taking_turns
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import model_resolver
from pykeen.sampling import BasicNegativeSampler
from pykeen.training import SLCWATrainingLoop, TrainingCallback
from pykeen.triples import TriplesFactory


class Watch(TrainingCallback):
    """Hands over after each epoch."""

    def __init__(self, turns: taking_turns.Turns) -> None:
        super().__init__()
        self.turns = turns

    def post_epoch(self, epoch: int, epoch_loss: float, **_: Any) -> None:
        """See whether the turn is over."""
        self.turns.ended()


def run(told: dict[str, Any]) -> None:
    """Train a model; rank heads and tails of the test split, filtered by all splits."""
    paths = {name: Path(told["splits"]) / f"{name}.txt" for name in ("train", "valid", "test")}
    train = TriplesFactory.from_path(paths["train"])
    ids = {"entity_to_id": train.entity_to_id, "relation_to_id": train.relation_to_id}
    valid, test = (TriplesFactory.from_path(paths[name], **ids) for name in ("valid", "test"))
    model: Any = model_resolver.make(
        told["model"], triples_factory=train, embedding_dim=told["dim"], random_seed=told["seed"],
        loss=told["loss"], loss_kwargs=told["of_loss"],
    )  # fmt: skip
    loop = SLCWATrainingLoop(
        model=model, triples_factory=train, negative_sampler=BasicNegativeSampler,
        optimizer=torch.optim.Adam(model.parameters(), lr=told["lr"]),
        negative_sampler_kwargs={"num_negs_per_pos": told["negatives"]},
    )  # fmt: skip

    def rank() -> dict[str, float]:
        seen = [train.mapped_triples, valid.mapped_triples]
        found = RankBasedEvaluator().evaluate(
            model, test.mapped_triples, batch_size=256, use_tqdm=False, additional_filter_triples=seen
        )
        model.train()
        return {"mrr": float(found.get_metric("both.realistic.mean_reciprocal_rank"))}

    turns = taking_turns.Turns(rank)
    turns.wait()
    loop.train(
        train, num_epochs=1_000_000, batch_size=told["batch"], sub_batch_size=told["batch"],
        use_tqdm=False, callbacks=Watch(turns),
    )  # fmt: skip


def main() -> None:
    """Say what this is, then take turns."""
    told = taking_turns.settings()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(told["threads"])
    taking_turns.answer({"pykeen": pykeen.get_version(), "torch": torch.__version__})
    try:
        run(told)
    except taking_turns.Stop:
        return


if __name__ == "__main__":
    main()
