//! `bench sensor`, the part about services: what the sensor costs redis and nginx in requests per second.
//!
//! Both run on this machine with their own load generators (`redis-benchmark`, `ab`), so that client, server and sensor
//! share its processors: a hard case for the sensor. A service that is not installed is left out, and that is said.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::results::Page;
use crate::watched::Watched;

/// A service begins to listen within milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ports that nothing else on a test machine has.
const REDIS_PORT: u16 = 16_379;
const NGINX_PORT: u16 = 18_080;

/// A running service, ended when dropped.
struct Service {
    child: Child,
    /// What it works in, removed after it ended.
    _folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        // It may have ended by itself.
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        drop(self.child.wait());
    }
}

impl Service {
    fn start(command: &mut Command, port: u16, folder: tempfile::TempDir) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let service = Self { child: child.context("starting the service")?, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                bail!("nothing listens on port {port}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(service)
    }

    fn redis() -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        let port = REDIS_PORT.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir"]);
        command.arg(folder.path());
        Self::start(&mut command, REDIS_PORT, folder)
    }

    fn nginx() -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        let root = folder.path().display();
        // Without a cache of open files: every request opens one, as nginx does by default.
        let config = format!(
            "daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error;\nevents {{ worker_connections 512; }}\n\
             http {{ access_log off; server {{ listen 127.0.0.1:{NGINX_PORT}; root {root}/site; }} \
             client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c; \
             uwsgi_temp_path {root}/d; scgi_temp_path {root}/e; }}\n"
        );
        let site = folder.path().join("site");
        std::fs::create_dir(&site).context("making a folder")?;
        std::fs::write(site.join("index.html"), "x".repeat(1024)).context("writing a page")?;
        // Its worker gives up root.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .context("letting the worker in")?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).context("writing the configuration")?;
        Self::start(Command::new("nginx").arg("-c").arg(&file), NGINX_PORT, folder)
    }
}

/// Requests per second of one run, as the tool says them.
fn rate(command: &mut Command, line: fn(&str) -> Option<f64>) -> Result<f64> {
    let output = command.stdin(Stdio::null()).output().context("starting the load")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split(['\n', '\r']).filter_map(line).next_back().with_context(|| format!("no rate in: {text}"))
}

fn redis_rate(requests: usize, kind: &str) -> Result<f64> {
    let (port, requests) = (REDIS_PORT.to_string(), requests.to_string());
    let mut command = Command::new("redis-benchmark");
    command.args(["-p", &port, "-t", kind, "-n", &requests, "-c", "50", "-q"]);
    // "SET: 64102.56 requests per second, p50=0.4 msec"
    rate(&mut command, |line| line.split_once(" requests per second")?.0.rsplit_once(' ')?.1.parse().ok())
}

fn nginx_rate(requests: usize) -> Result<f64> {
    let mut command = Command::new("ab");
    command.args(["-q", "-k", "-c", "20", "-n", &requests.to_string()]);
    command.arg(format!("http://127.0.0.1:{NGINX_PORT}/index.html"));
    rate(&mut command, |line| line.strip_prefix("Requests per second:")?.split_whitespace().next()?.parse().ok())
}

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Measures without, with, without; medians of so many rounds.
pub fn run(page: &mut Page, rounds: usize, requests: usize, rules: &[PathBuf]) -> Result<()> {
    let mut rows = Vec::new();
    if is_installed("redis-server") && is_installed("redis-benchmark") {
        let service = Service::redis()?;
        for kind in ["set", "get"] {
            rows.push(compare(&format!("redis {kind}"), rounds, rules, &|| redis_rate(requests, kind))?);
        }
        drop(service);
    } else {
        page.line("\nredis is not installed (redis-server, redis-tools): left out.");
    }
    if is_installed("nginx") && is_installed("ab") {
        let service = Service::nginx()?;
        rows.push(compare("nginx, a page of 1 KiB, keep-alive", rounds, rules, &|| nginx_rate(requests))?);
        drop(service);
    } else {
        page.line("\nnginx is not installed (nginx-light, apache2-utils): left out.");
    }
    if !rows.is_empty() {
        page.line(&format!(
            "\nRequests per second of services on this machine, with client, server and sensor on its processors, without → \
             with → without; medians of {rounds}:\n"
        ));
        page.table(&["service", "requests/s", "difference", "Falco, redis (published)"], &rows);
    }
    Ok(())
}

fn compare(what: &str, rounds: usize, rules: &[PathBuf], measure: &dyn Fn() -> Result<f64>) -> Result<Vec<String>> {
    let before = median(rounds, measure)?;
    let sensor = Watched::start(rules, &[])?;
    let with = median(rounds, measure)?;
    drop(sensor);
    let after = median(rounds, measure)?;
    let without = f64::midpoint(before, after);
    Ok(vec![
        what.to_owned(),
        format!("{before:.0} → {with:.0} → {after:.0}"),
        format!("{:+.1} %", (with / without - 1.0) * 100.0),
        if what.starts_with("redis set") { "-11 … -34 %".to_owned() } else { String::new() },
    ])
}

fn median(rounds: usize, measure: &dyn Fn() -> Result<f64>) -> Result<f64> {
    let mut rates: Vec<f64> = (0..rounds).map(|_| measure()).collect::<Result<_>>()?;
    rates.sort_by(f64::total_cmp);
    Ok(rates[rounds / 2])
}
