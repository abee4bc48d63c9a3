//! Limit on the total length of the commands in a frame.

use telemetry::{Arguments, command::MAX_BYTES, sample::ProcessFacts};

/// Bytes of all commands of a frame.
const COMMANDS_BYTES: usize = 4 * 1024 * 1024;

/// Cuts every command to an equal share if all of them together are too long for a frame.
pub(super) fn cut(facts: &mut [ProcessFacts]) {
    let length = |facts: &ProcessFacts| facts.arguments.as_ref().map_or(0, |arguments| arguments.terminated().len());
    let all: usize = facts.iter().map(length).sum();
    if all <= COMMANDS_BYTES {
        return;
    }
    let share = (COMMANDS_BYTES / facts.len()).min(MAX_BYTES);
    for arguments in facts.iter_mut().filter_map(|facts| facts.arguments.as_mut().ok()) {
        if arguments.terminated().len() > share {
            *arguments = cut_to(arguments, share);
        }
    }
}

/// The arguments in this number of bytes, with the last one cut.
fn cut_to(arguments: &Arguments, bytes: usize) -> Arguments {
    let text = arguments.terminated();
    let most = bytes.saturating_sub(1).min(text.len());
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    Arguments::from_terminated(&format!("{}\0", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Absence;

    #[test]
    fn commands_share_frame_budget() {
        let one = ProcessFacts {
            pid: 1,
            arguments: Ok(["é".repeat(5000), "b".repeat(5000)].iter().collect()),
            ..ProcessFacts::unread(1, Absence::Error)
        };
        let mut facts = vec![one; 1000];
        cut(&mut facts);
        let all: usize = facts.iter().map(|facts| facts.arguments.as_ref().unwrap().terminated().len()).sum();
        assert!(all <= COMMANDS_BYTES && all > COMMANDS_BYTES / 2, "{all}");
        assert_eq!(cut_to(&[""; 0].iter().collect(), 0).line(), "");
    }
}
