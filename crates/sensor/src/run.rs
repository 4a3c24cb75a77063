//! The conductor: starts the providers, reads the ring until told to stop, takes everything away again.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use detect::mask::Masker;
use detect::opens::Judge;
use detect::{AlertBuilder, AlertOptions, Engine};
use model::{Coverage, Loss, Scope, Sender, Timestamp};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::canary;
use crate::clock::Clock;
use crate::config::{Config, Print};
use crate::container::Containers;
use crate::container::resolver::Resolver;
use crate::kernel::{self, Kernel, Settings, programs};

use crate::output::{Output, Uplink};
use crate::pipeline::Pipeline;
use crate::provider::{self, Outcomes};
use crate::signal::Signal;
use crate::status::{self, Status};
use crate::{privilege, uplink, without_bpf};

mod without;

/// How long one wait for records may last: the time a stop or a tick may be late.
const POLL_MILLIS: u16 = 200;
/// While records keep coming the reader lets others gather for so long before it takes them: a program that starts and
/// ends at once is one wake-up, and not one for each thing that it does.
const BATCH: Duration = Duration::from_millis(1);
/// Records that come so soon after others keep coming.
const BUSY: Duration = Duration::from_millis(5);
/// How often counts of alerts and counters go out.
const TICK: Duration = Duration::from_secs(1);
/// How often the coverage table goes out when nothing changed: what a hub may take as "still there". A third of the time
/// after which a hub takes a node for silent, so that one late batch is no alert.
const COVERAGE: Duration = Duration::from_secs(15);
/// Where runc keeps its states by default, under containerd, under Docker and alone.
const RUNC_ROOTS: [&str; 3] = ["/run/containerd/runc", "/run/docker/runtime-runc", "/run/runc"];

/// The exit of a run: how much was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// All providers that were wanted work.
    Full,
    /// Some do not; the coverage table says which.
    Partial,
}

/// Runs until `shutdown` is set.
pub fn run(config: &Config, shutdown: &AtomicBool) -> anyhow::Result<Sight> {
    share_memory();
    let lacking = privilege::drop_rest()?;
    if !lacking.is_empty() {
        tracing::warn!("this process lacks {}; the coverage table says what that costs", lacking.join(" "));
    }
    let clock = Clock::now();
    let status = config.listen.map(serve_status).transpose()?;
    let (rules, diagnostics) = crate::rules::load(&config.rules, !config.no_own_rules)?;
    for diagnostic in &diagnostics {
        if diagnostic.level == model::Level::Note {
            tracing::info!("{diagnostic}");
        } else {
            tracing::warn!("{diagnostic}");
        }
    }
    let engine = Engine::new(rules);
    let settings = settings(config, &engine);
    // Whoever prints events wants all of them.
    let judge = (config.print != Print::Events).then(|| Arc::new(Judge::new(engine.rules())));
    let wanted: BTreeSet<Signal> = engine.needs().kinds.iter().filter_map(|kind| Signal::from_name(kind)).collect();

    let host_name = host_name();
    let uplink = uplink::start(config, &host_name)?;
    let sender = uplink.as_ref().map_or_else(|| anonymous(config, host_name), uplink::Connection::sender);
    // The certificate says who this is: the hub refuses anything else.
    let node = Scope::node(sender.cluster.clone(), sender.node.clone().unwrap_or_default());
    let version = engine.rules().version().to_owned();
    let builder = AlertBuilder::new(sender, wire::streams::EVENTS, &version, AlertOptions::default());
    let degraded = Degrades::of(&engine);
    let boxed = uplink.as_ref().map(|connection| Box::new(connection.handle()) as Box<dyn Uplink>);
    let output = Output::new(engine, builder, config.print, boxed);

    let (wake, woken) = UnixStream::pair().context("making the pair of sockets that wakes the reader")?;
    woken.set_nonblocking(true).context("making the wake-up not block")?;
    let resolver = Resolver::start(move || drop((&wake).write(&[0]))).context("starting the resolver")?;
    let containers = Containers::new(node.clone(), kernel::unified_hierarchy());
    // A salt for this run only: hashes of secrets must not be comparable for ever.
    let masker = Masker::new(*uuid::Uuid::new_v4().as_bytes(), &config.secret_names);
    let hold = config.hold_ms.map_or(crate::pipeline::HOLD_NANOS, |ms| ms.saturating_mul(1_000_000));
    let pipeline = Pipeline::new(clock, masker, containers, Some(resolver), output).holding(hold);
    let watch = Watch {
        clock,
        node,
        started: clock.wall(Clock::since_boot()),
        degraded,
        status,
        woken,
        settings,
        judge,
        self_test: config.self_test,
        may_hook: !config.no_syscall_hook,
    };
    let sight = watch.run(&wanted, pipeline, shutdown)?;
    if let Some(uplink) = uplink {
        uplink.stop();
    }
    Ok(sight)
}

