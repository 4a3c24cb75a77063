//! Two clocks: the kernel's records count nanoseconds since boot, the contract wants wall-clock time.
//!
//! The difference is taken once, at start, so that one process keeps one start time whatever an operator or NTP does to
//! the wall clock meanwhile. What it is not: a source of "now" for engines; they get times as parameters.

use model::Timestamp;

/// Start times are rounded down to this many nanoseconds, the resolution of `/proc/PID/stat` (`USER_HZ` is 100 on all
/// architectures that we run on), so that a key made from a record equals one made from /proc.
pub const START_RESOLUTION: u64 = 10_000_000;

/// Translates times since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    boot: i64,
}

impl Clock {
    /// Takes the difference between the two clocks now.
    pub fn now() -> Self {
        let wall = read(libc::CLOCK_REALTIME);
        Self { boot: wall.saturating_sub(read(libc::CLOCK_BOOTTIME)) }
    }

    /// A clock whose boot was at a given time, for tests and recordings.
    pub const fn booted_at(time: Timestamp) -> Self {
        Self { boot: time.as_nanos() }
    }

    /// The wall-clock time of a moment since boot.
    pub fn wall(self, since_boot: u64) -> Timestamp {
        Timestamp::from_nanos(self.boot.saturating_add(i64::try_from(since_boot).unwrap_or(i64::MAX)))
    }

    /// The wall-clock start time of a process, as it is used in keys.
    pub fn start(self, since_boot: u64) -> Timestamp {
        self.wall(since_boot - since_boot % START_RESOLUTION)
    }

    /// Nanoseconds since boot now.
    pub fn since_boot() -> u64 {
        u64::try_from(read(libc::CLOCK_BOOTTIME)).unwrap_or(0)
    }
}

fn read(clock: libc::clockid_t) -> i64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::from_raw(clock));
    time.map_or(0, |time| time.tv_sec().saturating_mul(1_000_000_000).saturating_add(time.tv_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_are_cut_to_the_resolution_of_proc() {
        let clock = Clock::booted_at(Timestamp::from_seconds(1000));
        assert_eq!(clock.wall(1_234_567_890).as_nanos(), 1_001_234_567_890);
        assert_eq!(clock.start(1_234_567_890).as_nanos(), 1_001_230_000_000);
        assert_eq!(clock.start(1_230_000_000), clock.start(1_239_999_999));
    }

    #[test]
    fn the_clocks_advance_together() {
        let clock = Clock::now();
        let before = Clock::since_boot();
        assert!(clock.wall(before) <= clock.wall(Clock::since_boot()));
    }
}
