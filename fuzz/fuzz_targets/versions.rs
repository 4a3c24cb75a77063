//! Version order: any three texts have an order in every scheme, the same whichever way one asks.

#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use vuln::version::Scheme;

fuzz_target!(|texts: (&str, &str, &str)| {
    let (a, b, c) = texts;
    for scheme in Scheme::ALL {
        let (ab, bc, ac) = (scheme.compare(a, b), scheme.compare(b, c), scheme.compare(a, c));
        assert_eq!(scheme.compare(a, a), Ordering::Equal, "{scheme}: {a:?} is itself");
        assert_eq!(ab, scheme.compare(b, a).reverse(), "{scheme}: {a:?} and {b:?} both ways");
        assert_eq!(scheme.explain(a, b).order, ab, "{scheme}: {a:?} and {b:?} explained");
        // What is no version has some order, but it need not be a total one: PHP's, of which Composer's is made, is not.
        // Neither is Maven's own, to which every text is a version: `[1.` > `0.` > `0-b1` > `[1.` in ComparableVersion.
        if scheme == Scheme::Maven || [a, b, c].iter().any(|text| scheme.validate(text).is_err()) {
            continue;
        }
        if ab == bc || bc == Ordering::Equal {
            assert_eq!(ac, ab, "{scheme}: {a:?}, {b:?}, {c:?}");
        } else if ab == Ordering::Equal {
            assert_eq!(ac, bc, "{scheme}: {a:?}, {b:?}, {c:?}");
        }
    }
});
