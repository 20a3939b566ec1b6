"""Level formats behind one small protocol, and the writer of model files.

==========================  ====================================================================
name                        what it is
==========================  ====================================================================
:class:`Format`             a format: a reader, a writer or both
:func:`write_files`         writes files whole or not at all, for those who write a format
:func:`formats`             all formats at hand; :func:`get_format` one by name
:func:`read_level`          a level from a file of any readable format
:func:`read_levels`         all levels of files and folders
:func:`find_files`          the level files of files and folders
:func:`write_level`         a level to a file of any writable format
:func:`write_levels`        several levels
==========================  ====================================================================

Formats load on first use. ``docs/formats.md`` says what each carries.
"""

from levelforge.exporters.base import Format, write_files
from levelforge.exporters.registry import (
    detect,
    find_files,
    format_names,
    formats,
    get_format,
    options_of,
    read_level,
    read_levels,
    readable_extensions,
    write_level,
    write_levels,
)

__all__ = [
    "Format",
    "detect",
    "find_files",
    "format_names",
    "formats",
    "get_format",
    "options_of",
    "read_level",
    "read_levels",
    "readable_extensions",
    "write_files",
    "write_level",
    "write_levels",
]
