"""The report: one page that needs nothing but itself, about levels or a run."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from strategies import make_game

from levelforge.errors import LevelForgeError
from levelforge.level import Level, parse_text
from levelforge.playtest import playtest
from levelforge.report import caption, report_folder, report_levels
from levelforge.report.charts import histogram, line_chart, number, scatter, tension_strip, thinned, ticks
from levelforge.report.gather import curves, read_metrics, run_page, write_page
from levelforge.report.markdown import to_html
from levelforge.report.page import Page, data_uri, render_page

GAME = make_game("topdown")
VOID = {"meta", "br", "img", "link", "input", "hr"}
SVG_LEAVES = {"line", "rect", "circle", "polyline", "polygon", "path"}


class Loads(HTMLParser):
    """Notes whatever a page would load or run, and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.open, self.text, self.anchors, self.links = [], [], [], set(), set()
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self._look(tag, dict(attrs))

    def handle_startendtag(self, tag, attrs):
        assert tag in SVG_LEAVES
        self._look(tag, dict(attrs))

    def _look(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "base", "audio", "video"):
            self.loads.append(tag)
        for name, value in attrs.items():
            if name.startswith("on") or (
                name in ("src", "srcset", "data", "poster", "xlink:href") and not value.startswith("data:")
            ):
                self.loads.append(f"{tag} {name}={value}")
            if name == "id":
                assert value not in self.anchors
                self.anchors.add(value)
            if tag == "a" and name == "href" and value.startswith("#"):
                self.links.add(value[1:])
            if tag == "link":
                self.loads.append(str(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check(text):
    page = Loads(text)
    assert page.loads == []
    assert page.links <= page.anchors
    assert not re.search(r"@import|url\(", text)
    assert "default-src 'none'" in text
    return " ".join(" ".join(page.text).split())


def right(obs):
    return np.tile(np.array([0, 0, 0, 1, 0], np.float32), (len(obs["scalars"]), 1))


@pytest.fixture(scope="module", name="levels")
def _levels():
    deadly = make_game("topdown", hazard="kill")
    rows = ("@......>\n....^...\n.o......", "@..>", "@.#>")
    names = ("first", '<script>alert("x")</script>', "hopeless")
    return [
        Level(deadly, parse_text(text, deadly), id=name, edits=1, novelty=0.25)
        for text, name in zip(rows, names, strict=True)
    ]


@pytest.fixture(scope="module", name="results")
def _results(levels):
    return playtest(levels, levels[0].game, right, seed=0, episodes=4)


def test_the_page_about_levels_holds_everything_in_itself(levels, results):
    text = report_levels(levels, results, title="Three & more", requested=[0.1, 0.2, 0.9])
    said = check(text)
    assert "Three & more" in said
    assert '<script>alert("x")</script>' in said  # as text
    for level, result in zip(levels, results, strict=True):
        assert level.id in said
        assert result.why in said
        assert f"{result.difficulty:.2f}" in said
    for words in (
        "asked for",
        "tension",
        "variety",
        "exploration",
        "choice",
        "reward",
        "novelty",
        "Skill ladder",
    ):
        assert words in said
    # A picture of each level, four of its playtest, nothing twice.
    assert text.count("<img") == 3 + 3 * 4
    assert text == report_levels(levels, results, title="Three & more", requested=[0.1, 0.2, 0.9])


def test_levels_that_were_not_played_are_shown_as_they_know_themselves(levels):
    known = [
        level.with_(difficulty=0.5, difficulty_ci=(0.4, 0.6), extra={"why": "As said before."})
        for level in levels
    ]
    text = report_levels(known, None, title="Unplayed")
    said = check(text)
    assert "As said before." in said
    assert text.count("<img") == 3 + 3
    assert "Skill ladder" not in said


def test_of_many_levels_some_are_in_the_table_only(levels):
    many = [levels[0].with_(id=f"level-{n}") for n in range(70)]
    text = report_levels(many, None, title="Many")
    assert "10 more are in the table only." in check(text)
    assert text.count("<img") == 60 * 2
    assert "level-69" in text


def test_a_folder_of_levels_is_played_with_the_pack_that_is_named(tmp_path):
    from standins import make_pack

    from levelforge.exporters import write_level
    from levelforge.game import load_game

    dungeon = load_game("dungeon")
    pack = make_pack(tmp_path / "pack", "dungeon")
    out = tmp_path / "out"
    out.mkdir()
    rows = ["#" * 16, "#@............>#", *["#..............#"] * 9, "#" * 16]
    room = parse_text("\n".join(rows), dungeon)
    write_level(Level(dungeon, room, id="room"), "json", out)
    (out / "index.json").write_text(
        json.dumps({"seed": 4, "levels": [{"id": "room", "requested_difficulty": 0.5}]})
    )
    said = check(report_folder(out, pack=pack.folder))
    assert "with seed 4" in said
    assert "asked for" in said
    assert "Stand-in" in said  # the model card
    assert "Skill ladder" not in check(report_folder(out, pack=pack.folder, play=False))
    with pytest.raises(LevelForgeError, match="cannot be read"):
        report_folder(out, pack=tmp_path / "no-pack")
    with pytest.raises(LevelForgeError, match="no such folder"):
        report_folder(tmp_path / "nowhere")


# --- runs -----------------------------------------------------------------------------------------------


@pytest.fixture(name="run")
def _run(tmp_path):
    folder = tmp_path / "first"
    (folder / "samples").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"game": "dungeon", "seed": 7, "gan": {"loss": "r3gan"}}))
    rows = ["seconds,phase,metric,value"]
    for n in range(10):
        rows += [
            f"{60 * n},gan,loss_d,{1 / (n + 1)}",
            f"{60 * n},gan,loss_g,{n}",
            f"{60 * n},gan,beatable,{n / 10}",
        ]
    rows += ["700,loop,dqn_heldout_best,0.81", "700,dqn,fps,nan", "701,dqn,fro"]
    (folder / "metrics.csv").write_text("\n".join(rows))
    for n in range(9):
        Image.new("RGB", (8, 8), (n, 0, 0)).save(folder / "samples" / f"gan-{n:03d}.png")
    (folder / "model_card.md").write_text("# The card\n\n| | |\n|---|---|\n| seed | 7 |\n")
    return folder


