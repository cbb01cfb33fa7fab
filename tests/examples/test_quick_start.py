import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "quick_start.ipynb"
SMALL = {
    **{"tokenizer_steps": 60, "epochs": 1, "eval_step": 1, "MAX_ITEM_LIST_LENGTH": 5, "report": False},
    **{"d_model": 32, "d_ff": 64, "n_encoder_layers": 1, "n_decoder_layers": 1, "beam_size": 10, "text_width": 32},
    "user_inter_num_interval": "[10,50]",  # a sixth of the interactions
}


def test_the_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("RECBOLE_ADASID_EXAMPLE_SETTINGS", json.dumps(SMALL))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # of the kernel
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_its_code_runs_from_top_to_bottom(small, capsys):
    names: dict = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert capsys.readouterr().out.count("<- new") == 1


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(small, monkeypatch, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output["text"] for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output]
    assert sum("<- new" in text for text in shown) == 1
