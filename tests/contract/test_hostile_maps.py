"""Tiled maps that people edited, that tools damaged, and that were made to do harm."""

import base64
import itertools
import json
import os
import tracemalloc
import zlib

import numpy as np
import pytest

from levelforge import exporters
from levelforge.errors import LevelForgeError
from levelforge.exporters import tiled_sets
from levelforge.game import load_game
from levelforge.level import Level, parse_text

GAME = load_game("dungeon")


@pytest.fixture
def level():
    return Level(GAME, parse_text("######\n#@k..#\n#..D>#\n#b^$!#\n######\n", GAME), id="tiny")


@pytest.fixture
def tmj(level, tmp_path):
    return exporters.write_level(level, "tmj", tmp_path)[0]


@pytest.fixture
def tmx(level, tmp_path):
    return exporters.write_level(level, "tmx", tmp_path)[0]


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def refused(path, words):
    with pytest.raises(LevelForgeError) as error:
        exporters.read_level(path)
    text = str(error.value)
    assert words in text
    assert "\n" not in text
    assert len(text) < 600
    assert path.name in text


# --- edited by people -------------------------------------------------------------------------------


def test_flips_do_not_change_what_a_picture_means(tmj, level):
    def flip(data):
        data["layers"][0]["data"] = [g | 0x80000000 >> i % 3 for i, g in enumerate(data["layers"][0]["data"])]
        for thing in data["layers"][1]["objects"]:
            thing["gid"] |= 0x60000000
            del thing["type"]  # the picture alone says what it is

    assert exporters.read_level(edit(tmj, flip)).same_as(level)


def test_objects_snap_to_the_cell_at_their_middle(tmj, level):
    def nudge(data):
        for thing in data["layers"][1]["objects"]:
            thing["x"] += 5.5
            thing["y"] -= 7

    assert exporters.read_level(edit(tmj, nudge)).same_as(level)


def test_objects_without_a_picture_count_by_their_type(tmj, level):
    def redraw(data):
        for thing in data["layers"][1]["objects"]:
            del thing["gid"]
            thing["y"] -= thing["height"]  # a rectangle hangs from its top left corner

    assert exporters.read_level(edit(tmj, redraw)).same_as(level)


def test_decoration_groups_and_unknown_properties_are_lived_with(tmj, level):
    def decorate(data):
        data["layers"] = [{"type": "group", "name": "all", "layers": data["layers"]}]
        data["layers"].append({"type": "imagelayer", "name": "sky", "image": "../../etc/passwd"})
        data["tilesets"].append(
            {"firstgid": 5000, "name": "deco", "tilecount": 4, "tiles": [], "image": "/etc/passwd"}
        )
        extra = {"type": "tilelayer", "name": "deco", "width": 6, "height": 5, "data": [0] * 29 + [5001]}
        data["layers"].append(extra)
        lamp = {"id": 99, "name": "lamp", "type": "lamp", "x": -500, "y": 0, "point": True}
        data["layers"].append({"type": "objectgroup", "name": "lights", "objects": [lamp]})
        data["properties"].append({"name": "mood", "type": "string", "value": "grim"})

    back = exporters.read_level(edit(tmj, decorate))
    assert back.same_as(level)
    assert back.extra["mood"] == "grim"
    assert set(back.extra) == {"mood", "tiled_kept"}


@pytest.mark.parametrize("odd", [[1], {}, None, "x", 1.5, True, -1, 2**70])
def test_ids_and_references_of_any_kind_are_lived_with(odd, tmj, level, tmp_path):
    def refer(data):
        pointer = {"name": "points", "type": "object", "value": odd}
        data["layers"][1]["objects"][0]["properties"].append(pointer)
        area = {"id": odd, "type": "area", "x": 0, "y": 0, "properties": [pointer]}
        data["layers"].append(
            {"type": "objectgroup", "name": "z", "properties": [pointer], "objects": [area]}
        )
        data["properties"].append(pointer | {"name": "kind", "type": odd, "propertytype": odd})

    back = exporters.read_level(edit(tmj, refer))
    assert back.same_as(level)
    for path in exporters.write_level(back, "tiled", tmp_path, "again"):
        assert exporters.read_level(path).same_as(level)


