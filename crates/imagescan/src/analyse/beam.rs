//! Elixir and Erlang: `mix.lock`, `rebar.lock`, the runtime's `OTP_VERSION`, and well-known applications (`*.app`).
//!
//! Both lock files are terms of their language, written by the tools with one entry a line (the documentation of Mix and
//! of rebar3). What does not fit that is passed over.

use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::path::{file_name, parent};
use crate::record::Found;

/// Lock files of large applications have about 100 KB.
pub const MIX: Analyser = Analyser::packages(Take::Whole(4 << 20), mix);
/// As [`MIX`].
pub const REBAR: Analyser = Analyser::packages(Take::Whole(4 << 20), rebar);
/// A line.
pub const OTP_VERSION: Analyser = Analyser::packages(Take::Start(1 << 10), otp_version);
/// Application resource files, app(4) of Erlang: a few KB.
pub const APPLICATION: Analyser = Analyser::packages(Take::Start(64 << 10), application);

/// Applications that are known by the name of their product.
const PRODUCTS: &[(&str, &str)] = &[("elixir", "elixir"), ("rabbit", "rabbitmq"), ("ejabberd", "ejabberd")];

/// Whether a file is the resource file of an application.
pub fn is_application(path: &str) -> bool {
    file_name(parent(path)) == "ebin"
}

/// Whether an application comes with Erlang or Elixir themselves, which the type `otp` of package URLs is for.
fn is_brought(path: &str) -> bool {
    path.contains("erlang/lib/") || path.contains("elixir/lib/")
}

/// `"app": {:hex, :name, "1.0.0", ...`; entries of `:git` and `:path` are no releases.
fn mix(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.lines().filter_map(|line| {
        let rest = line.split_once("{:hex, :")?.1;
        let (name, rest) = rest.split_once(", \"")?;
        let name = name.trim_matches('"');
        Some(hex(name, rest.split('"').next()?))
    });
    (found.flatten().collect(), Vec::new())
}

/// `{<<"app">>,{pkg,<<"name">>,<<"1.0.0">>},0}`.
fn rebar(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.lines().filter_map(|line| {
        let rest = line.split_once("{pkg,<<\"")?.1;
        let (name, rest) = rest.split_once("\">>,<<\"")?;
        Some(hex(name, rest.split('"').next()?))
    });
    (found.flatten().collect(), Vec::new())
}

fn hex(name: &str, version: &str) -> Option<Found> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let sane = plain && version.starts_with(|c: char| c.is_ascii_digit());
    sane.then(|| Found::new("hex", name, version, Evidence::Lock))
}

fn otp_version(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    // Patched installations end their version with two asterisks.
    let version = text.trim().trim_end_matches('*');
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Packages::default();
    }
    (vec![Found::new("generic", "erlang", version, Evidence::File)], Vec::new())
}

/// `{vsn, "1.0.0"}` within the tuple.
fn application(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let name = file_name(path).trim_end_matches(".app");
    let version = text.split_once("{vsn").and_then(|(_, rest)| rest.split('"').nth(1)).unwrap_or_default();
    let found = match PRODUCTS.iter().find(|(application, _)| *application == name) {
        Some((_, product)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(Found::new("generic", *product, version, Evidence::File))
        }
        Some(_) => None,
        // What they do not bring comes from Hex, under the application's name.
        None => hex(name, version).map(|found| {
            let r#type = if is_brought(path) { "otp".to_owned() } else { found.r#type.clone() };
            Found { evidence: Evidence::File, r#type, ..found }
        }),
    };
    (found.into_iter().collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parse: fn(&str, &[u8]) -> Packages, text: &str, expected: &[(&str, &str)]) {
        let (found, _) = parse("x", text.as_bytes());
        let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.version.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn releases_of_both_tools() {
        let text = "%{\n  \"jason\": {:hex, :jason, \"1.4.0\", \"e855\", [:mix], [], \"hexpm\", \"79a3\"},\n  \"own\": {:git, \"https://x/own.git\", \"abc\", []},\n}\n";
        check(mix, text, &[("jason", "1.4.0")]);
        let text = "{\"1.2.0\",\n[{<<\"cowboy\">>,{pkg,<<\"cowboy\">>,<<\"2.9.0\">>},0},\n {<<\"x\">>,{git,\"https://x\",{ref,\"a\"}},0}]}.\n";
        check(rebar, text, &[("cowboy", "2.9.0")]);
        check(otp_version, "26.2.1\n", &[("erlang", "26.2.1")]);
        check(otp_version, "25.3**\n", &[("erlang", "25.3")]);
        check(otp_version, "hello\n", &[]);
        let (found, _) =
            application("lib/rabbit-3.12.0/ebin/rabbit.app", b"{application,rabbit,\n [{vsn, \"3.12.0\"}]}.");
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("rabbitmq", "3.12.0"));
        let (found, _) =
            application("plugins/cowboy-2.9.0/ebin/cowboy.app", b"{application, cowboy, [{vsn,\"2.9.0\"}]}.");
        assert_eq!((found[0].r#type.as_str(), found[0].name.as_str()), ("hex", "cowboy"));
        assert!(is_application("plugins/cowboy-2.9.0/ebin/cowboy.app"));
        let ssh = "usr/lib/erlang/lib/ssh-5.1/ebin/ssh.app";
        assert_eq!(application(ssh, b"{vsn, \"5.1\"}").0[0].r#type, "otp");
        assert!(is_application(ssh) && !is_application("x/cowboy.app"));
    }
}
