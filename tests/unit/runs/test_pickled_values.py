"""The pickle of a checkpoint describes plain values, and tensors whose bytes the file has."""

from __future__ import annotations

import io
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from chromasonic.melody_generation.runs.pickled_values import check_pickled_values

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8),
    lambda values: (
        st.lists(values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(-9, 9), values, max_size=4)
    ),
)


def parts_of(value: object) -> tuple[bytes, dict[str, int]]:
    """Return the pickle that ``torch.save`` writes, and the sizes of its storages."""
    file = io.BytesIO()
    torch.save(value, file)
    with zipfile.ZipFile(file) as archive:
        sizes = {
            entry.filename.rpartition("/")[2]: entry.file_size
            for entry in archive.infolist()
            if entry.filename.startswith("archive/data/")
        }
        return archive.read("archive/data.pkl"), sizes


def check(value: object) -> None:
    check_pickled_values(*parts_of(value))


@given(PLAIN)
@settings(max_examples=50)
def test_plain_values_pass(value: object) -> None:
    check(value)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(()), torch.zeros(0), torch.zeros(0, 7), torch.zeros(2, 3, 4), torch.zeros(2, 3).T,
        torch.zeros(2, 3, 4).permute(1, 2, 0), torch.zeros(10)[3:7], torch.zeros(3, 1, 2).transpose(0, 1),
        torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last),
        *(torch.zeros(3, dtype=kind) for kind in (torch.float64, torch.float16, torch.bfloat16, torch.int64)),
        *(torch.zeros(3, dtype=kind) for kind in (torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)),
        torch.get_rng_state(), torch.zeros(3, requires_grad=True).detach(),
    ],
)  # fmt: skip
def test_tensors_with_bytes_of_their_own_pass(tensor: Tensor) -> None:
    check({"weights": {"a": tensor}, "states": [(tensor, tensor)]})


def test_the_state_of_a_network_and_its_optimizer_passes() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LSTM(4, 2))
    for make in (torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad):
        optimizer = make(network.parameters(), lr=0.1)
        network[:2](torch.randn(5, 3)).sum().backward()
        optimizer.step()
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        check([network.state_dict(), optimizer.state_dict(), scheduler.state_dict()])


WITHOUT_BYTES: dict[str, Callable[[], Any]] = {
    "expanded": lambda: torch.zeros(1).expand(40_000, 50_000),
    "partly expanded": lambda: torch.zeros(4, 1).expand(4, 10**6),
    "overlapping": lambda: torch.zeros(9).as_strided((3, 3), (1, 1)),
    "overlapping and as long as its bytes": lambda: torch.zeros(9).as_strided((3, 3), (2, 2)),
    "with gaps": lambda: torch.zeros(9)[::3],
    "rows with gaps": lambda: torch.zeros(9).as_strided((2, 2), (3, 1)),
    "nowhere": lambda: torch.zeros(10**6, device="meta"),
    "sparse": lambda: torch.zeros(3, 3).to_sparse(),
    "complex": lambda: torch.zeros(3, dtype=torch.complex64),
    "conjugate": lambda: torch.zeros(3, dtype=torch.complex64).conj(),
    "quantized": lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8),
    "nested": lambda: torch.nested.nested_tensor([torch.zeros(2)], layout=torch.strided),
    "a parameter": lambda: nn.Parameter(torch.zeros(3)),
    "of 8 bits": lambda: torch.zeros(3, dtype=torch.float8_e4m3fn),
    "a storage": lambda: torch.zeros(3).untyped_storage(),
}
PLACES: dict[str, Callable[[Any], object]] = {
    "weights": lambda tensor: {"model_state_dict": {"weight": tensor}},
    "optimizer": lambda tensor: {"optimizer_states": [{"state": {0: {"exp_avg": tensor}}}]},
    "tuple": lambda tensor: {"callbacks": [((tensor,), 1)]},
    "ordered": lambda tensor: OrderedDict(a=OrderedDict(b=tensor)),
}


