//! How long a sender waits after a failure. Pure: the attempt, the hub's wish and the dice are parameters.

use std::time::Duration;

use model::Timestamp;

/// First wait: a restart of the hub on the same machine takes about this long.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait of our own: an hour's outage is noticed as over within half a minute.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest wait that a hub may ask for: a wrong header must not silence a node for a day.
const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// The wait before attempt `failures + 1`. `dice` spreads the senders of a cluster over the upper half of the wait, so
/// that they do not return all at once.
pub fn delay(failures: u32, asked: Option<Duration>, dice: u16) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    let ours = whole / 2 + whole.mul_f64(f64::from(dice) / f64::from(u16::MAX)) / 2;
    // The hub knows when it can take more; the dice still spread what comes after that moment.
    asked.map_or(ours, |asked| asked.min(LONGEST_ASKED) + ours.min(Duration::from_secs(1)))
}

/// The value of a `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date that lies after `now`.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // `GMT` is the only zone of an HTTP date (RFC 9110 §5.6.7); RFC 2822 has the rest of its form.
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let nanos = date.as_nanosecond() - i128::from(now.as_nanos());
    Some(u64::try_from(nanos).map_or(Duration::ZERO, Duration::from_nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        for (failures, least, most) in [
            (0, 125, 250),
            (1, 125, 250),
            (2, 250, 500),
            (4, 1000, 2000),
            (40, 15_000, 30_000),
            (u32::MAX, 15_000, 30_000),
        ] {
            assert_eq!(delay(failures, None, 0).as_millis(), least);
            assert_eq!(delay(failures, None, u16::MAX).as_millis(), most);
        }
    }

    #[test]
    fn the_hub_may_ask_for_more_but_not_for_a_day() {
        assert!(delay(1, Some(Duration::from_secs(7)), 0) >= Duration::from_secs(7));
        assert!(delay(9, Some(Duration::from_hours(24)), u16::MAX) <= LONGEST_ASKED + Duration::from_secs(1));
    }

    #[test]
    fn both_forms_of_retry_after() {
        let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Tue, 24 Nov 2026 06:00:30 GMT", Some(30)),
            ("Tue, 24 Nov 2026 05:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}