fn serve_status(address: std::net::SocketAddr) -> anyhow::Result<Arc<Status>> {
    let status = Arc::new(Status::default());
    let address = status::serve(address, Arc::clone(&status))?;
    tracing::info!("serves /metrics, /coverage and /readyz on {address}");
    Ok(status)
}

/// Says which rules a missing signal degrades.
struct Degrades(detect::RuleSet);

impl Degrades {
    fn of(engine: &Engine) -> Self {
        Self(engine.rules().clone())
    }

    const fn rules(&self) -> &detect::RuleSet {
        &self.0
    }

    fn coverage(&self, outcomes: &Outcomes) -> Vec<Coverage> {
        let mut seen = outcomes.seen_names();
        // Rules of other sources are evaluated elsewhere.
        seen.insert("k8s_audit");
        self.0.degraded(&seen, &BTreeSet::new()).iter().map(detect::Degraded::coverage).collect()
    }
}

struct Watch {
    clock: Clock,
    node: Scope,
    started: Timestamp,
    degraded: Degrades,
    status: Option<Arc<Status>>,
    woken: UnixStream,
    settings: Settings,
    judge: Option<Arc<Judge>>,
    self_test: bool,
    may_hook: bool,
}

impl Watch {
    fn run(
        &self,
        wanted: &BTreeSet<Signal>,
        pipeline: Pipeline<Output>,
        shutdown: &AtomicBool,
    ) -> anyhow::Result<Sight> {
        match Kernel::new(self.settings) {
            Ok(kernel) => self.with_kernel(kernel, wanted, pipeline, shutdown),
            Err(error) => self.without_kernel(&error, wanted, pipeline, shutdown),
        }
    }

    fn with_kernel(
        &self,
        mut kernel: Kernel,
        wanted: &BTreeSet<Signal>,
        mut pipeline: Pipeline<Output>,
        shutdown: &AtomicBool,
    ) -> anyhow::Result<Sight> {
        if let Some(judge) = &self.judge {
            kernel.filter_opens(judge)?;
            pipeline.sink().judging(Arc::clone(judge));
        }
        let mut outcomes = provider::start_all(&mut kernel, wanted, self.may_hook);
        pipeline.by_functions(outcomes.by_functions());
        let mut files = without_bpf::Sight::beside(wanted, &mut outcomes);
        // The programs run already: what starts during the snapshot waits in the ring and is told after it.
        match kernel.iterate(&programs::PROCESSES) {
            Ok(records) => pipeline.snapshot(&records, &RUNC_ROOTS.map(PathBuf::from)),
            Err(error) => {
                tracing::warn!("{}; reading /proc instead", provider::explain(&error));
                pipeline.snapshot_of_proc(&RUNC_ROOTS.map(PathBuf::from));
            }
        }
        if let Some(files) = &mut files {
            for pid in pipeline.contained() {
                files.watch_root_of(pid);
            }
        }
        let pipeline = RefCell::new(pipeline);
        let mut reader = kernel.reader(|bytes| pipeline.borrow_mut().record(bytes))?;
        self.test(&pipeline, &mut outcomes, || {
            reader.consume();
            if let Some(files) = &mut files {
                files.read(None, |record, by| {
                    pipeline.borrow_mut().take(record, by);
                });
            }
        })?;
        self.say(&outcomes, &mut pipeline.borrow_mut(), &[]);
        Self::ready(&outcomes);
        trim();
        let mut ticks = Ticks::default();
        let mut batch = Batch::default();
        while !shutdown.load(Ordering::Relaxed) {
            if self.wait(reader.as_fd(), files.as_ref())? {
                batch.gather();
            }
            let count = reader.consume();
            if let Some(files) = &mut files {
                self.read_beside(files, &mut pipeline.borrow_mut());
            }
            self.feed_back(&kernel, pipeline.borrow_mut().sink())?;
            batch.after(count);
            self.tick(&kernel, &outcomes, &mut pipeline.borrow_mut(), &mut ticks)?;
        }
        reader.consume();
        pipeline.borrow_mut().finish();
        pipeline.borrow_mut().sink().tick(self.now());
        Ok(if outcomes.all_wanted() { Sight::Full } else { Sight::Partial })
    }

