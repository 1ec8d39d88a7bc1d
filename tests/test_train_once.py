"""What a body does to its weights as a stage begins is done once, however often the run is stopped."""

import pytest
import torch
from safetensors.torch import load_file

from kbtools.errors import ConfigError, KbError
from kbtools.models.training.running import Training
from kbtools.models.zoo.bert import Bert
from tests import training

STAGES = """
about = "Two stages."
[model]
name = "bert"
[model.text]
model_type = "bert"
[run]
steps = 4
[objectives.mlm]
[[stages]]
name = "first"
steps = 2
[[stages]]
name = "second"
once = {once}
"""


def double(body):
    with torch.no_grad():
        body.text.model.embeddings.position_embeddings.weight.mul_(2)


@pytest.fixture
def doubling(monkeypatch):
    """Let the body of BERT double its positions."""
    done = []
    monkeypatch.setattr(Bert, "ONCE", ("double",), raising=False)
    monkeypatch.setattr(Bert, "double", lambda body: done.append(double(body)), raising=False)
    return done


def recipe(folder, once='["double"]'):
    path = folder / "recipe.toml"
    path.write_text(STAGES.format(once=once))
    return path


def weights(run):
    return load_file(run / "model" / "model.safetensors")


def test_it_is_done_as_the_stage_begins(tmp_path, doubling):
    """At a rate of nearly nothing, positions are twice what they were made with."""
    still = ("optimiser.lr=1e-12", "optimiser.decay=0")
    plain = training.train(tmp_path / "plain", *still, recipe=recipe(tmp_path, "[]"))
    assert not doubling
    out = training.train(tmp_path / "run", *still, recipe=recipe(tmp_path))
    name = "body.text.model.embeddings.position_embeddings.weight"
    torch.testing.assert_close(weights(out)[name], 2 * weights(plain)[name], atol=1e-6, rtol=0)
    assert len(doubling) == 1


@pytest.mark.parametrize("stops", [1, 2, 3])
def test_a_run_that_goes_on_has_the_same_weights(tmp_path, monkeypatch, doubling, stops):
    whole = training.train(tmp_path / "whole", "run.save=1", recipe=recipe(tmp_path))
    done = Training._done

    def stop(self, step, *rest):
        done(self, step, *rest)
        if step.number == stops:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Training, "_done", stop)
        with pytest.raises(KeyboardInterrupt):
            training.train(tmp_path / "run", "run.save=1", recipe=recipe(tmp_path))
    assert [*(tmp_path / "run.partial").rglob(f"step-{stops}")]
    out = training.train(tmp_path / "run", "run.save=1", recipe=recipe(tmp_path))
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(out)[name], value, atol=0, rtol=0, msg=name)


def test_what_the_body_cannot_do_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"stage second: once: bert has no 'pseudo'; it can do nothing"):
        training.train(tmp_path / "run", recipe=recipe(tmp_path, '["pseudo"]'))


def test_what_is_near_is_told(tmp_path, doubling):
    with pytest.raises(KbError, match="there are double"):
        training.train(tmp_path / "run", recipe=recipe(tmp_path, '["triple"]'))
