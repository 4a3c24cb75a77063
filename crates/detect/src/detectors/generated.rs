//! Scripts that one command line writes and runs.
//!
//! `script-from-text`: the text of a shell's `-c` redirects into a file and names the same file as a program, or as the
//! argument of a shell, later on. Pure: the text alone decides. What it is not: a shell; quotes are taken away and
//! nothing is expanded.

use model::{Body, Event};

use super::connected;
use super::{Detector, Hit};

/// Texts are read up to here: scripts on command lines are short.
const MAX_TEXT: usize = 16 * 1024;

/// The detector; it remembers nothing.
#[derive(Debug)]
pub struct Scripts;

impl Detector for Scripts {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let (Body::Exec(exec), Some(process)) = (&event.body, event.process.as_deref()) else { return None };
        let (name, args) = connected::command(&process.name, &process.args);
        if exec.result < 0 || !connected::is_shell(name) {
            return None;
        }
        let is_command = |arg: &String| arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('c');
        let text = args.iter().skip_while(|arg| !is_command(arg)).nth(1)?;
        let file = written_and_run(text)?;
        Some(Hit {
            detector: "script-from-text",
            output: format!("one command line writes {file} and runs it"),
            earlier: Vec::new(),
        })
    }
}

/// The file that a text writes with `echo`, `printf` or `tee` and then runs as a program or a script of a shell. Jobs bring
/// their programs in other languages, and longer ones as here-documents.
fn written_and_run(text: &str) -> Option<String> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut written: Vec<String> = Vec::new();
    for command in text.get(..end)?.split([';', '\n', '&', '|']) {
        let plain = command.replace(['"', '\''], "").replace('>', " > ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        let [first, rest @ ..] = words.as_slice() else { continue };
        if let Some(file) = written.iter().find(|file| runs(first, rest, file)) {
            return Some(file.clone());
        }
        let target = words
            .iter()
            .position(|word| *word == ">")
            .and_then(|at| words.get(at..)?.iter().find(|word| **word != ">"));
        let made = match *first {
            "echo" | "printf" => target.copied(),
            "tee" => rest.iter().find(|word| !word.starts_with('-')).copied(),
            _ => None,
        };
        written.extend(made.filter(|file| !file.starts_with("/dev/null")).map(bare));
    }
    None
}

fn bare(path: &str) -> String {
    path.strip_prefix("./").unwrap_or(path).to_owned()
}

/// Whether a command runs a file: by its path, or through a shell. What `.` and `source` read is settings more often.
fn runs(first: &str, rest: &[&str], file: &str) -> bool {
    let program = first.rsplit('/').next().unwrap_or(first);
    let by_itself = first.contains('/') && bare(first) == file;
    let takes_scripts = connected::is_shell(program) || matches!(first, "exec" | "nohup" | "setsid");
    by_itself
        || (takes_scripts && rest.iter().find(|word| !word.starts_with('-')).is_some_and(|word| bare(word) == file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_is_written_and_run() {
        for (text, expected) in [
            ("echo id > /tmp/g.sh; chmod +x /tmp/g.sh; /tmp/g.sh", Some("/tmp/g.sh")),
            ("printf '#!/bin/sh\\nid\\n' > /tmp/h; sh /tmp/h", Some("/tmp/h")),
            ("echo id | tee /tmp/t.sh > /dev/null; bash -x /tmp/t.sh", Some("/tmp/t.sh")),
            ("printf id > k.sh\nsh ./k.sh", Some("k.sh")),
            ("echo 'print(1)' > /job.py; python3 /job.py", None),
            ("echo a >> \"/opt/b\" && sh /opt/b", Some("/opt/b")),
            ("echo A=1 > /tmp/env; . /tmp/env", None),
            ("echo ready > /tmp/health; cat /tmp/health", None),
            ("echo id > /tmp/a; sh /tmp/b", None),
            ("sh /tmp/a; echo id > /tmp/a", None),
            ("make > /dev/null && ./run", None),
            ("cat input > out; ./program out", None),
            ("", None),
        ] {
            assert_eq!(written_and_run(text).as_deref(), expected, "{text}");
        }
    }
}
