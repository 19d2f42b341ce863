"""The image: what it is made of is pinned, and what runs in it has no rights."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.deployment.compose import ROOT
from worker.flower import configuration

PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?( AS \w+)?\Z")


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, one a line, without comments."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    parted = (line.strip().partition(" ") for line in text.splitlines() if line.strip() and line[0] != "#")
    return [(word.upper(), rest.strip()) for word, _, rest in parted]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def of(word: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for name, rest in stage if name == word]


def test_every_instruction_is_one_that_docker_knows() -> None:
    known = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    assert {word for word, _ in instructions()} <= known, "neither ADD, which fetches, nor ARG, which changes it"


def test_both_stages_begin_with_the_same_image_of_a_full_version() -> None:
    images = [of("FROM", stage)[0] for stage in stages()]
    assert all(PINNED.match(image) for image in images), images
    assert len({image.partition(" ")[0] for image in images}) == 1


def test_what_is_installed_is_locked_with_hashes_and_compiles_nothing() -> None:
    build, final = stages()
    commands = [json.loads(rest) for rest in of("RUN", build)]
    installs = [command for command in commands if "install" in command]
    assert [command[2:4] for command in installs] == [
        ["--require-hashes", "--only-binary"],
        ["--no-deps", "--no-build-isolation"],
    ]
    assert "--hash=sha256:" in (ROOT / "requirements.lock").read_text("utf-8")
    assert not [rest for rest in of("RUN", final) if re.search(r"pip|apt|gcc|make|curl|wget", rest)]
    assert [command for command in commands if "uninstall" in command], "the image that runs installs nothing"


def test_it_runs_without_rights_and_gets_its_signals() -> None:
    """The exec form: no shell stands between a signal and the program."""
    _, final = stages()
    assert of("USER", final) == ["10001:10001"]
    words = [word for word, _ in final]
    assert words.index("USER") < words.index("CMD")
    assert json.loads(of("CMD", final)[0])[0] == "celery"
    assert json.loads(of("HEALTHCHECK", final)[0].partition("CMD ")[2]) == ["forwarder", "health", "--here"]
    assert not [rest for rest in of("ENV", final) if re.search(r"PASSWORD|TOKEN|SECRET|URL", rest)]


def test_what_is_copied_is_there_and_let_in() -> None:
    """`.dockerignore` keeps everything else out: .env, credentials, working copies."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {source for rest in of("COPY", stages()[0]) for source in rest.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / each).exists() for each in copied)


def test_flowers_configuration_is_installed_where_flower_looks_for_it() -> None:
    """Into the environment that the image is made of, from what is copied there."""
    program = "from setuptools import Distribution as D; d = D(); d.parse_config_files(); print(d.data_files)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    folder, _, file = configuration.SHARED.rpartition("/")
    assert f"('{folder}', ['ops/flower/{file}'])" in done.stdout
