"""The picture of docs/architecture.md: no room of the trainer imports upward, none in a circle, and foreign libraries stay in theirs."""

import ast
import graphlib
from pathlib import Path

TRAINER = Path(__file__).resolve().parents[2] / "python" / "trainer"
FILES = {".".join(("trainer", *path.relative_to(TRAINER).with_suffix("").parts)).removesuffix(".__init__"): path for path in TRAINER.rglob("*.py")}

# From the bottom up: a room or file imports only what stands before it, or within its own room.
ORDER = [
    {"trainer", "background", "constants", "errors", "files", "secret", "sentencepiece", "spikes"},
    {"config", "events", "progress", "tokenizer"},
    {"plan", "finetuning", "failures", "importing", "machine"},
    {"model", "record", "script"},
    {"optim"},
    {"fit"},
    {"data", "own_recipe"},  # the run's data may come from its recipe, whose data() makes a source
    {"score", "request"},
    {"parts"},
    {"teacher", "rates"},
    {"setup", "evaluation"},
    {"loop", "needs"},
]

# Where each foreign library may be imported. torch, numpy and safetensors are the material itself.
LIBRARIES = {
    "wandb": set(),  # trackers are loaded by name
    "trackio": set(),
    "tensorboard": set(),
    "pyarrow": {"data"},
    "filelock": {"data"},
    "huggingface_hub": {"data", "model", "tokenizer"},
    "tokenizers": {"sentencepiece", "tokenizer"},
    "tiktoken": {"tokenizer"},
    "tiktoken_ext": {"tokenizer"},
    "functorch": {"fit"},  # comes with torch
    "torchao": {"model"},
    "peft": {"model"},
    "transformers": {"data", "fit", "model", "optim", "own_recipe", "parts", "score", "setup", "teacher", "tokenizer"},
}
EVERYWHERE = {"torch", "numpy", "safetensors"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def imports(module: str) -> tuple[set[str], set[str]]:
    """(our modules, foreign packages) that a file imports, wherever in it."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    ours, foreign = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            foreign.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], *([node.module] if node.module else [])])
            ours |= {name if name in FILES else base for name in (f"{base}.{alias.name}" for alias in node.names)}
    return ours, foreign


def test_every_room_has_its_place():
    assert {room_of(module) for module in FILES} == set().union(*ORDER)


def test_no_room_imports_upward():
    floor = {room: i for i, rooms in enumerate(ORDER) for room in rooms}
    upward = [
        f"{module} -> {other}"
        for module in FILES
        for other in imports(module)[0]
        if room_of(other) != room_of(module) and floor[room_of(other)] > floor[room_of(module)]
    ]
    assert not upward


def test_no_circles():
    assert list(graphlib.TopologicalSorter({module: imports(module)[0] for module in FILES}).static_order())


def test_foreign_libraries_stay_in_their_rooms():
    import sys

    for module in FILES:
        for library in imports(module)[1] - set(sys.stdlib_module_names) - EVERYWHERE:
            assert library in LIBRARIES, f"{module} imports {library}: say in LIBRARIES where it may be"
            assert room_of(module) in LIBRARIES[library], f"{module} imports {library}, which belongs to {sorted(LIBRARIES[library])}"
