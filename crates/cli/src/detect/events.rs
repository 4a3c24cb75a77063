//! Recorded events: files of our JSON lines or of Kubernetes audit JSON, told apart by their content.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;
use cluster::audit::{self, AuditError, AuditLimits, Delivery};
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
    /// What stands beside events: alerts and statements of coverage that the sensor prints, records of other categories
    /// that Azure exports. They are no loss.
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
    loop {
        count.line += 1;
        let read = read_line(&mut reader, &mut line).with_context(|| format!("reading {name}, line {}", count.line))?;
        // A byte order mark stands before the first line of what was written elsewhere.
        let trimmed = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).trim_ascii();
        match read {
            Line::End => return Ok(count),
            Line::TooLong => count.skip(&format!("it has more than {MAX_LINE_BYTES} bytes")),
            Line::Read if trimmed.is_empty() => {}
            Line::Read if count.line == 1 && goes_on(trimmed) => {
                // A document over several lines: read what is left, within the limit of a delivery.
                let room = MAX_LINE_BYTES.saturating_sub(line.len()) as u64;
                let rest = limits::read_capped(&mut reader, room, &name)?;
                let whole = [trimmed, b"\n", &rest].concat();
                if is_json(&whole) || !whole.split(|byte| *byte == b'\n').any(is_object) {
                    one(&whole, cluster, &mut count, each);
                    return Ok(count);
                }
                // It was only the first line of a file of lines that was broken.
                count.skip("it is no whole JSON");
                for line in rest.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
                    count.line += 1;
                    if !line.is_empty() {
                        one(line, cluster, &mut count, each);
                    }
                }
                return Ok(count);
            }
            Line::Read => one(trimmed, cluster, &mut count, each),
        }
    }
}

/// Whether a line is the start of a document over several lines, and not one that was cut off.
fn goes_on(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'{' | b'[')) && matches!(line.last(), Some(b'{' | b'[' | b',' | b':'))
}

/// Whether a text is one JSON value after the other.
fn is_json(text: &[u8]) -> bool {
    serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>().all(|value| value.is_ok())
}

fn is_object(line: &[u8]) -> bool {
    line.trim_ascii().starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// What reading a line came to.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Read,
    /// It was passed over.
    TooLong,
    End,
}

fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    let read = reader.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', line)?;
    if read <= MAX_LINE_BYTES {
        return Ok(if read == 0 { Line::End } else { Line::Read });
    }
    while !line.ends_with(b"\n") {
        line.clear();
        if reader.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', line)? == 0 {
            break;
        }
    }
    line.clear();
    Ok(Line::TooLong)
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
                if skipped.foreign {
                    count.others += 1;
                } else {
                    count.skip(&skipped.reason);
                }
            }
            for event in received.events {
                count.events += 1;
                each(event);
            }
        }
        Err(AuditError::Json { source }) => count.skip(&source.to_string()),
        Err(error) => count.skip(&error.to_string()),
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
    fn a_line_without_end_is_passed_over() {
        let long = vec![b'x'; MAX_LINE_BYTES + 10];
        let text = [&long[..], b"\nshort\n", &long].concat();
        let mut reader = BufReader::new(&text[..]);
        let mut line = Vec::new();
        let mut read = || (read_line(&mut reader, &mut line).unwrap(), line.clone());
        assert_eq!(read(), (Line::TooLong, Vec::new()));
        assert_eq!(read(), (Line::Read, b"short\n".to_vec()));
        assert_eq!(read(), (Line::TooLong, Vec::new()));
        assert_eq!(read(), (Line::End, Vec::new()));
    }

    #[test]
    fn a_broken_start_does_not_hide_the_rest() {
        let whole = recorded(1);
        let cut = whole.get(..whole.len() / 2).unwrap();
        for start in ["no json", cut, "{", "}", "[1,", "\u{0}"] {
            let (events, count) = read_text(&format!("{start}\n{whole}\n{whole}\n"));
            assert_eq!((events.len(), count.skipped), (2, 1), "{start}");
        }
        let (events, count) = read_text("{\n  \"auditID\": \"a\",\n  \"user\": {\n");
        assert_eq!((events.len(), count.skipped), (0, 1), "a document that was cut off is one item");
        assert_eq!(read_text(&format!("\u{feff}{whole}\n")).0.len(), 1);
    }

    #[test]
    fn records_of_other_categories_are_no_loss() {
        let audit = r#"{"auditID":"a","stageTimestamp":"2026-01-01T00:00:00Z"}"#;
        let records = serde_json::json!({ "records": [
            { "category": "kube-audit", "properties": { "log": audit } },
            { "category": "kube-apiserver", "properties": { "log": "I0101 text" } },
            { "category": "kube-audit-admin", "properties": { "log": "cut off {" } },
        ]});
        let (events, count) = read_text(&records.to_string());
        assert_eq!((events.len(), count.others, count.skipped), (1, 1, 1), "{count:?}");
    }
}
