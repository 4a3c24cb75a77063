//! `seawall-sensor run` with its alerts (and events) as JSON lines, each with the moment at which it arrived.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use model::{Alert, Event};

use super::{program, wait_for};

/// How a sensor is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Rule files after our own.
    pub rules: Vec<PathBuf>,
    /// Whether events are printed beside alerts.
    pub events: bool,
    /// A join string of a hub; none when nothing is sent.
    pub token: Option<String>,
}

/// A line of the sensor.
#[derive(Debug, Clone)]
pub struct Line<T> {
    /// What it says.
    pub what: T,
    /// When it was read, since the epoch.
    pub arrived: Duration,
}

impl Line<Alert> {
    /// From the event that raised it to the line.
    pub fn latency(&self) -> Duration {
        let event = u64::try_from(self.what.last_seen.as_nanos()).unwrap_or_default();
        self.arrived.saturating_sub(Duration::from_nanos(event))
    }
}

#[derive(Debug, Default)]
struct Said {
    alerts: Vec<Line<Alert>>,
    events: Vec<String>,
    garbage: Vec<String>,
    errors: String,
    closed: bool,
}

/// A running sensor; dropping it stops it.
#[derive(Debug)]
pub struct Sensor {
    child: Child,
    said: Arc<Mutex<Said>>,
    reader: Option<JoinHandle<()>>,
}

impl Sensor {
    /// Starts it with its state in `FOLDER/sensor` and waits until it says that it is ready.
    pub async fn start(folder: &Path, options: &Options) -> Result<Self> {
        let mut command = Command::new(program("seawall-sensor")?);
        command.arg("run").arg("--state-dir").arg(folder.join("sensor"));
        command.args(["--print", if options.events { "events" } else { "alerts" }]);
        for rules in &options.rules {
            command.arg("--rules").arg(rules);
        }
        if let Some(token) = &options.token {
            command.env("SEAWALL_ENROL_TOKEN", token);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting seawall-sensor")?;
        let said = Arc::new(Mutex::new(Said::default()));
        let out = child.stdout.take().context("the sensor has no output")?;
        let errors = child.stderr.take().context("the sensor has no error output")?;
        let heard = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| hear(&heard, &line));
            lock(&heard).closed = true;
        });
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let errors = &mut lock(&heard).errors;
                errors.push_str(&line);
                errors.push('\n');
            }
        });
        let sensor = Self { child, said, reader: Some(reader) };
        wait_for("the sensor to be ready", || async {
            let said = lock(&sensor.said);
            if said.closed {
                bail!("the sensor ended:\n{}", said.errors);
            }
            Ok(said.errors.contains("ready:").then_some(()))
        })
        .await?;
        Ok(sensor)
    }

    /// All alerts so far; one that was sent again, with a higher count or a better place, is there again.
    pub fn alerts(&self) -> Vec<Line<Alert>> {
        lock(&self.said).alerts.clone()
    }

    /// The events of a container so far.
    pub fn events_of(&self, container: &str) -> Result<Vec<Event>> {
        let mark = format!("\"container\":{{\"id\":\"{container}\"");
        let said = lock(&self.said);
        let ours = said.events.iter().filter(|line| line.contains(&mark));
        ours.map(|line| serde_json::from_str(line).with_context(|| format!("reading {line}"))).collect()
    }

    /// What it said to people.
    pub fn errors(&self) -> String {
        lock(&self.said).errors.clone()
    }

    /// Waits for the first alert that fits.
    pub async fn wait_for(&self, what: &str, fits: impl Fn(&Alert) -> bool) -> Result<Line<Alert>> {
        let (line, _) = wait_for(what, || async {
            let said = lock(&self.said);
            if let Some(line) = said.garbage.first() {
                bail!("the sensor printed a line that is neither alert nor event: {line}");
            }
            if said.closed {
                bail!("the sensor ended:\n{}", said.errors);
            }
            Ok(said.alerts.iter().find(|line| fits(&line.what)).cloned())
        })
        .await?;
        Ok(line)
    }

    /// Stops it as an operator does, and hears all that it says until its end: it holds nothing back then.
    pub fn finish(&mut self) -> Result<()> {
        let status = self.terminate()?;
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| anyhow!("the thread that hears the sensor panicked"))?;
        }
        ensure!(status.success(), "the sensor ended with {status}:\n{}", self.errors());
        Ok(())
    }

    /// Sends it a signal by name.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-s", signal, &pid]).status().context("signalling the sensor").map(|_| ())
    }

    fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        self.child.wait().context("waiting for the sensor")
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // What cannot be stopped here ends with the run's own process group.
            drop(self.terminate());
        }
    }
}

fn lock(said: &Mutex<Said>) -> std::sync::MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hear(said: &Mutex<Said>, line: &str) {
    let arrived = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // There are thousands of events in a second, so they are read when they are asked for. Only they begin so.
    if line.starts_with("{\"v\":") {
        lock(said).events.push(line.to_owned());
    } else if let Ok(alert) = serde_json::from_str::<Alert>(line) {
        lock(said).alerts.push(Line { what: alert, arrived });
    } else {
        lock(said).garbage.push(line.to_owned());
    }
}