def test_entities_painted_into_a_tile_layer_count(tmj, level):
    def paint(data):
        things, data["layers"][1]["objects"] = data["layers"][1]["objects"], []
        for thing in things:
            data["layers"][0]["data"][(thing["y"] // 16 - 1) * 6 + thing["x"] // 16] = thing["gid"]

    assert exporters.read_level(edit(tmj, paint)).same_as(level)


def test_gzip_uncompressed_and_element_data_are_read(tmj, tmx, level):
    raw = np.array(json.loads(tmj.read_text())["layers"][0]["data"], "<u4")
    for name, packed in (
        ("", raw.tobytes()),
        ("gzip", zlib_gzip(raw.tobytes())),
        ("zlib", zlib.compress(raw)),
    ):

        def change(data, name=name, packed=packed):
            text = base64.b64encode(packed).decode()
            data["layers"][0] |= {"encoding": "base64", "compression": name, "data": text}

        assert exporters.read_level(edit(tmj, change)).same_as(level)
    text = tmx.read_text()
    start, end = text.index("<data"), text.index("</data>")
    cells = "".join(f'<tile gid="{gid}"/>' for gid in raw)
    tmx.write_text(text[:start] + "<data>" + cells + text[end:])
    assert exporters.read_level(tmx).same_as(level)


def zlib_gzip(data):
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


# --- damaged ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(infinite=True), "an infinite map; switch"),
        (lambda d: d.update(orientation="isometric"), "only orthogonal"),
        (lambda d: d.update(width=100_000, height=100_000), "whole number from 1 to 512"),
        (lambda d: d.update(width=-3), "whole number from 1 to 512"),
        (lambda d: d.update(width="6"), "whole number from 1 to 512"),
        (lambda d: d.update(layers=[]), "no tile layer"),
        (lambda d: d.update(layers=[1]), "a layer is not an object"),
        (lambda d: d.update(layers={}), "not a Tiled map"),
        (lambda d: d.update(tilewidth=0), "tilewidth"),
        (lambda d: d.update(tilesets=3), "tilesets must be a list"),
        (lambda d: d["layers"][0].update(width=7), "not as large as the map"),
        (lambda d: d["layers"][0]["data"].pop(), "data has 29 tiles"),
        (lambda d: d["layers"][0].update(data=None), "data has no tiles"),
        (lambda d: d["layers"][0]["data"].__setitem__(7, 99999), "gid 99999 at column 1, row 1"),
        (lambda d: d["layers"][0]["data"].__setitem__(7, -1), "tile numbers must be"),
        (lambda d: d["layers"][0]["data"].__setitem__(7, 2**40), "tile numbers must be"),
        (lambda d: d["layers"][0]["data"].__setitem__(7, "x"), "tile numbers must be"),
        (lambda d: d["layers"][0].update(encoding="rot13"), "unknown encoding"),
        (lambda d: d["layers"][0].update(encoding="base64", data="?!"), "not base64"),
        (
            lambda d: d["layers"][0].update(encoding="base64", compression="zlib", data="AAAA"),
            "not valid zlib",
        ),
        (
            lambda d: d["layers"][0].update(encoding="base64", compression="zstd", data="AAAA"),
            "not valid zstd",
        ),
        (
            lambda d: d["layers"][0].update(encoding="base64", compression="lzma", data="AAAA"),
            "unknown compression",
        ),
        (
            lambda d: d["layers"][0].update(encoding="base64", compression="", data="AAAA"),
            "does not hold the 30",
        ),
        (lambda d: d["layers"][1]["objects"][0].update(x=1e6), "lies outside the map"),
        (lambda d: d["layers"][1]["objects"][0].update(x="1"), "must be a number"),
        (lambda d: d["layers"][1]["objects"][0].update(gid=-5), "must be a whole number"),
        (lambda d: d["layers"][1]["objects"].append(d["layers"][1]["objects"][0]), "shares the cell"),
        (lambda d: d["tilesets"][0].update(firstgid=-1), "firstgid"),
        (lambda d: d["tilesets"][0].update(tilecount=10**9), "at most"),
        (lambda d: d["tilesets"][0]["tiles"][0].update(id=-1), "tile id"),
        (lambda d: [t.update(properties=[], type="lava") for t in d["tilesets"][0]["tiles"]], "shows 'lava'"),
        (
            lambda d: [t.update(properties=[], type="") for t in d["tilesets"][0]["tiles"]],
            "stands for no tile",
        ),
        (
            lambda d: d["properties"].append({"name": "difficulty", "value": "hard"}),
            "difficulty must be a number",
        ),
        (
            lambda d: d["properties"].append({"name": "difficulty_ci_low", "value": 0.1}),
            "must be given together",
        ),
        (lambda d: d["properties"].append({"name": "extra", "value": "["}), "extra must hold a JSON object"),
        (lambda d: d["properties"].append({"value": 3}), "a property without a name"),
        (
            lambda d: d["properties"].append({"name": "solution", "value": "U" * (2**20 + 1)}),
            "solution is longer than 1048576 actions",
        ),
    ],
    ids=itertools.count(),
)
def test_a_damaged_map_is_refused_in_one_line(change, words, tmj):
    refused(edit(tmj, change), words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<map version="1.10"', '<map version="1.10" infinite="1"', "not valid XML"),  # the attribute twice
        ('infinite="0"', 'infinite="1"', "an infinite map"),
        (
            'width="6" height="5" tilewidth',
            'width="100000" height="100000" tilewidth',
            "whole number from 1 to 512",
        ),
        ('width="6" height="5">', 'width="x" height="5">', "must be a number"),
        ('width="6" height="5">', 'width="99999999" height="99999999">', "from 1 to 512"),
        ('encoding="csv"', 'encoding="ini"', "unknown encoding"),
        ("</map>", "", "not valid XML"),
        ("<map ", "<mop ", "not valid XML"),
        ('encoding="UTF-8"', 'encoding="UTF-7"', "save it as UTF-8"),
    ],
)
def test_damaged_xml_is_refused_in_one_line(old, new, words, tmx):
    text = tmx.read_text()
    assert old in text
    tmx.write_text(text.replace(old, new, 1))
    refused(tmx, words)


