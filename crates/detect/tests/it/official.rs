//! Falco's own rule files load unmodified.

use detect::{CompileOptions, EventSource, Matching, RuleSet, Source};
use model::Level;
use testkit::need;

fn load(names: &[&str]) -> (RuleSet, Vec<model::Diagnostic>) {
    let sources: Vec<Source> = names
        .iter()
        .map(|name| Source::new(*name, testkit::read_text(testkit::data(&format!("falco/rules/{name}")))))
        .collect();
    RuleSet::compile(&sources, &CompileOptions { matching: Matching::All, ..CompileOptions::default() })
}

fn errors(diagnostics: &[model::Diagnostic]) -> Vec<String> {
    diagnostics.iter().filter(|d| d.level == Level::Error).map(ToString::to_string).collect()
}

#[test]
fn every_official_file_loads_alone() {
    need!(data);
    let files = [
        ("aws_cloudtrail_rules.yaml", EventSource::Other("aws_cloudtrail".into())),
        ("falco-incubating_rules.yaml", EventSource::Syscall),
        ("falco-sandbox_rules.yaml", EventSource::Syscall),
        ("falco_rules.yaml", EventSource::Syscall),
        ("gcp_auditlog_rules.yaml", EventSource::Other("gcp_auditlog".into())),
        ("k8s_audit_rules.yaml", EventSource::K8sAudit),
        ("okta_rules.yaml", EventSource::Other("okta".into())),
    ];
    for (file, source) in files {
        let (rules, diagnostics) = load(&[file]);
        assert_eq!(errors(&diagnostics), [] as [&str; 0], "{file}");
        assert!(!rules.rules().is_empty(), "{file} has rules");
        for rule in rules.rules() {
            assert_eq!(rule.source, source, "{file}: {}", rule.name);
        }
    }
    // All of their rules are commented out or disabled.
    for file in ["application_rules.yaml", "falco-deprecated_rules.yaml"] {
        let (rules, diagnostics) = load(&[file]);
        assert_eq!((errors(&diagnostics), rules.rules().len()), (Vec::new(), 0), "{file}");
    }
    // Written to be loaded over another one.
    let (rules, diagnostics) = load(&["k8s_audit_rules.yaml", "k8s_audit_rules_gke.yaml"]);
    assert_eq!(errors(&diagnostics), [] as [&str; 0]);
    assert!(rules.rules().len() > 30);
}

#[test]
fn the_three_syscall_files_have_the_rules_that_they_should() {
    need!(data);
    let (rules, diagnostics) = load(&["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"]);
    assert_eq!(errors(&diagnostics), [] as [&str; 0]);
    let (unique, invariant) = rules.unique_checks();
    assert_eq!(rules.rules().len(), 81, "93 rules, 12 of them disabled");
    assert!(unique > 700 && invariant * 2 > unique, "{unique} unique checks, {invariant} of the process");
    let needs = rules.needs();
    for kind in ["exec", "file_open", "file_change", "connect", "ptrace"] {
        assert!(needs.kinds.contains(kind), "{kind}: {:?}", needs.kinds);
    }
    assert!(needs.event_types.contains("openat2"));
}
