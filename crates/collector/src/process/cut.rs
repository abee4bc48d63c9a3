//! Limit on the total length of the commands in a frame.

use telemetry::{command::MAX_BYTES, sample::ProcessFacts};

/// Bytes of all commands of a frame.
const COMMANDS_BYTES: usize = 4 * 1024 * 1024;

/// Cuts every command to an equal share if all of them together are too long for a frame.
pub(super) fn cut(facts: &mut [ProcessFacts]) {
    let length = |facts: &ProcessFacts| {
        facts.arguments.as_ref().map_or(0, |arguments| arguments.iter().map(|argument| argument.len() + 1).sum())
    };
    let all: usize = facts.iter().map(length).sum();
    if all <= COMMANDS_BYTES {
        return;
    }
    let share = (COMMANDS_BYTES / facts.len()).min(MAX_BYTES);
    for arguments in facts.iter_mut().filter_map(|facts| facts.arguments.as_mut().ok()) {
        cut_to(arguments, share);
    }
}

fn cut_to(arguments: &mut Vec<String>, bytes: usize) {
    let mut left = bytes;
    let mut kept = 0;
    for argument in arguments.iter_mut() {
        if left == 0 {
            break;
        }
        kept += 1;
        let end = (0..=argument.len().min(left)).rev().find(|&end| argument.is_char_boundary(end)).unwrap_or(0);
        argument.truncate(end);
        left = left.saturating_sub(argument.len() + 1);
    }
    arguments.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Absence;

    #[test]
    fn commands_share_frame_budget() {
        let one = ProcessFacts {
            pid: 1,
            arguments: Ok(vec!["é".repeat(5000), "b".repeat(5000)]),
            ..ProcessFacts::unread(1, Absence::Error)
        };
        let mut facts = vec![one; 1000];
        cut(&mut facts);
        let all: usize = facts.iter().flat_map(|facts| facts.arguments.as_ref().unwrap()).map(String::len).sum();
        assert!(all <= COMMANDS_BYTES && all > COMMANDS_BYTES / 2, "{all}");
        cut_to(&mut Vec::new(), 0);
    }
}
