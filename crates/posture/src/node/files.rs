//! Controls over modes and owners of files.

use model::ControlState::{self, Fail, NeedsAPerson, NotApplicable, Pass, Unreachable};
use serde_json::Value;

use super::facts::{File, View};
use super::{Outcome, evidence, settings};

/// Judges modes: no bit outside `allowed`.
fn modes(files: Vec<File<'_>>, allowed: u32, absent: &str) -> Outcome {
    let expected = format!("{allowed:04o} or fewer bits");
    judge(files, absent, &expected, |file| {
        let mode = u32::from_str_radix(&file.mode, 8).ok()?;
        let wrong = mode & !allowed;
        Some((wrong == 0, file.mode.clone(), format!("chmod {:04o} {}", mode & allowed, quote(&file.path))))
    })
}

/// Judges owners: root and group root.
fn owners(files: Vec<File<'_>>, absent: &str) -> Outcome {
    judge(files, absent, "root:root", |file| {
        (!file.owner.is_empty())
            .then(|| (file.owner == "root:root", file.owner.clone(), format!("chown root:root {}", quote(&file.path))))
    })
}

type Verdict = Option<(bool, String, String)>;

fn judge(
    files: Vec<File<'_>>,
    absent: &str,
    expected: &str,
    test: impl Fn(&model::posture::FileFact) -> Verdict,
) -> Outcome {
    let mut outcome = Outcome::new(Pass, Vec::new());
    let mut commands = Vec::new();
    let mut present = false;
    let worse = |outcome: &mut Outcome, state: ControlState| {
        // A failure that was seen stands, whatever else could not be seen.
        if outcome.state != Fail {
            outcome.state = state;
        }
    };
    for file in files {
        match file {
            File::Absent(path) => outcome.evidence.push(evidence(path, Value::Null, expected)),
            File::Unknown(path, reason) => {
                present = true;
                outcome.evidence.push(evidence(path, Value::Null, expected));
                outcome.note = Some(reason);
                worse(&mut outcome, Unreachable);
            }
            File::Known(file) => {
                present = true;
                let Some((conforms, found, command)) = test(file) else {
                    outcome.note = Some(format!("{}: mode or owner is not known", file.path));
                    worse(&mut outcome, Unreachable);
                    continue;
                };
                outcome.evidence.push(evidence(&file.path, found, expected));
                if !conforms {
                    commands.push(command);
                    worse(&mut outcome, Fail);
                }
            }
        }
    }
    if !present {
        outcome.state = NotApplicable;
        outcome.note = Some(absent.to_owned());
    }
    outcome.command = (!commands.is_empty()).then(|| commands.join(" && "));
    outcome
}

/// A path as one word of a shell.
fn quote(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

const NO_SERVICE: &str = "no unit file of a kubelet in the known places";
const NO_KUBECONFIG: &str = "no kubeconfig of a kubelet in the known places";
const NO_PROXY: &str = "no kubeconfig of kube-proxy on this node";
const NO_CA: &str = "no file with client authorities on this node";
const NO_CONFIG: &str = "no kubelet on this node uses a configuration file";

pub(super) fn service_mode(view: &View<'_>) -> Outcome {
    somewhere(view, modes(view.service_files(), 0o600, NO_SERVICE))
}

pub(super) fn service_owner(view: &View<'_>) -> Outcome {
    somewhere(view, owners(view.service_files(), NO_SERVICE))
}

/// Something starts a kubelet that runs; where its unit file is not known, a person has to look.
fn somewhere(view: &View<'_>, mut outcome: Outcome) -> Outcome {
    if outcome.state == NotApplicable && view.facts.kubelet.is_some() {
        outcome.state = NeedsAPerson;
    }
    outcome
}

pub(super) fn proxy_mode(view: &View<'_>) -> Outcome {
    modes(view.proxy_kubeconfig(), 0o600, NO_PROXY)
}

pub(super) fn proxy_owner(view: &View<'_>) -> Outcome {
    owners(view.proxy_kubeconfig(), NO_PROXY)
}

pub(super) fn kubeconfig_mode(view: &View<'_>) -> Outcome {
    modes(view.kubeconfig(), 0o600, NO_KUBECONFIG)
}

pub(super) fn kubeconfig_owner(view: &View<'_>) -> Outcome {
    owners(view.kubeconfig(), NO_KUBECONFIG)
}

pub(super) fn ca_mode(view: &View<'_>) -> Outcome {
    modes(view.client_ca(&settings::CLIENT_CA), 0o644, NO_CA)
}

pub(super) fn ca_owner(view: &View<'_>) -> Outcome {
    owners(view.client_ca(&settings::CLIENT_CA), NO_CA)
}

pub(super) fn config_mode(view: &View<'_>) -> Outcome {
    modes(view.config(), 0o600, NO_CONFIG)
}

pub(super) fn config_owner(view: &View<'_>) -> Outcome {
    owners(view.config(), NO_CONFIG)
}
