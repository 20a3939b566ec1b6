"""Reports: a contact sheet, and one self-contained HTML page about a set of levels or a training run."""

from levelforge.report.gather import REPORT, report_folder, report_levels, write_page
from levelforge.report.sheet import caption, write_contact_sheet

__all__ = ["REPORT", "caption", "report_folder", "report_levels", "write_contact_sheet", "write_page"]
