//! A root file system as the one layer of an image.

use std::io;
use std::path::Path;

use images::directory::{Entry, Kind, Walk, open};
use imagescan::{LayerRecord, LayerScanner, ScanError, TreeScan};

use crate::reason;

/// Reads the files of a directory that an analyser asks for. The error is one line for people.
pub(crate) fn scan(root: &Path, scanner: &LayerScanner) -> Result<LayerRecord, String> {
    let walk = Walk::new(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let mut tree = scanner.tree();
    for entry in walk {
        add(&mut tree, entry).map_err(|error| reason::chain(&error))?;
    }
    Ok(tree.finish())
}

fn add(tree: &mut TreeScan, Entry { path, kind }: Entry) -> Result<(), ScanError> {
    match kind {
        Kind::File { size, mode, path: file } if tree.wants(&path, size, mode) => match open(&file) {
            Ok(content) => match tree.file(&path, size, mode, content) {
                // One file that cannot be read to its end leaves the rest of the tree as good as it is.
                Err(ScanError::File { path, source }) => {
                    tree.unreadable(&path, &source.to_string());
                    Ok(())
                }
                other => other,
            },
            // It disappeared meanwhile: then it is not in the tree.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                tree.unreadable(&path, &error.to_string());
                Ok(())
            }
        },
        Kind::File { size, mode, .. } => tree.file(&path, size, mode, io::empty()),
        Kind::HardLink(target) => tree.hard_link(&path, &target),
        Kind::Directory => tree.directory(&path),
        Kind::Symlink(target) => tree.symlink(&path, &target),
        Kind::Other => tree.other(&path),
        Kind::Unreadable(reason) => {
            tree.unreadable(&path, &reason);
            Ok(())
        }
        Kind::Skipped(reason) => {
            tracing::info!(path, reason, "left out");
            Ok(())
        }
    }
}
