//! DNS messages (RFC 1035 §4): the question, the code and the answers that an event carries.
//!
//! Pure and total over hostile bytes: compression pointers only go back and are counted, names are capped. What it is
//! not: a resolver; records of other types than addresses, names and texts are named by type only.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use model::event::Dns;

/// Longest name in text, RFC 1035 §2.3.4.
const MAX_NAME: usize = 255;
/// Pointers followed in one name: an honest name needs one or two.
const MAX_POINTERS: usize = 16;
/// Answers kept; a message of 512 bytes has room for about 30.
const MAX_ANSWERS: usize = 32;

/// A message and its id, which ties an answer to its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id.
    pub id: u16,
    /// Whether it is an answer.
    pub is_answer: bool,
    /// What the event carries; the server is the caller's to fill in.
    pub dns: Dns,
}

/// Reads a message. `None` for what is no message with exactly one question; answers that are cut are left out.
pub fn parse(bytes: &[u8]) -> Option<Message> {
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (id, flags, questions, answers) = (number(0)?, number(2)?, number(4)?, number(6)?);
    if questions != 1 {
        return None;
    }
    let (question, end) = name(bytes, 12)?;
    let kind = number(end)?;
    let is_answer = flags & 0x8000 != 0;
    let mut dns = Dns {
        question,
        r#type: type_name(kind),
        rcode: is_answer.then(|| rcode(flags & 15)),
        answers: Vec::new(),
        server: None,
    };
    let mut at = end + 4;
    for _ in 0..usize::from(answers).min(MAX_ANSWERS) {
        let Some((text, next)) = answer(bytes, at) else { break };
        dns.answers.extend(text);
        at = next;
    }
    Some(Message { id, is_answer, dns })
}

/// One answer's text, where its type has one, and where the next begins.
fn answer(bytes: &[u8], at: usize) -> Option<(Option<String>, usize)> {
    let (_, end) = name(bytes, at)?;
    let kind = u16::from_be_bytes([*bytes.get(end)?, *bytes.get(end + 1)?]);
    let length = usize::from(u16::from_be_bytes([*bytes.get(end + 8)?, *bytes.get(end + 9)?]));
    let start = end + 10;
    let data = bytes.get(start..start + length)?;
    let text = match kind {
        1 => <[u8; 4]>::try_from(data).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
        28 => <[u8; 16]>::try_from(data).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
        2 | 5 | 12 => name(bytes, start).map(|(name, _)| name),
        15 => name(bytes, start + 2).map(|(name, _)| name),
        // Texts: one length byte before each part.
        16 => data.get(1..).map(|text| String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    Some((text, start + length))
}

/// A name in lower case without the final dot, and where it ends.
fn name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut at, mut end, mut pointers) = (start, None, 0);
    let mut text = String::new();
    loop {
        let length = usize::from(*bytes.get(at)?);
        match length >> 6 {
            0 if length == 0 => return Some((text, end.unwrap_or(at + 1))),
            0 => {
                let label = bytes.get(at + 1..at + 1 + length)?;
                if !text.is_empty() {
                    text.push('.');
                }
                // Any byte may stand in a label; what is not plain is written as in RFC 1035 §5.1.
                for byte in label {
                    match byte {
                        b'!'..=b'~' if *byte != b'.' && *byte != b'\\' => text.push(byte.to_ascii_lowercase() as char),
                        other => {
                            // Writing into a string cannot fail.
                            let _written = write!(text, "\\{other:03}");
                        }
                    }
                }
                if text.len() > MAX_NAME * 4 {
                    return None;
                }
                at += 1 + length;
            }
            3 => {
                let low = usize::from(*bytes.get(at + 1)?);
                end = end.or(Some(at + 2));
                let target = (length & 0x3f) << 8 | low;
                pointers += 1;
                if target >= at || pointers > MAX_POINTERS {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
}

fn type_name(kind: u16) -> String {
    let known = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        64 => "SVCB",
        65 => "HTTPS",
        255 => "ANY",
        // RFC 3597 §5.
        other => return format!("TYPE{other}"),
    };
    known.to_owned()
}

fn rcode(code: u16) -> String {
    let known = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        other => return format!("RCODE{other}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(flags: u16, answers: u16) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        for number in [flags, 1, answers, 0, 0] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(b"\x03WWW\x07example\x03org\0\0\x01\0\x01");
        bytes
    }

    #[test]
    fn a_question_and_its_answers_are_read() {
        let asked = parse(&question(0x0100, 0)).unwrap();
        assert_eq!((asked.id, asked.is_answer, asked.dns.question.as_str()), (0x1234, false, "www.example.org"));
        assert_eq!((asked.dns.r#type.as_str(), asked.dns.rcode), ("A", None));

        let mut bytes = question(0x8180, 2);
        bytes.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10");
        bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
        let answered = parse(&bytes).unwrap();
        assert_eq!(answered.dns.answers, ["cdn.example.org", "192.0.2.1"]);
        assert_eq!(answered.dns.rcode.as_deref(), Some("NOERROR"));
        for end in 0..bytes.len() {
            drop(parse(&bytes[..end]));
        }
    }

    #[test]
    fn pointers_that_do_not_go_back_are_refused() {
        for target in [12u8, 13, 40] {
            let mut bytes = question(0, 0)[..12].to_vec();
            bytes.extend([0xc0, target, 0, 1, 0, 1]);
            assert_eq!(parse(&bytes), None, "{target}");
        }
    }

    #[test]
    fn strange_bytes_in_names_are_escaped() {
        let mut bytes = question(0, 0)[..12].to_vec();
        bytes.extend(b"\x03a.\xff\0\0\x10\0\x01");
        let dns = parse(&bytes).unwrap().dns;
        assert_eq!((dns.question.as_str(), dns.r#type.as_str()), ("a\\046\\255", "TXT"));
    }

    #[test]
    fn noise_does_not_panic() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..64)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_le_bytes()[7]
                })
                .collect();
            let mut bytes = bytes;
            bytes[4..8].copy_from_slice(&[0, 1, 0, 9]);
            drop(parse(&bytes));
        }
    }
}
