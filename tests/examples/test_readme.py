import re
from pathlib import Path

import recbole_adasid

README = Path(__file__).resolve().parents[2] / "README.md"
SMALL = {
    **{"tokenizer_steps": 60, "epochs": 1, "eval_step": 1, "MAX_ITEM_LIST_LENGTH": 5, "report": False},
    **{"d_model": 32, "d_ff": 64, "n_encoder_layers": 1, "n_decoder_layers": 1, "beam_size": 10, "text_width": 32},
    "user_inter_num_interval": "[10,50]",  # a sixth of the interactions
}


def test_the_python_of_the_readme_runs(monkeypatch, tmp_path, capsys):
    [program] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    folders = {"run_root": str(tmp_path / "runs"), "cache_dir": str(tmp_path / "cache"), "show_progress": False}
    run = recbole_adasid.run
    monkeypatch.setattr(recbole_adasid, "run", lambda settings: run({**settings, **SMALL, **folders}), raising=False)
    names: dict = {}
    exec(program, names)
    assert "ndcg@10" in capsys.readouterr().out
    assert names["recommender"].labels["new"].title == "Gattaca"
