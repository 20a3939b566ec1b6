"""LDtk projects (JSON 1.5.3)."""

from levelforge.exporters.base import Format
from levelforge.exporters.ldtk_read import claims, read
from levelforge.exporters.ldtk_write import write, write_set

FORMAT_LDTK = Format(
    name="ldtk",
    title="LDtk project: IntGrid, pictures, entities; several levels as a world",
    extensions=(".ldtk",),
    read=read,
    write=write,
    write_set=write_set,
    claims=claims,
    tested="LDtk's JSON Schema 1.5.3, Excalibur 0.32",
    limits="levels within the project file; other layers and fields of entities are not kept; "
    "up to 512 tiles a side, 32 MiB a file",
)
