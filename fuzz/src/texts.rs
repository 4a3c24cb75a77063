//! Texts that people or other programs write. What is not UTF-8 is none.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use vuln::version::Scheme;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What providers attest of their nodes.
pub(crate) fn attestations(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(posture::attest::parse(text, "fuzz"));
    }
}

pub(crate) fn cgroup(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(sensor::container::cgroup::parse(text));
    }
}

/// What login a registry wants: lines of `WWW-Authenticate`.
pub(crate) fn challenge(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(images::registry::challenge::choose(text.lines()));
    }
}

pub(crate) fn condition(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(detect::condition::parse(text, &|_, length| detect::condition::Spot {
            source: "fuzz".into(),
            start: model::Position::default(),
            length,
        }));
    }
}

/// A score is one of the scale.
pub(crate) fn cvss(data: &[u8]) {
    if let Some(text) = text(data) {
        let score = vuln::cvss::score(text).unwrap_or_default();
        assert!((0.0..=10.0).contains(&score), "{text} scored {score}");
        vuln::cvss::severity(text);
    }
}

/// What is read is written and read again.
pub(crate) fn join(data: &[u8]) {
    if let Some(join) = text(data).and_then(|text| text.parse::<wire::JoinString>().ok()) {
        assert!(join.to_string().parse::<wire::JoinString>().is_ok());
    }
}

/// A command line as /proc has it: the kubelet's flags.
pub(crate) fn kubelet(data: &[u8]) {
    let Some(text) = text(data) else { return };
    drop(host::fuzzing::process(text));
    let flags = host::fuzzing::flags(&arguments(text));
    let facts = model::posture::KubeletFacts { flags, ..model::posture::KubeletFacts::default() };
    drop(host::fuzzing::named_files(&facts));
}

/// The kubelet's configuration and its drop-ins, form feeds between them. A drop-in that is merged again changes nothing.
pub(crate) fn kubelet_config(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut config = serde_json::Value::Null;
    for part in text.split('\x0c') {
        let (Some(patch), _) = host::fuzzing::config(part, "fuzz") else { continue };
        host::fuzzing::merge(&mut config, patch.clone());
        let mut again = config.clone();
        host::fuzzing::merge(&mut again, patch);
        assert_eq!(again, config);
    }
    let facts = model::posture::KubeletFacts { config, ..model::posture::KubeletFacts::default() };
    drop(host::fuzzing::named_files(&facts));
}

fn arguments(text: &str) -> Vec<String> {
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

pub(crate) fn manifests(data: &[u8]) {
    if let Some(text) = text(data) {
        let mut report = posture::manifests::Report::default();
        report.add(text, "fuzz", policy::pss::Level::Restricted, policy::pss::Version::LATEST);
    }
}

/// Masking keeps the number of arguments.
pub(crate) fn mask(data: &[u8]) {
    // Its patterns take longer to compile than a line to mask.
    static MASKER: LazyLock<detect::mask::Masker> = LazyLock::new(|| detect::mask::Masker::new([7; 16], &[]));
    let Some(text) = text(data) else { return };
    let mut args: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let count = args.len();
    MASKER.args(&mut args);
    assert_eq!(args.len(), count);
    drop(MASKER.text(text));
}

/// passwd(5) or group(5).
pub(crate) fn node_names(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(host::fuzzing::names(text));
    }
}

/// The canonical form reads back.
pub(crate) fn purl(data: &[u8]) {
    if let Some(purl) = text(data).and_then(|text| text.parse::<model::Purl>().ok()) {
        assert_eq!(purl.to_string().parse::<model::Purl>().as_ref(), Ok(&purl), "{purl}");
    }
}

