//! Shell patterns as fnmatch(3) without flags matches them: `*` and `?` match `/` too.

/// Whether a text matches a pattern with `*`, `?`, `[…]` and `\` escapes. Time is bounded by pattern × text.
pub fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    // Each character as it is compared, and as it is: names of classes look at that one.
    let fold = |c: char| if ignore_case { c.to_ascii_lowercase() } else { c };
    let pattern: Vec<char> = pattern.chars().map(fold).collect();
    let text: Vec<[char; 2]> = text.chars().map(|c| [fold(c), c]).collect();
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

enum Step {
    Star,
    Match(usize),
    No,
}

fn step(pattern: &[char], at: usize, [c, raw]: [char; 2]) -> Step {
    match pattern.get(at) {
        None => Step::No,
        Some('*') => Step::Star,
        Some('?') => Step::Match(at + 1),
        // At the end it escapes nothing and matches nothing.
        Some('\\') => {
            if pattern.get(at + 1) == Some(&c) {
                Step::Match(at + 2)
            } else {
                Step::No
            }
        }
        Some('[') => match class(pattern, at, [c, raw]) {
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

/// Whether the class that starts at `at` has the character, and where the class ends. It has ranges, names such as
/// `[:digit:]` and escaped characters in it; a `]` at its start is one of its characters.
fn class(pattern: &[char], at: usize, [c, raw]: [char; 2]) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(at + 1), Some('!' | '^'));
    let first = at + 1 + usize::from(negated);
    let mut found = false;
    let mut i = first;
    loop {
        if *pattern.get(i)? == ']' && i > first {
            return Some((found != negated, i + 1));
        }
        if let Some((has, next)) = named(pattern, i, raw) {
            // A name that there is not makes that nothing matches.
            let Some(has) = has else { return Some((false, next)) };
            found |= has;
            i = next;
            continue;
        }
        let (low, next) = member(pattern, i)?;
        i = next;
        if pattern.get(i) == Some(&'-') && pattern.get(i + 1).is_some_and(|end| *end != ']') {
            let (high, next) = member(pattern, i + 1)?;
            found |= (low..=high).contains(&c);
            i = next;
        } else {
            found |= low == c;
        }
    }
}

/// One character of a class, escaped perhaps, and what is behind it.
fn member(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match (pattern.get(at)?, pattern.get(at + 1)) {
        ('\\', Some(escaped)) => Some((*escaped, at + 2)),
        (plain, _) => Some((*plain, at + 1)),
    }
}

/// Whether a character is of the named class of POSIX at this place (`[:alpha:]`), if there is such a name, and what is
/// behind it.
fn named(pattern: &[char], at: usize, c: char) -> Option<(Option<bool>, usize)> {
    if pattern.get(at..at + 2)? != ['[', ':'] {
        return None;
    }
    let length = pattern.get(at + 2..)?.windows(2).position(|pair| pair == [':', ']'])?;
    let name: String = pattern.get(at + 2..at + 2 + length)?.iter().collect();
    let has = match name.as_str() {
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_ascii_alphanumeric(),
        "upper" => c.is_ascii_uppercase(),
        "lower" => c.is_ascii_lowercase(),
        "space" => c.is_ascii_whitespace() || c == '\x0b',
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "xdigit" => c.is_ascii_hexdigit(),
        "cntrl" => c.is_ascii_control(),
        "graph" => c.is_ascii_graphic(),
        "print" => c.is_ascii_graphic() || c == ' ',
        _ => return Some((None, at + 2 + length + 2)),
    };
    Some((Some(has), at + 2 + length + 2))
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
            ("[[:digit:]x]*", "7z", true),
            ("[[:digit:]x]*", "xz", true),
            ("[![:alpha:]]", "7", true),
            ("[[:nothing:]]", ":]", false),
            ("[^[:nothing:]]", "a", false),
            ("\\", "\\", false),
            ("[a\\]]", "]", true),
            ("[\\a-c]", "b", true),
            ("[z-a]", "m", false),
            ("[a-]", "-", true),
            ("[^a]", "b", true),
            ("a[", "a[", true),
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
        assert!(matches("[[:upper:]]", "Z", true) && !matches("[[:upper:]]", "z", true));
    }

    #[test]
    fn many_stars_stay_quick() {
        let pattern = "*a".repeat(50);
        let text = "a".repeat(5_000) + "b";
        assert!(!matches(&pattern, &text, false));
    }
}
