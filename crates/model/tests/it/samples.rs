//! One full sample of each value: every optional field is there, so that the golden files show every name.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::coverage::{Coverage, CoverageState, Loss, Subject};
use model::event::*;
use model::exemption::ExemptionTarget;
use model::image::*;
use model::policy::{Enforcement, Verdict, Violation};
use model::posture::*;
use model::wire::{Gap, Sender};
use model::*;
use serde_json::json;
use uuid::Uuid;

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn scope() -> Scope {
    Scope {
        workload: Some(WorkloadRef { kind: "Deployment".into(), name: "web".into() }),
        namespace: Some("shop".into()),
        pod: Some(PodRef { name: "web-5d9c".into(), uid: "8f0e".into() }),
        container: Some(ContainerRef { id: "c0ffee".into(), name: "app".into(), privileged: Some(false) }),
        image: Some(ImageRef {
            reference: "registry.example/shop/web:1".into(),
            digest: Some("sha256:aa".into()),
            config_digest: Some("sha256:bb".into()),
        }),
        ..Scope::node("aks-1", "node-1")
    }
}

pub fn process() -> Process {
    Process {
        pid: 4242,
        start_time: time("2026-11-24T05:44:00Z"),
        ppid: 4200,
        name: "cat".into(),
        exe: "/usr/bin/cat".into(),
        exe_origin: Some(ExeOrigin::Image),
        args: vec!["cat".into(), "/etc/shadow".into()],
        cwd: "/".into(),
        login_uid: Some(1000),
        tty: 34816,
        caps_effective: Capabilities(1 << 21),
        caps_permitted: Capabilities(1 << 21 | 1),
        namespaces: Namespaces { pid: 1, mnt: 2, net: 3, user: 4 },
        vpid: Some(7),
        sid: Some(4200),
        pgid: Some(4242),
        env: ["LANG=C".to_owned()].into(),
        ancestors: vec![Arc::new(Ancestor {
            pid: 4200,
            start_time: time("2026-11-24T05:43:00Z"),
            name: "sh".into(),
            exe: "/bin/dash".into(),
            args: vec!["sh".into()],
            same_container: true,
        })],
        ..Process::default()
    }
}

fn call(name: &str) -> Call {
    let args = json!({ "flags": "CLONE_NEWUSER" });
    Call { call: name.into(), args: args.as_object().unwrap().clone(), result: 0 }
}

fn network(direction: Direction) -> Network {
    Network {
        protocol: "tcp".into(),
        local: Some(Endpoint { ip: "10.0.0.1".parse().unwrap(), port: 40_000 }),
        remote: Some(Endpoint { ip: "2001:db8::1".parse().unwrap(), port: 443 }),
        path: Some("/run/x.sock".into()),
        result: -115,
        direction,
    }
}

fn file_bodies() -> Vec<Body> {
    vec![
        Body::FileOpen(FileOpen {
            path: "/etc/shadow".into(),
            flags: OpenFlags(0o2_000_001),
            result: 3,
            inode: Some(12),
            path_source: PathSource::Kernel,
            raw_path: Some("../etc/shadow".into()),
        }),
        Body::FileChange(FileChange {
            operation: FileOperation::Rename,
            path: "/a".into(),
            new_path: Some("/b".into()),
            mode: Some(0o644),
            result: 0,
            sha256_before: Some("00".into()),
            sha256_after: Some("11".into()),
            path_source: PathSource::User,
        }),
    ]
}

fn process_bodies() -> Vec<Body> {
    vec![
        Body::Exec(Exec {
            argv_truncated: true,
            script: Some("/usr/bin/x.sh".into()),
            stdio: vec![Stdio {
                r#type: StdioType::Socket,
                peer: Some("192.0.2.1:4444".into()),
                pipe: None,
                family: None,
                name: None,
            }],
            result: 0,
        }),
        Body::Fork(Fork { child: process().key(), flags: vec!["CLONE_VM".into()] }),
        Body::Exit(Exit { code: 1, signal: 9, duration_ms: 12 }),
        Body::Capability(CapabilityUse { capability: "CAP_SYS_ADMIN".into(), granted: true }),
        Body::FpuRounding(FpuRounding { hits: 6, window_ms: 5000 }),
    ]
}

