//! Shell patterns as fnmatch(3) without flags matches them: `*` and `?` match `/` too.

/// Whether a text matches a pattern with `*`, `?`, `[…]` and `\` escapes. Time is bounded by pattern × text.
pub fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = if ignore_case {
        (pattern.chars().map(lower).collect(), text.chars().map(lower).collect())
    } else {
        (pattern.chars().collect(), text.chars().collect())
    };
    let (mut p, mut t) = (0, 0);
    // Where to go on when the rest does not match: only the last star can be the one that takes more.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match step(&pattern, p, text[t]) {
            Step::Star => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Step::Match(next) => {
                p = next;
                t += 1;
            }
            Step::No => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                p = star;
                t = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

const fn lower(c: char) -> char {
    c.to_ascii_lowercase()
}

enum Step {
    Star,
    Match(usize),
    No,
}

fn step(pattern: &[char], at: usize, c: char) -> Step {
    match pattern.get(at) {
        None => Step::No,
        Some('*') => Step::Star,
        Some('?') => Step::Match(at + 1),
        Some('\\') if at + 1 < pattern.len() => {
            if pattern[at + 1] == c {
                Step::Match(at + 2)
            } else {
                Step::No
            }
        }
        Some('[') => match class(pattern, at, c) {
            Some((true, next)) => Step::Match(next),
            Some((false, _)) => Step::No,
            // A bracket without its end stands for itself.
            None => literal('[', at, c),
        },
        Some(other) => literal(*other, at, c),
    }
}

fn literal(expected: char, at: usize, c: char) -> Step {
    if expected == c { Step::Match(at + 1) } else { Step::No }
}

/// Whether the class that starts at `at` has the character, and where the class ends.
fn class(pattern: &[char], at: usize, c: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(at + 1), Some('!' | '^'));
    let first = at + 1 + usize::from(negated);
    let mut found = false;
    let mut i = first;
    loop {
        let low = *pattern.get(i)?;
        if low == ']' && i > first {
            return Some((found != negated, i + 1));
        }
        match (pattern.get(i + 1), pattern.get(i + 2)) {
            (Some('-'), Some(high)) if *high != ']' => {
                found |= (low..=*high).contains(&c);
                i += 3;
            }
            _ => {
                found |= low == c;
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        let cases = [
            ("/etc/*", "/etc/a/b", true),
            ("*.so", "a.so", true),
            ("*.so", "a.so.1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x", "[]x", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(matches("*.SO", "a.so", true));
    }

    #[test]
    fn many_stars_stay_quick() {
        let pattern = "*a".repeat(50);
        let text = "a".repeat(5_000) + "b";
        assert!(!matches(&pattern, &text, false));
    }
}
