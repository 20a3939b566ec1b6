"""The dungeon's sprites, drawn as text: one letter a pixel, see ``PALETTE``."""

from __future__ import annotations

from tileset_art.canvas import Tile, mirrored, outlined, over, shadow, shifted, sprite

TORCH = """
..Y...
.yYy..
.yWy..
.ayya.
..aa..
.nbbn.
..bb..
..nn..
"""
BANNER = """
yyyyyy
rRRRRr
rRyyRr
rRyyRr
rRRRRr
rR..Rr
r....r
"""
MOSS = """
.G...........GG.
GGl...G.....GGlG
lG..GGlG...G.Gl.
"""
CRACK = """
.K...
.KK..
..K..
..KK.
.K.K.
"""
FLOOR_CRACK = """
..d......
..dd.....
....d.dd.
....dddi.
......d..
"""
PEBBLES = """
..ii.....
..dd.....
.........
...i.....
.....ii..
.....dd..
"""
STAIRS_UP = """
kkkkkkkkkkkkkkkk
kuUUUUUUUUUUUUuk
kuWWWWWWWWWWWWuk
kuWWWWWWWWWWWWuk
kuUUUUUUUUUUUUuk
kuvvvvvvvvvvvvuk
kuUUUUUUUUUUUUuk
kuUUUUUUUUUUUUuk
kuuuuuuuuuuuuuuk
kVkkkkkkkkkkkkVk
kVuuuuuuuuuuuuVk
kVuuuuuuuuuuuuVk
kVVVVVVVVVVVVVVk
kVkkkkkkkkkkkkVk
kVVVVVVVVVVVVVVk
kkkkkkkkkkkkkkkk
"""
STAIRS_DOWN = """
kkkkkkkkkkkkkkkk
kyYYYYYYYYYYYYyk
kykkkkkkkkkkkkyk
kykTTTTTTTTTTkyk
kykttttttttttkyk
kykkkkkkkkkkkkyk
kaknooooooooonak
kaknooooooooonak
kaknkkkkkkkkknak
kaknkbbbbbbbknak
kaknkbbbbbbbknak
kaknkkkkkkkkknak
kaknkknnnnnkknak
kaknkkkkkkkkknak
kaaaaaaaaaaaaaak
kkkkkkkkkkkkkkkk
"""
KEY = """
.yyy........
yYayy.......
yY.ayyyyyyyy
yy.aYaaaaYaY
ayyya...ya.y
.aaa....a..a
"""
DOOR = """
VVuuuuuuuuuuuuVV
vVVVVVVVVVVVVVVv
vvvvvvvvvvvvvvvv
UuUUUUUUUUUUUUuU
uVkkkkkkkkkkkkVu
uVktooktookttoVu
uVkoobkoobkoobVu
UVaaaaaaaaaaaaVU
uVktobktobkttbVu
uVkoobkoobkoobVu
uVkoobkookyyobVu
UVktobktobkyobVU
uVaaaaaaaaaaaaVu
uVkobbkobbkobbVu
uVknbnknbnknbnVu
kkkkkkkkkkkkkkkk
"""
DOOR_SIDE = """
....kuUUUUuk....
....kuVVVVuk....
....kkkkkkkk....
....kTtttttk....
....kTttoook....
....kaayyaak....
....kTttoook....
....kTttoook....
....kTttyyok....
....kTttkkok....
....kTttoook....
....kaayyaak....
....koooobbk....
....kobbbbnk....
....kobbbbnk....
....kkkkkkkk....
"""
CHEST = """
..tTTTTTTTTt..
.otttttttttto.
.oaaayyyyaaao.
obooonyynooobo
obooonyynooobo
kkkkkkYykkkkkk
ottttoyaotttto
obooookkooobbo
obooooooooobbo
aaaaaaaaaaaaaa
"""
GOLD = """
.....YYyy.....
....yaaaay....
....ayyyya....
.YYyyaaaaYYyy.
yaaaayYYyaaaay
ayyyyaaaaayyya
.aaaayyyyaaaa.
"""
GEM = """
...SSSSSSs...
..SsWWssCCC..
.SsWWsssCCCc.
.CCCCCCcccccc
..CCsCCCccc..
...CCsCccc...
....CCccc....
.....Ccc.....
"""
POTION = """
....tt....
...otto...
....WS....
....WS....
...WRRS...
..WRRRRr..
.WRpRRRRr.
.RppRRRRr.
.RRRRRRRr.
..rRRRRr..
...rrrr...
"""
SPIKES = """
................
...W.......W....
...Wk......Wk...
..kUuk....kUuk..
..kUuk....kUuk..
.kUUuvk..kUUuvk.
.kkkkkk..kkkkkk.
.......W........
.......Wk.......
..W...kUuk...W..
..Wk..kUuk...Wk.
.kUuk.UUuvk.kUuk
.kUukkUUuvkkkUuk
kUUuvkkkkkkkUUuv
kkkkkk....kkkkkk
................
"""
BAT = (
    """
M............M
MM..........MM
mMM.m....m.MMm
mMMMmM..MmMMMm
.mMMMMMMMMMMm.
.mmMMYkkYMMmm.
..m.MMMMMM.m..
.....MWWM.....
......mm......
""",
    """
.....m....m.....
.....mM..Mm.....
.MMM.MMMMMM.MMM.
mMMMMMYkkYMMMMMm
mmm.mMMMMMMm.mmm
mm....MWWM....mm
.......mm.......
""",
    """
....m....m....
....mM..Mm....
....MMMMMM....
..MMMYkkYMMM..
.MMMMMMMMMMMM.
mMMm.MWWM.mMMm
mMm...mm...mMm
mm..........mm
""",
)
GHOST = """
...SSSSSS...
..SWWWWWWS..
.SWWWWWWWWS.
.WWWWWWWWWW.
.WWkkWWkkWW.
.WWkCWWkCWW.
.WWkkWWkkWW.
.WphWWWWphW.
.WWWWkkWWWS.
.SWWWWWWWWSs
.SWWWWWWWSSs
"""
TAILS = ("sSWSsSWWSs..\n.s..s..Ss...", ".sSWSsSWWSs.\n..s..sS..s..", "..sSWWSsSWSs\n...Ss..s..s.")
HERO = """
....GGGG....
..gGGllGGg..
..GGllllGG..
..GPPPPPPG..
..GPkPPkPG..
..gPkPPkPg..
...PPPPPP...
..rRRRRRRr..
.CCCCyyCCCC.
.PCcCCCCcCP.
"""
LEGS = ("..ccc..ccc..\n..nb...bn...", "..cccc.cc...\n..nb........", "..cc.cccc...\n.......bn...")


