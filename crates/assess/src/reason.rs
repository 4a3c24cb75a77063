//! Errors as one line for diagnostics, and the limits among their causes.

use std::error::Error;
use std::io;

use limits::LimitExceeded;

/// An error and its causes, `a: b: c`, without repetition.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Transparent wrappers and I/O errors repeat what they carry.
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

/// Whether a limit of ours is the cause: then the input is a bomb, and reading the rest of it would be its success.
pub(crate) fn is_limit(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LimitExceeded>() {
            return true;
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && inner.is::<LimitExceeded>()
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading the layer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_are_told_once() {
        let limit = || io::Error::from(LimitExceeded { what: "bytes".into(), limit: 5 });
        assert_eq!(chain(&Outer(limit())), "reading the layer: more than 5 bytes");
        assert!(is_limit(&Outer(limit())));
        assert!(!is_limit(&Outer(io::Error::other("cut"))));
        assert_eq!(chain(&Outer(io::Error::other("reading the layer"))), "reading the layer");
    }
}
