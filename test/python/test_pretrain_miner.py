"""The Python toolbox against a real sandbox: the guide's example, from loading the best model to publishing one's own."""

import asyncio
import os
import subprocess
from pathlib import Path

import pretrain as guide
import pytest
from pretrain_miner import PtError, graph, mining

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A running sandbox, and `pt` on the PATH as an installation would put it there."""
    home = tmp_path_factory.mktemp("pt")
    (home / "bin").mkdir()
    (home / "bin" / "pt").symlink_to(ROOT / "bin" / "run.js")
    before = dict(os.environ)
    os.environ.update(PT_HOME=str(home / "state"), PT_NETWORK="sandbox", HOME=str(home))
    # The pinned Node comes first, because the tool starts with `env node`.
    os.environ["PATH"] = f"{home / 'bin'}:{ROOT / 'node_modules/.bin'}:{before['PATH']}"
    subprocess.run(["pt", "sandbox", "start", "--detach"], check=True, capture_output=True)
    yield home
    subprocess.run(["pt", "sandbox", "stop"], check=True, capture_output=True)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def small_model():
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        rope_theta=50_000.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config)


def test_the_guides_example(sandbox, small_model, tmp_path):
    torch = pytest.importorskip("torch")
    assert graph.best_uid() is None

    mining.save(small_model, tmp_path / "model-foo")
    model = mining.load_local_model(tmp_path / "model-foo")
    outcome = mining.push(model, repo="jdoe/my-repo", wallet="default/default", dtype="fp32")
    assert outcome["public"] is True
    assert outcome["commitment"] == f"jdoe:my-repo:{outcome['commit']}:{outcome['contentHash']}"

    uid = graph.best_uid()
    assert mining.get_repo(uid).endswith(f"/jdoe/my-repo/tree/{outcome['commit']}")
    loaded = mining.load_remote_model(uid=uid, download_dir=tmp_path / "mydir")
    for (name, ours), (_, theirs) in zip(small_model.named_parameters(), loaded.named_parameters(), strict=True):
        assert torch.equal(ours, theirs), name

    # The same push again sends nothing and says the same.
    assert mining.push(model, repo="jdoe/my-repo", wallet={"name": "default", "hotkey": "default"}, dtype="fp32") == outcome
    assert mining.download(download_dir=tmp_path / "mydir") == tmp_path / "mydir"


def test_what_pt_refuses_is_an_exception_with_its_code(sandbox, tmp_path):
    with pytest.raises(PtError) as missing:
        mining.push(tmp_path / "nowhere", repo="me/model")
    assert missing.value.code == "model.missing"
    assert missing.value.exit_code == 2
    assert missing.value.next_steps

    with pytest.raises(PtError) as unknown:
        mining.download(uid=200, download_dir=tmp_path / "x")
    assert unknown.value.code == "load.no_uid"
    assert not (tmp_path / "x").exists()

    class Wallet:
        name = "nobody"
        hotkey_str = "none"
        path = "~/nowhere"

    with pytest.raises(PtError) as wallet:
        mining.push(tmp_path, repo="me/model", wallet=Wallet())
    assert wallet.value.exit_code == 4


def test_without_the_command_it_says_so(monkeypatch):
    monkeypatch.setattr("pretrain_miner._pt.command", ["no-such-pt"])
    with pytest.raises(PtError) as missing:
        graph.best_uid(network="sandbox")
    assert missing.value.code == "pt.missing"


@pytest.mark.parametrize("argument", ["metagraph", "metadata_store", "retry_delay_secs"])
def test_an_argument_of_the_guide_that_means_nothing_here_is_refused_by_name(sandbox, tmp_path, argument):
    """Objects of the SDK, and a delay: neither is taken in silence, through either package."""
    for push in (mining.push, lambda *given, **named: asyncio.run(guide.mining.push(*given, **named))):
        with pytest.raises(PtError) as refused:
            push(tmp_path, repo="me/model", **{argument: 60})
        assert refused.value.exit_code == 2
        assert argument.replace("_", "-") in str(refused.value)
