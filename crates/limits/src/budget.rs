//! Counted budgets: engines stop after so many steps or bytes, never after so much time (DESIGN §5.1).

use crate::LimitExceeded;

/// So much of something that may still be used.
#[derive(Debug, Clone)]
pub struct Budget {
    what: &'static str,
    limit: u64,
    used: u64,
}

impl Budget {
    /// A budget of `limit` units of `what` (plural, such as `entries`).
    pub const fn new(what: &'static str, limit: u64) -> Self {
        Self { what, limit, used: 0 }
    }

    /// Uses some of it.
    pub fn take(&mut self, amount: u64) -> Result<(), LimitExceeded> {
        self.used = self.used.saturating_add(amount);
        if self.used > self.limit {
            Err(LimitExceeded { what: self.what.to_owned(), limit: self.limit })
        } else {
            Ok(())
        }
    }

    /// How much was used.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// How much is left.
    pub const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn ends_after_its_limit() {
        let mut budget = Budget::new("entries", 2);
        budget.take(2).unwrap();
        assert_eq!(budget.left(), 0);
        assert_eq!(budget.take(1).unwrap_err().to_string(), "more than 2 entries");
        assert!(budget.take(u64::MAX).is_err(), "does not overflow");
    }
}
