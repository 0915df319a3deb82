"""How much memory a run will need, told before anything large is allocated.

The model is built and trained for one micro-batch on fake tensors, which have sizes but no memory, and every tensor that the real code makes
is counted from its birth to its death. So a new architecture, optimizer or loss needs no new formula. Compiled layers are split into what is kept and
what is computed again as torch.compile splits them. What is not in it: the allocator's fragments and CUDA's context, for which `MARGIN` stands: without it
1.00 to 1.01 of what PyTorch reserved on an H200 was told (docs/benchmarks.md).
"""

from __future__ import annotations

import contextlib
import copy
import logging
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from ..config import Recipe
from ..model.adapters import adapt
from ..model.documents import DOCUMENT_MASKS
from ..model.layers import cast_layer_inputs, checkpoint_activations, compile_layers, decoder_layers
from ..model.loss import LossModel, Teacher, lessons
from ..model.trainable import count_trained, freeze, trained
from ..optim.optimizers import Optimizers

MARGIN = 1.05
_ATTENTION = "pt_estimate"


@dataclass(frozen=True)
class Estimate:
    """Bytes on each device."""

    parameters: int
    gathered: int
    """What FSDP holds whole: two layers, all that belongs to no layer, and a layer's gradients."""
    gradients: int
    optimizer: int
    activations: int
    """Largest sum of what forward and backward hold beside the above, logits of a chunk included."""
    update: int
    """What the optimizer's step holds for a moment; activations are gone by then."""
    whole: int
    """What `gathered` is when there are several devices."""
    saving: int
    """In the machine's memory for each process: a checkpoint's copy, while it is written."""
    loading: int
    """In the machine's memory for the first process: initial weights are made there, in fp32."""
    teacher: int = 0
    """Its weights, in the compute dtype; what its forward holds is among the activations."""

    @property
    def total(self) -> int:
        return int(MARGIN * (self.parameters + self.gathered + self.gradients + self.optimizer + self.teacher + max(self.activations, self.update)))

    def shared_by(self, processes: int) -> Estimate:
        """The same sequences at once on each of so many devices instead of one."""
        parts = {name: getattr(self, name) // processes for name in ("parameters", "gradients", "optimizer", "saving", "teacher")}
        return replace(self, **parts, gathered=self.whole)

    def words(self) -> str:
        parts = {
            "parameters": self.parameters + self.gathered,
            "gradients": self.gradients,
            "optimizer": self.optimizer,
            "activations and logits": self.activations,
            "optimizer's step": self.update,
            **({"teacher": self.teacher} if self.teacher else {}),
        }
        return ", ".join(f"{name} {size(part)}" for name, part in parts.items())


def size(count: float) -> str:
    """Bytes for people: `12.3 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def estimate(
    config: PretrainedConfig,
    recipe: Recipe,
    compute: torch.dtype,
    attention: str,
    micro: int,
    world_size: int = 1,
    kind: type[PreTrainedModel] | None = None,
    compiled: bool = False,
    teacher: PretrainedConfig | None = None,
) -> Estimate:
    """For a model of that config (and class `kind`, when it is not the one that transformers knows) with `micro` sequences at once on each of
    `world_size` devices, its layers `compiled` or not. Takes seconds, allocates next to nothing.
    """
    dtype = torch.bfloat16 if recipe.param_dtype == "bf16" else torch.float32
    with _quiet(), FakeTensorMode(allow_non_fake_inputs=True):
        model = _build(config, recipe, attention, kind, dtype)
        whole = list(model.parameters())
        learns = [param for _, param in trained(model)]
        _fill_gradients(learns)
        taught = None if teacher is None else Teacher(_model(teacher, attention, None, compute), 0.5)
        activations = _forward_and_backward(model, taught, recipe, compute, attention, micro, compiled)
    with torch.device("meta"):
        # Of this part nothing asks for a device's abilities, and tensors of no device at all are counted faster.
        state, update = _update(_build(config, recipe, attention, kind, dtype), recipe)
    alone = Estimate(
        parameters=_bytes(whole),
        gathered=0,
        gradients=_bytes(learns),
        optimizer=state,
        activations=activations,
        update=update,
        whole=_gathered(model, compute) + (0 if taught is None else _gathered(taught.model, compute)),
        saving=_bytes(learns) + state,
        loading=4 * sum(param.numel() for param in whole),
        teacher=0 if taught is None else _bytes(taught.parameters()),
    )
    return alone if world_size == 1 else alone.shared_by(world_size)


def forward_holds(config: PretrainedConfig, compute: torch.dtype, attention: str, work: Callable[[PreTrainedModel], object]) -> tuple[PreTrainedModel, int]:
    """A model of that config without memory, weights in `compute`, and the bytes that `work(model)` holds at most beside them."""
    with _quiet(), FakeTensorMode(allow_non_fake_inputs=True):
        model = _model(config, attention, None, compute).eval()
        meter = _Meter([*model.parameters(), *model.buffers()])
        with meter:
            work(model)
    return model, meter.peak


def _build(config: PretrainedConfig, recipe: Recipe, attention: str, kind: type[PreTrainedModel] | None, dtype: torch.dtype) -> PreTrainedModel:
    model = _model(config, attention, kind, dtype)
    adapt(model, recipe.lora, sizes_only=True)
    freeze(model, recipe.freeze)
    return model


def _model(config: PretrainedConfig, attention: str, kind: type[PreTrainedModel] | None, dtype: torch.dtype) -> PreTrainedModel:
    # Every kernel but the plain one keeps queries, keys, values, the output and one number a row, never the scores.
    chosen = {"attn_implementation": "eager" if attention == "eager" else _ATTENTION, "dtype": dtype}
    build = AutoModelForCausalLM.from_config if kind is None else kind._from_config
    return build(copy.deepcopy(config), **chosen)


def _forward_and_backward(model: PreTrainedModel, teacher: Teacher | None, recipe: Recipe, compute: torch.dtype, attention: str, micro: int, compiled: bool) -> int:
    meter = _Meter([*model.parameters(), *(param.grad for param in model.parameters() if param.grad is not None), *model.buffers(), *(() if teacher is None else (*teacher.parameters(), *teacher.buffers()))])
    loss_model = LossModel(model, recipe.z_loss)
    loss_model.train(recipe.dropout)
    if compiled:
        compile_layers(model, _split)
    checkpoint_activations(model, recipe.activation_checkpointing)
    if compute == torch.bfloat16:
        cast_layer_inputs(model, compute)
    tokens = torch.zeros(micro, recipe.sequence_length, dtype=torch.long)

    def train() -> None:
        with torch.autocast("cpu", compute) if compute == torch.bfloat16 else contextlib.nullcontext():
            objective, *_ = loss_model(tokens, *lessons(teacher, tokens))
        objective.backward()

    if compiled:
        train()  # compiling has tensors of its own
    try:
        with meter:
            train()
    finally:
        if compiled:
            torch._dynamo.reset()  # the run's own graphs are not counted from these on
    # A dense mask has one boolean for each pair of positions.
    mask = micro * recipe.sequence_length**2 if recipe.document_masking and DOCUMENT_MASKS.get(attention) == "dense" else 0
    return meter.peak + mask


def _split(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., object]:
    """A backend of torch.compile that keeps for backward what inductor keeps, and runs the two graphs operation by operation."""
    from functorch.compile import make_boxed_func  # pyright: ignore[reportPrivateImportUsage]
    from torch._dynamo.backends.common import aot_autograd
    from torch._functorch.partitioners import min_cut_rematerialization_partition
    from torch._inductor.decomposition import select_decomp_table

    def as_it_is(part: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., object]:
        return make_boxed_func(part)

    return aot_autograd(fw_compiler=as_it_is, bw_compiler=as_it_is, partition_fn=min_cut_rematerialization_partition, decompositions=select_decomp_table())(graph, inputs)


def _update(model: PreTrainedModel, recipe: Recipe) -> tuple[int, int]:
    """Bytes of the optimizer's state, and the most that a step holds beside it."""
    optimizers = Optimizers(model, recipe.optimizer)
    state = list(optimizers.state().values())
    gradients = _fill_gradients(param for _, param in trained(model))
    meter = _Meter([*model.parameters(), *gradients, *state])
    with meter:
        optimizers.step(1.0, torch.tensor(True, device="cpu"))
    return _bytes(state), meter.peak


def _fill_gradients(params: Iterable[nn.Parameter]) -> list[Tensor]:
    gradients = []
    for param in params:
        param.grad = torch.zeros_like(param)
        gradients.append(param.grad)
    return gradients


def _gathered(model: nn.Module, compute: torch.dtype) -> int:
    """What FSDP holds whole: two layers (one in use, one on its way), what belongs to no layer, and the gradients of a layer on their way to
    their shards, in the compute dtype and in fp32."""
    layers = [sum(param.numel() for param in layer.parameters()) for layer in decoder_layers(model)]
    rest = sum(param.numel() for param in model.parameters()) - sum(layers)
    largest = max(layers, default=0)
    learns = max((count_trained(layer) for layer in decoder_layers(model)), default=0)
    return (2 * largest + rest) * compute.itemsize + learns * (compute.itemsize + 4)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class _Meter(TorchDispatchMode):
    """Counts the bytes of every storage made inside it, until nothing refers to it. `known` ones count nothing."""

    def __init__(self, known: Iterable[Tensor]):
        super().__init__()
        self.live = self.peak = 0
        self._known = [tensor.untyped_storage() for tensor in known]
        self._sizes: dict[int, int] = {storage._cdata: 0 for storage in self._known}

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True  # else torch.compile would leave everything as it is while this counts

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default and isinstance(args[0], FakeTensor):
            return 1  # "are all positions of one document?" and the like: a fake tensor has no answer, and yes costs no mask
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.live -= self._sizes.pop(key)


# A flash attention kernel's memory, without its arithmetic. As an operator of its own it is to the compiler what the real one is: never computed
# again in backward, so that its inputs and outputs are kept.
@torch.library.custom_op("pt_estimate::attention", mutates_args=())
def _attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return _attention_sizes(query, key, value)


@_attention.register_fake
def _attention_sizes(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return query.new_empty(*query.shape[:-1], value.shape[-1]), query.new_empty(query.shape[:-1], dtype=torch.float32)


@torch.library.custom_op("pt_estimate::attention_backward", mutates_args=())
def _attention_backward(upstream: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


@_attention_backward.register_fake
def _attention_backward_sizes(upstream: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


_attention.register_autograd(
    lambda ctx, upstream, _: _attention_backward(upstream, *ctx.saved_tensors), setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs, *output)
)


def _attend(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **_):
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in (query, key, value))
    return _attention(query, key, value)[0].transpose(1, 2).contiguous(), None


AttentionInterface.register(_ATTENTION, _attend)
AttentionMaskInterface.register(_ATTENTION, lambda *_, **__: None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Fake tensors log what they cannot decide; that is expected here."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