    /// Tells the programs what the rules made of the records so far.
    fn feed_back(&self, kernel: &Kernel, output: &mut Output) -> anyhow::Result<()> {
        for pid in output.matched() {
            kernel.send_all_of(pid)?;
        }
        let Some(judge) = &self.judge else { return Ok(()) };
        if output.outdated() {
            // What was judged in this round may rest on what was known before.
            output.judged().for_each(drop);
            kernel.filter_opens(judge)?;
        }
        for judgement in output.judged() {
            kernel.judge(judgement)?;
        }
        Ok(())
    }

    /// Opens that the kernel's programs do not tell, on the file systems of containers, too.
    fn read_beside(&self, files: &mut without_bpf::Sight, pipeline: &mut Pipeline<Output>) {
        for pid in pipeline.started_containers() {
            files.watch_root_of(pid);
        }
        files.read(self.judge.as_deref(), |record, by| {
            pipeline.take(record, by);
        });
    }

    /// Ready is said only after every active signal was seen once. `read` hands on what happened so far.
    fn test(
        &self,
        pipeline: &RefCell<Pipeline<Output>>,
        outcomes: &mut Outcomes,
        mut read: impl FnMut(),
    ) -> anyhow::Result<()> {
        if !self.self_test {
            return Ok(());
        }
        let child = canary::Child::start().context("starting the self-test")?;
        pipeline.borrow_mut().expect_canary(child.id());
        read();
        let untried = child.end().context("ending the self-test")?;
        read();
        let missing = canary::missing(&outcomes.seen(), pipeline.borrow().proved());
        outcomes.unproved(&missing, &untried);
        Ok(())
    }

    /// Waits for something to do. Gives whether it is records.
    fn wait(&self, ring: BorrowedFd<'_>, files: Option<&without_bpf::Sight>) -> anyhow::Result<bool> {
        let more = files.into_iter().flat_map(without_bpf::Sight::fds);
        let mut fds: Vec<PollFd<'_>> =
            [ring, self.woken.as_fd()].into_iter().chain(more).map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        wait_for(&mut fds)?;
        // A call for each batch of records would be more than the poll itself.
        if fds[1].any().unwrap_or(true) {
            self.drain();
        }
        Ok(fds[0].any().unwrap_or(true))
    }

    fn drain(&self) {
        use std::io::Read as _;
        let mut bytes = [0; 64];
        while (&self.woken).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }

    fn tick(
        &self,
        kernel: &Kernel,
        outcomes: &Outcomes,
        pipeline: &mut Pipeline<Output>,
        ticks: &mut Ticks,
    ) -> anyhow::Result<()> {
        pipeline.tick(Clock::since_boot());
        if ticks.second.elapsed() < TICK {
            return Ok(());
        }
        ticks.second = Instant::now();
        pipeline.sink().tick(self.now());
        let losses = pipeline.sink().counters(&kernel.losses()?);
        self.count(&losses);
        if ticks.coverage.elapsed() >= COVERAGE {
            ticks.coverage = Instant::now();
            self.say(outcomes, pipeline, &losses);
            trim();
        }
        Ok(())
    }

    fn say(&self, outcomes: &Outcomes, pipeline: &mut Pipeline<Output>, losses: &[(Signal, Loss)]) {
        let mut statements = outcomes.coverage(&self.node, self.started, losses);
        statements.push(outcomes.tier_coverage(&self.node, self.started));
        statements.extend(self.degraded.coverage(outcomes));
        if let Some(status) = &self.status {
            status.cover(&statements, &outcomes.tier().0.to_string());
        }
        pipeline.sink().coverage(&statements);
    }

    fn count(&self, losses: &[(Signal, Loss)]) {
        if let Some(status) = &self.status {
            status.count(losses);
        }
    }