# --- hostile ------------------------------------------------------------------------------------------


def test_entities_are_never_expanded_or_fetched(tmx, tmp_path):
    (tmp_path / "secret").write_text("s3cret")
    body = tmx.read_text().split("\n", 1)[1]
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    for doctype in (
        f'<!DOCTYPE map [<!ENTITY l0 "ha">{laughs}]>',
        f'<!DOCTYPE map [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>',
        '<!DOCTYPE map SYSTEM "http://127.0.0.1:9/map.dtd">',
    ):
        tmx.write_text(f'<?xml version="1.0"?>\n{doctype}\n{body}')
        refused(tmx, "document type")
    tmx.write_bytes(f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE map>\n{body}'.encode("utf-16"))
    refused(tmx, "not")


def test_bombs_stay_small(tmj):
    pytest.importorskip("zstandard")
    import zstandard

    zeros = bytes(64 * 2**20)
    for name, packed in (("zlib", zlib.compress(zeros, 9)), ("zstd", zstandard.compress(zeros))):
        text = base64.b64encode(packed).decode()
        edit(tmj, lambda d, n=name, t=text: d["layers"][0].update(encoding="base64", compression=n, data=t))
        tracemalloc.start()
        refused(tmj, "does not hold the 30 tiles")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 * 2**20


def test_endless_csv_is_counted_before_it_is_split(tmj):
    edit(tmj, lambda d: d["layers"][0].update(encoding="csv", data="10," * 1_000_000))
    tracemalloc.start()
    refused(tmj, "data has 1000001 tiles where a 6x5 layer has 30")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


@pytest.mark.parametrize("name", ["tmj", "tmx"])
def test_many_small_bombs_are_no_better_than_one(name, tmp_path):
    """A layer of zeros is 1 MiB unpacked and next to nothing in its file; only all layers together have a limit."""
    zeros = base64.b64encode(zlib.compress(bytes(4 * 512 * 512), 9)).decode()
    path = tmp_path / f"many.{name}"
    sides = {"width": 512, "height": 512}
    layer = sides | {"type": "tilelayer", "name": "x", "encoding": "base64", "compression": "zlib"}
    layers, attributes = [layer | {"data": zeros}] * 65, 'width="512" height="512"'
    head = {"tilewidth": 16, "tileheight": 16, "tilesets": []}
    game = {"name": "game", "type": "string", "value": "dungeon"}
    text = json.dumps(sides | head | {"properties": [game], "layers": layers})
    if name == "tmx":
        data = f'<data encoding="base64" compression="zlib">{zeros}</data>'
        text = f'<layer name="x" {attributes}>{data}</layer>' * 65
        text = f'<properties><property name="game" value="dungeon"/></properties>{text}'
        text = f'<map {attributes} tilewidth="16" tileheight="16">{text}</map>'
    path.write_text(text)
    tracemalloc.start()
    refused(path, "has 65 tile layers; a map of 512x512 tiles may have up to 64")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_many_forged_layers_are_kept_as_text_and_not_unpacked(level, tmp_path):
    zeros = base64.b64encode(zlib.compress(bytes(4 * 512 * 512), 9)).decode()
    layer = {"type": "tilelayer", "place": "above", "width": 512, "height": 512, "data": zeros}
    forged = {"own": 1, "tilesets": [], "entities": [], "layers": [layer] * 65}
    (path,) = exporters.write_level(level.with_(extra={"tiled_kept": forged}), "tmj", tmp_path)
    assert [each["name"] for each in json.loads(path.read_text())["layers"]] == ["terrain", "entities"]
    assert exporters.read_level(path).extra["tiled_kept"] == forged


def test_a_world_names_each_map_once(level, tmp_path):
    exporters.write_level(level, "tmx", tmp_path)
    (tmp_path / "link.tmx").symlink_to("tiny.tmx")
    path = tmp_path / "w.world"
    for second in ("tiny.tmx", "./tiny.tmx", "link.tmx"):
        maps = [{"fileName": name, "x": 0, "y": 0} for name in ("tiny.tmx", second)]
        path.write_text(json.dumps({"maps": maps, "type": "world"}))
        with pytest.raises(LevelForgeError, match=f"lists map '{second}' twice; remove one"):
            exporters.read_levels([path])


def test_one_tileset_named_many_times_is_read_once(level, tmp_path, monkeypatch):
    (path,) = exporters.write_level(level, "tmj", tmp_path, tileset="external")
    read = []
    real = tiled_sets.load_json
    monkeypatch.setattr(tiled_sets, "load_json", lambda file: read.append(file) or real(file))

    def repeat(data, count):
        data["tilesets"] = [{"firstgid": 1 + 900 * n, "source": "dungeon.tsj"} for n in range(count)]

    assert exporters.read_level(edit(path, lambda d: repeat(d, 1000))).same_as(level)
    assert len(read) == 1
    refused(edit(path, lambda d: repeat(d, 1001)), "has 1001 tilesets; up to 1000 are read")


def test_deep_json_is_refused(tmp_path):
    path = tmp_path / "deep.tmj"
    path.write_text("[" * 100_000)
    refused(path, "nested too deeply")
    groups = json.loads('{"type":"group","layers":[' * 200 + "]}" * 200)
    path.write_text(
        json.dumps({"width": 2, "height": 2, "layers": [groups], "tilesets": [], "properties": []})
    )
    with pytest.raises(LevelForgeError, match="more than 32 deep"):
        exporters.read_level(path, GAME)


def test_large_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "large.tmj"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**30)
    refused(path, "larger than 32 MiB")