fn call_bodies() -> Vec<Body> {
    vec![
        Body::Ptrace(call("ptrace")),
        Body::Bpf(call("bpf")),
        Body::Userfaultfd(call("userfaultfd")),
        Body::Dup(call("dup2")),
        Body::Socket(call("socket")),
        Body::ModuleLoad(call("finit_module")),
        Body::Mount(call("mount")),
        Body::Namespace(call("unshare")),
        Body::Memfd(call("memfd_create")),
        Body::IoUring(call("io_uring_setup")),
        Body::SetId(call("setuid")),
        Body::Signal(call("kill")),
    ]
}

fn other_bodies() -> Vec<Body> {
    vec![
        Body::Connect(network(Direction::Outbound)),
        Body::Accept(network(Direction::Inbound)),
        Body::Listen(network(Direction::Inbound)),
        Body::Dns(Dns {
            question: "example.org".into(),
            r#type: "A".into(),
            rcode: Some("NOERROR".into()),
            answers: vec!["192.0.2.1".into()],
            server: Some(Endpoint { ip: "192.0.2.53".parse().unwrap(), port: 53 }),
        }),
        Body::Container(ContainerPhase {
            phase: Phase::Started,
            runtime: "containerd".into(),
            mounts: vec![ContainerMount { source: "/".into(), destination: "/host".into(), read_only: true }],
            privileged: true,
            host_namespaces: vec!["pid".into()],
            capabilities: Capabilities(1),
            labels: BTreeMap::from([("app".into(), "web".into())]),
        }),
        Body::K8sAudit(K8sAudit {
            audit: json!({ "kind": "Event", "auditID": "1" }),
            skipped_too_big: vec!["/requestObject".into()],
        }),
        Body::Log(LogLine {
            stream: "stdout".into(),
            line: "hello".into(),
            partial: false,
            labels: BTreeMap::from([("app".into(), "web".into())]),
        }),
    ]
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let bodies = [process_bodies(), file_bodies(), call_bodies(), other_bodies()].concat();
    let event = |(seq, body)| {
        let at = time("2026-11-24T05:44:01.5Z");
        let mut event = Event::new(at, seq, Arc::new(scope()), Attribution::Complete, "tp_btf", body);
        event.extra.insert("of_a_newer_sender".into(), json!([1, "two"]));
        event.with_process(Arc::new(process()))
    };
    (1_u64..).zip(bodies).map(event).collect()
}

pub fn coverage() -> Coverage {
    Coverage {
        subject: Subject::Scope { scope: scope() },
        signal: "file_open".into(),
        state: CoverageState::Seen,
        since: Some(time("2026-11-24T05:00:00Z")),
        reason: "the kernel grants tracing".into(),
        provider: Some("tp_btf/sys_exit".into()),
        lost: Some(Loss { lost: 1, dropped: 2, filtered: 3, shed: 4 }),
    }
}

pub fn sender() -> Sender {
    Sender {
        cluster: "aks-1".into(),
        node: Some("node-1".into()),
        program: "seawall-sensor".into(),
        version: "0.1.0".into(),
        boot_id: Uuid::from_u128(7),
    }
}

pub fn root() -> CausalRoot {
    CausalRoot::Process { cluster: "aks-1".into(), node: "node-1".into(), key: process().key() }
}

pub fn alert() -> Alert {
    Alert {
        id: Alert::id_for("Read shadow", &root(), &sender(), "events", 17),
        key: "suspect-password-file-access".into(),
        rule: Some("Read shadow".into()),
        title: "Possible password file access".into(),
        severity: Severity::Informational,
        tactics: vec!["Credential Access".into()],
        techniques: vec!["T1003.008".into()],
        first_seen: time("2026-11-24T05:44:01Z"),
        last_seen: time("2026-11-24T05:44:02Z"),
        count: 2,
        scope: scope(),
        process: Some(process()),
        process_tree: vec![process()],
        evidence: events().into_iter().take(1).collect(),
        entities: vec![Entity::File { path: "/etc/shadow".into() }],
        causal_root: root(),
        content_version: "1".into(),
        coverage: vec![coverage()],
        output: "cat read /etc/shadow".into(),
        response: Some("none".into()),
        extra: json!({ "of_a_newer_sender": true }).as_object().unwrap().clone(),
    }
}

