//! Layout of a table in the width of a terminal.

use crate::client::{Screen, columns, cut};

/// Space between two columns.
const GAP: usize = 2;
/// Narrowest name column, unless even that is too wide.
const NARROW: usize = 12;
/// Narrowest name column at all.
const NARROWEST: usize = 4;

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    title: String,
    /// Names are on the left and can be shortened, numbers are on the right.
    is_name: bool,
    /// Columns with a larger number are left out first; those with 0 never.
    expendable: u8,
    cells: Vec<String>,
}

impl Column {
    pub(super) fn name(title: String) -> Self {
        Self { title, is_name: true, expendable: 0, cells: Vec::new() }
    }

    pub(super) fn number(title: &str, expendable: u8) -> Self {
        Self { title: title.into(), is_name: false, expendable, cells: Vec::new() }
    }

    pub(super) fn push(&mut self, cell: String) {
        self.cells.push(cell);
    }

    fn natural(&self) -> usize {
        self.cells.iter().map(|cell| columns(cell)).chain([columns(&self.title)]).max().unwrap_or(0)
    }

    fn shown(&self, cell: &str, width: usize) -> String {
        let cell = cut(cell, width);
        let space = " ".repeat(width - columns(&cell));
        if self.is_name { format!("{cell}{space}") } else { format!("{space}{cell}") }
    }
}

/// Lines of the table, the titles first.
pub(super) fn lines(mut all: Vec<Column>, screen: Screen) -> Vec<String> {
    let widths = fitted(&mut all, screen.width);
    let rows = all.first().map_or(0, |column| column.cells.len());
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<String> =
            all.iter().zip(&widths).map(|(column, width)| column.shown(&cell(column), *width)).collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let titles = line(&|column| column.title.clone());
    let rows = (0..rows).map(|row| line(&|column| column.cells[row].clone()));
    std::iter::once(titles).chain(rows).collect()
}

/// Widths of the columns. Names are shortened first, then columns are left out, then names are shortened further.
fn fitted(all: &mut Vec<Column>, screen: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = all.iter().map(Column::natural).collect();
    let Some(screen) = screen else { return widths };
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let excess = total(&widths).saturating_sub(screen);
    shorten(all, &mut widths, excess, NARROW);
    while total(&widths) > screen {
        let last = all
            .iter()
            .enumerate()
            .filter(|(_, column)| column.expendable > 0)
            .max_by_key(|(_, column)| column.expendable);
        let Some((position, _)) = last else { break };
        all.remove(position);
        widths.remove(position);
    }
    let excess = total(&widths).saturating_sub(screen);
    shorten(all, &mut widths, excess, NARROWEST);
    // Columns that were left out may have made room again.
    for (column, width) in all.iter().zip(0..).filter(|(column, _)| column.is_name) {
        let room = screen.saturating_sub(total(&widths));
        widths[width] += room.min(column.natural() - widths[width]);
    }
    widths
}

/// Takes so many columns from the widest names.
fn shorten(all: &[Column], widths: &mut [usize], mut excess: usize, least: usize) {
    while excess > 0 {
        let names = all.iter().zip(widths.iter_mut()).filter(|(column, _)| column.is_name).map(|(_, width)| width);
        let Some(widest) = names.max().filter(|width| **width > least) else { return };
        *widest -= 1;
        excess -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(name: &str) -> Vec<Column> {
        let mut all = vec![
            Column::name("USER".into()),
            Column::number("HOURS", 0),
            Column::number("LESS", 2),
            Column::number("MORE", 1),
        ];
        for (column, cell) in all.iter_mut().zip([name, "12.00", "3", "4"]) {
            column.push(cell.into());
        }
        all
    }

    fn at(name: &str, width: Option<usize>) -> Vec<String> {
        lines(table(name), Screen { width, coloured: false })
    }

    #[test]
    fn names_shortened_before_columns_are_left_out() {
        let name = "a".repeat(20);
        assert_eq!(at("bob", None), ["USER  HOURS  LESS  MORE", "bob   12.00     3     4"]);
        assert_eq!(at(&name, None)[1], format!("{name}  12.00     3     4"));
        assert_eq!(at(&name, Some(35))[1], "aaaaaaaaaaaaaaa…  12.00     3     4");
        assert_eq!(at(&name, Some(26))[1], "aaaaaaaaaaaa…  12.00     4");
        assert_eq!(at(&name, Some(19))[1], "aaaaaaaaaaa…  12.00");
        assert_eq!(at(&name, Some(12))[1], "aaaa…  12.00");
        assert_eq!(at(&name, Some(3))[1], "aaa…  12.00", "nothing more can be left out");
    }

    proptest! {
        #[test]
        fn lines_fit_every_terminal(name in "[a-z研]{0,40}", width in 11_usize..60) {
            for line in at(&name, Some(width)) {
                prop_assert!(columns(&line) <= width, "{:?}", line);
            }
        }
    }
}