@pytest.mark.parametrize(
    "source",
    [
        "../secret.tsj",
        "/etc/passwd",
        "a/../../secret.tsj",
        "..\\secret.tsj",
        "",
        None,
        [1],
        "\x00",
        "\ud800",
        "x" * 300,
    ],
)
def test_tilesets_outside_the_folder_are_never_read(source, level, tmp_path):
    (tmp_path / "secret.tsj").write_text("{}")
    (path,) = exporters.write_level(level, "tmj", tmp_path / "maps", tileset="external")
    edit(path, lambda d: d["tilesets"][0].update(source=source))
    refused(path, "lies outside the map's folder")


def test_a_link_out_of_the_folder_is_not_followed(level, tmp_path):
    (path,) = exporters.write_level(level, "tmj", tmp_path / "maps", tileset="external")
    (tmp_path / "maps" / "dungeon.tsj").rename(tmp_path / "dungeon.tsj")
    (tmp_path / "maps" / "dungeon.tsj").symlink_to(tmp_path / "dungeon.tsj")
    refused(path, "lies outside the map's folder")


def test_a_missing_tileset_is_named(level, tmp_path):
    for name in ("tmj", "tmx"):
        (path,) = exporters.write_level(level, name, tmp_path, tileset="external")
        next(tmp_path.glob("dungeon.ts*")).unlink()
        refused(path, "is missing")


def test_random_damage_never_ends_in_a_traceback(level, tmp_path):
    rng = np.random.default_rng(5)
    for name in ("json", "text", "tmj", "tmx", "ldtk"):
        (path,) = exporters.write_level(level, name, tmp_path / name)
        good = np.frombuffer(path.read_bytes(), np.uint8)
        head = good[:3000], good[-3000:]
        for _ in range(40):
            data = np.concatenate(head) if rng.random() < 0.2 else good.copy()
            at = rng.integers(0, data.size, 4)
            data[at] = rng.integers(0, 256 if rng.random() < 0.5 else 128, 4)
            path.write_bytes(data.tobytes())
            assert "\n" not in complaint(path)


def complaint(path):
    """What reading a file says against it, if anything; any other exception goes on."""
    try:
        exporters.read_level(path)
    except LevelForgeError as error:
        return str(error)
    return ""
