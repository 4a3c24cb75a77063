//! Cases of `detectors`: inputs and what must come of them.

use model::Timestamp;

use super::window::Windows;
use crate::testing::{event, exec, host, process};

#[test]
fn windows_forget_and_are_bounded() {
    let mut windows: Windows<u32> = Windows::new(1000, 3);
    let at = |millis: i64| {
        let mut event = event(exec(), &host(), process("id", &[]));
        event.time = Timestamp::from_nanos(0).plus_millis(millis);
        event
    };
    assert!(windows.add(1, "a".into(), &at(0)).is_none());
    assert!(windows.add(1, "b".into(), &at(500)).is_none());
    assert!(windows.add(1, "c".into(), &at(1200)).is_none(), "the first is too old");
    let (items, earlier) = windows.add(1, "d".into(), &at(1300)).unwrap();
    assert_eq!((items, earlier.len()), (vec!["b".into(), "c".into(), "d".into()], 2));
    assert!(windows.add(1, "e".into(), &at(1400)).is_none(), "it starts anew");
    // A clock that jumps back does not freeze a window.
    assert!(windows.add(1, "f".into(), &at(-9_000)).is_none());
    assert!(windows.add(1, "g".into(), &at(-8_900)).is_none());
    assert!(windows.add(1, "h".into(), &at(-8_800)).is_some());
    for key in 0..10_000 {
        windows.add(key, "a".into(), &at(2000));
    }
}

#[test]
fn detectors_come_with_our_rules_only() {
    let catalogue = crate::content::catalogue();
    assert_eq!(super::rules(catalogue).len(), super::ALL.len(), "each detector has an entry");
    let options = crate::CompileOptions { builtin: true, ..crate::CompileOptions::default() };
    let (ours, _) = crate::RuleSet::compile(&[], &options);
    let (none, _) = crate::RuleSet::compile(&[], &crate::CompileOptions::default());
    assert!(ours.needs().kinds.contains("dns"));
    assert!(none.needs().kinds.is_empty());
}
