//! CVSS vectors to base scores.
//!
//! What it is: a thin, capped front of the `cvss` crate for versions 2.0, 3.0, 3.1 and 4.0 of FIRST's specifications.
//! What it is not: a judgement; how severities of several sources are weighed is in `assess`.

use model::Severity;

/// Longest vector that is read. The longest that version 4.0 can write has under 300 characters.
const VECTOR_MAX_BYTES: usize = 512;

/// The score of a vector, 0.0 to 10.0; `None` when no known version reads it.
pub fn score(vector: &str) -> Option<f64> {
    if vector.len() > VECTOR_MAX_BYTES {
        return None;
    }
    // NVD writes version 2 vectors in brackets now and then.
    let vector = vector.trim().trim_start_matches('(').trim_end_matches(')');
    let parsed = vector.parse::<::cvss::Cvss>().ok()?;
    is_complete(vector).then(|| parsed.score())
}

/// Whether a vector has all metrics that its version demands: the score of half a vector would say that nothing is wrong.
fn is_complete(vector: &str) -> bool {
    let demanded: &[&str] = match vector.split('/').next() {
        Some(start) if start.starts_with("CVSS:3") => &["AV", "AC", "PR", "UI", "S", "C", "I", "A"],
        Some(start) if start.starts_with("CVSS:4") => {
            &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"]
        }
        _ => &["AV", "AC", "Au", "C", "I", "A"],
    };
    let has = |metric: &str| vector.split('/').any(|part| part.split_once(':').is_some_and(|(name, _)| name == metric));
    demanded.iter().all(|metric| has(metric))
}

/// The severity that a vector's score stands for.
pub fn severity(vector: &str) -> Severity {
    score(vector).map_or(Severity::Unknown, Severity::from_cvss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_the_specifications_examples() {
        let check = |vector: &str, expected: Option<f64>| assert_eq!(score(vector), expected, "{vector}");
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8));
        check("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(10.0));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(0.0));
        check("AV:N/AC:L/Au:N/C:P/I:P/A:P", Some(7.5));
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(9.3));
        check("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", Some(10.0));
        check("CVSS:3.1/AV:N", None);
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H", None);
        check("AV:N/AC:L", None);
        check("", None);
        check("CVSS:9.9/AV:N", None);
        check(&"A".repeat(VECTOR_MAX_BYTES + 1), None);
    }
}
