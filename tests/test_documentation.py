import re
from pathlib import Path

import pytest
import yaml
from torch.distributed.run import get_args_parser

from recbole_adasid.cli.main import COMMANDS
from recbole_adasid.io.json_file import read_json
from recbole_adasid.plugin.launch import OPTIONS as RECBOLE_OPTIONS
from recbole_adasid.plugin.peers.names import model_defaults, peer_names
from recbole_adasid.settings.presets import known_keys, presets

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN_OF_COMMANDS = {option.name for command in COMMANDS.values() for option in command.all_options}
OWN_ARGUMENTS = {"model", "dataset", "config_files", "help", "no-deps", "index-url", "KEY"}
OF_OTHER_TOOLS = {"check", "strict", "local-dir", "logdir"}  # ruff, mkdocs, hf, tensorboard


@pytest.fixture(scope="module")
def options():
    """Every option that there is, of our commands and of the programs that the pages call."""
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    of_benchmarks = set(re.findall(r'add_argument\("--([\w-]+)"', scripts))
    of_torchrun = {option.lstrip("-") for action in get_args_parser()._actions for option in action.option_strings}
    known = known_keys() | OWN_ARGUMENTS | OWN_OF_COMMANDS | set(RECBOLE_OPTIONS) | OF_OTHER_TOOLS
    return known | of_benchmarks | of_torchrun | {key for name in peer_names() for key in model_defaults(name)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page, options):
    named = set(re.findall(r"--([A-Za-z][\w-]*)", page.read_text(encoding="utf-8")))
    assert named - options == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_page_stands_in_the_navigation_of_the_site_once():
    sections = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = [path for section in sections for path in _paths(section)]
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert sorted(named) == sorted([*pages, "CONTRIBUTING.md", "CHANGELOG.md"])


def test_the_readme_leads_to_every_page():
    links = set(re.findall(r"\]\(([^)#]+)", README))
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - links == set()


def test_the_readme_is_short():
    assert len(README.split()) <= 800


def test_the_quick_start_is_two_commands_of_one_line():
    start = README.split("## Quick start")[1].split("\n## ")[0]
    commands = re.findall(r"```bash\n(.*?)```", start, flags=re.DOTALL)
    assert [command.count("\n") for command in commands] == [1, 1]
    assert "run_recbole_adasid.py --model=LIGER --tokenizer=adasid --dataset=ml-100k\n" in commands[0]
    assert commands[1].endswith("-m pytest\n")
    assert commands[0] in (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")


def test_the_quick_start_lists_every_extra():
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n[project.optional-dependencies]\n")[1]
    extras = set(re.findall(r"^(\w+) = \[", declared.split("\n[")[0], flags=re.MULTILINE))
    table = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8").split("\n## Extras\n")[1].split("\n## ")[0]
    named = [name for line in table.splitlines() if line.startswith("| `") for name in line.split("|")[1].split(",")]
    assert {name.strip(" `") for name in named} == extras


@pytest.mark.parametrize(
    ("page", "section", "results"),
    [
        ("README.md", "Results", "recommenders"),
        ("docs/results.md", "Recommenders", "recommenders"),
        ("docs/results.md", "Tokenizers under the same TIGER", "grid"),
        ("docs/results.md", "Tokenizers under today's TIGER", "paper"),
    ],
)
def test_figures_of_a_table_are_those_that_were_measured(page, section, results):
    text = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    measured = _rows((ROOT / "results" / results / "README.md").read_text(encoding="utf-8"))
    shown = [row for row in _rows(text) if any(map(_is_figure, row))]
    assert len(shown) >= 3
    for name, *cells in shown:  # of a measured cell, the number in brackets is the paper's
        known = max((row[0] for row in measured if row[0] and name.startswith(row[0])), key=len)
        same = {cell.split(" (")[0] for row in measured if row[0] == known for cell in row[1:]}
        assert {*filter(_is_figure, cells)} - same == set(), name


def test_the_tuning_s_summary_is_that_of_its_points():
    text = (ROOT / "results" / "tuning" / "README.md").read_text(encoding="utf-8")
    for name, title in (("adasid", "AdaSID"), ("quasid", "QuaSID")):
        found, (default,) = (
            [trial["ndcg@10"] for trial in read_json(ROOT / "results" / "tuning" / folder / "table.json")["trials"]]
            for folder in (name, f"default-{name}")
        )
        better = sum(score > default for score in found)
        assert f"| {title} | {len(found)} | {max(found):.4f} | {default:.4f} | {better} |" in text
    control = read_json(ROOT / "results" / "tuning" / "rqvae-infonce" / "table.json")["trials"]
    assert f" | {len(control)} | {max(trial['ndcg@10'] for trial in control):.4f} | | |" in text


def test_the_tokenizers_page_lists_every_tokenizer():
    page = (ROOT / "docs" / "tokenizers.md").read_text(encoding="utf-8")
    table = page.split("| `--tokenizer` |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w[\w-]*)`", table, flags=re.MULTILINE)) == presets("tokenizer")


def _is_figure(cell):
    return re.match(r"0\.\d{4}|[+-]\d+\.\d% \[", cell) is not None


def _rows(text):
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line[:1] == "|"]


def _paths(section):
    if isinstance(section, str):
        return [section]
    parts = [part for value in section.values() for part in ([value] if isinstance(value, str) else value)]
    return [path for part in parts for path in _paths(part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_and_has_the_options_it_is_given(page):
    lines = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"(?:^|`)recbole-adasid (\w+)([^`\n]*)", lines, re.MULTILINE):
        if name in ("COMMAND", "train", "scorecard", "grid", "tune"):  # these take any setting
            continue
        options = {old for option in COMMANDS[name].all_options for old in (option.name, *option.old)}
        assert set(re.findall(r"--([A-Za-z]\w*)", rest)) - {"help"} <= options, (name, rest)
    assert "python -m recbole_adasid." not in lines.replace("`python -m recbole_adasid.recommend`", "")


def test_the_architecture_page_lists_every_patch_for_recbole():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Patches for RecBole")[1].split("\n## ")[0]
    files = {path.name for path in (ROOT / "recbole_adasid" / "plugin" / "patches").glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"^\| `(\w+\.py)`", table, flags=re.MULTILINE)) == files
