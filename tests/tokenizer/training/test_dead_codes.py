from __future__ import annotations

import torch

from recbole_adasid.tokenizer.quantizer import (
    CosineQuantizer,
    ResidualQuantizer,
    SimVQQuantizer,
    StraightThroughQuantizer,
)
from recbole_adasid.tokenizer.training.dead_codes import CodewordReviver


def reviver(*levels: StraightThroughQuantizer | SimVQQuantizer, every: int = 2) -> CodewordReviver:
    quantizer = ResidualQuantizer(levels=levels, commitment=0.25)
    optimizer = torch.optim.AdamW(quantizer.parameters())
    return CodewordReviver(
        quantizer=quantizer, optimizer=optimizer, every=every, generator=torch.Generator().manual_seed(0)
    )


def plain(n_codewords: int) -> StraightThroughQuantizer:
    return StraightThroughQuantizer(n_codewords=n_codewords, dim=2)


def test_a_codeword_is_dead_that_nothing_chose_in_a_whole_window() -> None:
    found = reviver(plain(3), plain(4))
    residuals = torch.arange(16.0).reshape(2, 4, 2) + 100
    codes = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 1]])
    assert found.after_step(codes, residuals) == 0
    assert [usage.tolist() for usage in found.usage] == [[4, 0, 0], [0, 3, 1, 0]]
    assert {usage.dtype for usage in found.usage} == {torch.int64}
    codes[0] = torch.tensor([1, 3])
    assert found.after_step(codes, residuals) == 2
    assert [usage.tolist() for usage in found.usage] == [[0, 0, 0], [0, 0, 0, 0]] and found.steps == 2
    books = [level.codebook().detach() for level in found.quantizer.quantizers()]
    assert books[0][2].tolist() in residuals[0].tolist() and books[0][:2].abs().max() < 50
    assert books[1][0].tolist() in residuals[1].tolist() and books[1][1:].abs().max() < 50
    assert found.after_step(codes[:, [0, 0]], residuals) == 0 and found.after_step(codes[:, [0, 0]], residuals) == 3


def test_no_more_are_revived_than_there_are_residuals() -> None:
    found = reviver(plain(5), every=1)
    assert found.after_step(torch.tensor([[0], [0]]), torch.full((1, 2, 2), 7.0)) == 2
    assert (found.quantizer.quantizers()[0].codebook() == 7).all(1).tolist() == [False, True, True, False, False]


def test_nothing_is_counted_or_revived_where_it_is_switched_off_or_cannot_be() -> None:
    off = reviver(plain(3), every=0)
    assert off.after_step(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(1, 2, 2)) == 0
    assert off.steps == 0 and not off.usage[0].any()
    frozen = reviver(SimVQQuantizer(n_codewords=3, dim=2), plain(3), every=1)
    assert frozen.after_step(torch.zeros(2, 2, dtype=torch.int64), torch.zeros(2, 2, 2)) == 2
    assert not frozen.usage[0].any()


def test_unused_codewords_are_revived_on_residuals_and_forget_their_momentum():
    quantizer = ResidualQuantizer(levels=[StraightThroughQuantizer(n_codewords=4, dim=2)], commitment=0.25)
    optimizer = torch.optim.AdamW(quantizer.parameters())
    quantizer(torch.randn(5, 2)).loss.backward()
    optimizer.step()
    moment = next(iter(optimizer.state.values()))["exp_avg"]
    moment.fill_(1.0)
    reviver = CodewordReviver(
        quantizer=quantizer, optimizer=optimizer, every=2, generator=torch.Generator().manual_seed(0)
    )
    residuals = torch.full((1, 6, 2), 7.0)
    assert reviver.after_step(torch.tensor([[0], [1]]), residuals) == 0
    before = quantizer.levels[0].codebook().detach().clone()
    assert reviver.after_step(torch.tensor([[1], [1]]), residuals) == 2
    after = quantizer.levels[0].codebook().detach()
    assert torch.equal(after[:2], before[:2])
    assert torch.equal(after[2:], torch.full((2, 2), 7.0))
    assert moment.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_only_moments_of_the_codewords_are_reset_though_other_parameters_have_as_many_rows() -> None:
    level = CosineQuantizer(n_codewords=4, dim=4, lookup_dim=4)
    quantizer = ResidualQuantizer(levels=[level], commitment=0.25)
    optimizer = torch.optim.AdamW(quantizer.parameters())
    quantizer(torch.randn(5, 4)).loss.backward()
    optimizer.step()
    for state in optimizer.state.values():
        state["exp_avg"].fill_(1.0)
    found = CodewordReviver(
        quantizer=quantizer, optimizer=optimizer, every=1, generator=torch.Generator().manual_seed(0)
    )
    assert found.after_step(torch.tensor([[0], [1]]), torch.randn(1, 6, 4)) == 2
    assert optimizer.state[level.table]["exp_avg"].mean(1).tolist() == [1, 1, 0, 0]
    assert all(optimizer.state[one]["exp_avg"].eq(1).all() for one in (level.project_in, level.project_out))


def test_without_a_parameter_of_that_name_all_with_a_row_per_codeword_count() -> None:
    class Renamed(StraightThroughQuantizer):
        CODEWORDS = "book"

    level = Renamed(n_codewords=4, dim=2)
    found = reviver(level, every=1)
    found.quantizer(torch.randn(5, 2)).loss.backward()
    found.optimizer.step()
    moment = found.optimizer.state[level.codewords]["exp_avg"].fill_(1.0)
    assert found.after_step(torch.tensor([[0], [1]]), torch.randn(1, 6, 2)) == 2
    assert moment.mean(1).tolist() == [1, 1, 0, 0]
