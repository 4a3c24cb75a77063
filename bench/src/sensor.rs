//! `bench sensor`: what the sensor costs the programs that it watches and itself, what it loses, how fast it is.
//!
//! Needs root and a kernel with BPF. Falco's figures are printed beside ours as published: they were measured on a
//! machine of the same size at another time, so only their order compares.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::events::falco_rules;
use crate::generate::{Done, load};
use crate::results::Page;
use crate::watched::Watched;

/// Files that are opened in turn: more than the sensor remembers as repeated.
const FILES: usize = 20_000;

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Rounds of every A/B/A comparison; odd, for the median.
    rounds: usize,
    /// Calls of a round.
    getppids: u64,
    /// Opens of a round.
    opens: u64,
    /// Seconds of every load.
    seconds: u64,
    /// Samples of trigger → alert.
    samples: usize,
    /// Requests of a round to a service.
    requests: usize,
}

const FULL: Scale =
    Scale { rounds: 5, getppids: 2_000_000, opens: 200_000, seconds: 10, samples: 200, requests: 200_000 };
/// To see whether the bench itself works; its figures are worth nothing and are not written.
const QUICK: Scale = Scale { rounds: 1, getppids: 20_000, opens: 2_000, seconds: 1, samples: 10, requests: 2_000 };

/// Measures.
pub fn run(args: &[String]) -> Result<()> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let scale = if quick { QUICK } else { FULL };
    ensure!(nix::unistd::geteuid().is_root(), "this bench needs root: the sensor loads programs into the kernel");
    let folder = Folder::make(scale.samples)?;
    let mut page = Page::new("sensor", "Sensor", "cargo xtask bench sensor");
    let falco = falco_rules();
    page.line(&match falco.len() {
        0 => "Rules: ours alone; Falco's files are not in SEAWALL_TEST_DATA.\n".to_owned(),
        count => format!("Rules: ours and {count} files of Falco's (stable, incubating, sandbox)."),
    });
    application(&mut page, scale, &folder, &falco)?;
    loads(&mut page, scale, &folder, &falco)?;
    let rules = [falco, vec![folder.rule.clone()]].concat();
    latency(&mut page, scale, &folder, &rules)?;
    hub_latency(&mut page, scale, &folder, &rules)?;
    crate::services::run(&mut page, scale.rounds, scale.requests, &rules)?;
    if quick { page.print() } else { page.write() }
}

/// A rule for each sample: equal alerts of one process are one, and only the first is told at once.
fn rules_text(samples: usize) -> String {
    let rule = |number| {
        let name = trigger_name(number);
        format!(
            "- rule: Bench {name}\n  desc: a file that only the bench opens\n  condition: evt.type in (open, openat, \
             openat2) and fd.filename = {name}\n  output: opened (file=%fd.name)\n  priority: NOTICE\n"
        )
    };
    (0..samples).map(rule).collect()
}

fn trigger_name(number: usize) -> String {
    format!("seawall-bench-trigger-{number:04}")
}

/// What the loads need: files, one file, files that rules name, the rules.
struct Folder {
    root: tempfile::TempDir,
    many: PathBuf,
    one: PathBuf,
    rule: PathBuf,
}

impl Folder {
    fn make(samples: usize) -> Result<Self> {
        let root = tempfile::tempdir().context("making a folder")?;
        let (many, one, rule) = (root.path().join("many"), root.path().join("one"), root.path().join("rule.yaml"));
        for folder in [&many, &one] {
            std::fs::create_dir(folder).context("making a folder")?;
        }
        for number in 0..FILES {
            std::fs::write(many.join(format!("file-{number:05}")), b"").context("making a file")?;
        }
        std::fs::write(one.join("file"), b"").context("making a file")?;
        for number in 0..samples {
            std::fs::write(root.path().join(trigger_name(number)), b"").context("making a file")?;
        }
        std::fs::write(&rule, rules_text(samples)).context("writing the rules")?;
        Ok(Self { root, many, one, rule })
    }
}

