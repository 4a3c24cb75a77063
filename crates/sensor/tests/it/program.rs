//! Runs `seawall-sensor` and reads its lines until the awaited one comes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long a line is awaited: generous, since this is no benchmark.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running sensor; dropping it kills it.
pub struct Sensor {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Sensor {
    /// Starts it and waits until it says that it is ready.
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall-sensor"));
        command.arg("run").args(args);
        Self::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program was built");
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut err = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        while !said.contains("ready:") {
            let read = err.read_line(&mut said).expect("stderr can be read");
            assert!(read != 0, "the sensor ended before it was ready:\n{said}");
        }
        // Keep the pipe empty, or the sensor would stop when it is full.
        std::thread::spawn(move || std::io::copy(&mut err.by_ref(), &mut std::io::sink()));
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads until a line fits; gives it.
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line was {what}; {} others came", self.seen.len());
            };
            let value: Value = serde_json::from_str(&line).expect("lines are JSON");
            self.seen.push(value.clone());
            if fits(&value) {
                return value;
            }
        }
    }

    /// A line that came already, or the next one that fits: for lines that come in any order.
    pub fn find(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let known = self.seen.iter().find(|value| fits(value)).cloned();
        known.unwrap_or_else(|| self.wait_for(what, fits))
    }

    /// All lines so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Stops it as an operator does, and gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().try_into().expect("pids are small"));
        kill(pid, Signal::SIGTERM).expect("it runs");
        self.child.wait().expect("it can be waited for").code()
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A text below a path of keys, empty when absent.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