def test_the_page_about_a_run_shows_its_curves_samples_settings_and_card(run):
    said = check(report_folder(run))
    for words in (
        "Training run first",
        "loss",
        "beatable",
        "gan-000",
        "gan-008",
        "gan.loss",
        "r3gan",
        "The card",
        "0.81",
    ):
        assert words in said
    assert "gan-001" not in said
    (run / "metrics.csv").unlink()
    assert "no figures yet" in check(report_folder(run))


def test_metrics_cut_short_and_figures_noted_once(run):
    rows = read_metrics(run / "metrics.csv")
    assert rows[-2:] == [
        (700.0, "loop", "dqn_heldout_best", 0.81),
        (700.0, "dqn", "fps", pytest.approx(float("nan"), nan_ok=True)),
    ]
    found = curves(rows)
    assert {
        phase: {chart: list(lines) for chart, lines in group.items()} for phase, group in found.items()
    } == {"gan": {"loss": ["d", "g"], "beatable": ["beatable"]}}


@pytest.mark.parametrize(
    ("config", "message"), [("{}", "no 'game'"), ("[]", "JSON object"), ("{", "readable JSON")]
)
def test_a_config_that_is_no_run_is_refused(tmp_path, config, message):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(LevelForgeError, match=message):
        report_folder(tmp_path)


# --- parts ------------------------------------------------------------------------------------------------


@given(st.text(max_size=300))
def test_any_card_is_text(card):
    check(render_page(Page("Card", card=card)))


def test_markdown_of_a_card():
    assert (
        to_html("# A `<b>`\n\nSome **bold**\nwords.")
        == "<h3>A <code>&lt;b&gt;</code></h3><p>Some <strong>bold</strong> words.</p>"
    )
    assert to_html("- one\n- two\n  more") == "<ul><li>one</li><li>two\n  more</li></ul>"
    assert "<th>a</th>" in to_html("| a | b |\n|---|---|\n| 1 | 2 |")
    assert "<thead>" not in to_html("| | |\n|---|---|\n| 1 | 2 |")
    assert to_html("```sh\nlevelforge <x>\n```") == "<pre><code>levelforge &lt;x&gt;</code></pre>"
    assert to_html("![a picture](x.png) [a link](https://example.org)").count("<img") == 0


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(allow_nan=True)), max_size=20))
def test_any_curve_can_be_drawn(points):
    drawn = line_chart({"a": points, "b": [(0, 1)]}, ("x", "y"))
    check(render_page(Page("Curve")).replace("</main>", drawn + "</main>"))
    assert "nan" not in drawn


