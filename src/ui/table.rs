//! Cells that stand below each other.

use super::text::{pad, width};

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells. A column is as wide as its widest cell, where colours take no room; one without a word is left out.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Widths that the first columns have at least.
    least: &'static [usize],
    /// The column whose cells end below each other.
    right: Option<usize>,
}

impl Table {
    pub(crate) fn with_least(least: &'static [usize]) -> Table {
        Table { least, ..Table::default() }
    }

    #[must_use]
    pub(crate) fn with_right(mut self, column: usize) -> Table {
        self.right = Some(column);
        self
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// A line for each row.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
            cells.chain(self.least.get(column).copied()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().filter(|(column, _)| widths[*column] > 0);
            let cells = cells.map(|(column, cell)| {
                if self.right == Some(column) {
                    format!("{}{cell}", " ".repeat(widths[column] - width(cell)))
                } else {
                    pad(cell, widths[column])
                }
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_seen_of_their_cells() {
        let mut table = Table::with_least(&[0, 6]).with_right(2);
        table.row(["\u{1b}[1mone\u{1b}[0m", "a", "7", "", "x"].map(str::to_owned));
        table.row(["three", "世界", "1234", "", ""].map(str::to_owned));
        assert_eq!(table.lines(), ["\u{1b}[1mone\u{1b}[0m    a          7  x", "three  世界    1234"]);
    }
}
