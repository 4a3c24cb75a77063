//! Plays scenarios: one container each, a few at a time.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::outside::{NAMES, Outside};
use super::scenario::Kind;
use super::{Part, VICTIM};
use crate::parts::lab::{Container, Lab};
use crate::parts::process::output;
use crate::parts::sensor::Sensor;

/// Containers at a time: more would wait for each other on two processors.
pub const AT_ONCE: usize = 3;

/// The command line that raises the test alert, by which the end of a container's events is known.
const MARK: &str = "seawall_alerttest_f3a9c1";

/// How a script is run: as a file.
const SCRIPT: [&str; 2] = ["bash", "/opt/job/run"];

/// Configuration of the server of service containers.
const SERVER: &str = "server.document-root = \"/var/www\"\nserver.port = 8088\n";

/// A script of which the container has ended.
#[derive(Debug)]
pub struct Play<'a> {
    /// What was played.
    pub part: Part<'a>,
    /// From the start of the container to its end.
    pub took: Duration,
    /// What the script said, for people who look for why nothing was raised.
    pub said: String,
}

/// Plays scripts and ends the sensor, which has told all of them then.
pub async fn all<'a>(
    lab: &Lab,
    sensor: &mut Sensor,
    parts: &[Part<'a>],
    folder: &Path,
    at_once: usize,
) -> Result<Vec<Play<'a>>> {
    fs::write(folder.join("resolv.conf"), format!("nameserver {NAMES}\noptions timeout:1 attempts:1\n"))?;
    fs::create_dir_all(folder.join("account"))?;
    fs::write(folder.join("account/token"), "not-a-token\n")?;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once)
            .map(|worker| {
                let (next, done) = (&next, &done);
                scope.spawn(move || {
                    let outside = Outside::start(&format!("seawall-{}-{worker}", std::process::id()))?;
                    while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let play = play(lab, &outside, part, folder).with_context(|| part.id())?;
                        done.lock().map_err(|_| anyhow::anyhow!("another player panicked"))?.push(play);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a player panicked")))
    })?;
    let mut plays = done.into_inner().map_err(|_| anyhow::anyhow!("a player panicked"))?;
    let order = |play: &Play<'_>| parts.iter().position(|part| part.id() == play.part.id());
    plays.sort_by_key(order);
    mark(sensor).await?;
    // What happened in a container whose image is not known yet is held back for a while, but not at the end.
    sensor.finish()?;
    Ok(plays)
}

/// Does something on the host that raises the test alert and waits for it: events are read in order, so the sensor has
/// read everything that happened before.
async fn mark(sensor: &Sensor) -> Result<()> {
    let mut command = Command::new("setsid");
    command.args(["--wait", "true", MARK]);
    output(command)?;
    sensor.wait_for("the end of what the containers did", |alert| alert.output.contains(MARK)).await.map(|_| ())
}

fn play<'a>(lab: &Lab, outside: &Outside, part: &Part<'a>, folder: &Path) -> Result<Play<'a>> {
    let scripts = folder.join("scripts").join(part.id());
    fs::create_dir_all(&scripts).context("making a folder for the script")?;
    fs::write(scripts.join("run"), part.script).context("writing the script")?;
    fs::write(scripts.join("server.conf"), SERVER).context("writing the server's configuration")?;
    let container = lab
        .container(&VICTIM, &part.id())
        .in_network(&outside.network)
        .mount(&scripts, "/opt/job", "rbind:ro")
        .mount(&folder.join("resolv.conf"), "/etc/resolv.conf", "bind:ro")
        .mount(&folder.join("account"), "/run/secrets/kubernetes.io/serviceaccount", "rbind:ro");
    let started = Instant::now();
    let said = match part.scenario.container {
        Kind::Plain => to_its_end(&container)?,
        Kind::Privileged => {
            // What stands for the node's root, as a `hostPath` volume brings it.
            let node = scripts.join("node");
            fs::create_dir(&node).context("making a folder for the node's files")?;
            let container = container.mount(&node, "/host", "rbind:rw");
            to_its_end(&container.with(&["--privileged", "--with-ns", "pid:/proc/self/ns/pid"]))?
        }
        Kind::Service => inside_a_service(&container)?,
    };
    Ok(Play { part: part.clone(), took: started.elapsed(), said })
}

fn to_its_end(container: &Container<'_>) -> Result<String> {
    said(&container.run(&SCRIPT)?)
}

/// What a container said. Attacks may fail; a container that did not start is another thing.
fn said(output: &Output) -> Result<String> {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(!said.contains("ctr: ") || output.status.success(), "{said}");
    Ok(said)
}

fn inside_a_service(container: &Container<'_>) -> Result<String> {
    container.start(&["lighttpd", "-D", "-f", "/opt/job/server.conf"])?;
    // A server is one once it listens.
    let wait = "until curl --silent http://127.0.0.1:8088/ > /dev/null; do :; done";
    let outcome = container.exec(&["bash", "-c", wait]).and_then(|_| said(&container.try_exec(&SCRIPT)?));
    container.remove()?;
    outcome
}