/// A/B/A: without, with, without.
fn application(page: &mut Page, scale: Scale, folder: &Folder, rules: &[PathBuf]) -> Result<()> {
    let mut rows = Vec::new();
    let cases = [
        ("`getppid`, which no rule asks for", "getppid", scale.getppids, &folder.one, "247 → 408 → 241"),
        ("open+close, one file again and again", "opens", scale.opens, &folder.one, ""),
        ("open+close, 20,000 files in turn", "opens", scale.opens, &folder.many, "3,450 → 5,370 → 3,120"),
    ];
    for (what, kind, count, files, published) in cases {
        let before = median(scale.rounds, kind, count, files)?;
        let sensor = Watched::start(rules, &[])?;
        let with = median(scale.rounds, kind, count, files)?;
        drop(sensor);
        let after = median(scale.rounds, kind, count, files)?;
        let without = f64::midpoint(before, after);
        rows.push(vec![
            what.to_owned(),
            format!("{before:.0} → {with:.0} → {after:.0}"),
            format!("{:+.0}", with - without),
            format!("{:+.0} %", (with / without - 1.0) * 100.0),
            published.to_owned(),
        ]);
    }
    page.line(&format!(
        "\nCPU of the watched program, ns an operation, without → with → without; medians of {}:\n",
        scale.rounds
    ));
    page.table(&["operation", "ns", "difference ns", "difference", "Falco 0.44.1 (published)"], &rows);
    Ok(())
}

fn median(rounds: usize, kind: &str, count: u64, files: &Path) -> Result<f64> {
    let mut nanos: Vec<f64> =
        (0..rounds).map(|_| load(kind, count, 0, files).map(Done::nanos)).collect::<Result<_>>()?;
    nanos.sort_by(f64::total_cmp);
    Ok(nanos[rounds / 2])
}

/// The sensor's own cost under even loads. A hub runs beside it, because losses are told to a hub.
fn loads(page: &mut Page, scale: Scale, folder: &Folder, rules: &[PathBuf]) -> Result<()> {
    let stable = Watched::start(&rules[..rules.len().min(1)], &[])?;
    let case = ("340 execs/s, ours and Falco's stable, no hub", "execs", 340, &folder.one, "10.2");
    let alone = cost(&stable, scale, case)?;
    drop(stable);
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let state = tempfile::tempdir().context("making a folder")?;
    let hub = runtime.block_on(crate::hub::Hub::start(&state))?;
    let join = runtime.block_on(hub.join("bench", "bench"))?;
    let state_dir = folder.root.path().join("sensor").display().to_string();
    let sensor = Watched::start(
        rules,
        &["--cluster", "bench", "--node", "bench", "--state-dir", &state_dir, "--enrol-token", &join],
    )?;
    let mut rows = Vec::new();
    let cases = [
        ("idle", "", 0, &folder.one, "0.6"),
        ("1,000 open+close/s", "opens", 1_000, &folder.many, "1.2"),
        ("10,000 open+close/s", "opens", 10_000, &folder.many, "9.1"),
        ("50,000 open+close/s", "opens", 50_000, &folder.many, "27.2–27.5 stable; 67.8 all three, match all"),
        ("50,000 open+close/s of one file", "opens", 50_000, &folder.one, ""),
        ("340 execs/s", "execs", 340, &folder.one, "10.2 stable; 22.1 all three"),
        ("execs as fast as they go", "execs", 0, &folder.one, ""),
    ];
    for (what, kind, rate, files, published) in cases {
        rows.push(cost(&sensor, scale, (what, kind, rate, files, published))?);
    }
    rows.insert(rows.len() - 1, alone);
    page.line(&format!("The sensor's own cost, percent of a core, {} s each:\n", scale.seconds));
    page.table(&["load", "operations/s", "user", "system", "MiB", "Falco 0.44.1 user CPU (published)"], &rows);
    page.line(&format!("Peak memory {} MiB (Falco: 58 to 62 MB, published). {}\n", sensor.memory()?.1, sensor.said));
    let losses = runtime.block_on(hub.losses("bench", "bench"))?;
    page.line(&format!(
        "What these loads lost, as the hub was told: {losses}. Filtered is what no rule can want or what repeats, in the \
         kernel; shed is what was evaluated, but is beyond the 50 events a second that a node sends on average; dropped and \
         lost is what nobody saw.\n"
    ));
    Ok(())
}

/// A load: its name, its kind ([`load`]) or nothing, operations a second, its files, Falco's figure.
type Case<'a> = (&'a str, &'a str, u64, &'a PathBuf, &'a str);

/// What a load costs a sensor, as a row.
fn cost(sensor: &Watched, scale: Scale, (what, kind, rate, files, published): Case<'_>) -> Result<Vec<String>> {
    let (user, system) = sensor.cpu()?;
    let started = Instant::now();
    let reached = if kind.is_empty() {
        std::thread::sleep(Duration::from_secs(scale.seconds));
        0.0
    } else {
        // As fast as it goes: a count that takes a few seconds.
        load(kind, if rate == 0 { 3_000 } else { rate * scale.seconds }, rate, files)?.rate()
    };
    let wall = started.elapsed().as_secs_f64();
    let (user_after, system_after) = sensor.cpu()?;
    Ok(vec![
        what.to_owned(),
        format!("{reached:.0}"),
        format!("{:.1}", (user_after - user) / wall * 100.0),
        format!("{:.1}", (system_after - system) / wall * 100.0),
        sensor.memory()?.0.to_string(),
        published.to_owned(),
    ])
}

