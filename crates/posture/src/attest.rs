//! What the provider of a managed cluster says about controls that cannot be seen from inside it.
//!
//! Format: tab-separated lines `id`, `assessment`, `level`, `status` under a header, as made from the table that a
//! provider publishes (for AKS the page "CIS Kubernetes benchmark" of its documentation, whose statuses are read
//! here). A result of ours always wins over what is merely said, except where ours could not be had.

use model::posture::{ControlEvidence, ControlSubject, Remediation};
use model::{ControlResult, ControlState, Diagnostic, Level, Position};
use serde_json::json;

/// Lines of a table; the longest benchmark has 300 controls.
const MAX_LINES: usize = 10_000;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The benchmark's id, such as `1.2.3`.
    pub id: String,
    /// The provider's word, such as `Pass` or `Depends on Environment`.
    pub status: String,
}

/// Reads a table. Lines that cannot be read are in the diagnostics; the others count.
pub fn parse(text: &str, source: &str) -> (Vec<Statement>, Vec<Diagnostic>) {
    let (mut statements, mut diagnostics) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(index, line)| *index > 0 && !line.trim().is_empty()) {
        let place = Position { line: u32::try_from(index + 1).unwrap_or(u32::MAX), column: 1, offset: 0 };
        let mut refuse = |code: &str, message: String| {
            diagnostics.push(Diagnostic::new(code, Level::Error, source, message).at(place, line.len()));
        };
        if index > MAX_LINES {
            refuse("attest/too-long", format!("more than {MAX_LINES} lines"));
            break;
        }
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [id, _, _, status] = fields[..] else {
            refuse("attest/fields", format!("4 fields are needed, {} are there", fields.len()));
            continue;
        };
        let is_id =
            id.contains('.') && id.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if !is_id || state_of(status).is_none() {
            refuse("attest/words", format!("{id:?} with status {status:?} is not understood"));
            continue;
        }
        statements.push(Statement { id: id.to_owned(), status: status.to_owned() });
    }
    (statements, diagnostics)
}

/// What a provider's word comes to.
fn state_of(status: &str) -> Option<ControlState> {
    Some(match status {
        // "Equivalent": the control is met by other means.
        "Pass" | "Equivalent Control" => ControlState::AttestedByProvider,
        "Fail" => ControlState::Fail,
        "N/A" => ControlState::NotApplicable,
        "Depends on Environment" => ControlState::NeedsAPerson,
        _ => return None,
    })
}

