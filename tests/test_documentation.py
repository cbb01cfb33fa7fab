import re
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from recbole_adasid.cli.main import COMMANDS
from recbole_adasid.host.launch import OPTIONS as RECBOLE_OPTIONS
from recbole_adasid.host.peers.names import model_defaults, peer_names
from recbole_adasid.host.props import known_keys, presets

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN_OF_COMMANDS = {option.name for command in COMMANDS.values() for option in command.all_options}
OWN_ARGUMENTS = {"model", "dataset", "config_files", "help", "no-deps", "index-url", "KEY"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page):
    named = set(re.findall(r"--([A-Za-z][\w-]*)", page.read_text(encoding="utf-8")))
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    of_benchmarks = set(re.findall(r'add_argument\("--([\w-]+)"', scripts))
    of_torchrun = {option.lstrip("-") for action in get_args_parser()._actions for option in action.option_strings}
    known = known_keys() | OWN_ARGUMENTS | OWN_OF_COMMANDS | set(RECBOLE_OPTIONS)
    of_models = {key for name in peer_names() for key in model_defaults(name)}
    assert named - known - of_benchmarks - of_torchrun - of_models == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_quick_start_is_two_commands_of_one_line():
    start = (ROOT / "README.md").read_text(encoding="utf-8").split("## Quick start")[1].split("\n### ")[0]
    commands = re.findall(r"```bash\n(.*?)```", start, flags=re.DOTALL)
    assert [command.count("\n") for command in commands] == [1, 1]
    assert "run_recbole_adasid.py --model=LIGER --tokenizer=adasid --dataset=ml-100k\n" in commands[0]
    assert commands[1].endswith("-m pytest\n")


def test_the_readme_lists_every_tokenizer():
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Tokenizers")[1].split("\n\n")[1]
    assert sorted(re.findall(r"^\| `(\w[\w-]*)`", table, flags=re.MULTILINE)) == presets("tokenizer")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_and_has_the_options_it_is_given(page):
    lines = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"(?:^|`)recbole-adasid (\w+)([^`\n]*)", lines, re.MULTILINE):
        if name in ("COMMAND", "train", "scorecard", "grid", "tune"):  # these take any setting
            continue
        options = {old for option in COMMANDS[name].all_options for old in (option.name, *option.old)}
        assert set(re.findall(r"--([A-Za-z]\w*)", rest)) - {"help"} <= options, (name, rest)
    assert "python -m recbole_adasid." not in lines.replace("`python -m recbole_adasid.recommend`", "")
