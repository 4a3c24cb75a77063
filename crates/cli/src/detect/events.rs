//! Recorded events: files of our JSON lines or of Kubernetes audit JSON, told apart by their content.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use cluster::audit::{self, AuditLimits, Delivery};
use limits::CappedReader;
use limits::json::{self, JsonLimits};
use model::{Event, Timestamp};

/// Bytes of one line: an audit delivery of the largest size.
const MAX_LINE_BYTES: usize = AuditLimits::DEFAULT.bytes;

/// Bytes of one recording: a day of a busy node.
const MAX_RECORDING_BYTES: u64 = 16 << 30;

/// What was read of a recording.
#[derive(Debug, Default)]
pub struct Count {
    /// Events.
    pub events: u64,
    /// Lines and items that are no events.
    pub skipped: u64,
    /// Lines that the sensor prints beside events: alerts and statements of coverage. They are no loss.
    pub others: u64,
    /// Where the first of them stands and why it was skipped.
    pub first_reason: Option<String>,
    line: u64,
}

impl Count {
    fn skip(&mut self, reason: &str) {
        self.skipped += 1;
        let line = self.line;
        self.first_reason.get_or_insert_with(|| format!("line {line}: {reason}"));
    }
}

/// Reads a recording (`-` is standard input) and hands over its events one by one.
pub fn read(path: &Path, cluster: &str, each: &mut impl FnMut(Event)) -> anyhow::Result<Count> {
    let name = path.display().to_string();
    let input: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("opening {name}"))?)
    };
    let mut reader = BufReader::with_capacity(1 << 20, CappedReader::new(input, MAX_RECORDING_BYTES, name.clone()));
    let mut count = Count::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        count.line = number;
        if !read_line(&mut reader, &mut line).with_context(|| format!("reading {name}, line {number}"))? {
            return Ok(count);
        }
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() {
            continue;
        }
        if number == 1 && !is_whole(trimmed) {
            // A document over several lines: read what is left, within the limit of a delivery.
            let rest = limits::read_capped(&mut reader, (MAX_LINE_BYTES - line.len()) as u64, &name)?;
            line.extend_from_slice(&rest);
            one(&line, cluster, &mut count, each);
            return Ok(count);
        }
        one(trimmed, cluster, &mut count, each);
    }
}

fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> anyhow::Result<bool> {
    let mut limited = reader.take(MAX_LINE_BYTES as u64 + 1);
    let read = limited.read_until(b'\n', line)?;
    if read > MAX_LINE_BYTES {
        bail!("the line has more than {MAX_LINE_BYTES} bytes");
    }
    Ok(read > 0)
}

/// One line or document: an event of ours, or an audit delivery. Broken lines are counted; a recording that was cut off
/// by a crash must still replay.
fn one(bytes: &[u8], cluster: &str, count: &mut Count, each: &mut impl FnMut(Event)) {
    let limits = JsonLimits { bytes: MAX_LINE_BYTES, ..JsonLimits::DOCUMENT };
    if looks_like_ours(bytes) {
        match json::from_slice::<Event>(bytes, &limits) {
            Ok(event) => {
                count.events += 1;
                each(event);
            }
            Err(error) => count.skip(&error.to_string()),
        }
        return;
    }
    if is_said_beside_events(bytes) {
        count.others += 1;
        return;
    }
    let delivery = Delivery { cluster, first_seq: count.events, received: Timestamp::from_nanos(0) };
    match audit::parse(bytes, delivery, AuditLimits::DEFAULT) {
        Ok(received) => {
            for skipped in received.skipped {
                count.skip(&skipped.reason);
            }
            for event in received.events {
                count.events += 1;
                each(event);
            }
        }
        Err(error) => count.skip(&format!("{:#}", anyhow::Error::from(error))),
    }
}

/// Our envelope has `v`, `seq` and `provider`; audit events have none of them.
fn looks_like_ours(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        provider: Option<serde::de::IgnoredAny>,
        #[serde(default)]
        seq: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.provider.is_some() && head.seq.is_some())
}

/// An alert has a causal root, a statement of coverage a subject and a state; audit events have none of them.
fn is_said_beside_events(bytes: &[u8]) -> bool {
    use serde::de::IgnoredAny;
    #[derive(serde::Deserialize)]
    struct Row {
        severity: Option<IgnoredAny>,
        causal_root: Option<IgnoredAny>,
        subject: Option<IgnoredAny>,
        state: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Row>(bytes).is_ok_and(|row| {
        (row.severity.is_some() && row.causal_root.is_some()) || (row.subject.is_some() && row.state.is_some())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use model::event::Exec;
    use model::{Attribution, Body, Process, Scope};

    use super::*;

    fn recorded(seq: u64) -> String {
        let body = Body::Exec(Exec::default());
        let scope = Arc::new(Scope::node("c", "n"));
        let event = Event::new(Timestamp::from_seconds(1), seq, scope, Attribution::Host, "test", body)
            .with_process(Arc::new(Process { name: "sh".into(), ..Process::default() }));
        serde_json::to_string(&event).unwrap()
    }

    fn read_text(text: &str) -> (Vec<Event>, Count) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut events = Vec::new();
        let count = read(file.path(), "c1", &mut |event| events.push(event)).unwrap();
        (events, count)
    }

    #[test]
    fn our_lines_read_back_byte_for_byte() {
        let text = format!("{}\n\n{}\n", recorded(1), recorded(2));
        let (events, count) = read_text(&text);
        assert_eq!((count.events, count.skipped), (2, 0));
        let again: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        assert_eq!(again, [recorded(1), recorded(2)]);
    }

    #[test]
    fn audit_events_come_in_all_forms() {
        let event = r#"{"auditID":"a","stageTimestamp":"2026-01-01T00:00:00Z"}"#;
        let delivery = format!("{{\n  \"kind\": \"EventList\",\n  \"items\": [\n    {event}\n  ]\n}}\n");
        for text in [
            event.to_owned(),
            format!("{event}\n{event}"),
            delivery,
            format!("[{event}]"),
            format!("{}\n{event}", recorded(1)),
        ] {
            let (events, count) = read_text(&text);
            assert!(count.skipped == 0 && !events.is_empty(), "{text}: {count:?}");
            let last = events.last().unwrap();
            assert_eq!((last.provider.as_str(), last.scope.cluster.as_str()), ("k8s_audit", "c1"));
        }
    }

    #[test]
    fn a_recording_that_was_cut_off_still_replays() {
        let whole = recorded(1);
        let (events, count) = read_text(&format!("{whole}\nnot json\n{}", whole.get(..whole.len() / 2).unwrap()));
        assert_eq!((events.len(), count.skipped), (1, 2));
        assert!(count.first_reason.unwrap().starts_with("line 2: "));
    }

    #[test]
    fn alerts_among_the_events_are_no_loss() {
        let alert = r#"{"id":"x","key":"reverse-shell","severity":"High","causal_root":{},"scope":{"cluster":"c"}}"#;
        let coverage = r#"{"subject":{"node":"n"},"signal":"exec","state":"seen"}"#;
        let (events, count) = read_text(&format!("{}\n{alert}\n{coverage}\n", recorded(1)));
        assert_eq!((events.len(), count.skipped, count.others), (1, 0, 2));
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut line = Vec::new();
        let endless = std::io::repeat(b'x').take(MAX_LINE_BYTES as u64 + 10);
        let error = read_line(&mut BufReader::new(endless), &mut line).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
