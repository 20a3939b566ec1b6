"""The platformer's sprites, drawn as text: one letter a pixel, see ``PALETTE``."""

from __future__ import annotations

from tileset_art.canvas import Tile, outlined, over, paint, shifted, sprite

TUFT = """
..l.........
..G..l...l..
l.Gl.G.l.Gl.
GlGG.GlG.GGl
"""
TUFT_LOW = """
.l.......l....
.G.l...l.G..l.
lGlG...GlGl.Gl
"""
FLOWER = """
..WW........
.WyyW.......
..WW....l...
..G..l..G...
.lG..Gl.Gl..
"""
FLOWERS = """
.......pRp....
.......RyR....
...pp...R.....
..pyyp..G.....
...pp..lG.....
...G.l..G..l..
..lG.G.lG.lG..
"""
BUSH = """
......GGGG......
....GGlLLlGG....
...GlLlllllGGGG.
..GGllllGllGlLlG
.GlLlGlllllGllGG
.GllllllGllllllG
GGlGlllGGlGGllGg
gGGGGlGGGGgGGGgg
ggGggGGgggggGggg
"""
MUSHROOM = """
.....TTt.......
....TtttT...l..
....otttb..lG..
.l....W...G.l..
.Gl..TW..TTo...
lGlG..W...W.lG.
"""
STONES = """
.....nn....
....noon...
.nn..nn....
noon.......
.nn....nn..
......noon.
.......nn..
"""
BONE = """
.o.......o.
oobbbbbbboo
.ooooooooo.
ob.......bo
"""
ROOTS = """
...nn......
....n..nn..
.nn.nnn....
...nn......
.....n.nn..
.....nnn...
"""
BALL = """
......U......
......W......
..U..UUU..U..
...UUuuuUU...
...UWUuuvu...
..UUUuuvvuu..
UWUuuuuvvvuUW
..uuuuvvvvu..
...uvvvvvv...
...uuvvvuu...
..u..uvu..u..
......u......
......u......
"""
SIGN = """
.ttTTTTTTTtt.
otTTTTTTTTTto
otTTTTrTTTTto
otTTTTrrTTTto
otTrrrrrrTTto
otTTTTrrTTTto
otTTTTrTTTTto
obttttttttTbo
.bboooooobbb.
.....tob.....
.....tob.....
.....tob.....
...l.tob.l...
..lGGtobGGl..
"""
FLAG_POLE = """
yY..........
ya..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
WU..........
UVV.........
"""
CLOTHS = (
    """
..RRRp......
..RRRRRpp...
..RRYRRRRRR.
..RRYYRRRRRR
..RRYRRRRRr.
..RRRRrrr...
..rrrr......
""",
    """
..pp........
..RRRp..pp..
..RRRRRRRRR.
..RRYRRRRRRR
..RRYYRRRRr.
..RrYRrrr...
..rrr.......
""",
    """
..RRRpp.....
..RRRRRRp...
..RRYRRRRRpp
..RRYYRRRRRR
..RRYRRRRRr.
..rrrRRRr...
.....rrr....
""",
)
COINS = (
    """
...yyyy...
.yyYYYyyy.
.yYYyyyya.
yYYyaayyya
yYyyYaayya
yYyyYaayya
yYyyYaayaa
yyyyYYyyaa
.yyyyyyaa.
.yyyyyaaa.
...aaaa...
""",
    """
..yyyy..
.yYYyya.
.yYyyya.
yYYyayya
yYyYaaya
yYyYaaya
yYyYaaya
yyyYYyaa
.yyyyaa.
.yyyaaa.
..aaaa..
""",
    """
.yy.
.Yy.
yYya
yYya
yYya
yYya
yYya
yYya
yYaa
.ya.
.aa.
""",
)
HEART = """
..RR...RR..
.RppR.RRRR.
RpWpRRRRRRr
RpWRRRRRRRr
RpRRRRRRRRr
RRRRRRRRRRr
.RRRRRRRRr.
..RRRRRRr..
...RRRRr...
....RRr....
.....r.....
"""
WALKER = """
......ll......
.....lG.......
...hhMMMMm....
..hhMMMMMMm...
.hhMMMMMMMMm..
.hMWWMMMWWMm..
.MMWkMMMWkMm..
.MMWkMMMWkMm..
.MhMMMMMMMhm..
.mMMMkkkMMMm..
..mMMMMMMmm...
"""
FEET = ("..oo......oo..", "...oo....oo...", "....oo.oo.....", "...oo....oo...")
HEAD = """
....GGGG....
..gGlllGG...
.gGllLllGG..
.gGGPPPPPG..
.gGPPPkPkG..
.gGPPPkPk...
..gPPPPpP...
"""
BODY = """
.rRRRRRRR...
rRCCCCCyCC..
r.PcCCCyCP..
...cccccc...
"""
BODY_SWING = """
.rRRRRRRR...
rRCCCCCyCCP.
r.PcCCCyC...
...cccccc...
"""
STAND, STRIDE, PASSING, LEAP = (
    "...cc.cc....\n...nb.nbb...",
    "..cc...cc...\n.nb.....nbb.",
    "....ccc.....\n....nnbb....",
    ".ncc...ccb..\n.n......bb..",
)


