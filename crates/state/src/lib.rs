//! Assessments, alerts, incidents and settings in SQLite.
