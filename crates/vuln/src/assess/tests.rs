//! Rules of matching, each on a small inventory and a small segment.