@pytest.mark.parametrize("kind", WITHOUT_BYTES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("ignore")
def test_other_tensors_are_refused_anywhere(kind: str, place: str) -> None:
    content, sizes = parts_of(PLACES[place](WITHOUT_BYTES[kind]()))
    with pytest.raises(ValueError, match=r"^it "):
        check_pickled_values(content, sizes)


@pytest.mark.parametrize("size", [0, 4, 15, 17, 10**9])
def test_a_storage_has_exactly_the_bytes_of_its_record(size: int) -> None:
    content, sizes = parts_of(torch.zeros(4))
    assert sizes == {"0": 16}
    with pytest.raises(ValueError, match="does not hold the 4 numbers of a tensor"):
        check_pickled_values(content, {"0": size})
    with pytest.raises(ValueError, match="does not hold"):
        check_pickled_values(content, {})


def test_many_tensors_of_the_same_bytes_are_refused() -> None:
    tensor = torch.zeros(1000)
    check([tensor[:] for _ in range(4)])
    with pytest.raises(ValueError, match="its tensors have 20000 bytes, and the file 4000"):
        check([tensor[:] for _ in range(5)])


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def persistent(kind: str = "FloatStorage", key: str = "0", location: str = "cpu", n_items: bytes = b"K\x04") -> bytes:
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text(location) + n_items + b"tQ"


HOOKS = b"ccollections\nOrderedDict\n)R"
CALL = b"ctorch._utils\n_rebuild_tensor_v2\n"


def tensor_of(
    storage: bytes = persistent(), rest: bytes = b"K\x00K\x04\x85K\x01\x85\x89", hooks: bytes = HOOKS
) -> bytes:
    return CALL + b"(" + storage + rest + hooks + b"tR"


WHOLE = b"\x80\x02" + tensor_of() + b"."
OPCODES = {
    "meta": tensor_of(persistent(location="meta")),
    "another device": tensor_of(persistent(location="/dev/null")),
    "a storage of another kind": tensor_of(persistent("UntypedStorage")),
    "a storage with a name of another": tensor_of(persistent(key="../0")),
    "a negative number of items": tensor_of(persistent(n_items=b"J\xff\xff\xff\xff")),
    "more items than there are": tensor_of(persistent(n_items=b"J\x00\x00\x00\x40")),
    "two types of the same bytes": b"(" + tensor_of() + tensor_of(persistent("IntStorage")) + b"t",
    "persistent text": text("storage") + b"Q",
    "persistent tuple of two": b"(" + text("storage") + b"K\x01tQ",
    "a negative offset": tensor_of(rest=b"J\xff\xff\xff\xffK\x04\x85K\x01\x85\x89"),
    "an offset beyond the end": tensor_of(rest=b"K\x01K\x04\x85K\x01\x85\x89"),
    "an offset that is true": tensor_of(rest=b"\x88K\x03\x85K\x01\x85\x89"),
    "a negative length": tensor_of(rest=b"K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89"),
    "a negative stride": tensor_of(rest=b"K\x00K\x04\x85J\xff\xff\xff\xff\x85\x89"),
    "no stride": tensor_of(rest=b"K\x00K\x04\x85)\x89"),
    "lengths as a list": tensor_of(rest=b"K\x00]K\x01\x85\x89"),
    "a length that is text": tensor_of(rest=b"K\x00" + text("4") + b"\x85K\x01\x85\x89"),
    "too many dimensions": tensor_of(rest=b"K\x00(" + b"K\x01" * 60 + b"t(" + b"K\x01" * 60 + b"t\x89"),
    "hooks": tensor_of(hooks=HOOKS + text("a") + b"K\x01s"),
    "hooks that come later": b"(" + tensor_of(hooks=HOOKS + b"q\x01") + b"h\x01" + text("a") + b"K\x01st",
    "hooks that are a dict": tensor_of(hooks=b"}"),
    "metadata": tensor_of(hooks=HOOKS + b"}"),
    "a call without a tuple": CALL + b"K\x01R",
    "a call of a value": b"K\x01)R",
    "a call of the kind of a storage": b"ctorch\nFloatStorage\nJ\x00\x00\x00\x40\x85R",
    "a call of a dict with pairs": b"ccollections\nOrderedDict\n(]tR",
    "code": b"cos\nsystem\n(" + text("true") + b"tR",
    "code by way of the stack": b"\x8c\x02os\x8c\x06system\x93",
    "code by inst": b"(" + text("true") + b"ios\nsystem\n",
    "code by obj": b"(cos\nsystem\no",
    "code by newobj": b"cos\nsystem\n)\x81",
    "code of the registry": b"\x82\x01",
    "bytes of a declared size": b"cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R",
    "a set": b"cbuiltins\nset\n]\x85R",
    "a counter": b"ccollections\nCounter\n}\x85R",
    "a sparse tensor": b"ctorch._utils\n_rebuild_sparse_tensor\n)R",
    "a name with an escape": b"ctorch\\x2e_utils\n_rebuild_sparse_tensor\n)R",
    "attributes": HOOKS + b"}" + text("items") + b"K\x01sb",
    "attributes of a dict": b"}}" + text("_metadata") + b"}sb",
    "two attributes": HOOKS + b"}(" + text("_metadata") + b"}" + text("_metadata") + b"}ub",
    "attributes used twice": b"(" + HOOKS + b"}q\x01" + text("_metadata") + b"}sb" + HOOKS + b"h\x01bt",
    "a key of tuples": b"}))\x86K\x01s",
    "a key that is a list": b"}]K\x01s",
    "keys without a value": b"}(" + text("a") + b"u",
    "an item of no list": b"}K\x01a",
    "a pair of no dict": b"]K\x01K\x01s",
    "nothing to append to": b"K\x01a",
    "no mark": b"K\x01t",
    "a mark too many": b"((K\x01t",
    "two values": b"K\x01K\x02",
    "no value": b"",
    "a memo that there is not": b"h\x07",
    "an integer of 255 bytes": b"\x8a\xff" + b"\x7f" * 255,
    "half a surrogate pair": b"X\x03\x00\x00\x00\xed\xa0\x80",
    "text of a declared size": b"X\xff\xff\xff\xff",
    "bytes of 64 bits": b"\x8e" + struct.pack("<Q", 2**62),
    "a byte array of 64 bits": b"\x96" + struct.pack("<Q", 2**62),
    "a frame": b"\x95" + struct.pack("<Q", 2**62),
    "an opcode that there is not": b"\xff",
    "text of former protocols": b"S'text'\n",
    "an integer of former protocols": b"I99999\n",
    "a duplicate": b"K\x012\x86",
}


def test_the_opcodes_below_are_those_of_a_tensor() -> None:
    check_pickled_values(WHOLE, {"0": 16})


@pytest.mark.parametrize("opcodes", OPCODES.values(), ids=OPCODES)
def test_any_other_opcodes_are_refused_at_once(opcodes: bytes) -> None:
    began = time.process_time()
    with pytest.raises((ValueError, LookupError)):
        check_pickled_values(b"\x80\x02" + opcodes + b".", {"0": 16})
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "value", [np.zeros(3), {1, 2}, b"bytes", 1j, Counter("a"), torch.float32, torch.Size([1]), len]
)
def test_other_objects_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="more than plain values and tensors"):
        check_pickled_values(pickle.dumps(value, protocol=2), {})


@pytest.mark.slow
@pytest.mark.parametrize("opcodes", [b"(" + b"N" * 2_000_000 + b"t", b"](" + b"]" * 2_000_000 + b"e", b"(" * 2_000_000])
def test_more_values_than_any_run_has_are_refused_soon(opcodes: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="more values than any run"):
        check_pickled_values(b"\x80\x02" + opcodes + b".", {})
    assert time.process_time() - began < 20


def test_an_exponential_number_of_parts_takes_no_time() -> None:
    tracemalloc.start()
    try:
        check_pickled_values(b"\x80\x02)" + b"q\x00h\x00\x86" * 1000 + b".", {})
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