@pytest.mark.parametrize("times", [1, 2])
def test_a_curve_of_one_point_is_a_dot(times):
    drawn = line_chart({"a": [(1.0, 0.9)] * times}, ("x", "y"))
    assert drawn.count("<circle") == 1
    assert "<polyline" not in drawn


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_any_difficulties_can_be_drawn(values):
    bars = [int(n) for n in re.findall(r"<title>(\d+) measured", histogram(values, values))]
    assert sum(bars) == len(values)
    assert scatter([(v, v) for v in values], ("a", "b"), diagonal=True).count("<circle") == len(values)


def test_ticks_are_round():
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(3, 47) == [10, 20, 30, 40]
    assert [number(v) for v in (0.25, 40, 120000.0, 3e6)] == ["0.25", "40", "120k", "3M"]
    assert thinned([(n, n) for n in range(1000)], 5) == [
        (0, 0),
        (249, 249),
        (499, 499),
        (749, 749),
        (999, 999),
    ]


def test_closeness_is_drawn_for_levels_without_a_danger_too():
    assert "inf" not in tension_strip([float("inf")] * 3, 2)
    assert "0.0,54.0" in tension_strip([float("inf"), 0.0], 2)


def test_large_pictures_are_shrunk():
    small, large = (data_uri(Image.new("RGB", size, "#345")) for size in ((64, 32), (5000, 100)))
    assert small.startswith("data:image/png;base64,")
    assert len(large) < 4000


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    assert write_page("text", tmp_path / "a.html").read_text() == "text"
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]
    with pytest.raises(LevelForgeError, match="cannot be written"):
        write_page("text", tmp_path / "missing" / "a.html")


def test_captions_say_what_is_known():
    level = Level(GAME, parse_text("@>", GAME), id="a", solution=(3,), difficulty=0.5, edits=2)
    assert caption(level) == "a\n1 steps, difficulty 0.50, 2 edits"


# --- commands ------------------------------------------------------------------------------------------------


def test_generate_and_report_write_the_page(tmp_path):
    from click.testing import CliRunner
    from standins import make_pack

    from levelforge.cli import cli

    def run(*args):
        return CliRunner().invoke(cli, [str(a) for a in args])

    make_pack(tmp_path / "pack", "platformer")
    out, pack = tmp_path / "out", tmp_path / "pack"
    made = run(
        "generate",
        "platformer",
        "-n",
        2,
        "--seed",
        3,
        "--pack",
        pack,
        "--out",
        out,
        "--report",
        "--format",
        "json",
    )
    assert made.exit_code == 0, made.output
    first = (out / "report.html").read_text()
    check(first)
    again = run("report", out, "--pack", pack, "--out", tmp_path / "again.html", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == {
        "report": str(tmp_path / "again.html"),
        "bytes": (tmp_path / "again.html").stat().st_size,
    }
    # The levels are played with the seed they were made with, so both pages show the same measures.
    cut = re.compile(r"<article.*</article>", re.DOTALL)
    assert cut.search(first)[0] == cut.search((tmp_path / "again.html").read_text())[0]
    plain = run("report", out, "--pack", pack, "--no-playtest")
    assert plain.stdout.strip() == str(out / "report.html")
    lost = run("report", tmp_path / "nowhere")
    assert (lost.exit_code, lost.stderr.count("\n")) == (2, 1)
    assert lost.stderr.startswith("error: ")


def test_the_rounds_of_a_loop_make_a_table_with_what_the_guards_said(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text('{"game": "dungeon", "seed": 0}')
    rows = ["seconds,phase,metric,value", "1,gan,beatable,0.5"]
    for n in (1, 2):
        rows += [
            f"{n}0,loop,round,{n}",
            f"{n}0,loop,beatable,0.{n}5",
            f"{n}0,loop,returned,24",
        ]
    rows.append("21,loop,rolled_back,1")
    (run / "metrics.csv").write_text("\n".join(rows) + "\n")
    (run / "log.txt").write_text(
        "2026-01-01 10:00:00 started\n2026-01-01 10:01:00 round 2 taken back (style drift)\n"
    )
    page = run_page(run)
    assert "Rounds of the loop" in page
    assert '<td class="num">0.150</td>' in page
    assert '<td class="num">yes</td>' in page
    assert "round 2 taken back (style drift)" in page
