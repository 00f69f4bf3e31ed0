"""Live: every operator of every network that is known by name runs as torch's own kernel, and the command measures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import yolo_probe
from tests.conftest import Probe
from yolo_probe.hosts.target import resolve
from yolo_probe.live.energy import Meter
from yolo_probe.live.kernels import Memory
from yolo_probe.live.merged_weights import merged
from yolo_probe.live.replay import Replay
from yolo_probe.live.stopwatch import precise_as_convolutions
from yolo_probe.model.forks.registry import fuse_as_host
from yolo_probe.model.fusion import Merge
from yolo_probe.model.structure import Module, named_rows
from yolo_probe.model.trace import trace
from yolo_probe.networks.shipped import FORKS, fork_network_names, network_names

CPU = Memory(torch.device("cpu"), torch.float32, channels_last=False)
SIDE = 128
NETWORKS = [
    *(f"{name}@{host}" for host in ("v1.0", "v3.1", "v6.0", "head") for name in network_names(host)),
    *(f"{name}@{fork}" for fork in FORKS for name in fork_network_names(fork)),
]
SMALL = ("yolov5n", "yolov5s-transformer@v5.0", "yolov5s-ghost", "gelan-t", "v5Lite-e", "yolov7-tiny")


def replay(target: str, memory: Memory = CPU, *, fused: bool = False, batch: int = 1) -> Replay:
    """The kernels of a network."""
    subject = resolve(target)
    root = fuse_as_host(subject.root, grad_enabled=False, as_v3_0=False).root if fused else subject.root
    return Replay(root, trace(root, (batch, subject.channels, SIDE, SIDE)), memory)


@pytest.mark.parametrize("target", NETWORKS)
def test_every_operator_of_a_network_has_its_kernel(target: str) -> None:
    with torch.device("meta"):
        found = replay(target, Memory(torch.device("meta"), torch.float32, channels_last=False))
    assert found.unmeasured == {}
    assert [step for step, out in found.outputs() if tuple(out.shape) != step.output] == []


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("target", SMALL)
def test_a_kernel_gives_the_shape_of_its_record_and_finite_values(target: str, fused: bool) -> None:
    for step, out in replay(target, fused=fused, batch=2).outputs():
        assert tuple(out.shape) == step.output, step
        assert torch.isfinite(out).all(), step


def test_values_do_not_vanish_which_would_slow_the_kernels_down() -> None:
    outputs = [out for step, out in replay("yolov5n", fused=True).outputs() if step.operator == "conv2d"]
    assert min(float(out.abs().mean()) for out in outputs) > 1e-6


def test_channels_last_reaches_the_convolutions() -> None:
    memory = Memory(torch.device("cpu"), torch.float32, channels_last=True)
    outputs = [out for step, out in replay("yolov5n", memory).outputs() if step.operator == "conv2d"]
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in outputs)


def test_an_operator_without_a_kernel_is_named_with_its_number() -> None:
    root = resolve("yolov5n").root
    run = trace(root, (1, 3, SIDE, SIDE))
    records = tuple(each._replace(operator="erfinv") if each.operator == "silu" else each for each in run.records)
    kinds = [each.operator for each in run.records]
    other = Replay(root, type(run)(run.input, records, run.output, "", run.calls, run.moves), CPU)
    assert other.unmeasured == {"erfinv": kinds.count("silu")}
    other.run()


def test_the_time_of_a_pass_is_that_of_its_rows() -> None:
    found = replay("yolov5n", fused=True)
    kinds, row_of = named_rows(resolve("yolov5n").root)
    times = found.seconds_of(row_of)
    assert set(times) == set(kinds)
    assert min(times.values()) > 0


def test_the_command_measures_a_network_and_its_threads_stay(probe: Probe) -> None:
    threads = torch.get_num_threads()
    done = probe("bench", "yolov5n", "--imgsz", 64, "--batch", 1, "--batch", 2, "--seconds", 0.01, "--threads", 1,
                 "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(case["imgsz"], case["batch"]) for case in found["cases"]] == [([64, 64], 1), ([64, 64], 2)]
    assert all(case["not_measured"] == {} for case in found["cases"])
    assert found["cases"][1]["flops_fused"] == 2 * found["cases"][0]["flops_fused"]
    assert sum(each["share_of_flops"] for each in found["rows"]) == pytest.approx(1, abs=0.01)
    assert sum(each["share_of_time"] for each in found["rows"]) == pytest.approx(1, abs=0.01)
    assert torch.get_num_threads() == threads


def test_a_checkpoint_is_measured_by_its_structure_alone(probe: Probe) -> None:
    done = probe("bench", "configs/demo/narrow-best.pt", "--imgsz", 64, "--seconds", 0.01)
    assert (done.returncode, done.stderr) == (0, "")
    assert "random weights" in " ".join(done.stdout.split())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_cuda_device_the_command_says_so(probe: Probe) -> None:
    done = probe("bench", "yolov5n", "--device", "cuda")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "found no CUDA device that torch can use, expected one for --device cuda\n  Leave --device out" in done.stderr
    )


class Driver:
    """What pynvml is for one device, which takes 2 J between two readings."""

    def __init__(self) -> None:
        self.handles: list[bytes] = []
        self.read = 0

    def nvmlInit(self) -> None:  # noqa: N802
        """Nothing to do."""

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes) -> str:  # noqa: N802
        """The device of that name."""
        self.handles.append(uuid)
        return "handle"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        """Millijoules."""
        assert handle == "handle"
        self.read += 1
        return 2000 * self.read


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """The devices that were waited for; there is a stand-in for a CUDA device."""
    found: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", found.append)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1234"))
    return found


CUDA = Memory(torch.device("cuda"), torch.float16, channels_last=False)


def test_a_clock_of_cuda_waits_for_the_device_and_one_of_the_cpu_does_not(waited: list[torch.device]) -> None:
    CPU.now()
    assert waited == []
    CUDA.now()
    assert waited == [CUDA.device]


def test_the_peak_of_cuda_is_in_the_precision_of_its_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    precision = torch.get_float32_matmul_precision
    assert precision() == "highest"
    for memory, allowed, expected in ((CUDA, True, "high"), (CUDA, False, "highest"), (CPU, True, "highest")):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
        with precise_as_convolutions(memory):
            assert precision() == expected
        assert precision() == "highest"


def test_energy_is_what_the_driver_counts_over_whole_passes(
    waited: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, passes = Driver(), []
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr("yolo_probe.live.energy.LEAST_SECONDS", 0.01)
    meter = Meter(CUDA)
    assert meter.missing == ""
    joules = meter.joules(lambda: passes.append(len(waited)), 0.01)
    warm, *timed = passes
    assert joules == 2 / len(timed)
    assert driver.handles == [b"GPU-1234"]
    assert (warm, timed) == (0, [*range(1, len(timed) + 1)])  # the device is waited for before and after each pass


def test_where_no_driver_counts_energy_the_reason_is_told(
    waited: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Meter(CPU).joules(lambda: None, 0.01) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Meter(CUDA).missing == "found no pynvml: pip install nvidia-ml-py"
    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace())
    assert Meter(CUDA).missing.startswith("the driver does not count it: AttributeError")


def test_rows_of_cuda_are_timed_with_the_device_waited_for(waited: list[torch.device]) -> None:
    found = replay("yolov5n")
    found._memory = CUDA
    rows = set(found.seconds_of(named_rows(resolve("yolov5n").root)[1]))
    assert len(waited) >= 2 * len(rows)


def test_the_weights_of_a_file_are_merged_as_fuse_merges_them(probe: Probe) -> None:
    model = Fusible().eval()
    model.model[1].running_mean.normal_()
    model.model[1].running_var.uniform_(0.5, 2)
    expected = fuse_conv_bn_eval(model.model[0], model.model[1])
    norm = Module("torch.nn.modules.batchnorm.BatchNorm2d", {"eps": model.model[1].eps})
    conv = Module("torch.nn.modules.conv.Conv2d", {})
    merge = Merge("model", conv, norm, conv, name="0", batch_norm_name="1")
    found = merged(model.state_dict(), [merge])
    assert torch.allclose(found["model.0.weight"], expected.weight, atol=1e-6)
    assert torch.allclose(found["model.0.bias"], expected.bias, atol=1e-6)
    assert {*found} == {
        "model.0.weight",
        "model.0.bias",
        "model.1.num_batches_tracked",
        "model.3.weight",
        "model.3.bias",
    }


def test_the_weights_of_a_checkpoint_run_where_they_are_asked_for(probe: Probe) -> None:
    done = probe("bench", "configs/demo/narrow-best.pt", "--weights", "--imgsz", 64, "--seconds", 0.01,
                 "--format", "json")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["weights"], found["random_weights"]) == ("the file's", [])


class Fusible(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A model that can merge its BatchNorm, as a host's."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.model(x)
        return out

    def fuse(self) -> None:
        self.model[0] = fuse_conv_bn_eval(self.model[0], self.model[1])
        self.model[1] = nn.Identity()


def test_a_live_model_is_measured_on_copies_and_stays_as_it_is() -> None:
    model = Fusible()
    text = str(model)
    before, random = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    found = yolo_probe.bench(model, 32, seconds=0.01)
    assert (model.training, str(model)) == (True, text)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    (case,) = found.report.cases
    assert case.unfused is not None
    assert {row.name for row in found.report.rows} == {"0", "1", "2", "3"}
    assert sum(row.share_of_time for row in found.report.rows) == pytest.approx(1)
    assert found.as_json()["weights"] == "the model's"
    assert "a copy of the model" in " ".join(str(found).split())


def test_a_live_model_without_fuse_has_one_time(tmp_path: Path) -> None:
    found = yolo_probe.bench(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), (32, 64), batch=2, seconds=0.01)
    found.save(tmp_path / "bench.svg")
    assert "One pass takes" in (tmp_path / "bench.svg").read_text(encoding="utf-8")
    assert [case.unfused for case in found.report.cases] == [None]
    assert "There is no other state to compare" in " ".join(str(found).split())
