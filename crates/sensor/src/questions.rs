//! Questions for names that wait for their answers, so that an answer is told by who asked.
//!
//! An answer comes in on whatever processor is interrupted, with whatever process runs there. What it is not: a cache of
//! names; an answer to a question that was not seen tells nothing of who asked and is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use model::Process;
use model::event::{Dns, Endpoint};

use crate::container::Number;

/// Questions that wait at a time; the oldest make room.
const MAX_WAITING: usize = 4096;
/// How long an answer is awaited: resolvers give up after five seconds and ask again.
const PATIENCE_NANOS: u64 = 30_000_000_000;

#[derive(Debug)]
struct Asked {
    id: u16,
    name: String,
    server: Option<Endpoint>,
    time: u64,
    place: Option<Number>,
    process: Arc<Process>,
}

/// Questions without their answers.
#[derive(Debug, Default)]
pub struct Questions(VecDeque<Asked>);

impl Questions {
    /// Remembers a question that was asked at `time`, in nanoseconds since the machine's start.
    pub fn ask(&mut self, id: u16, dns: &Dns, time: u64, place: Option<Number>, process: &Arc<Process>) {
        while self.0.front().is_some_and(|asked| time.saturating_sub(asked.time) > PATIENCE_NANOS)
            || self.0.len() >= MAX_WAITING
        {
            self.0.pop_front();
        }
        let (name, process) = (dns.question.clone(), Arc::clone(process));
        self.0.push_back(Asked { id, name, server: dns.server, time, place, process });
    }

    /// Who asked what this answers.
    pub fn answered(&mut self, id: u16, dns: &Dns, time: u64) -> Option<(Option<Number>, Arc<Process>)> {
        let is_it = |asked: &Asked| {
            asked.id == id
                && asked.name == dns.question
                && asked.server == dns.server
                && time.saturating_sub(asked.time) <= PATIENCE_NANOS
        };
        let at = self.0.iter().rposition(is_it)?;
        self.0.remove(at).map(|asked| (asked.place, asked.process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(question: &str) -> Dns {
        let server = Some(Endpoint { ip: "10.0.0.10".parse().unwrap(), port: 53 });
        Dns { question: question.into(), r#type: "A".into(), rcode: None, answers: Vec::new(), server }
    }

    #[test]
    fn an_answer_is_told_by_who_asked_and_once() {
        let mut questions = Questions::default();
        let process = |pid| Arc::new(Process { pid, ..Process::default() });
        questions.ask(7, &dns("a.example"), 1, Some(3), &process(10));
        questions.ask(7, &dns("b.example"), 2, None, &process(11));
        let who =
            |answered: Option<(Option<Number>, Arc<Process>)>| answered.map(|(place, process)| (place, process.pid));
        assert_eq!(who(questions.answered(8, &dns("a.example"), 3)), None, "another id");
        assert_eq!(who(questions.answered(7, &Dns { server: None, ..dns("a.example") }, 3)), None, "another server");
        assert_eq!(who(questions.answered(7, &dns("a.example"), 3)), Some((Some(3), 10)));
        assert_eq!(who(questions.answered(7, &dns("a.example"), 3)), None, "it was answered");
        assert_eq!(who(questions.answered(7, &dns("b.example"), 2 + PATIENCE_NANOS + 1)), None, "too late");
    }

    #[test]
    fn questions_are_bounded_and_age() {
        let mut questions = Questions::default();
        for index in 0..2 * MAX_WAITING as u64 {
            questions.ask(1, &dns("a.example"), index, None, &Arc::default());
        }
        assert_eq!(questions.0.len(), MAX_WAITING);
        questions.ask(1, &dns("a.example"), 2 * PATIENCE_NANOS, None, &Arc::default());
        assert_eq!(questions.0.len(), 1);
    }
}
