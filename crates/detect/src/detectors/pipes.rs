//! Pipelines: which process writes into what another one reads, by the numbers of pipes.

use std::collections::VecDeque;

use model::event::Exec;
use model::{Body, Event, ProcessKey};

use super::connected;

/// Processes with pipes that are remembered: those of one pipeline start within milliseconds.
const MAX_ENDS: usize = 512;
/// How many processes a pipeline is followed through.
const MAX_HOPS: usize = 4;

/// A process whose input or output is a pipe.
#[derive(Debug)]
struct End {
    container: Option<Box<str>>,
    key: ProcessKey,
    input: Option<u64>,
    output: Option<u64>,
    decodes: bool,
}

/// Processes in pipelines.
#[derive(Debug, Default)]
pub struct Pipes(VecDeque<End>);

/// The number of the pipe that is one of the standard descriptors.
pub fn pipe(exec: &Exec, fd: usize) -> Option<u64> {
    exec.stdio.get(fd).and_then(|stdio| stdio.pipe)
}

impl Pipes {
    /// Takes the start of a program.
    pub fn note(&mut self, event: &Event, decodes: bool) {
        let (Body::Exec(exec), Some(process)) = (&event.body, event.process.as_deref()) else { return };
        let (input, output, key) = (pipe(exec, 0), pipe(exec, 1), process.key());
        if input.is_none() && output.is_none() && !decodes {
            return;
        }
        // A process that executes another program keeps its place.
        self.0.retain(|end| end.key != key);
        if self.0.len() >= MAX_ENDS {
            self.0.pop_front();
        }
        self.0.push_back(End { container: connected::container(event), key, input, output, decodes });
    }

    /// A process and those before it in its pipeline, each with whether it decodes what it reads.
    pub fn upstream(&self, key: ProcessKey) -> Vec<(ProcessKey, bool)> {
        let mut found = vec![(key, false)];
        let mut at = self.0.iter().rev().find(|end| end.key == key);
        while let Some(end) = at.filter(|_| found.len() <= MAX_HOPS) {
            if let Some(last) = found.last_mut() {
                last.1 = end.decodes;
            }
            let writes =
                |other: &&End| other.output == end.input && other.container == end.container && other.key != end.key;
            at = end.input.and_then(|_| self.0.iter().rev().find(writes));
            found.extend(at.map(|source| (source.key, source.decodes)));
        }
        found
    }
}