/// References, platforms, digests: what is read is written and read again.
pub(crate) fn reference(data: &[u8]) {
    let Some(text) = text(data) else { return };
    drop(text.parse::<images::Reference>());
    drop(text.parse::<images::PlatformFilter>());
    if let Ok(reference) = text.parse::<images::RegistryReference>() {
        assert_eq!(reference.to_string().parse::<images::RegistryReference>().as_ref().ok(), Some(&reference));
    }
    if let Ok(digest) = text.parse::<images::Digest>() {
        assert_eq!(digest.to_string().parse::<images::Digest>().ok(), Some(digest));
    }
}

/// A rule file: compiled, and evaluated on an event.
pub(crate) fn rules(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (rules, _) = detect::RuleSet::compile(&[detect::Source::new("fuzz", text)], &detect::CompileOptions::default());
    let exec = model::event::Exec { argv_truncated: false, script: None, stdio: Vec::new(), result: 0 };
    let scope = Arc::new(model::Scope::node("fuzz", "fuzz"));
    let time = model::Timestamp::from_seconds(1_790_000_000);
    let event = model::Event::new(time, 1, scope, model::Attribution::Host, "fuzz", model::Body::Exec(exec));
    let process = model::Process { pid: 7, name: "sh".into(), exe: "/bin/sh".into(), ..model::Process::default() };
    let event = event.with_process(Arc::new(process));
    detect::Engine::new(rules).evaluate(&event, &mut detect::Matches::new());
}

/// A command line as a runtime's that creates a container, or as a shim's.
pub(crate) fn shim(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let process = model::Process { args: arguments(text), ..model::Process::default() };
    drop(sensor::container::locate::creation(&process));
    drop(sensor::container::locate::shim_of(&process));
}

/// /proc/PID/stat.
pub(crate) fn stat(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(sensor::process::proc::parse_stat(text));
    }
}

/// A Gatekeeper template, or its Rego alone.
pub(crate) fn template(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        drop(policy::gatekeeper::Template::parse(&value));
        drop(policy::gatekeeper::Review::parse(&value));
        drop(policy::pss::evaluate(&value, "", policy::pss::Level::Restricted, policy::pss::Version::LATEST));
    }
    if let Some(text) = text(data) {
        let module = policy::rego::Module { name: "fuzz", text };
        drop(policy::rego::Program::compile(module, &[], "violation", policy::rego::Dialect::V0));
    }
}

/// Any three lines have an order in every scheme, the same whichever way one asks.
pub(crate) fn versions(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let [a, b, c] = std::array::from_fn(|_| lines.next().unwrap_or(""));
    for scheme in Scheme::ALL {
        let (ab, bc, ac) = (scheme.compare(a, b), scheme.compare(b, c), scheme.compare(a, c));
        assert_eq!(scheme.compare(a, a), Ordering::Equal, "{scheme}: {a:?} is itself");
        assert_eq!(ab, scheme.compare(b, a).reverse(), "{scheme}: {a:?} and {b:?} both ways");
        assert_eq!(scheme.explain(a, b).order, ab, "{scheme}: {a:?} and {b:?} explained");
        // What is no version has some order, but it need not be a total one: PHP's, of which Composer's is made, is not.
        // Neither is Maven's own, to which every text is a version: `[1.` > `0.` > `0-b1` > `[1.` in ComparableVersion.
        if scheme == Scheme::Maven || [a, b, c].iter().any(|text| scheme.validate(text).is_err()) {
            continue;
        }
        if ab == bc || bc == Ordering::Equal {
            assert_eq!(ac, ab, "{scheme}: {a:?}, {b:?}, {c:?}");
        } else if ab == Ordering::Equal {
            assert_eq!(ac, bc, "{scheme}: {a:?}, {b:?}, {c:?}");
        }
    }
}

pub(crate) fn yaml(data: &[u8]) {
    if let Some(text) = text(data) {
        let limits = limits::yaml::YamlLimits { bytes: 1 << 16, depth: 16, nodes: 10_000, documents: 100 };
        drop(limits::yaml::load(text, "fuzz", &limits));
    }
}