def at(text: str, bottom: int) -> Tile:
    """A small outlined picture raised ``bottom`` pixels above the cell's foot."""
    return sprite(text, dy=-bottom + 1)


def cast(text: str, *, shade: str) -> Tile:
    """Something that lies on the floor: raised two pixels, with a shadow under it."""
    tile = sprite(text, dy=-1)
    columns = [x for x in range(16) if tile[:, x, 3].any()]
    return over(shadow(shade, columns[0] + 1, columns[-1]), tile)


def bats(shade: str) -> list[Tile]:
    """Wings up, level, down, level."""
    up, level, down = (sprite(text, dy=-4) for text in BAT)
    ground = shadow(shade, 5, 10)
    return [over(ground, frame) for frame in (up, level, down, level)]


def ghosts(shade: str) -> list[Tile]:
    """Bobbing, the tail waving."""
    ground = shadow(shade, 4, 11)
    lifts, tails = (-1, -1, 0, 0), (0, 1, 2, 1)
    return [
        over(ground, sprite(GHOST + TAILS[tail], dy=lift)) for lift, tail in zip(lifts, tails, strict=True)
    ]


def player(shade: str) -> tuple[list[Tile], list[Tile]]:
    """The hero's idle and walking frames."""
    ground = shadow(shade, 3, 12)
    stand, left, right = (sprite(HERO + legs, dy=-1) for legs in LEGS)
    breath = outlined(over(sprite(LEGS[0], outline=None, dy=-2), shifted(sprite(HERO, outline=None), 0, -3)))
    idle = [over(ground, frame) for frame in (stand, breath)]
    walk = [over(ground, frame) for frame in (left, stand, right, mirrored(stand))]
    return idle, walk