pub fn incident() -> Incident {
    Incident {
        id: Uuid::from_u128(9),
        root: root(),
        title: alert().title,
        severity: Severity::High,
        status: IncidentStatus::Active,
        owner: Some("ana".into()),
        alerts: vec![alert().id],
        timeline: vec![TimelineEntry {
            time: alert().first_seen,
            text: "read".into(),
            alert: Some(alert().id),
            by: Some("ana".into()),
        }],
        scope: scope(),
        first_seen: alert().first_seen,
        last_seen: alert().last_seen,
    }
}

pub fn exemption() -> Exemption {
    Exemption {
        id: Uuid::from_u128(3),
        what: ExemptionTarget::Cve("CVE-2026-1".into()),
        scope: Some(scope()),
        reason: ExemptionReason::Mitigated,
        author: "ana".into(),
        approver: Some("bo".into()),
        created: time("2026-11-01T00:00:00Z"),
        expires: time("2027-01-01T00:00:00Z"),
        evidence: Some("ticket 5".into()),
        matched: Matched { count: 1, last: Some(time("2026-11-02T00:00:00Z")) },
    }
}

pub fn inventory() -> Inventory {
    let location = Location { path: "var/lib/dpkg/status".into(), layer: Some("sha256:l".into()), offset: Some(4) };
    Inventory {
        id: "00".into(),
        artifact: Artifact {
            reference: Some("registry.example/app:1".into()),
            index_digest: Some("sha256:i".into()),
            manifest_digest: Some("sha256:m".into()),
            config_digest: Some("sha256:c".into()),
            platform: Platform {
                os: "linux".into(),
                architecture: "arm64".into(),
                variant: Some("v8".into()),
                os_version: Some("10.0.1".into()),
            },
            created: Some(time("2026-01-01T00:00:00Z")),
            labels: BTreeMap::from([("a".into(), "b".into())]),
        },
        os: Some(OperatingSystem {
            id: "debian".into(),
            version: "12".into(),
            name: "Debian GNU/Linux 12 (bookworm)".into(),
            end_of_life: Some(time("2028-06-30T00:00:00Z")),
        }),
        layers: vec![Layer {
            digest: "sha256:l".into(),
            diff_id: "sha256:d".into(),
            size_bytes: 10,
            created_by: Some("RUN x".into()),
            complete: true,
        }],
        packages: vec![Package {
            purl: Purl::new("deb", "debian", "libssl3", "3.0.17-1").with("arch", "amd64").to_string(),
            name: "libssl3".into(),
            version: "3.0.17-1".into(),
            architecture: Some("amd64".into()),
            r#type: "deb".into(),
            source: Some(SourcePackage { name: "openssl".into(), version: "3.0.17-1".into() }),
            layer: Some("sha256:l".into()),
            locations: vec![location],
            evidence: Evidence::File,
            owner: Some("pkg:deb/debian/x@1".into()),
            licenses: vec!["Apache-2.0".into()],
            vendor: Some("Debian".into()),
            properties: BTreeMap::from([("module".into(), "nodejs:18".into())]),
        }],
        diagnostics: vec![Diagnostic::new("dpkg/no-version", Level::Warning, "sha256:l", "a package has no version")],
        producer: Producer { analysers_version: "1".into() },
    }
}

