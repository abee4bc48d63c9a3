//! The two parameters of `/status`, parsed as the original's Python does.
//!
//! The cost is linear in the length and at most 256 indices are kept, so a query of 64 KiB costs little, whatever it
//! contains.

use http_server::percent;

/// Maximum number of indices. Duplicates are answered as often as requested, so without a limit one short request could
/// produce a gigabyte.
const MAX_INDICES: usize = 256;

/// A parsed query of `/status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusQuery {
    /// Positions in the list of GPUs, in the requested order, with duplicates; `None` for all.
    pub(crate) gpus: Option<Vec<usize>>,
    /// The process filter.
    pub(crate) processes: Filter,
}

/// The process filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All processes.
    All,
    /// Processes in the compute list, including those that are in both lists.
    Compute,
    /// Processes in the graphics list, including those that are in both lists.
    Graphics,
    /// No process: none has the type `NA`.
    Nothing,
}

/// The invalid parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryError {
    /// `idx`.
    Index,
    /// `process`.
    Process,
}

/// Parses a query string on a host with `count` GPUs. `idx` is checked before `process`.
pub(crate) fn parse(query: &str, count: usize) -> Result<StatusQuery, QueryError> {
    let query = query.as_bytes();
    let gpus = last(query, b"idx").map(|raw| indices(raw, count).ok_or(QueryError::Index)).transpose()?;
    let processes = last(query, b"process").map_or(Some(Filter::All), filter).ok_or(QueryError::Process)?;
    Ok(StatusQuery { gpus, processes })
}

/// The raw value of the last parameter of this name; empty if it has no `=`.
fn last<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.rsplit(|byte| *byte == b'&').filter(|field| !field.is_empty()).find_map(|field| {
        let mut halves = field.splitn(2, |byte| *byte == b'=');
        let key = halves.next().unwrap_or_default();
        (*percent::decode_query(key) == *name).then(|| halves.next().unwrap_or_default())
    })
}

fn filter(raw: &[u8]) -> Option<Filter> {
    match &*percent::decode_query(raw) {
        b"" => Some(Filter::All),
        b"C" => Some(Filter::Compute),
        b"G" => Some(Filter::Graphics),
        b"NA" => Some(Filter::Nothing),
        _ => None,
    }
}

fn indices(raw: &[u8], count: usize) -> Option<Vec<usize>> {
    let decoded = percent::decode_query(raw);
    let mut indices = Vec::new();
    for part in decoded.split(|byte| *byte == b',') {
        if indices.len() == MAX_INDICES {
            return None;
        }
        indices.push(integer(part).filter(|index| *index < count)?);
    }
    Some(indices)
}

/// Parses an integer of zero or more as Python's `int()` reads ASCII: white space around it (C's, without Python's
/// `\x1c` to `\x1f`), one sign, leading zeros, single underscores between digits. Values beyond `usize` saturate, and
/// no GPU has that index.
fn integer(part: &[u8]) -> Option<usize> {
    let part = trim(part);
    let (negative, digits) = match part {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut value: usize = 0;
    let mut after_digit = false;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return None,
        }
    }
    // It must end in a digit, and "-0" is 0.
    (after_digit && !(negative && value > 0)).then_some(value)
}

