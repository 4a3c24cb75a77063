//! Which language packages of another tool's document the distribution brought.
//!
//! Few documents say which operating system package owns a file. Debian's policies reserve folders for what its own
//! packages bring; people and `pip` install elsewhere. A package found there is marked with the folder, so that it is
//! judged through the distribution's advisories as it would be in the image.
//!
//! Sources: Debian's Python policy §2 (`/usr/lib/python3/dist-packages`), its Ruby and Node.js teams' policies.

use model::{DISTRIBUTION_FOLDER, Inventory};

/// Folders, and the type of the packages that are reserved to the distribution there.
const FOLDERS: [(&str, &str); 8] = [
    ("usr/lib/python3/dist-packages/", "pypi"),
    ("usr/share/python-wheels/", "pypi"),
    ("usr/share/nodejs/", "npm"),
    ("usr/lib/nodejs/", "npm"),
    ("usr/lib/ruby/", "gem"),
    ("usr/share/rubygems-integration/", "gem"),
    ("usr/share/ruby-vendor/", "gem"),
    ("usr/share/php/", "composer"),
];

/// Marks packages of Debian and its derivatives.
pub(super) fn mark(inventory: &mut Inventory) {
    if !inventory.os.as_ref().is_some_and(|os| matches!(os.id.as_str(), "debian" | "ubuntu")) {
        return;
    }
    for package in inventory.packages.iter_mut().filter(|package| package.owner.is_none()) {
        let folder = FOLDERS.iter().find(|(folder, kind)| {
            *kind == package.r#type && package.locations.iter().any(|location| location.path.starts_with(folder))
        });
        if let Some((folder, _)) = folder {
            package.properties.insert(DISTRIBUTION_FOLDER.to_owned(), folder.trim_end_matches('/').to_owned());
        }
    }
}
