//! `seawall-sensor`: the command line of the sensor.
//!
//! Exit codes: 0 it ran and saw what was asked for, 2 it could not run. A run that sees only part says so in the coverage
//! table and ends with 0: partial sight is a state of the node, not a failure of the program.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Parser;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use sensor::Config;
use sensor::config::Print;

/// Watches this node's containers and raises alerts.
#[derive(Debug, Parser)]
#[command(
    name = "seawall-sensor",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  seawall-sensor run                                   print alerts as JSON lines
  seawall-sensor run --print events                    print every event, too
  seawall-sensor run --rules falco_rules.yaml          add Falco's rules
  seawall-sensor probe                                 what this kernel lets us see"
)]
struct Cli {
    /// Say more on stderr (twice: everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Watch until stopped.
    Run(Box<Run>),
    /// The self-test's child.
    #[command(name = sensor::canary::COMMAND, hide = true)]
    Canary,
    /// Try every provider once and print what this machine lets us see.
    Probe,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Configuration file (YAML with the names of these flags); flags win.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check configuration and rules, then stop.
    #[arg(long)]
    check_config: bool,
    /// What to print on stdout, one JSON line each [default: alerts].
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "events")]
    print: Option<Print>,
    /// A Falco rule file or a folder of them, loaded after our own; may be given several times.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Leave our own rules out.
    #[arg(long)]
    no_own_rules: bool,
    /// How long events wait for the name of their container's image [default: 2000].
    #[arg(long, value_name = "MILLISECONDS")]
    hold_ms: Option<u64>,
    /// Name of the cluster [default: the one that the join string is for].
    #[arg(long, env = "SEAWALL_CLUSTER")]
    cluster: Option<String>,
    /// Name of this node [default: the one that the join string is for, else the host name].
    #[arg(long, env = "SEAWALL_NODE")]
    node: Option<String>,
    /// Address of the hub, where it is not the one of the join string.
    #[arg(long, value_name = "URL", env = "SEAWALL_HUB")]
    hub: Option<String>,
    /// Join string that the hub prints; needed at the first start only.
    #[arg(long, value_name = "TOKEN", env = "SEAWALL_ENROL_TOKEN", hide_env_values = true)]
    enrol_token: Option<String>,
    /// Serve /metrics, /coverage and /readyz over HTTP on this address, such as 127.0.0.1:9464 [default: nowhere].
    #[arg(long, value_name = "ADDRESS:PORT", env = "SEAWALL_LISTEN")]
    listen: Option<std::net::SocketAddr>,
    /// Folder for the identity and the spool.
    #[arg(long, value_name = "DIR", env = "SEAWALL_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Attach no hook on all system calls: other programs pay nothing, opens come from fanotify, the rest is named.
    #[arg(long)]
    no_syscall_hook: bool,
    /// Where the node's root directory is mounted, for its facts [default: /].
    #[arg(long, value_name = "DIR", env = "SEAWALL_HOST_ROOT")]
    host_root: Option<PathBuf>,
}

impl Run {
    fn into_config(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::load(path).context("reading the configuration")?,
            None => Config::default(),
        };
        config.cluster = self.cluster.unwrap_or(config.cluster);
        config.node = self.node.unwrap_or(config.node);
        config.hold_ms = self.hold_ms.or(config.hold_ms);
        config.hub = self.hub.or(config.hub);
        config.enrol_token = self.enrol_token.or(config.enrol_token);
        config.listen = self.listen.or(config.listen);
        config.state_dir = self.state_dir.or(config.state_dir);
        config.host_root = self.host_root.or(config.host_root);
        config.print = self.print.unwrap_or(config.print);
        config.no_own_rules |= self.no_own_rules;
        config.no_syscall_hook |= self.no_syscall_hook;
        config.self_test = true;
        if !self.rules.is_empty() {
            config.rules = self.rules;
        }
        Ok(config)
    }
}

static SHUTDOWN: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: libc::c_int) {
    SHUTDOWN.store(true, Ordering::Relaxed);
}

/// SIGTERM and SIGINT set a flag and interrupt the wait for records.
fn catch_signals() -> anyhow::Result<()> {
    let action = SigAction::new(SigHandler::Handler(stop), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        // SAFETY: the handler only stores into an atomic, which is async-signal-safe.
        #[expect(unsafe_code, reason = "installing a handler is unsafe in itself")]
        unsafe { sigaction(signal, &action) }.with_context(|| format!("catching {signal}"))?;
    }
    Ok(())
}

fn init_logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEAWALL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // Colours are for eyes, not for log files.
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).init();
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logging(cli.verbose);
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("error: {}", causes.join("\n  caused by: "));
            ExitCode::from(2)
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Canary => {
            sensor::canary::perform();
            Ok(())
        }
        Command::Probe => sensor::run::probe().map(drop),
        Command::Run(run) => {
            let check = run.check_config;
            let config = run.into_config()?;
            if check {
                let (rules, diagnostics) = sensor::rules::load(&config.rules, !config.no_own_rules)?;
                for diagnostic in &diagnostics {
                    eprintln!("{diagnostic}");
                }
                eprintln!("{} rules", rules.rules().len());
                let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level == model::Level::Error).count();
                anyhow::ensure!(errors == 0, "the rules have {errors} errors");
                return Ok(());
            }
            catch_signals()?;
            sensor::run(&config, &SHUTDOWN).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn a_rule_file_does_not_swallow_the_next_word() {
        let parsed = super::Cli::try_parse_from(["x", "run", "--rules", "a", "--rules", "b"]).unwrap();
        let super::Command::Run(run) = parsed.command else { panic!("run") };
        assert_eq!(run.rules, [std::path::PathBuf::from("a"), "b".into()]);
        assert!(super::Cli::try_parse_from(["x", "run", "--rules", "a", "b"]).is_err());
    }

    #[test]
    fn the_committed_page_of_commands_is_what_help_prints() {
        let page =
            testkit::commands::page("Commands of `seawall-sensor`", "The sensor of a node.", super::Cli::command());
        testkit::golden(testkit::repository().join("docs/reference/seawall-sensor.md"), &page);
    }
}
