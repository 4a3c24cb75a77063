//! Soundness: an open that a rule or detector matches is never left out. The same on random events is in the engine's
//! tests.

use proptest::prelude::*;

use super::table::Needle;
use super::*;
use crate::content;
use crate::engine::{Engine, Matches};
use crate::testing::{container, event, host, open, process};
use crate::{CompileOptions, Matching, Source};

const READ: usize = 8;
const WRITE: usize = 9;

fn rules(conditions: &[&str]) -> RuleSet {
    let rule = |(number, condition): (usize, &&str)| {
        format!(
            "- rule: R{number}\n  desc: d\n  condition: evt.type in (open, openat) and {condition}\n  output: o\n  priority: DEBUG\n"
        )
    };
    let text: String = conditions.iter().enumerate().map(rule).collect();
    let options = CompileOptions { matching: Matching::All, ..CompileOptions::default() };
    let (rules, diagnostics) = RuleSet::compile(&[Source::new("r.yaml", text)], &options);
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == model::Level::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    rules
}

/// Whether an open for reading by a process on the host is sent.
fn sent(conditions: &[&str], path: &str) -> bool {
    let rules = rules(conditions);
    let judge = Judge::new(&rules);
    let event = event(open(path, 0, 3), &host(), process("cat -n x", &["sh"]));
    let groups = Engine::new(rules).judge_opens(&judge, &event);
    sends(judge.table(), &groups, &event)
}

#[test]
fn every_comparison_of_a_path_finds_what_it_matches_and_leaves_the_rest_out() {
    let check = |condition: &str, path: &str, expected: bool| {
        assert_eq!(sent(&[condition], path), expected, "{condition}: {path}");
    };
    check("fd.name = /etc/shadow", "/etc/shadow", true);
    check("fd.name = /etc/shadow", "/srv/etc/shadow", false);
    check("fd.name in (/etc/shadow, /etc/sudoers)", "/etc/sudoers", true);
    check("fd.name in (/etc/shadow, /etc/sudoers)", "/etc/sudoers.d", false);
    check("fd.name startswith /etc/ssh", "/etc/sshd", true);
    check("fd.name startswith /etc/ssh", "/x/etc/ssh", false);
    check("fd.name endswith .pem", "/x/key.pem", true);
    check("fd.name endswith .pem", "/x/key.pem.txt", false);
    check("fd.name contains id_rsa", "/home/a/.ssh/id_rsa.pub", true);
    check("fd.name contains id_rsa", "/home/a/.ssh/id_ed25519", false);
    check("fd.name glob /proc/*/environ", "/proc/7/environ", true);
    check("fd.name glob /proc/*/environ", "/proc/7/status", false);
    check("fd.name glob /etc/x?", "/etc/xy", true);
    check("fd.name pmatch (/usr/bin, /opt/*/bin)", "/usr/bin", true);
    check("fd.name pmatch (/usr/bin, /opt/*/bin)", "/usr/bin/ls", true);
    check("fd.name pmatch (/usr/bin, /opt/*/bin)", "/usr/binary", false);
    check("fd.name pmatch (/usr/bin, /opt/*/bin)", "/opt/a/bin/x", true);
    check("fd.filename = shadow", "/srv/shadow", true);
    check("fd.filename = shadow", "/srv/shadow/x", false);
    check("fd.directory = /etc", "/etc/shadow", true);
    check("fd.directory = /etc", "/usr/etc/shadow", false);
    check("fd.directory = /", "/vmlinuz", true);
    check("fd.directory in (/bin, /sbin)", "/sbin/init", true);
    check("not fd.name != /etc/shadow", "/etc/shadow", true);
    check("not fd.name != /etc/shadow", "/etc/group", false);
    check("fd.name icontains SECRET", "/x/my-Secret.txt", true);
    check("fd.name icontains SECRET", "/x/my-secre", false);
    check("fd.filename iglob anyof (\"*readme*decrypt*\", \"*ransom*.txt\")", "/x/README_to_Decrypt.html", true);
    check("fd.filename iglob anyof (\"*readme*decrypt*\", \"*ransom*.txt\")", "/x/readme.md", false);
    check("fd.name glob /x[ab]", "/y", true);
    check("evt.arg.path startswith /boot", "/boot/x", true);
    check("evt.arg.path startswith /boot", "/x", false);
    // What cannot be said of the path alone lets every path through.
    check("fd.name regex .*x", "/x", true);
    check("not fd.name startswith /etc", "/x", true);
    check("fd.name != /x", "/y", true);
    check("basename(fd.name) = x", "/y", true);
    check("fd.name = val(fd.nameraw)", "/y", true);
}

