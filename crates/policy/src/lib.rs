//! Admission policy: Gatekeeper templates and Pod Security Standards.
