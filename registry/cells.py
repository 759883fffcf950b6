"""Cells of CSV files: a text that a spreadsheet would compute is marked on its way out and unmarked on its way in."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def unmarked(cell: str) -> str:
    """Undo `neutral`, so that what was exported can be imported."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell
