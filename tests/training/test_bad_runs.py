"""What can be wrong with a corpus, a resume or a disk, and that each is one line that names it."""

import errno
import os
from pathlib import Path

import pytest
import torch
from training.fake_trainers import SETTINGS, FakeMakers

from levelforge.corpus import load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.training.corpus_check import FEW, check_corpus, level_digests, what_changed
from levelforge.training.dqn import DqnConfig, DqnTrainer
from levelforge.training.folder import CHECKPOINT, METRICS, PREVIOUS, RunFolder
from levelforge.training.gan import GanConfig, GanTrainer
from levelforge.training.playtester_net import NetConfig
from levelforge.training.run import train

WON = """
####################
#@.................#
#.################.#
#................>.#
####################
"""
WALLED_UP = """
####################
#@.................#
####################
#................>.#
####################
"""
SPIKED = "####################\n#@^^^^............>#\n####################"


def maps(folder, **levels):
    folder.mkdir(exist_ok=True)
    for name, text in levels.items():
        (folder / f"{name}.txt").write_text(text.strip() + "\n", encoding="utf-8")
    return folder


def go(out, makers=None, **extra):
    given = {"settings": SETTINGS, "budget": 300, "quiet": True} | extra
    return train(given.pop("game", "dungeon"), out=out, makers=makers or FakeMakers(), **given)


def own(name):
    return sorted((load_game("dungeon").folder / "corpus" / "train").glob(name))


# --- the corpus --------------------------------------------------------------------------------


def test_one_level_is_enough_to_train_on_and_a_note_says_what_to_expect(tmp_path, capsys):
    level = own("hall-*.txt")[0].read_text(encoding="utf-8")
    folder = maps(tmp_path / "maps", only=level)
    assert go(tmp_path / "run", levels=folder, quiet=False).done
    note = (
        f"note: one level to learn from: the generator will hardly make anything but variations; give {FEW}"
    )
    assert note in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert note in capsys.readouterr().err


def test_a_quiet_run_keeps_its_notes_to_the_log(tmp_path, capsys):
    folder = maps(tmp_path / "maps", only=own("hall-*.txt")[0].read_text(encoding="utf-8"))
    go(tmp_path / "run", levels=folder)
    assert not capsys.readouterr().err


def test_both_trainers_manage_with_one_level():
    game = load_game("dungeon")
    corpus = load_corpus(own("hall-*.txt")[0], game)
    tiny = GanConfig(
        batch=2, steps=3, warm_up=2, judge_every=3, judge_levels=3, precision="float32",
        generator_channels=(8, 8, 8), discriminator_channels=(8, 8, 8),
    )  # fmt: skip
    gan = GanTrainer(game, corpus, tiny, 0)
    while not gan.finished:
        gan.step()
    assert gan.finish()["quality"] < 1
    config = DqnConfig(
        n_envs=4, batch_size=8, capacity=400, warm_up=40, eval_frames=10**9, total_frames=80,
        net=NetConfig((4, 8), (4, 4), 16, 8),
    )  # fmt: skip
    player = DqnTrainer(game, [level.tiles for level in corpus.train], (), config, 0)
    for _ in range(12):
        player.play()
    player.learn()
    assert player.finish() == {}  # nothing is held out


def test_a_corpus_that_nobody_can_win_says_which_levels_and_why(tmp_path):
    folder = maps(
        tmp_path / "maps", spiked=SPIKED, walled=WALLED_UP, third=SPIKED.replace("^^^^..", ".^^^^.")
    )
    maps(folder, fourth=SPIKED.replace("^^^^..", "^^^^^."))
    with pytest.raises(LevelForgeError) as told:
        go(tmp_path / "run", levels=folder)
    message = str(told.value)
    assert "\n" not in message
    assert f"{folder}: none of the 4 levels can be beaten" in message
    assert "'spiked' (the goal can be reached, but not alive and in time)" in message
    assert "and 1 more" in message
    assert f"levelforge repair {folder}" in message
    assert not (tmp_path / "run").exists()
    for name in ("spiked", "third", "fourth"):
        (folder / f"{name}.txt").unlink()
    with pytest.raises(
        LevelForgeError, match=r"the only level cannot be beaten.*'walled' \(no way leads to the goal\)"
    ):
        go(tmp_path / "run", levels=folder)


def test_a_few_lost_levels_are_told_and_do_not_stop_anything(tmp_path):
    folder = maps(tmp_path / "maps", good=WON, walled=WALLED_UP)
    notes = check_corpus(load_corpus(folder, load_game("dungeon")), "maps")
    assert notes[0] == "1 of 2 levels cannot be beaten and teach nothing: 'walled' (no way leads to the goal)"
    assert notes[1].startswith("2 levels to learn from")


def test_the_bundled_corpora_give_no_cause_for_notes():
    for name in ("dungeon", "platformer"):
        game = load_game(name)
        assert check_corpus(load_corpus(game.folder / "corpus", game), name) == []


# --- resuming with something changed -----------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changed")
    levels = {path.stem: path.read_text(encoding="utf-8") for path in own("hall-*.txt")[:3]}
    maps(folder / "maps", **levels)
    assert go(folder / "run", levels=folder / "maps", seed=3).done
    return folder


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "seed changed: the run has 3, now it is 4"),
        ({"steer": "value"}, r"loop\.steer changed: the run has \"critic\", now it is \"value\""),
        ({"gan": GanConfig(gamma=1.0)}, r"gan\.gamma changed: the run has 8\.0, now it is 1\.0"),
        ({"dqn": DqnConfig(n_step=5)}, r"dqn\.n_step changed: the run has 3, now it is 5"),
    ],
)
def test_a_changed_setting_is_refused_and_named(begun, change, words):
    with pytest.raises(LevelForgeError, match=words):
        train(out=begun / "run", resume=True, makers=FakeMakers(), quiet=True, **change)


