//! `seawall-server`: the hub as a program.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use server::Config;
use tokio::signal::unix::{SignalKind, signal};

/// The Seawall hub: takes alerts, coverage and events from sensors, assesses images, serves the API and the console.
#[derive(Debug, Parser)]
#[command(name = "seawall-server", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Cli {
    /// Configuration file (YAML).
    #[arg(long, global = true, env = "SEAWALL_SERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database and the certificate authority.
    #[arg(long, global = true, env = "SEAWALL_SERVER_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Address of the API and the console; port 0 lets the system choose.
    #[arg(long, env = "SEAWALL_SERVER_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of the wire, where sensors send.
    #[arg(long, env = "SEAWALL_SERVER_WIRE_LISTEN", value_name = "ADDRESS")]
    wire_listen: Option<SocketAddr>,
    /// Folder of the advisory database.
    #[arg(long, env = "SEAWALL_SERVER_DATABASE", value_name = "DIR")]
    database: Option<PathBuf>,
    /// Rule file for audit events; may be given several times.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Assess images on this machine's disk when asked over the API.
    #[arg(long)]
    local_sources: bool,
    /// Assess images that containers run, as soon as they are seen.
    #[arg(long)]
    assess_running: bool,
    /// Print the addresses as one line of JSON on stdout when the hub serves.
    #[arg(long)]
    print_addresses: bool,
    /// Read the configuration, say whether it is good, and end.
    #[arg(long)]
    check_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a one-time join string with which a machine enrols.
    #[command(alias = "join")]
    JoinToken {
        /// The cluster that the machine will belong to.
        #[arg(long)]
        cluster: Option<String>,
        /// The node's name; without it the machine says its own.
        #[arg(long)]
        node: Option<String>,
        /// Hours until it ends unused, 1 to 168.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=168))]
        hours: u32,
    },
    /// Print a one-time link that signs in to the console.
    LoginLink,
    /// Print the OpenAPI document of the API.
    Openapi,
}

impl Cli {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        if let Some(dir) = &self.state_dir {
            config.state_dir.clone_from(dir);
        }
        config.listen = self.listen.unwrap_or(config.listen);
        config.wire_listen = self.wire_listen.unwrap_or(config.wire_listen);
        if self.database.is_some() {
            config.database.clone_from(&self.database);
        }
        config.rules.extend(self.rules.iter().cloned());
        config.local_sources |= self.local_sources;
        config.assess_running |= self.assess_running;
        config.check()?;
        Ok(config)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEAWALL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Colours are for eyes, not for log files.
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).init();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            // Nothing can be done when stderr itself is gone.
            drop(writeln!(std::io::stderr(), "error: {}", causes.join("\n  caused by: ")));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    if matches!(cli.command, Some(Command::Openapi)) {
        return print(&server::api::openapi::text());
    }
    let config = cli.config()?;
    if cli.check_config {
        return print("the configuration is good\n");
    }
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    match &cli.command {
        Some(Command::JoinToken { cluster, node, hours }) => {
            let cluster = cluster.clone().unwrap_or_else(|| config.cluster.clone());
            let peer = wire::PeerIdentity::new(cluster, node.as_deref())?;
            let join = runtime.block_on(server::join_string(&config, &peer, *hours))?;
            print(&format!("{join}\n"))
        }
        Some(Command::LoginLink) => {
            let link = runtime.block_on(server::login_link(&config))?;
            print(&format!("{link}\n"))
        }
        Some(Command::Openapi) | None => runtime.block_on(serve(config, cli.print_addresses)),
    }
}

async fn serve(config: Config, print_addresses: bool) -> anyhow::Result<()> {
    // Before anything is opened, so that a signal during the start is not lost.
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let running = server::start(config).await?;
    if print_addresses {
        print(&format!("{}\n", serde_json::to_string(&running.addresses)?))?;
    } else {
        print(&format!("console: {}\nsensors: {}\n", running.addresses.api, running.addresses.wire))?;
        // Only nobody's first visit needs it; it works once and ends within the hour.
        if let Some(link) = &running.addresses.login {
            print(&format!("sign in once with: {link}\n"))?;
        }
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await?;
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing to stdout")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_committed_page_of_commands_is_what_help_prints() {
        let page = testkit::commands::page("Commands of `seawall-server`", "The hub.", super::Cli::command());
        testkit::golden(testkit::repository().join("docs/reference/seawall-server.md"), &page);
    }
}