#[test]
fn what_is_fixed_for_the_process_and_the_class_is_filled_in() {
    let check = |condition: &str, expected: bool| assert_eq!(sent(&[condition], "/x"), expected, "{condition}");
    check("proc.name = cat", true);
    check("proc.name = tar", false);
    check("not proc.name = cat", false);
    check("container.id != host", false);
    check("evt.is_open_write = true", false);
    check("evt.is_open_read = true", true);
    check("fd.num < 0", false);
    check("fd.num >= 0 and proc.name = cat", true);
    check("fd.num = 7", true);
    check("evt.failed = true", false);
    check("fd.name startswith /etc and (proc.name = cat or fd.name = /etc/x)", false);
    check("fd.name startswith /etc or proc.name in (tar, cat)", true);
    check("fd.name startswith /etc or proc.name in (tar, zip)", false);
    check("evt.arg.flags contains O_TMPFILE", true);
    check("evt.arg.flags contains O_CREAT", false);
    check("evt.arg.newpath = /x", false);
}

#[test]
fn of_several_conditions_on_the_path_the_rarest_is_asked_for() {
    let judge = Judge::new(&rules(&["fd.name startswith /proc/ and fd.name endswith /environ"]));
    let wanted = |path: &str| is_wanted(&judge.anybody(), READ, judge.table().run(path.as_bytes()));
    assert!(wanted("/proc/1/environ") && !wanted("/proc/1/status"));
}

#[test]
fn our_rules_leave_ordinary_opens_out() {
    let (rules, _) = RuleSet::compile(&[], &CompileOptions { builtin: true, ..CompileOptions::default() });
    let judge = Judge::new(&rules);
    let mut engine = Engine::new(rules);
    for scope in [host(), container()] {
        let reader = event(open("/usr/lib/x86_64-linux-gnu/libc.so.6", 0, 3), &scope, process("nginx -g x", &["sh"]));
        let groups = engine.judge_opens(&judge, &reader);
        assert!(!sends(judge.table(), &groups, &reader));
        let shadow = event(open("/etc/shadow", 0, 3), &scope, process("nginx -g x", &["sh"]));
        let groups = engine.judge_opens(&judge, &shadow);
        let mut found = Matches::new();
        engine.evaluate(&shadow, &mut found);
        assert!(found.is_empty() || sends(judge.table(), &groups, &shadow));
    }
}

#[test]
fn detectors_get_the_opens_that_they_look_at() {
    let (rules, _) = RuleSet::compile(&[], &CompileOptions { builtin: true, ..CompileOptions::default() });
    assert!(!rules.detectors().is_empty() && !content::rules().is_empty());
    let judge = Judge::new(&rules);
    let mut engine = Engine::new(rules);
    let mut sends_write = |line: &str, path: &str| {
        let written = event(open(path, 0o1101, 3), &host(), process(line, &["sh"]));
        let groups = engine.judge_opens(&judge, &written);
        sends(judge.table(), &groups, &written)
    };
    assert!(sends_write("curl -o x", "/srv/anything") && sends_write("busybox wget x", "/srv/anything"));
    assert!(sends_write("sh -c x", "/var/log/auth.log") && !sends_write("gcc x.c", "/srv/anything.o"));
}

#[test]
fn tables_hold_any_number_of_needles() {
    let needle = |number: usize| Needle {
        at_start: number.is_multiple_of(2),
        at_end: number.is_multiple_of(3),
        text: format!("/folder-{number}/{}", "näme \u{1}~".repeat(number % 7)).into(),
    };
    let needles: Vec<(Needle, u64)> = (0..900).map(|number| (needle(number), 1 << (number % 63))).collect();
    let table = PathTable::new(&needles);
    assert!(table.hits.len() <= STATES && table.next.len() == table.hits.len() * BYTE_CLASSES);
    for (needle, group) in &needles {
        assert_ne!(table.run(needle.text.as_bytes()) & group, 0, "{needle:?}");
    }
}

#[test]
fn classes_are_access_modes_and_outcomes() {
    assert_eq!(class(OpenFlags(0), 3), READ);
    assert_eq!(class(OpenFlags(OpenFlags::WRONLY), 3), WRITE);
    assert_eq!(class(OpenFlags(OpenFlags::RDWR | OpenFlags::CREAT), -13), 6);
}

proptest! {
    #[test]
    fn tables_find_exactly_the_needles_that_fit(
        texts in proptest::collection::vec(("[/abé.]{1,6}", any::<bool>(), any::<bool>()), 1..12),
        path in "[/abé.]{0,24}",
    ) {
        let needle = |(text, at_start, at_end): &(String, bool, bool)| {
            Needle { at_start: *at_start, at_end: *at_end, text: text.as_str().into() }
        };
        let needles: Vec<(Needle, u64)> =
            texts.iter().enumerate().map(|(number, text)| (needle(text), 1 << number)).collect();
        let expected = needles.iter().filter(|(needle, _)| needle.is_in(&path)).fold(0, |all, (_, group)| all | group);
        prop_assert_eq!(PathTable::new(&needles).run(path.as_bytes()), expected);
    }
}