/// Adds the statements to results of ours: where there is none, or where the facts could not be reached.
///
/// `profile` names the benchmark, such as `cis-1.12`; `provider` is said in the evidence.
pub fn complete(
    results: &mut Vec<ControlResult>,
    statements: &[Statement],
    profile: &str,
    provider: &str,
    subject: &ControlSubject,
) {
    for statement in statements {
        let control = format!("{profile}/{}", statement.id);
        let Some(state) = state_of(&statement.status) else { continue };
        let said = ControlEvidence {
            path: provider.to_owned(),
            found: json!(statement.status),
            expected: "what the provider publishes; it cannot be seen from here".to_owned(),
        };
        match results.iter_mut().find(|result| result.control == control) {
            Some(ours) if ours.state == ControlState::Unreachable => {
                ours.evidence.push(said);
                // A fact that is missing does not become a failure by hearsay.
                if state == ControlState::AttestedByProvider {
                    ours.state = state;
                }
            }
            Some(_) => {}
            None => results.push(ControlResult {
                control,
                profile: profile.to_owned(),
                title: String::new(),
                subject: subject.clone(),
                state,
                evidence: vec![said],
                remediation: Remediation::default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{NodeFacts, Scope, Timestamp};

    use super::*;

    const TABLE: &str = "id\tassessment\tlevel\tstatus\n1.1.1\tAutomated\tL1\tN/A\n1.2.1\tManual\tL1\tPass\n\
        1.2.2\tManual\tL1\tFail\n4.2.1\tAutomated\tL1\tPass\n4.2.14\tManual\tL1\tDepends on Environment\n\n";

    fn subject() -> ControlSubject {
        ControlSubject { scope: Scope::cluster("c"), kind: "Cluster".to_owned(), name: "c".to_owned(), file: None }
    }

    fn result(id: &str, state: ControlState) -> ControlResult {
        ControlResult {
            control: format!("cis-1.12/{id}"),
            profile: "cis-1.12".to_owned(),
            title: "t".to_owned(),
            subject: subject(),
            state,
            evidence: Vec::new(),
            remediation: Remediation::default(),
        }
    }

    fn states(results: &[ControlResult]) -> BTreeMap<&str, ControlState> {
        results.iter().map(|result| (result.control.as_str(), result.state)).collect()
    }

    #[test]
    fn what_was_seen_wins_over_what_is_said() {
        let (statements, diagnostics) = parse(TABLE, "aks.tsv");
        assert_eq!(diagnostics, []);
        let mut results = vec![result("4.2.1", ControlState::Fail), result("4.2.14", ControlState::Pass)];
        complete(&mut results, &statements, "cis-1.12", "AKS", &subject());
        let states = states(&results);
        assert_eq!(states["cis-1.12/4.2.1"], ControlState::Fail);
        assert_eq!(states["cis-1.12/4.2.14"], ControlState::Pass);
        assert_eq!(states["cis-1.12/1.1.1"], ControlState::NotApplicable);
        assert_eq!(states["cis-1.12/1.2.1"], ControlState::AttestedByProvider);
        assert_eq!(states["cis-1.12/1.2.2"], ControlState::Fail);
    }

    #[test]
    fn what_could_not_be_seen_is_attested_or_stays_so() {
        let (statements, _) = parse(TABLE, "aks.tsv");
        let mut results = vec![result("4.2.1", ControlState::Unreachable), result("1.2.2", ControlState::Unreachable)];
        complete(&mut results, &statements, "cis-1.12", "AKS", &subject());
        assert_eq!(results[0].state, ControlState::AttestedByProvider);
        assert_eq!(results[0].evidence[0].found, json!("Pass"));
        assert_eq!(results[1].state, ControlState::Unreachable, "hearsay fails nothing that could be seen");
    }

    #[test]
    fn lines_that_are_not_understood_are_said() {
        let (statements, diagnostics) =
            parse("id\n1.1\tA\tL1\tMaybe\n1.2\tA\nx.y\tA\tL1\tPass\n1.3\tA\tL1\tPass\n", "f");
        assert_eq!(statements, [Statement { id: "1.3".to_owned(), status: "Pass".to_owned() }]);
        let codes: Vec<_> = diagnostics.iter().map(|d| (d.code.as_str(), d.span.start.map(|p| p.line))).collect();
        assert_eq!(codes, [("attest/words", Some(2)), ("attest/fields", Some(3)), ("attest/words", Some(4))]);
        let long = format!("id\n{}", "1.1\tA\tL1\tPass\n".repeat(MAX_LINES + 1));
        assert_eq!(parse(&long, "f").1[0].code, "attest/too-long");
    }

    /// The provider's own table for AKS: every row is understood, and a node that could not be looked at gets exactly
    /// the provider's answers.
    #[test]
    fn the_table_of_aks_is_understood_in_full() {
        testkit::need!(data);
        let text = testkit::read_text(testkit::data("cis/aks-cis-kubernetes-1.12-status.tsv"));
        let (statements, diagnostics) = parse(&text, "aks");
        assert_eq!(diagnostics, []);
        assert_eq!(statements.len(), text.lines().skip(1).filter(|line| !line.is_empty()).count());
        let facts = NodeFacts {
            node: "n".to_owned(),
            taken: Timestamp::default(),
            files: Vec::new(),
            processes: Vec::new(),
            kubelet: None,
            kernel: String::new(),
            os: String::new(),
            container_runtime: None,
            unreadable: vec![model::posture::UnreadableFact { what: "/proc".to_owned(), reason: "denied".to_owned() }],
        };
        let mut results = crate::node::judge(&facts, "c");
        complete(&mut results, &statements, crate::node::PROFILE, "AKS", &subject());
        assert_eq!(results.len(), statements.len(), "our controls are rows of the table too");
        for statement in statements.iter().filter(|statement| statement.status == "Pass") {
            let control = format!("{}/{}", crate::node::PROFILE, statement.id);
            let state = results.iter().find(|result| result.control == control).map(|result| result.state);
            assert_eq!(state, Some(ControlState::AttestedByProvider), "{control}");
        }
    }
}
