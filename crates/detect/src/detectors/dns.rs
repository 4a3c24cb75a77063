//! Names that carry data, and names that a program made up.

use model::{Body, CausalRoot, Event};

use super::window::Windows;
use super::{Detector, Hit};
use crate::alert::causal_root;

/// `dns-tunnel`: thirty different names with long, random-looking parts below one domain within a minute.
#[derive(Debug)]
pub struct Tunnel(Windows<(CausalRoot, String)>);

impl Default for Tunnel {
    fn default() -> Self {
        Self(Windows::new(60_000, 30))
    }
}

/// Characters below the domain from which on a name can carry data worth the trouble.
const LONG: usize = 20;

/// Bits per character from which on a text may be random. Words reach it as well, so [`looks_encoded`] looks closer.
const RANDOM: f64 = 3.2;

/// Names that no resolver takes out of the cluster or the site: services of Kubernetes, reverse look-ups, local names.
const INSIDE: [&str; 5] = [".cluster.local", ".in-addr.arpa", ".ip6.arpa", ".local", ".internal"];

/// Whether letters and digits mix as in encoded bytes (hexadecimal about every second character, Base32 every third,
/// Base64 every fourth), or letters have fewer vowels than words. Names of machines have their digits in a row.
fn looks_encoded(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'.').collect();
    let changes = |pair: &&[u8]| {
        pair.iter().all(u8::is_ascii_alphanumeric) && pair[0].is_ascii_digit() != pair[1].is_ascii_digit()
    };
    let changes = bytes.windows(2).filter(changes).count();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let vowels = bytes.iter().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
    changes * 5 >= bytes.len() || (letters >= 16 && vowels * 10 < letters * 3)
}

impl Detector for Tunnel {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let Body::Dns(dns) = &event.body else { return None };
        let (below, domain) = split(&dns.question)?;
        let inside = INSIDE.iter().any(|suffix| dns.question.trim_end_matches('.').ends_with(suffix));
        if inside || below.len() < LONG || entropy(below) < RANDOM || !looks_encoded(below) {
            return None;
        }
        let (items, earlier) = self.0.add((causal_root(event), domain.to_owned()), below.to_owned(), event)?;
        let output = format!("{} different long names below {domain} within a minute", items.len());
        Some(Hit { detector: "dns-tunnel", output, earlier })
    }
}

/// `generated-domains`: twelve different domains that look random and do not exist within five minutes.
#[derive(Debug)]
pub struct Generated(Windows<CausalRoot>);

impl Default for Generated {
    fn default() -> Self {
        Self(Windows::new(300_000, 12))
    }
}

impl Detector for Generated {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let Body::Dns(dns) = &event.body else { return None };
        if dns.rcode.as_deref() != Some("NXDOMAIN") {
            return None;
        }
        let domain = split(&dns.question).map_or(dns.question.as_str(), |(_, domain)| domain);
        let label = domain.split('.').next().unwrap_or_default();
        if !looks_random(label) {
            return None;
        }
        let (items, earlier) = self.0.add(causal_root(event), domain.to_owned(), event)?;
        let output = format!("{} domains that look generated and do not exist, such as {domain}", items.len());
        Some(Hit { detector: "generated-domains", output, earlier })
    }
}

/// What stands below the registered domain, and that domain: two labels, three where the second is short as in `co.uk`.
fn split(name: &str) -> Option<(&str, &str)> {
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(at, _)| at).collect();
    let second = dots.get(1).copied()?;
    let short = name.len() - second <= 7 && dots.first().is_some_and(|last| last - second <= 4);
    let cut = if short { dots.get(2).copied().unwrap_or(second) } else { second };
    Some((name.get(..cut)?, name.get(cut + 1..)?))
}

/// Long, without the vowels of words, or mixed with digits.
fn looks_random(label: &str) -> bool {
    let length = label.chars().count();
    if length < 10 || label.starts_with("xn--") || label.contains('-') {
        return false;
    }
    let count = |test: fn(char) -> bool| label.chars().filter(|c| test(*c)).count();
    let vowels = count(|c| "aeiouy".contains(c));
    let digits = count(|c| c.is_ascii_digit());
    entropy(label) >= 2.8 && (vowels * 4 < length || digits >= 2)
}

/// Shannon's entropy in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX).max(1));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_split() {
        let cases = [
            ("a.b.example.com", Some(("a.b", "example.com"))),
            ("a.example.co.uk", Some(("a", "example.co.uk"))),
            ("example.com", None),
            ("x", None),
        ];
        for (name, expected) in cases {
            assert_eq!(split(name), expected, "{name}");
        }
    }

    #[test]
    fn names_of_machines_do_not_look_encoded() {
        for (text, expected) in [
            ("mrswi3tfon2gk4tjnzxw2zlyorvgk5a.t", true),
            ("4f1c9a0b7de2836655aa01ff93", true),
            ("cGFzc3dvcmQ6aHVudGVyMjEyMzQ1Njc4", true),
            ("xkqzjvbwprtlmndxkqzjvbwp", true),
            ("qhzuvkaytrpwmlexjodbnsgcfiqkzrvhwy", true),
            ("aks-nodepool1-12345678-vmss000001", false),
            ("ip-10-240-0-15.us-east-2.compute", false),
            ("checkout-service.shop-production", false),
            ("prometheus-kube-state-metrics.monitoring", false),
        ] {
            assert_eq!(looks_encoded(text), expected, "{text}");
        }
    }

    #[test]
    fn words_do_not_look_random() {
        for (label, expected) in [
            ("xkqzjvbwprtlmnd", true),
            ("a8f3k2q9z7x1", true),
            ("documentation", false),
            ("kubernetes", false),
            ("stackoverflow", false),
            ("short", false),
        ] {
            assert_eq!(looks_random(label), expected, "{label}");
        }
    }
}
