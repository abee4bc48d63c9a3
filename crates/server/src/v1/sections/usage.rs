//! Whether a GPU or a MIG instance is free.

use telemetry::snapshot::Usage;

use crate::v1::{
    view::view,
    word::{UseVerdictWord, Word},
};

view! {
    /// Whether a GPU or a MIG instance is free, and whose it is.
    struct UseView of (eye, usage: &Usage) {
        /// Whether it is free; `held` is memory that is held although it has been idle for a while. A MIG instance is held only where its `activity` is read. A GPU with MIG on and no instance is `busy`, by nobody: CUDA cannot use it.
        /// Source: derived. Lane: derived. Absent: never; `unknown` has a reason in `state`.
        value verdict: UseVerdictWord = Word::of(usage.verdict);
        /// Since when it has been so, Unix time in milliseconds.
        /// Source: derived. Lane: derived. Absent: never.
        value since: u64 = usage.since.unix_ms;
        /// Whether it was so already when the agent began to look.
        /// Source: derived. Lane: derived. Absent: never.
        value since_at_least: bool = usage.since_at_least;
        /// Who has it: names of accounts or, for root in a container, the container as in `/users`.
        /// Source: derived from the processes. Lane: derived. Absent: `hidden`; then the list is empty.
        names users: Vec<String> = usage.users.clone();
        /// Memory in use that no listed process explains.
        /// Source: derived from the memory in use and the processes. Lane: derived. Absent: as those are.
        read unattributed_bytes: Option<u64> = usage.unattributed_bytes;
    }
}