pub fn finding() -> Finding {
    Finding {
        id: "CVE-2026-1".into(),
        aliases: vec!["GHSA-x".into()],
        package: inventory().packages[0].purl.clone(),
        installed: "3.0.17-1".into(),
        fixed: vec!["3.0.18-1".into()],
        status: FixStatus::Fixed,
        severity: SeverityChoice {
            chosen: Severity::High,
            from: "vendor".into(),
            all: BTreeMap::from([("vendor".into(), Severity::High)]),
        },
        cvss: vec![Cvss { source: "nvd".into(), vector: "CVSS:3.1/AV:N".into(), score: Some(7.5) }],
        kev: Some(Kev { date_added: "2026-01-01".into(), ransomware: true }),
        epss: Some(Epss { score: 0.5, percentile: 0.75, date: "2026-01-01".into() }),
        confidence: Confidence::Exact,
        inert: false,
        because: Because {
            segment: "debian-12".into(),
            record: "DSA-1".into(),
            scheme: "dpkg".into(),
            rule: "3.0.17-1 < 3.0.18-1 (fixed)".into(),
        },
        layer: Some("sha256:l".into()),
        origin: Some(Origin::Base),
        title: "Out of bounds read".into(),
        binaries: vec!["libssl3".into(), "openssl".into()],
    }
}

pub fn assessment() -> Assessment {
    Assessment {
        inventory_id: "00".into(),
        manifest: vec![SegmentRef { name: "debian-12".into(), date: time("2026-11-01T00:00:00Z"), hash: "00".into() }],
        findings: vec![finding()],
        coverage: vec![Coverage::new(
            Subject::PackageType { name: "deb".into(), packages: 1 },
            "debian:12",
            CoverageState::Seen,
            "",
        )],
        actions: vec![Action {
            kind: ActionKind::UpgradePackage,
            target: "openssl 3.0.18-1".into(),
            closes: vec!["CVE-2026-1".into()],
            of_total: 1,
            verified: false,
        }],
        suppressed: vec![SuppressedFinding { finding: finding(), by: "exemption 3".into() }],
    }
}

pub fn node_facts() -> NodeFacts {
    NodeFacts {
        node: "node-1".into(),
        taken: time("2026-11-24T00:00:00Z"),
        files: vec![FileFact {
            path: "/etc/kubernetes/kubelet.conf".into(),
            mode: "0600".into(),
            owner: "root:root".into(),
            exists: true,
        }],
        processes: vec![ProcessFact { name: "kubelet".into(), args: vec!["kubelet".into()] }],
        kubelet: Some(KubeletFacts {
            config: json!({ "authentication": {} }),
            config_path: Some("/var/lib/kubelet/config.yaml".into()),
            flags: BTreeMap::from([("config".into(), "/var/lib/kubelet/config.yaml".into())]),
            configz: Some(json!({})),
        }),
        kernel: "6.18".into(),
        os: "Debian".into(),
        container_runtime: Some("containerd 1.6.20".into()),
        unreadable: vec![UnreadableFact { what: "/x".into(), reason: "permission denied".into() }],
    }
}

pub fn control_result() -> ControlResult {
    ControlResult {
        control: "pss/privileged".into(),
        profile: "baseline".into(),
        title: "Privileged containers".into(),
        subject: ControlSubject {
            scope: scope(),
            kind: "Pod".into(),
            name: "web".into(),
            file: Some("pod.yaml".into()),
        },
        state: ControlState::Fail,
        evidence: vec![ControlEvidence {
            path: "/spec/containers/0/securityContext/privileged".into(),
            found: json!(true),
            expected: "false or absent".into(),
        }],
        remediation: Remediation {
            text: "Set it to false.".into(),
            patch: vec![json!({ "op": "remove", "path": "/spec/x" })],
            command: Some("kubectl patch …".into()),
        },
    }
}

pub fn verdict() -> Verdict {
    Verdict {
        policy: "K8sPSPPrivilegedContainer/no-privileged".into(),
        enforcement: Enforcement::Deny,
        violations: vec![Violation {
            message: "privileged".into(),
            path: Some("/spec".into()),
            details: json!({ "a": 1 }),
        }],
        patches: vec![json!({ "op": "remove", "path": "/spec/x" })],
        error: Some("step budget".into()),
    }
}

pub fn header() -> BatchHeader {
    BatchHeader {
        v: model::wire::WIRE_VERSION,
        sender: sender(),
        stream: "alerts".into(),
        first_seq: 11,
        last_seq: 12,
        records: 2,
        gaps: vec![Gap { from: 3, to: 10, cause: "spool_full".into() }],
        counters: BTreeMap::from([("file_open".into(), Loss { lost: 1, dropped: 2, filtered: 3, shed: 4 })]),
    }
}
