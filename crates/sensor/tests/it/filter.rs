//! The kernel leaves no open out that a rule wants, by whatever way the file is reached, and leaves out what none wants.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use detect::opens::Judge;
use detect::{CompileOptions, RuleSet, Source};
use sensor::kernel::{Kernel, Settings, programs};
use sensor::record;
use testkit::need;

use crate::program::{Sensor, text};

/// Ways to open a file: a script in which `@` is the file's number, run in the folder of [`tree`] by `sh`, and the rule's
/// condition on it.
const WAYS: [(&str, &str); 25] = [
    ("cat plain/t@-x", "fd.name = DIR/plain/t@-x"),
    ("cat plain/t@-x", "fd.name startswith DIR/plain/t@-"),
    ("cat plain/t@-x", "fd.name endswith /t@-x"),
    ("cat plain/t@-x", "fd.name contains plain/t@"),
    ("cat plain/t@-x", "fd.name icontains PLAIN/T@"),
    ("cat plain/t@-x", "fd.name glob */t@-?"),
    ("cat plain/t@-x", "fd.name pmatch (DIR/plain/t@-x, /nowhere)"),
    ("cat plain/t@-x", "fd.filename in (t@-x, other)"),
    ("cat plain/t@-x", "fd.directory = DIR/plain and fd.filename startswith t@"),
    ("cat plain/t@-x", "not fd.name != DIR/plain/t@-x"),
    ("cd plain/../plain && cat ./t@-x", "fd.name = DIR/plain/t@-x"),
    ("ln -s plain/t@-x link@ && cat link@", "fd.name = DIR/plain/t@-x"),
    ("ln plain/t@-x hard@ && cat hard@", "fd.name = DIR/hard@"),
    ("mkdir old@ && cp plain/t@-x old@ && cat old@/t@-x && mv old@ new@ && cat new@/t@-x", "fd.name = DIR/new@/t@-x"),
    (
        "mkdir -p g@/a && cp plain/t@-x g@/a && cat g@/a/t@-x g@/a/t@-x && mv g@ h@ && cat h@/a/t@-x",
        "fd.name = DIR/h@/a/t@-x",
    ),
    (
        "mkdir -p e@/a f@/a && cp plain/t@-x e@/a && cp plain/t@-x f@/a/u@ && cat f@/a/u@ && rm -r f@ && mv e@ f@ && \
         cat f@/a/t@-x",
        "fd.name = DIR/f@/a/t@-x",
    ),
    (
        "mkdir -p w@/a v@ && unshare -m sh -c 'mount -t tmpfs w@ w@/a && cp plain/t@-x w@/a && cat w@/a/t@-x && \
         mount --make-private w@/a && mount --move w@/a v@ && cat v@/t@-x'",
        "fd.name = DIR/v@/t@-x",
    ),
    ("mkdir m@ && unshare -m sh -c 'mount --bind plain m@ && cat m@/t@-x'", "fd.name = DIR/m@/t@-x"),
    ("mkdir t@ && unshare -m sh -c 'mount -t tmpfs t@ t@ && mkdir t@/a && : > t@/a/f'", "fd.name = DIR/t@/a/f"),
    ("mkdir r@ && cp /bin/busybox r@ && echo x > r@/t@-x && chroot r@ /busybox cat /t@-x", "fd.name = /t@-x"),
    (": >> plain/t@-x", "fd.name endswith /t@-x and evt.is_open_write = true"),
    ("exec 3<> plain/t@-x", "fd.name endswith /t@-x and evt.is_open_write = true and evt.is_open_read = true"),
    ("cat noise/* > /dev/null; exec cat plain/t@-x", "fd.filename = t@-x and proc.name = cat"),
    (
        "perl -e 'open(F, $_) for glob(\"noise/* noise/*\"); $0 = \"name@\"; open(F, \"plain/t@-x\")'",
        "fd.filename = t@-x and proc.name = name@",
    ),
    (
        "perl -e 'open(F, $_) for glob(\"noise/* noise/*\"); $< = 7; $> = 7; open(F, \"plain/t@-x\")'",
        "fd.filename = t@-x and user.uid = 7",
    ),
];

/// How often each way is tried: what is remembered of one process must not serve for another.
const ROUNDS: usize = 3;
/// Files that no rule names.
const NOISE: usize = 200;

