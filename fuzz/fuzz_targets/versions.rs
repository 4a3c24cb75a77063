//! Version order: every two texts have an order, the same both ways round, in every scheme.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::version::Scheme;

fuzz_target!(|pair: (&str, &str)| {
    let (a, b) = pair;
    for scheme in Scheme::ALL {
        assert_eq!(scheme.compare(a, b), scheme.compare(b, a).reverse(), "{scheme}");
        assert_eq!(scheme.explain(a, b).order, scheme.compare(a, b), "{scheme}");
        let _ = scheme.validate(a);
    }
});
