//! Standard output as a command sees it: its width, and whether it shows colours.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use crate::cli::Color;

/// Standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns of the terminal; none for a pipe or a file, where lines are as long as they need.
    pub(crate) width: Option<usize>,
    /// With colours.
    pub(crate) coloured: bool,
}

impl Screen {
    /// Standard output, with colours as wished.
    pub(crate) fn of(color: Color) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| is_terminal);
        let is_given = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let coloured = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !is_given("NO_COLOR") && !is_dumb,
        };
        let width = size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0);
        Self { width, coloured }
    }

    /// Text in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Text of less weight.
    pub(crate) fn dim(self, text: &str) -> String {
        self.styled("2", text)
    }

    fn styled(self, style: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{style}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Columns that a text takes on a terminal: ideographs and pictures take two, and combining marks none.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Text in at most so many columns, the last of them `…` if something is left out.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.into();
    }
    let mut left = width.saturating_sub(1);
    let kept = text.chars().take_while(|character| {
        let fits = columns_of(*character) <= left;
        left = left.saturating_sub(columns_of(*character));
        fits
    });
    kept.chain(['…']).collect()
}

const fn columns_of(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_characters_counted_twice() {
        for (text, width) in [("alice", 5), ("é", 1), ("e\u{301}", 1), ("研究", 4), ("🚀", 2), ("", 0)] {
            assert_eq!(columns(text), width, "{text}");
        }
        assert_eq!([cut("alice", 5), cut("alice", 4), cut("研究室", 4), cut("a", 0)], ["alice", "ali…", "研…", "…"]);
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in "[a-z研\u{301}🚀]{0,20}", width in 1_usize..24) {
            prop_assert!(columns(&cut(&text, width)) <= width);
        }
    }
}
