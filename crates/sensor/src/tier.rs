//! How much a kernel lets the sensor see and at what price, in one word: the tier.
//!
//! What it is not: a choice of its own. Providers are chosen one by one ([`crate::provider`]); the tier is what came of it.

use std::fmt;

use model::{Coverage, CoverageState, Scope, Subject, Timestamp};

use crate::kernel::functions;
use crate::kernel::programs::DISPATCH;
use crate::provider::Outcomes;

/// The name of its statement among those of the signals.
const SIGNAL: &str = "tier";

/// From the best to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Programs at the kernel's own functions: system calls that no rule asks for pay nothing.
    A,
    /// A hook on all system calls, because the kernel refuses programs at functions.
    B,
    /// No hook on system calls at all.
    BLight,
    /// No bpf(2).
    C,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::BLight => "B-light",
            Self::C => "C",
        })
    }
}

impl Outcomes {
    /// The tier and why it is not a better one.
    pub fn tier(&self) -> (Tier, String) {
        let mut seen = self.all.iter().filter(|outcome| outcome.state == CoverageState::Seen).map(|o| o.provider);
        // Providers without bpf(2) have bare names, programs say where they are.
        if !seen.clone().any(|provider| provider.contains('/')) {
            let refused = self.all.iter().find(|outcome| outcome.state == CoverageState::Unsupported);
            return (Tier::C, refused.map_or_else(|| "nothing is seen".to_owned(), |refused| refused.reason.clone()));
        }
        if seen.any(|provider| provider == DISPATCH.provider) {
            let why = self.functions.as_deref().unwrap_or("not each call has a function of its own");
            return (Tier::B, format!("a hook on all system calls: {why}"));
        }
        if self.all.iter().any(|o| o.provider == functions::PROVIDER && o.state == CoverageState::Seen) {
            return (Tier::A, "programs at the kernel's functions, no hook on all system calls".to_owned());
        }
        (Tier::BLight, "no hook on system calls: no loaded rule needs one, or it is not allowed".to_owned())
    }

    /// The tier as a statement of coverage.
    pub fn tier_coverage(&self, scope: &Scope, since: Timestamp) -> Coverage {
        let (tier, why) = self.tier();
        let subject = Subject::Scope { scope: scope.clone() };
        let mut statement = Coverage::new(subject, SIGNAL, CoverageState::Seen, why);
        statement.since = Some(since);
        statement.provider = Some(tier.to_string());
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{self, Outcome};
    use crate::signal::Signal;

    #[test]
    fn the_tier_follows_from_what_works() {
        let seen = |provider| Outcome {
            signal: Signal::FileOpen,
            provider,
            state: CoverageState::Seen,
            reason: String::new(),
        };
        let check = |all: Vec<Outcome>, expected: Tier| {
            let outcomes = Outcomes { all, functions: Some("refused".to_owned()) };
            assert_eq!(outcomes.tier().0, expected);
        };
        check(vec![seen("tp_btf/sched_process_exec"), seen(functions::PROVIDER)], Tier::A);
        check(vec![seen(functions::PROVIDER), seen("tp_btf/sys_exit")], Tier::B);
        check(vec![seen("tp_btf/sched_process_exec")], Tier::BLight);
        let mut without = provider::none("bpf(2) is not allowed").all;
        without.push(seen("fanotify"));
        assert_eq!(Outcomes { all: without, functions: None }.tier(), (Tier::C, "bpf(2) is not allowed".to_owned()));
    }
}
