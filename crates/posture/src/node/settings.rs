//! Controls over settings of the kubelet and of kube-proxy.
//!
//! Names and defaults: reference of `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1) and of the kubelet's flags.

use model::ControlState::{self, Fail, NeedsAPerson, NotApplicable, Pass, Unreachable};
use serde_json::{Value, json};

use super::facts::{Missing, Name, Setting, View, flag_of};
use super::{Outcome, evidence};

/// Suites with forward secrecy and authenticated encryption, by the names of RFC 8446 and of Go's `crypto/tls`.
const STRONG_CIPHERS: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Below this many events per second the kubelet drops events that its own default (50) would keep; it was 5 before
/// Kubernetes 1.27.
const FEWEST_EVENTS: f64 = 5.0;

pub(super) const CLIENT_CA: Name = Name {
    pointer: "/authentication/x509/clientCAFile",
    flag: "client-ca-file",
    default: Value::Null,
    default_of_flag: Value::Null,
};

fn name(pointer: &'static str, flag: &'static str, default: Value) -> Name {
    Name { pointer, flag, default_of_flag: default.clone(), default }
}

/// Judges one setting; the test says what its value comes to.
fn setting(view: &View<'_>, name: &Name, expected: &str, test: impl Fn(&Value) -> ControlState) -> Outcome {
    match view.setting(name) {
        Ok(Setting { value, source }) => {
            let state = test(&value);
            let mut outcome = Outcome::new(state, vec![evidence(source, value, expected)]);
            if state == NeedsAPerson {
                outcome.note = Some(format!("decide whether the value is right for this node: {expected}"));
            }
            outcome
        }
        Err(missing) => without_kubelet(missing),
    }
}

fn without_kubelet(missing: Missing) -> Outcome {
    match missing {
        Missing::NotThere => Outcome::without_verdict(NotApplicable, "no kubelet on this node"),
        Missing::Unknown(reason) => Outcome::without_verdict(Unreachable, reason),
    }
}

const fn pass_if(fine: bool) -> ControlState {
    if fine { Pass } else { Fail }
}

/// A boolean of a file, or the text of a flag as Go's `strconv.ParseBool` reads it.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_f64(),
    }
}

/// Whether a duration (Go's form, such as `4h0m0s`) is zero.
fn is_zero_duration(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.chars().any(|c| c.is_ascii_digit())
                && text.chars().filter(char::is_ascii_digit).all(|digit| digit == '0')
        }
        _ => value.as_f64() == Some(0.0),
    }
}

pub(super) fn anonymous(view: &View<'_>) -> Outcome {
    let mut name = name("/authentication/anonymous/enabled", "anonymous-auth", json!(false));
    name.default_of_flag = json!(true);
    setting(view, &name, "false", |value| pass_if(flag(value) == Some(false)))
}

pub(super) fn authorization(view: &View<'_>) -> Outcome {
    let mut name = name("/authorization/mode", "authorization-mode", json!("Webhook"));
    name.default_of_flag = json!("AlwaysAllow");
    let known = |mode: &str| mode.split(',').all(|mode| mode.trim() == "Webhook");
    setting(view, &name, "Webhook", |value| pass_if(value.as_str().is_some_and(known)))
}

pub(super) fn client_ca(view: &View<'_>) -> Outcome {
    setting(view, &CLIENT_CA, "a file", |value| pass_if(value.as_str().is_some_and(|path| !path.is_empty())))
}

pub(super) fn read_only_port(view: &View<'_>) -> Outcome {
    let mut name = name("/readOnlyPort", "read-only-port", json!(0));
    name.default_of_flag = json!(10255);
    setting(view, &name, "0", |value| pass_if(number(value) == Some(0.0)))
}

pub(super) fn idle_timeout(view: &View<'_>) -> Outcome {
    let name = name("/streamingConnectionIdleTimeout", "streaming-connection-idle-timeout", json!("4h0m0s"));
    setting(view, &name, "not 0", |value| pass_if(!is_zero_duration(value)))
}

pub(super) fn iptables_chains(view: &View<'_>) -> Outcome {
    let name = name("/makeIPTablesUtilChains", "make-iptables-util-chains", json!(true));
    setting(view, &name, "true", |value| pass_if(flag(value) == Some(true)))
}

pub(super) fn hostname_override(view: &View<'_>) -> Outcome {
    let kubelet = match view.kubelet() {
        Ok(kubelet) => kubelet,
        Err(missing) => return without_kubelet(missing),
    };
    if view.process("kubelet").is_none() {
        return Outcome::without_verdict(Unreachable, "no kubelet runs, and this can only be set by a flag");
    }
    let found = kubelet.flags.get("hostname-override");
    let value = found.map_or(Value::Null, |name| json!(name));
    Outcome::new(pass_if(found.is_none()), vec![evidence("--hostname-override", value, "unset")])
}

