//! Use of a GPU or a MIG instance.

use telemetry::snapshot::Usage;

use crate::v1::{
    view::view,
    word::{UseVerdictWord, Word},
};

view! {
    /// Use of a GPU or a MIG instance, and its users.
    struct UseView of (context, usage: &Usage) {
        /// Use; `held` means that memory is held although it has been idle for a while. A MIG instance is held only where its `activity` is read. A GPU with MIG on and no instance is `busy` without users: CUDA cannot use it.
        /// Source: derived. Read: derived. Absent: never; `unknown` has a reason in `state`.
        value verdict: UseVerdictWord = Word::of(usage.verdict);
        /// Start of this use, Unix time in milliseconds.
        /// Source: derived. Read: derived. Absent: never.
        value since: u64 = usage.since.unix_ms;
        /// True if this use began before the agent started.
        /// Source: derived. Read: derived. Absent: never.
        value since_at_least: bool = usage.since_at_least;
        /// Users: names of accounts or, for root in a container, the container as in `/users`.
        /// Source: derived from the processes. Read: derived. Absent: `hidden`; then the list is empty.
        private_list users: Vec<String> = usage.users.clone();
        /// Used memory that no listed process accounts for.
        /// Source: derived from the memory in use and the processes. Read: derived. Absent: as those are.
        read unattributed_bytes: Option<u64> = usage.unattributed_bytes;
    }
}