/// From opening a file to reading the alert's line.
fn latency(page: &mut Page, scale: Scale, folder: &Folder, rules: &[PathBuf]) -> Result<()> {
    let mut rows = Vec::new();
    for (what, rate) in [("idle", 0), ("beside 20,000 open+close/s", 20_000), ("beside 50,000 open+close/s", 50_000)] {
        let sensor = Watched::start(rules, &[])?;
        let times = if rate == 0 {
            samples(scale.samples, &sensor, folder)?
        } else {
            // Long enough for all samples; what is left of it ends with the scope.
            std::thread::scope(|scope| {
                let noise = scope.spawn(|| load("opens", rate * scale.seconds, rate, &folder.many));
                let times = samples(scale.samples, &sensor, folder);
                noise.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
                times
            })?
        };
        let published = match rate {
            0 => "2.26 / 10.9",
            20_000 => "1.07 / 5.36",
            _ => "0.91 / 6.85",
        };
        rows.push(vec![
            what.to_owned(),
            percentile(&times, 50),
            percentile(&times, 99),
            percentile(&times, 100),
            published.to_owned(),
        ]);
    }
    page.line(&format!(
        "Opening a file that a rule names → the alert's line read from a pipe, ms, {} samples each:\n",
        scale.samples
    ));
    page.table(&["load", "p50", "p99", "worst", "Falco 0.44.1 p50 / p99 (published)"], &rows);
    let mut starts = Vec::new();
    for round in 0..scale.rounds {
        let started = Instant::now();
        let sensor = Watched::start(rules, &[])?;
        let name = trigger(folder, round)?;
        starts.push((sensor.alert(&name)? - started, sensor.ready));
    }
    starts.sort_unstable();
    let (first, ready) = starts[scale.rounds / 2];
    page.line(&format!(
        "Start → first alert: {} ms, of it {} ms until ready; median of {} (Falco: 3,240 ms, published).",
        first.as_millis(),
        ready.as_millis(),
        scale.rounds
    ));
    Ok(())
}

/// From opening a file to an answer of the hub's API that has the alert: over the sensor, its spool, the wire, the
/// hub's database. The list is asked for without a pause, so that each time is late by one request at most.
fn hub_latency(page: &mut Page, scale: Scale, folder: &Folder, rules: &[PathBuf]) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let state = tempfile::tempdir().context("making a folder")?;
    let hub = runtime.block_on(crate::hub::Hub::start(&state))?;
    let join = runtime.block_on(hub.join("bench", "latency"))?;
    let state_dir = state.path().join("sensor").display().to_string();
    let args = ["--cluster", "bench", "--node", "latency", "--state-dir", &state_dir, "--enrol-token", &join];
    let sensor = Watched::start(rules, &args)?;
    let mut times = Vec::with_capacity(scale.samples);
    for number in 0..scale.samples {
        let started = Instant::now();
        let name = trigger(folder, number)?;
        runtime.block_on(hub.listed(&name))?;
        times.push(started.elapsed());
        pause(number);
    }
    drop(sensor);
    times.sort_unstable();
    page.line(&format!(
        "\nOpening a file that a rule names → the alert in the hub's list (durable there), ms, {} samples: p50 {}, p99 {}, \
         worst {}.",
        scale.samples,
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100)
    ));
    Ok(())
}

/// Milliseconds of a percentile of sorted times.
fn percentile(times: &[Duration], percent: usize) -> String {
    format!("{:.2}", times[(times.len() - 1) * percent / 100].as_secs_f64() * 1_000.0)
}

/// Even spacing would meet the sensor's ticks always or never.
fn pause(number: usize) {
    std::thread::sleep(Duration::from_millis(7 + (number as u64 * 13) % 31));
}

/// Sorted times.
fn samples(count: usize, sensor: &Watched, folder: &Folder) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let started = Instant::now();
        let name = trigger(folder, number)?;
        times.push(sensor.alert(&name)? - started);
        pause(number);
    }
    times.sort_unstable();
    Ok(times)
}

/// Opens a file that a rule names.
fn trigger(folder: &Folder, number: usize) -> Result<String> {
    let name = trigger_name(number);
    drop(std::fs::File::open(folder.root.path().join(&name)).context("opening the trigger")?);
    Ok(name)
}