    /// One line for people and for whoever waits.
    fn ready(outcomes: &Outcomes) {
        let seen: Vec<&str> = outcomes.seen_names().into_iter().collect();
        let missing: BTreeSet<&str> = outcomes.missing().map(Signal::name).collect();
        let mut line = format!("ready: sees {}", if seen.is_empty() { "nothing".into() } else { seen.join(" ") });
        if !missing.is_empty() {
            line.push_str("; does not see ");
            line.push_str(&missing.into_iter().collect::<Vec<_>>().join(" "));
        }
        let (tier, why) = outcomes.tier();
        // Nothing can be done when stderr is gone.
        drop(writeln!(std::io::stderr().lock(), "tier {tier}: {why}\n{line}"));
    }

    fn now(&self) -> Timestamp {
        self.clock.wall(Clock::since_boot())
    }
}

/// Lets records gather while they keep coming; the first after a pause is handled at once.
#[derive(Default)]
struct Batch(Option<Instant>);

impl Batch {
    /// Before records are taken.
    fn gather(&self) {
        if self.0.is_some_and(|last| last.elapsed() < BUSY) {
            std::thread::sleep(BATCH);
        }
    }

    /// After so many were taken.
    fn after(&mut self, count: u32) {
        if count > 0 {
            self.0 = Some(Instant::now());
        }
    }
}

/// Lets all threads allocate from one arena. There is little to contend for, and each arena keeps what it once needed.
fn share_memory() {
    // SAFETY: mallopt takes two numbers and locks what it changes.
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "a call of the C library")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives freed memory back: what a burst needed is otherwise kept for ever.
fn trim() {
    // SAFETY: malloc_trim takes a number and locks what it changes.
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "a call of the C library")]
    unsafe {
        libc::malloc_trim(0);
    }
}

struct Ticks {
    second: Instant,
    coverage: Instant,
}

impl Default for Ticks {
    fn default() -> Self {
        let now = Instant::now();
        Self { second: now, coverage: now }
    }
}

fn wait_for(fds: &mut [PollFd<'_>]) -> anyhow::Result<()> {
    match poll(fds, PollTimeout::from(POLL_MILLIS)) {
        // A signal: the loop looks at the shutdown flag next.
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error).context("waiting for records"),
    }
}

/// What the programs must know of the rules and of what is printed.
fn settings(config: &Config, engine: &Engine) -> Settings {
    let needs = engine.needs();
    let mut settings = Settings { own_pid: std::process::id(), ..Settings::default() };
    if needs.kinds.contains(Signal::Connect.name()) {
        settings.flags |= kernel::CONNECT_BY_SYSCALL;
    }
    if config.print == Print::Events {
        settings.flags |= kernel::SEND_ALL;
    }
    if needs.fields.contains("proc.env") {
        settings.fields |= kernel::FIELD_ENV;
    }
    settings
}

/// The machine's own name.
fn host_name() -> String {
    // HOST_NAME_MAX is 64.
    const MAX_NAME_BYTES: u64 = 256;
    let name = limits::read_text("/proc/sys/kernel/hostname", MAX_NAME_BYTES).unwrap_or_default();
    if name.trim().is_empty() { "node".into() } else { name.trim().to_owned() }
}

/// The sender of alerts that are only printed.
fn anonymous(config: &Config, host_name: String) -> Sender {
    let name = if config.node.is_empty() { host_name } else { config.node.clone() };
    let node = Scope::node(&*config.cluster, name);
    Sender {
        cluster: node.cluster,
        node: node.node,
        program: crate::PROGRAM.into(),
        version: crate::VERSION.into(),
        boot_id: uuid::Uuid::new_v4(),
    }
}

/// Tries every provider once and prints the table on stdout.
pub fn probe() -> anyhow::Result<Sight> {
    let settings = Settings { own_pid: std::process::id(), ..Settings::default() };
    let outcomes = match Kernel::new(settings) {
        Ok(mut kernel) => provider::start_all(&mut kernel, &Signal::ALL.into_iter().collect(), true),
        Err(error) => provider::none(&provider::explain(&error)),
    };
    let mut out = std::io::stdout().lock();
    let (tier, why) = outcomes.tier();
    write!(out, "{}\ntier {tier}: {why}\n", outcomes.table()).context("printing the table")?;
    Ok(if outcomes.all_wanted() { Sight::Full } else { Sight::Partial })
}
