"""``--verify``: the real thop and the real ``fuse()`` run on what the installed hosts build, and nothing else does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.environments import HOST_NEEDS, ROOT, counter, host, release
from tests.processes import run_python

THOP = ("ultralytics-thop", "2.2.3")
CALL = "__import__('pathlib').Path('harmed').touch()"
TAMPERED = {
    "activation": f"{CALL} or nn.SiLU() is not a number, a text, a list or a module of torch.nn",
    "argument": f"{CALL} calls something",
    "text within a text": f'g is "{CALL}", expected a whole number',
    "text in a list": f'g is ["{CALL}"], expected a whole number',
    "text as an activation": "expected numbers and words such as nc",
    "class as an activation": "nn.Module",
    "text as a mode": CALL,
    "class": f"{CALL} is no class of YOLOv5 or torch.nn",
    "name of something else": "deepcopy is no class of YOLOv5 or torch.nn",
    "argument that names something else": "g is 'check_yaml', expected a whole number",
    "classes": f'nc is "{CALL}", expected a whole number',
    "anchors": f'anchors is "{CALL}", expected a number for each output',
    "another width": "builds another network than the one reported: model.0.conv: found parameters",
}
"""What the reason says where the YAML in a file is changed so."""
NAMES = ["FLOPs", "layers", "parameters", "fused FLOPs", "fused layers", "fused parameters"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, demo_checkpoint: Path) -> Mapping[str, Any]:
    """What one process says of every case."""
    folder = tmp_path_factory.mktemp("verify")
    script = Path(__file__).with_name("confirm_check.py")
    unknown = counter("thop", "0.0.31.post1909021322")
    paths = [ROOT, host("7.0.14"), counter(*THOP), *(release(*each) for each in HOST_NEEDS)]
    done = run_python(script, folder, demo_checkpoint, unknown, paths=paths, cwd=folder)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {each["case"]: each for each in found}


def pairs(answer: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    return [(check["name"], check["ours"], check["theirs"]) for check in answer["verification"]["checks"]]


def test_what_is_run_gives_the_figures_of_real_kernels(answers: Mapping[str, Any]) -> None:
    assert [theirs for _, _, theirs in pairs(answers["yolov5n"])] == answers["real yolov5n"]["figures"]


@pytest.mark.parametrize(
    ("case", "host_name"),
    [("yolov5n", "yolov5 7.0.14"), ("demo", "yolov5 7.0.14"), ("ultralytics", "ultralytics 8.4.190")],
)
def test_a_report_is_confirmed_unfused_and_fused(case: str, host_name: str, answers: Mapping[str, Any]) -> None:
    answer = answers[case]
    found = answer["verification"]
    assert (answer["code"], answer["err"], found["agrees"]) == (0, "", True)
    assert (found["thop"], found["host"]) == ("ultralytics-thop 2.2.3", host_name)
    assert [name for name, _, _ in pairs(answer)] == NAMES
    assert [ours - theirs for _, ours, theirs in pairs(answer)] == [0] * 6


def test_one_state_alone_is_compared_where_the_report_has_one(answers: Mapping[str, Any]) -> None:
    answer = answers["demo, fused"]
    assert (answer["code"], [name for name, _, _ in pairs(answer)]) == (0, NAMES[3:])
    # half of the image is half of the 433,510,400 FLOPs
    assert pairs(answer)[0][1:] == (433_510_400 // 2, 433_510_400 // 2)


def test_the_line_says_what_was_run_and_that_both_agree(answers: Mapping[str, Any]) -> None:
    line = " ".join(answers["demo, text"]["out"].partition("\nVerify ")[2].split())
    assert re.sub(r"\([\d.]+ s\)", "(N s)", line) == (
        "ultralytics-thop 2.2.3 itself counts 460,441,600 FLOPs in the network that yolov5 7.0.14 builds "
        "(214 layers, 115,071 parameters) and 433,510,400 FLOPs after the fuse() of yolov5 7.0.14 "
        "(157 layers, 113,879 parameters): both agree with this report (N s)"
    )


def test_a_yaml_is_confirmed_by_the_installed_thop_whatever_counter_was_asked(answers: Mapping[str, Any]) -> None:
    answer = answers["YAML"]
    assert answer["code"] == 0, answer["err"]
    line = next(line for line in answer["out"].splitlines() if line.startswith("- **Verify**"))
    assert "both agree with this report, whose own FLOPs are by the rules of torch" in line


def test_an_activation_of_one_network_does_not_reach_the_next(answers: Mapping[str, Any]) -> None:
    assert answers["after an activation"]["verification"]["agrees"] is True


def test_a_network_that_the_installed_release_builds_otherwise_is_not_confirmed(answers: Mapping[str, Any]) -> None:
    answer = answers["another generation"]
    found = answer["verification"]
    assert (answer["code"], found["agrees"], found["checks"]) == (2, False, [])
    assert found["reason"] == (
        "yolov5 7.0.14 is installed, which builds another network than the one reported: "
        "model.1.act: found a module that is shared in one of them alone"
    )


@pytest.mark.parametrize("name", TAMPERED)
def test_a_yaml_in_a_file_that_is_not_recognised_is_not_passed_on(name: str, answers: Mapping[str, Any]) -> None:
    answer = answers[f"tampered {name}"]
    found = answer["verification"]
    assert (answer["code"], found["agrees"], found["checks"]) == (2, False, [])
    assert f"not verified: {found['reason']}" in answer["err"]
    assert TAMPERED[name] in found["reason"]
    assert answers["unharmed"]["unharmed"]


def test_a_disagreement_is_named_with_both_numbers_and_exits_with_1(answers: Mapping[str, Any]) -> None:
    answer = answers["another thop"]
    line = " ".join(answer["out"].partition("\nVerify ")[2].split())
    assert (answer["code"], answer["err"]) == (1, "")
    assert line.startswith("not verified by thop 0.0.31.post1909021322 and yolov5 7.0.14: FLOPs 45,627,392 here, 45,")


def test_a_clone_in_the_working_directory_is_a_host(tmp_path: Path) -> None:
    for part in ("models", "utils"):
        shutil.copytree(host("7.0.14") / "yolov5" / part, tmp_path / part)
    for file in tmp_path.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"\byolov5\.(?=models|utils)", "", text), encoding="utf-8")
    script = "from yolo_probe.cli import main; main(['info', 'yolov5n', '--imgsz', '64', '--verify'])"
    paths = [ROOT, counter(*THOP), *(release(*each) for each in HOST_NEEDS)]
    done = run_python(script, paths=paths, cwd=tmp_path)
    assert "in the network that the YOLOv5 of this folder builds" in " ".join(done.stdout.split())


def test_a_folder_with_other_models_is_no_clone_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "yolo.py").write_text("open('harmed', 'w')\n\ndef parse_model(): pass\n", encoding="utf-8")
    script = "from yolo_probe.cli import main; main(['info', 'yolov5n', '--imgsz', '64', '--verify'])"
    with pytest.raises(RuntimeError, match=r"ended with 2:(.|\n)*no YOLOv5 is installed, and this folder is no clone"):
        run_python(script, paths=[ROOT, counter(*THOP)], cwd=tmp_path)
    assert not (tmp_path / "harmed").exists()


def test_a_clone_that_fails_with_an_error_that_cannot_be_put_into_words_is_named_by_its_class(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "yolo.py").write_text(
        "def parse_model(): pass\nclass Detect: pass\nclass Model: pass\n"
        "class Speechless(Exception):\n    def __str__(self): raise self\nraise Speechless\n",
        encoding="utf-8",
    )
    script = "from yolo_probe.cli import main; main(['info', 'yolov5n', '--imgsz', '64', '--verify'])"
    with pytest.raises(RuntimeError, match="the YOLOv5 of this folder cannot be imported: Speechless\n"):
        run_python(script, paths=[ROOT, counter(*THOP)], cwd=tmp_path)
