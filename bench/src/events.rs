//! `bench events`: the rule engine alone, on one core, fed with events that are read already.
//!
//! What is in it: evaluation of ready events. What is not: the kernel, decoding, the process table.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use detect::{CompileOptions, Engine, Matches, Matching, RuleSet, Source};
use model::event::{Exec, FileOpen, PathSource};
use model::{Ancestor, Attribution, Body, Event, OpenFlags, Process, Scope, Timestamp};

use crate::results::Page;

/// Distinct events; they are evaluated in turn.
const EVENTS: usize = 100_000;
/// Passes over the events; the median counts.
const PASSES: usize = 5;
/// Processes that the events are of.
const PROCESSES: usize = 200;
/// One event in so many is an exec, as in the load of opens.
const EXEC_EVERY: usize = 100;
/// A rule file is written by people; Falco's largest has 60 kB.
const MAX_RULES_BYTES: u64 = 4 << 20;

/// Falco's three files of rules for system calls, where the test data is.
pub fn falco_rules() -> Vec<PathBuf> {
    let Some(data) = std::env::var_os("SEAWALL_TEST_DATA").map(PathBuf::from).or_else(beside) else {
        return Vec::new();
    };
    ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"]
        .map(|name| data.join("falco/rules").join(format!("{name}.yaml")))
        .into_iter()
        .filter(|path| path.exists())
        .collect()
}

/// Data beside the checkout, as in CI.
fn beside() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    Some(root.join("shared/data")).filter(|path| path.is_dir())
}

/// Measures.
pub fn run() -> Result<()> {
    let files = falco_rules();
    let mut page = Page::new("events", "Events evaluated", "cargo xtask bench events");
    let sources = files.iter().map(|path| source(path)).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    let mut sets = vec![("ours", &sources[..0], Matching::First)];
    if let [stable, ..] = sources.as_slice() {
        sets.push(("ours + Falco's stable, match first", std::slice::from_ref(stable), Matching::First));
        sets.push(("ours + Falco's three files, match first", &sources, Matching::First));
        sets.push(("ours + Falco's three files, match all", &sources, Matching::All));
    } else {
        page.line("Falco's files are not in SEAWALL_TEST_DATA: our rules alone.\n");
    }
    for (name, given, matching) in sets {
        let options = CompileOptions { matching, builtin: true, ..CompileOptions::default() };
        let started = Instant::now();
        let (rules, _) = RuleSet::compile(given, &options);
        let compiled_ms = started.elapsed().as_millis();
        let count = rules.rules().len();
        let mut row = vec![name.to_owned(), count.to_string(), compiled_ms.to_string()];
        for in_container in [false, true] {
            let (rate, matches) = measure(rules.clone(), &events(in_container))?;
            row.push(format!("{rate:.0}"));
            row.push(matches.to_string());
        }
        rows.push(row);
    }
    page.line(&format!(
        "{EVENTS} events (opens of distinct benign paths, one exec in {EXEC_EVERY}) of {PROCESSES} processes, one thread, median \
         of {PASSES} passes. Falco 0.44.1 as a whole (published): 190,000 events/s at 43 % of a core, stable file alone.\n"
    ));
    page.table(
        &["rules", "count", "compiled in ms", "events/s, host", "matches", "events/s, container", "matches"],
        &rows,
    );
    page.write()
}

fn source(path: &Path) -> Result<Source> {
    let text = limits::read_text(path, MAX_RULES_BYTES)?;
    Ok(Source::new(path.file_name().context("a rule file has no name")?.to_string_lossy(), text))
}

/// Events per second, and matches of one pass.
fn measure(rules: RuleSet, events: &[Event]) -> Result<(f64, usize)> {
    let mut engine = Engine::new(rules);
    let mut found = Matches::new();
    let mut seconds = Vec::with_capacity(PASSES);
    let mut matches = 0;
    for _ in 0..PASSES {
        matches = 0;
        let started = Instant::now();
        for event in events {
            engine.evaluate(event, &mut found);
            matches += found.len();
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    ensure!(seconds[0] > 0.0, "the clock stood still");
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok((events.len() as f64 / seconds[PASSES / 2], matches))
}

/// Opens and execs as a service makes them: the paths are distinct, so that nothing is remembered of them.
fn events(in_container: bool) -> Vec<Event> {
    let mut scope = Scope::node("bench", "bench");
    if in_container {
        scope.container = Some(model::ContainerRef { id: "0123456789ab".into(), name: "web".into(), privileged: None });
    }
    let attribution = if in_container { Attribution::Complete } else { Attribution::Host };
    let scope = Arc::new(scope);
    let processes: Vec<Arc<Process>> = (0..PROCESSES).map(process).collect();
    let event = |number: usize| {
        let at = i64::try_from(number).unwrap_or_default();
        let body = if number.is_multiple_of(EXEC_EVERY) {
            Body::Exec(Exec { argv_truncated: false, script: None, stdio: Vec::new(), result: 0 })
        } else {
            open(number)
        };
        let process = Arc::clone(&processes[number / 64 % PROCESSES]);
        let time = Timestamp::from_nanos(1_790_000_000_000_000_000 + at * 10_000);
        Event::new(time, number as u64, Arc::clone(&scope), attribution, "bench", body).with_process(process)
    };
    (0..EVENTS).map(event).collect()
}

fn open(number: usize) -> Body {
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/share/zoneinfo", "/srv/app/node_modules/express/lib", "/var/cache/app"];
    let folder = folders[number % folders.len()];
    Body::FileOpen(FileOpen {
        path: format!("{folder}/part-{number}.dat"),
        flags: OpenFlags::default(),
        result: 3,
        inode: None,
        path_source: PathSource::Kernel,
        raw_path: None,
    })
}

fn process(number: usize) -> Arc<Process> {
    let names = ["nginx", "node", "java", "postgres", "python3", "redis-server", "worker", "gunicorn"];
    let name = names[number % names.len()];
    let pid = i32::try_from(number).unwrap_or_default() + 1_000;
    let start_time = Timestamp::from_seconds(1_789_999_000);
    let parent = Ancestor {
        pid: 1,
        start_time,
        name: "init".into(),
        exe: "/sbin/init".into(),
        args: vec!["init".into()],
        same_container: true,
    };
    Arc::new(Process {
        pid,
        start_time,
        ppid: 1,
        name: name.into(),
        exe: format!("/usr/bin/{name}"),
        args: vec![name.into(), "--config".into(), format!("/etc/{name}/{number}.conf")],
        cwd: "/srv/app".into(),
        uid: 1_000,
        gid: 1_000,
        ancestors: vec![Arc::new(parent)],
        ..Process::default()
    })
}