fn trim(part: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = part.iter().position(|byte| !space(byte)).unwrap_or(part.len());
    let end = part.iter().rposition(|byte| !space(byte)).map_or(start, |last| last + 1);
    &part[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gpus(query: &str) -> Result<Option<Vec<usize>>, QueryError> {
        parse(query, 12).map(|query| query.gpus)
    }

    fn processes(query: &str) -> Result<Filter, QueryError> {
        parse(query, 12).map(|query| query.processes)
    }

    #[test]
    fn indices_parsed_as_recorded() {
        for (query, expected) in [
            ("", None),
            ("&&other=1;idx=2", None),
            ("idx=0", Some(vec![0])),
            ("idx=1,0,1", Some(vec![1, 0, 1])),
            ("idx=%201", Some(vec![1])),
            ("idx=+1+,0", Some(vec![1, 0])),
            ("idx=%2B1", Some(vec![1])),
            ("idx=00", Some(vec![0])),
            ("idx=-0", Some(vec![0])),
            ("idx=%09%0a%0b%0C%0d1%20%0b", Some(vec![1])),
            ("idx=1_1,0_0,1_0", Some(vec![11, 0, 10])),
            ("idx=1%2C0", Some(vec![1, 0])),
            ("i%64x=3", Some(vec![3])),
            ("idx=0&idx=1", Some(vec![1])),
            ("idx=a&idx=1&", Some(vec![1])),
            ("IDX=a", None),
            ("idx =a", None),
        ] {
            assert_eq!(gpus(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn indices_rejected_as_recorded() {
        for query in [
            "idx=",
            "idx",
            "idx=12",
            "idx=-1",
            "idx=a",
            "idx=0,,1",
            "idx=0,",
            "idx=,0",
            "idx=1.0",
            "idx=+%2B+1",
            "idx=%2B+1",
            "idx=--0",
            "idx=_1",
            "idx=1_",
            "idx=1__1",
            "idx=%2B_1",
            "idx=1%00",
            "idx=%1c1",
            "idx=1%1f",
            "idx=0x1",
            "idx=%D9%A1",
            "idx=%C2%A01",
            "idx=%ff",
            "idx=1;idx=2",
            "idx==1",
            "idx=1&idx",
            "idx=1&i%64x",
            "idx=99999999999999999999999999999999999999",
            "idx=-99999999999999999999999999999999999999",
            "idx=%2",
            "idx=%zz",
            "idx=1+1",
        ] {
            assert_eq!(gpus(query), Err(QueryError::Index), "{query}");
        }
    }

    #[test]
    fn filter_parsed() {
        for (query, expected) in [
            ("", Ok(Filter::All)),
            ("process", Ok(Filter::All)),
            ("process=", Ok(Filter::All)),
            ("process=C", Ok(Filter::Compute)),
            ("process=%47", Ok(Filter::Graphics)),
            ("process=NA", Ok(Filter::Nothing)),
            ("process=Z&process=C", Ok(Filter::Compute)),
            ("process=C&process=Z", Err(QueryError::Process)),
            ("process=c", Err(QueryError::Process)),
            ("process=C,G", Err(QueryError::Process)),
            ("process=C+", Err(QueryError::Process)),
            ("process=C%2BG", Err(QueryError::Process)),
            ("process=%ff", Err(QueryError::Process)),
        ] {
            assert_eq!(processes(query), expected, "{query}");
        }
    }

    #[test]
    fn index_checked_before_filter() {
        assert_eq!(parse("process=Z&idx=9", 2), Err(QueryError::Index));
        assert_eq!(parse("process=Z&idx=1", 2), Err(QueryError::Process));
        assert_eq!(parse("idx=0", 0), Err(QueryError::Index));
    }

    #[test]
    fn indices_limited_to_256() {
        let most = format!("idx={}0", "0,".repeat(255));
        assert_eq!(gpus(&most).unwrap().unwrap().len(), 256);
        assert_eq!(gpus(&format!("{most},0")), Err(QueryError::Index));
        // Duplicates of one GPU are bounded too, as are ten thousand commas.
        assert_eq!(gpus(&format!("idx={}", ",".repeat(10_000))), Err(QueryError::Index));
    }

    /// A second reading of the rules, by other means: whole strings, Rust's own parser.
    fn model(text: &str, count: usize) -> Option<Vec<usize>> {
        let parts: Vec<&str> = text.split(',').collect();
        let read = |part: &&str| -> Option<usize> {
            let part = part.trim_matches(['\t', '\n', '\x0b', '\x0c', '\r', ' ']);
            let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
            if digits.split('_').any(|run| run.is_empty() || !run.bytes().all(|byte| byte.is_ascii_digit())) {
                return None;
            }
            let value = digits.replace('_', "").parse::<u128>().unwrap_or(u128::MAX);
            let wanted = value < count as u128 && !(part.starts_with('-') && value > 0);
            wanted.then(|| usize::try_from(value).unwrap())
        };
        let indices: Option<Vec<usize>> = parts.iter().map(read).collect();
        indices.filter(|indices| indices.len() <= 256)
    }

    proptest! {
        #[test]
        fn query_agrees_with_model(text in "[-0-3_, \\+\t\x1c\x0ba٣]{0,9}", count in 0..40_usize) {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let expected = model(&text, count).ok_or(QueryError::Index);
            let read = parse(&format!("a=b&idx={encoded}&c"), count).map(|query| query.gpus.unwrap());
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn arbitrary_text_tolerated(query in "\\PC{0,200}", count in 0..4_usize) {
            let _ = parse(&query, count);
        }

        #[test]
        fn query_like_text_tolerated(query in "(idx|process|%|&|=|,|\\+|[0-9A-G]){0,40}", count in 0..4_usize) {
            if let Ok(StatusQuery { gpus: Some(gpus), .. }) = parse(&query, count) {
                prop_assert!(!gpus.is_empty() && gpus.iter().all(|gpu| *gpu < count));
            }
        }
    }
}
