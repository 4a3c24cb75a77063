//! The rule engine: Falco rule language, alert catalogue, detectors.
