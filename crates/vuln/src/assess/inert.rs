//! Packages of a vulnerable source that carry none of its code: headers, documentation, debug data (rule 12).

use model::Package;

use super::matches::Match;
use super::subjects::Subject;

/// The packages beneath a finding, and whether all of them are inert.
pub(super) fn affected<'i>(subject: &Subject<'i>, matches: &[Match<'_>]) -> (Vec<&'i Package>, bool) {
    let by_source = matches.iter().any(|found| found.binary.is_none());
    let packages: Vec<&Package> = if by_source {
        subject.packages.clone()
    } else {
        let looked_up = |index: &usize| matches.iter().any(|found| found.binary == Some(*index));
        (0..subject.packages.len()).filter(looked_up).filter_map(|index| subject.packages.get(index).copied()).collect()
    };
    // A feed that lists the affected binaries says itself which of the others are not.
    let listed: Vec<&str> = matches.iter().flat_map(|found| found.tags.binaries.iter().copied()).collect();
    let carries = |package: &&Package| {
        !is_inert(&package.r#type, &package.name)
            && (listed.is_empty() || listed.contains(&package.name.as_str()) || package.name == subject.name)
    };
    let inert = subject.os && !packages.iter().any(carries);
    (packages, inert)
}

/// By name, as the distributions' policies give them.
pub(super) fn is_inert(kind: &str, name: &str) -> bool {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match kind {
        "deb" => {
            name == "linux-libc-dev"
                || starts(&["linux-headers-", "linux-kbuild-", "linux-doc", "linux-source"])
                || ends(&["-doc", "-docs", "-dbg", "-dbgsym"])
        }
        "rpm" => {
            matches!(name, "kernel-headers" | "kernel-devel" | "kernel-doc" | "glibc-headers")
                || ends(&["-doc", "-docs", "-debuginfo", "-debugsource", "-filesystem", "-kernel-headers"])
        }
        "apk" => name == "linux-headers" || ends(&["-doc", "-dbg"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_inert;

    #[test]
    fn names() {
        for (kind, name) in [
            ("deb", "linux-libc-dev"),
            ("deb", "libssl-doc"),
            ("deb", "bash-dbgsym"),
            ("rpm", "kernel-headers"),
            ("rpm", "emacs-filesystem"),
            ("apk", "curl-doc"),
        ] {
            assert!(is_inert(kind, name), "{name}");
        }
        for (kind, name) in
            [("deb", "libssl-dev"), ("deb", "doc-base"), ("rpm", "kernel"), ("pypi", "x-doc"), ("rpm", "filesystem")]
        {
            assert!(!is_inert(kind, name), "{name}");
        }
    }
}