pub(super) fn event_rate(view: &View<'_>) -> Outcome {
    let name = name("/eventRecordQPS", "event-qps", json!(50));
    setting(view, &name, "0 (no limit) or at least 5 a second", |value| match number(value) {
        Some(rate) if rate == 0.0 || rate >= FEWEST_EVENTS => Pass,
        Some(rate) if rate > 0.0 => NeedsAPerson,
        _ => Fail,
    })
}

pub(super) fn serving_certificate(view: &View<'_>) -> Outcome {
    let bootstrap = name("/serverTLSBootstrap", "rotate-server-certificates", json!(false));
    if let Ok(Setting { value, source }) = view.setting(&bootstrap)
        && flag(&value) == Some(true)
    {
        return Outcome::new(
            Pass,
            vec![evidence(source, value, "true: the cluster's authority signs the certificate")],
        );
    }
    let path_set = |value: &Value| pass_if(value.as_str().is_some_and(|path| !path.is_empty()));
    let certificate = setting(view, &name("/tlsCertFile", "tls-cert-file", Value::Null), "a file", path_set);
    let key = setting(view, &name("/tlsPrivateKeyFile", "tls-private-key-file", Value::Null), "a file", path_set);
    let mut worst = if certificate.state == Pass { key.clone() } else { certificate.clone() };
    if worst.note.is_none() {
        worst.evidence = [certificate.evidence, key.evidence].concat();
    }
    worst
}

pub(super) fn client_rotation(view: &View<'_>) -> Outcome {
    // The benchmark asks for "not false" and so accepts unset.
    let name = name("/rotateCertificates", "rotate-certificates", Value::Null);
    setting(view, &name, "not false", |value| pass_if(flag(value) != Some(false)))
}

pub(super) fn server_rotation(view: &View<'_>) -> Outcome {
    const GATE: &str = "RotateKubeletServerCertificate";
    let expected = "not false";
    let by_flag = view.kubelet().ok().and_then(|kubelet| kubelet.flags.get("feature-gates")).and_then(|gates| {
        gates.split(',').find_map(|gate| gate.trim().strip_prefix(GATE)?.strip_prefix('=').map(str::to_owned))
    });
    if let Some(value) = by_flag {
        let state = pass_if(flag(&json!(value)) == Some(true));
        return Outcome::new(state, vec![evidence("--feature-gates", format!("{GATE}={value}"), expected)]);
    }
    let name = name("/featureGates/RotateKubeletServerCertificate", "", json!(true));
    setting(view, &name, expected, |value| pass_if(flag(value) == Some(true)))
}

pub(super) fn ciphers(view: &View<'_>) -> Outcome {
    let name = name("/tlsCipherSuites", "tls-cipher-suites", Value::Null);
    setting(view, &name, "only suites with forward secrecy and authenticated encryption", |value| {
        let suites: Vec<&str> = match value {
            Value::String(list) => list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
            Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or("?")).collect(),
            _ => Vec::new(),
        };
        pass_if(!suites.is_empty() && suites.iter().all(|suite| STRONG_CIPHERS.contains(suite)))
    })
}

pub(super) fn pod_pids(view: &View<'_>) -> Outcome {
    let name = name("/podPidsLimit", "pod-max-pids", json!(-1));
    setting(view, &name, "a positive number", |value| pass_if(number(value).is_some_and(|limit| limit > 0.0)))
}

pub(super) fn seccomp_default(view: &View<'_>) -> Outcome {
    let name = name("/seccompDefault", "seccomp-default", json!(false));
    setting(view, &name, "true", |value| pass_if(flag(value) == Some(true)))
}

pub(super) fn proxy_metrics(view: &View<'_>) -> Outcome {
    let Some(process) = view.process("kube-proxy") else {
        return match view.reason("/proc") {
            Some(reason) => Outcome::without_verdict(Unreachable, reason),
            None => Outcome::without_verdict(NotApplicable, "no kube-proxy on this node"),
        };
    };
    let expected = "an address of the loopback interface";
    match flag_of(process, "metrics-bind-address") {
        Some(address) => {
            let local = ["127.", "localhost", "[::1]", "::1"].iter().any(|prefix| address.starts_with(prefix));
            Outcome::new(pass_if(local), vec![evidence("--metrics-bind-address", address, expected)])
        }
        None if flag_of(process, "config").is_some() => {
            Outcome::without_verdict(Unreachable, "kube-proxy's configuration is a file inside its container")
        }
        None => Outcome::new(Pass, vec![evidence("default of kube-proxy", "127.0.0.1:10249", expected)]),
    }
}
