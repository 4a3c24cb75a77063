//! An image from source to assessment.
