//! Loading many programs at once: types are read and matched once for all.
//!
//! A program that the kernel refuses is left out and the rest is tried again, so that a refusal still costs only itself.
//! What it is not: an answer to why a program was refused; for that it is loaded alone afterwards.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use libbpf_rs::{Object, PrintLevel};

/// Refused programs after which the rest is loaded one by one: each costs one more round.
const MAX_ROUNDS: usize = 6;

/// The program that libbpf last said was refused. It says so only in its log.
static REFUSED: Mutex<Option<String>> = Mutex::new(None);

/// Takes a line of libbpf's log.
#[expect(clippy::needless_pass_by_value, reason = "libbpf-rs asks for this form")]
pub fn log(_: PrintLevel, line: String) {
    let line = line.trim_end();
    tracing::trace!(target: "libbpf", "{line}");
    if let Some(name) = refused(line) {
        *REFUSED.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }
}

/// The program of a line such as `libbpf: prog 'dns_out': failed to load: -22`. Longer messages (the verifier's) begin
/// in the same way and go on differently.
fn refused(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("libbpf: prog '")?.split_once("': ")?;
    (rest.starts_with("failed to ") || rest.starts_with("BPF program load failed")).then_some(name)
}

/// Loads the programs with these names together, without those that are refused. `None` when that cannot be told.
pub fn load(
    names: &BTreeSet<&'static str>,
    mut load: impl FnMut(&BTreeSet<&'static str>) -> Option<Object>,
) -> Option<Object> {
    let mut left = names.clone();
    for _ in 0..MAX_ROUNDS {
        if left.is_empty() {
            return None;
        }
        *REFUSED.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(object) = load(&left) {
            return Some(object);
        }
        let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        left.retain(|name| **name != *refused);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_from_the_log() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(refused(line), expected, "{line}");
        check("libbpf: prog 'dns_out': failed to load: -22", Some("dns_out"));
        check("libbpf: prog 'capability': failed to find kernel BTF type ID of 'cap_capable': -3", Some("capability"));
        check("libbpf: prog 'exec_task': BPF program load failed: -EPERM", Some("exec_task"));
        check("libbpf: prog 'exec_task': -- BEGIN PROG LOAD LOG --", None);
        check("libbpf: loading kernel BTF", None);
    }

    #[test]
    fn what_is_refused_is_left_out_and_the_rest_tried_again() {
        let mut tried = Vec::new();
        let none = load(&BTreeSet::from(["a", "b", "c"]), |names| {
            tried.push(names.iter().copied().collect::<String>());
            let worst = names.last()?;
            log(PrintLevel::Warn, format!("libbpf: prog '{worst}': failed to load: -22\n"));
            None
        });
        assert!(none.is_none());
        assert_eq!(tried, ["abc", "ab", "a"]);
        let mut rounds = 0;
        load(&BTreeSet::from(["a"]), |_| {
            rounds += 1;
            None
        });
        assert_eq!(rounds, 1, "without a name there is nothing to leave out");
    }
}
