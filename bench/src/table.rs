//! Markdown tables, number formats and the median.

/// Median, the lower one of an even count.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Markdown table. Cells are not escaped.
pub(crate) fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.to_vec());
    text.push_str(&line(head.iter().map(|_| "---").collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// Number with about three significant digits: 0.034, 4.15, 95.0, 75,591.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if !size.is_finite() => return "—".into(),
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let grouped: Vec<&str> = whole.as_bytes().rchunks(3).rev().filter_map(|three| str::from_utf8(three).ok()).collect();
    if rest.is_empty() { grouped.join(",") } else { format!("{}.{rest}", grouped.join(",")) }
}

/// Target, with the verdict on a value that must not exceed it.
pub(crate) fn judged(value: Option<f64>, target: f64) -> String {
    match value {
        Some(value) if value <= target => format!("{}: met", number(target)),
        Some(_) => format!("{}: **unmet**", number(target)),
        None => number(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_one_of_the_values() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn numbers_have_significant_digits() {
        for (value, text) in
            [(0.0341, "0.034"), (4.149, "4.15"), (95.04, "95.0"), (999.6, "1,000"), (75_591.2, "75,591")]
        {
            assert_eq!(number(value), text);
        }
    }
}