fn rules(dir: &Path) -> String {
    let mut text = String::new();
    for (number, (_, condition)) in (0..ROUNDS).flat_map(|_| WAYS).enumerate() {
        let condition = condition.replace("DIR", &dir.display().to_string()).replace('@', &format!("{number:03}"));
        write!(
            text,
            "- rule: R{number}\n  desc: d\n  condition: evt.type in (open, openat, openat2, creat) and fd.num >= 0 and \
             {condition}\n  output: \"%fd.name\"\n  priority: NOTICE\n"
        )
        .unwrap();
    }
    text.push_str(
        "- rule: Last\n  desc: d\n  condition: evt.type in (open, openat) and fd.filename = the-end\n  output: end\n  \
         priority: NOTICE\n",
    );
    text
}

fn tree(dir: &Path) {
    for folder in ["plain", "noise"] {
        std::fs::create_dir(dir.join(folder)).unwrap();
    }
    for number in 0..ROUNDS * WAYS.len() {
        std::fs::write(dir.join(format!("plain/t{number:03}-x")), "x").unwrap();
    }
    for number in 0..NOISE {
        std::fs::write(dir.join(format!("noise/{number}")), "x").unwrap();
    }
}

#[test]
fn what_a_rule_wants_is_never_left_out() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    tree(&dir);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rules(&dir)).unwrap();
    let mut sensor = Sensor::start(&["--no-own-rules", "--rules", file.path().to_str().unwrap()]);
    for (number, (script, _)) in (0..ROUNDS).flat_map(|_| WAYS).enumerate() {
        let script = script.replace('@', &format!("{number:03}"));
        let done = Command::new("sh").args(["-c", &script]).current_dir(&dir).output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }
    drop(std::fs::File::create(dir.join("the-end")).unwrap());
    sensor.wait_for("the last alert", |value| text(value, "/rule") == "Last");
    let raised: BTreeSet<&str> = sensor.seen().iter().map(|value| text(value, "/rule")).collect();
    for (number, (script, condition)) in (0..ROUNDS).flat_map(|_| WAYS).enumerate() {
        assert!(raised.contains(format!("R{number}").as_str()), "{number}: {script}: {condition}");
    }
}

/// Paths of the opens of a shell script, as they come through the ring.
fn opened(kernel: &Kernel, script: &str, dir: &Path) -> Vec<String> {
    let mut child = Command::new("sh").args(["-c", script]).current_dir(dir).spawn().unwrap();
    let pid = child.id();
    assert!(child.wait().unwrap().success());
    let paths = RefCell::new(Vec::new());
    let mut reader = kernel
        .reader(|bytes| {
            if let Ok(record::Record { header, body: record::Body::Open(open) }) = record::decode(bytes)
                && header.pid == pid
            {
                paths.borrow_mut().push(record::text(open.path));
            }
        })
        .unwrap();
    reader.consume();
    drop(reader);
    paths.into_inner()
}

#[test]
fn what_no_rule_wants_is_left_out() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let text = "- rule: R\n  desc: d\n  condition: evt.type = openat and fd.filename = t001-x and fd.num >= 0\n  output: o\n  \
                priority: NOTICE\n";
    let (rules, _) = RuleSet::compile(&[Source::new("r.yaml", text)], &CompileOptions::default());
    let judge = Judge::new(&rules);
    let mut kernel = Kernel::new(Settings { own_pid: std::process::id(), ..Settings::default() }).unwrap();
    let open = programs::ALL.iter().find(|program| program.name == "file_open").unwrap();
    kernel.prepare(&[&programs::DISPATCH, open]);
    kernel.start(&programs::DISPATCH).unwrap();
    kernel.start(open).unwrap();

    let script = "for f in noise/*; do : < $f; done; : < plain/t001-x; : < plain/t002-x";
    let is_noise = |path: &String| path.contains("/noise/");
    assert_eq!(
        opened(&kernel, script, dir.path()).iter().filter(|path| is_noise(path)).count(),
        NOISE,
        "no filter yet"
    );
    kernel.filter_opens(&judge).unwrap();
    let seen = opened(&kernel, script, dir.path());
    assert!(seen.len() == 1 && seen[0].ends_with("/plain/t001-x"), "{seen:?}");
}