def spikes() -> Tile:
    """Three steel points on a bar, standing."""

    def color(x: int, y: int) -> str | None:
        rise = 14 - y
        if rise <= 0:
            return "v" if rise == 0 and 0 < x < 15 else None
        for centre, tall in ((3, 9), (8, 11), (12, 8)):
            if abs(x - centre) <= 2.3 * (1 - rise / tall) + 0.2 and rise < tall:
                return "W" if x < centre else "U" if x == centre else "u"
        return None

    return outlined(paint(color))


def flags() -> list[Tile]:
    """A pole with a waving cloth."""
    pole = sprite(FLAG_POLE, outline=None, dy=-1)
    return [
        outlined(over(shifted(sprite(cloth, outline=None), 0, -7), pole)) for cloth in (*CLOTHS, CLOTHS[1])
    ]


def coins() -> list[Tile]:
    """Turning: wide, narrower, edge on, narrower."""
    wide, narrow, edge = (sprite(text, dy=-1) for text in COINS)
    return [wide, narrow, edge, narrow]


def hearts() -> list[Tile]:
    """Beating, gently."""
    return [sprite(HEART, dy=-1), sprite(HEART, dy=-2)]


def walkers() -> list[Tile]:
    """Trotting: the feet pass under a body that bobs."""
    frames = []
    for i, feet in enumerate(FEET):
        body = shifted(sprite(WALKER, outline=None), 0, -2 - (i % 2))
        frames.append(outlined(over(sprite(feet + "\n" + feet.replace("o", "b"), outline=None, dy=-1), body)))
    return frames


def player() -> dict[str, list[Tile]]:
    """The runner's frames, facing right."""

    def figure(body: str, legs: str, lift: int = 0) -> Tile:
        parts = "\n".join(part.strip("\n") for part in (HEAD, body, legs))
        return sprite(parts, dy=-lift)

    stand = figure(BODY, STAND)
    breath = outlined(
        over(
            shifted(sprite(BODY.strip("\n") + "\n" + STAND, outline=None), 0, -1),
            shifted(sprite(HEAD, outline=None), 0, -6),
        )
    )
    return {
        "idle": [stand, breath],
        "walk": [
            figure(BODY_SWING, STRIDE),
            figure(BODY, PASSING, 1),
            figure(BODY, STRIDE),
            figure(BODY, PASSING, 1),
        ],
        "jump": [figure(BODY_SWING, LEAP, 1)],
        "climb": [stand, figure(BODY_SWING, PASSING)],
    }