@pytest.mark.parametrize("kind", ["changed", "gone", "new"])
def test_a_changed_corpus_is_refused_and_its_levels_named(begun, kind):
    path = begun / "maps" / f"{own('hall-*.txt')[1].stem}.txt"
    before = path.read_text(encoding="utf-8")
    fresh = begun / "maps" / "added.txt"
    try:
        if kind == "changed":
            path.write_text(before.replace("$", ".", 1), encoding="utf-8")
        elif kind == "gone":
            path.unlink()
        else:
            fresh.write_text(WON.strip() + "\n", encoding="utf-8")
        name = fresh.stem if kind == "new" else path.stem
        with pytest.raises(
            LevelForgeError, match=rf"corpus_hash changed: .*\(levels {kind}: {name}\); put it back"
        ):
            train(out=begun / "run", resume=True, makers=FakeMakers(), quiet=True)
    finally:
        path.write_text(before, encoding="utf-8")
        fresh.unlink(missing_ok=True)
    assert train(out=begun / "run", resume=True, makers=FakeMakers(), quiet=True).done


def test_what_changed_in_words():
    corpus = level_digests(load_corpus(own("hall-*.txt")[0], load_game("dungeon")))
    assert what_changed(corpus, corpus) == ""
    many = {f"{i}": "x" for i in range(5)}
    assert what_changed(many, {"0": "y"}) == "gone: 1, 2, 3 and 1 more; changed: 0"


# --- a full disk -------------------------------------------------------------------------------

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


def run_folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create({})
    run.save_checkpoint({"number": 1})
    return run


@needs_full
def test_a_disk_that_is_full_leaves_the_last_good_checkpoint(tmp_path):
    run = run_folder(tmp_path)
    (run.path / f".{CHECKPOINT}.part").symlink_to("/dev/full")  # every write to it fails with ENOSPC
    with pytest.raises(LevelForgeError) as told:
        run.save_checkpoint({"number": 2})
    assert str(told.value) == (
        f"{run.path / CHECKPOINT}: cannot be written: No space left on device; the last good checkpoint stays: "
        f"mend it and go on with levelforge train --resume {run.path}"
    )
    assert run.load_checkpoint() == {"number": 1}
    assert not list(run.path.glob(".*.part"))
    run.save_checkpoint({"number": 3})  # space again
    assert run.load_checkpoint() == {"number": 3}


@needs_full
def test_a_disk_that_is_full_before_the_first_checkpoint_promises_none(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create({})
    (run.path / f".{CHECKPOINT}.part").symlink_to("/dev/full")
    with pytest.raises(LevelForgeError) as told:
        run.save_checkpoint({"number": 1})
    assert str(told.value) == (
        f"{run.path / CHECKPOINT}: cannot be written: No space left on device; there is no checkpoint yet: "
        f"mend it and begin again with levelforge train --resume {run.path}"
    )
    assert run.load_checkpoint() is None


@needs_full
def test_a_disk_that_is_full_says_so_of_the_generators_state(tmp_path):
    run = run_folder(tmp_path)
    path = run.export / "gan.pt"
    (run.export / ".gan.pt.part").symlink_to("/dev/full")
    with pytest.raises(LevelForgeError, match=r"gan\.pt: cannot be written: No space left on device"):
        run.save_state(path, {"number": 2})
    assert not list(run.export.iterdir())
    run.save_state(path, {"number": 3})
    assert torch.load(path, weights_only=True) == {"number": 3}


@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
def test_a_disk_that_fails_at_any_moment_leaves_a_good_checkpoint(tmp_path, monkeypatch, call):
    run = run_folder(tmp_path)
    run.save_checkpoint({"number": 2})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    if call == "link":  # no hard links here: the spare copy is written instead
        run.save_checkpoint({"number": 3})
        assert run.load_checkpoint() == {"number": 3}
        return
    with pytest.raises(LevelForgeError, match="No space left on device"):
        run.save_checkpoint({"number": 3})
    assert run.load_checkpoint() == {"number": 2}
    (run.path / CHECKPOINT).unlink()
    assert run.load_checkpoint() == {"number": 1}
    assert (run.path / PREVIOUS).exists()


@needs_full
def test_metrics_and_log_of_a_full_disk_are_one_line(tmp_path):
    run = run_folder(tmp_path)
    (run.path / METRICS).symlink_to("/dev/full")
    with pytest.raises(LevelForgeError, match=rf"{METRICS}: cannot be written: No space left on device"):
        run.add_metrics(1.0, "gan", {"loss": 1.0})


def test_a_run_stopped_by_a_full_disk_goes_on_from_its_checkpoint(tmp_path):
    makers = FakeMakers()
    plain, count = RunFolder.save_checkpoint, [0]

    def fail_third(self, state):
        count[0] += 1
        if count[0] == 3:
            with self._writing(self.path / CHECKPOINT):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(self, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "save_checkpoint", fail_third)
        with pytest.raises(LevelForgeError, match="No space left"):
            go(tmp_path / "run", makers)
    assert RunFolder(tmp_path / "run").load_checkpoint() is not None
    assert train(out=tmp_path / "run", resume=True, makers=FakeMakers(), quiet=True).done
