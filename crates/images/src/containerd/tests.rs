//! A database laid out by hand, its damage, and (in `tests/it`) what a real containerd writes.

use super::*;

fn page(id: u64, flags: u16, count: u16, body: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    page.extend(id.to_le_bytes());
    page.extend(flags.to_le_bytes());
    page.extend(count.to_le_bytes());
    page.extend(0_u32.to_le_bytes());
    page.extend(body);
    page
}

/// The elements of a leaf: (is a bucket, key, value).
fn leaf(items: &[(bool, &[u8], Vec<u8>)]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (index, (is_bucket, key, value)) in items.iter().enumerate() {
        let position = (items.len() - index) * 16 + data.len();
        for number in [usize::from(*is_bucket), position, key.len(), value.len()] {
            elements.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        data.extend(*key);
        data.extend(value);
    }
    [elements, data].concat()
}

/// A bucket that fits into its parent's value.
fn inline(items: &[(bool, &[u8], Vec<u8>)]) -> Vec<u8> {
    [vec![0; 16], page(0, 2, u16::try_from(items.len()).unwrap(), &leaf(items))].concat()
}

fn meta(id: u64, root: u64, transaction: u64) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [0xED0C_DAED_u32, 2, 4096, 0] {
        body.extend(number.to_le_bytes());
    }
    for number in [root, 0, 0, 10, transaction] {
        body.extend(number.to_le_bytes());
    }
    let sum = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    body.extend(sum.to_le_bytes());
    page(id, 4, 0, &body)
}

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn database() -> Vec<u8> {
    let target = inline(&[(false, b"digest", DIGEST.into()), (false, b"mediatype", b"application/x".to_vec())]);
    let image = inline(&[(false, b"createdat", vec![1]), (true, b"target", target)]);
    let images = inline(&[(true, b"docker.io/library/app:1", image)]);
    let namespace = inline(&[(true, b"images", images), (true, b"leases", inline(&[]))]);
    let namespaces = leaf(&[(true, b"k8s.io", namespace)]);
    // `v1` is a tree of its own: a branch page over one leaf.
    let v1 = [4_u64.to_le_bytes(), 0_u64.to_le_bytes()].concat();
    let branch =
        [16_u32.to_le_bytes().to_vec(), 6_u32.to_le_bytes().to_vec(), 5_u64.to_le_bytes().to_vec(), b"k8s.io".to_vec()]
            .concat();
    let pages = [
        meta(0, 99, 6),
        meta(1, 3, 7),
        page(2, 0x10, 0, &[]),
        page(3, 2, 1, &leaf(&[(true, b"v1", v1)])),
        page(4, 1, 1, &branch),
        page(5, 2, 1, &namespaces),
    ];
    pages
        .into_iter()
        .flat_map(|mut page| {
            page.resize(4096, 0);
            page
        })
        .collect()
}

fn read(bytes: &[u8]) -> Result<Vec<Image>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meta.db");
    std::fs::write(&path, bytes).unwrap();
    images(&File::open(&path).unwrap(), &path).map_err(|error| error.to_string())
}

#[test]
fn names_lead_to_digests() {
    let [image] = read(&database()).unwrap().try_into().unwrap();
    assert_eq!(
        image,
        Image {
            namespace: "k8s.io".into(),
            name: "docker.io/library/app:1".into(),
            digest: DIGEST.into(),
            media_type: "application/x".into(),
        }
    );
}

#[test]
fn the_newer_valid_meta_page_counts() {
    // The first has a lower transaction and a root that does not exist; breaking the second leaves only it.
    let mut bytes = database();
    bytes[4096 + 20] ^= 1;
    assert!(read(&bytes).unwrap_err().contains("a page beyond the end"));
    bytes[20] ^= 1;
    assert!(read(&bytes).unwrap_err().contains("no bolt database"));
}

#[test]
fn damage_never_panics_nor_loops() {
    let whole = database();
    for at in (0..whole.len()).filter(|at| whole[*at] != 0) {
        for value in [0, 0xff, whole[at] ^ 0x55] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            // Any answer but a panic or an endless walk will do.
            drop(read(&bytes));
        }
    }
    let mut cycle = whole;
    cycle[4 * 4096 + 16 + 8] = 4;
    assert!(read(&cycle).unwrap_err().contains("more pages"));
}

#[test]
fn small_files_do_not_become_large_in_memory() {
    // The branch leads to itself as often as a page has room for: each time it is read, what is to be read grows.
    let mut wide = database();
    wide[4 * 4096 + 10..4 * 4096 + 12].copy_from_slice(&255_u16.to_le_bytes());
    for element in 0..255 {
        let at = 4 * 4096 + 16 + element * 16 + 8;
        wide[at..at + 8].copy_from_slice(&4_u64.to_le_bytes());
    }
    assert!(read(&wide).unwrap_err().contains("more pages"));
    // Elements that all are the same bytes of their page: each was to be copied.
    let value = vec![0; 2000];
    let mut elements = Vec::new();
    for index in 0..100_u32 {
        for number in [1, 1600 - index * 16, 1, 2000] {
            elements.extend(number.to_le_bytes());
        }
    }
    let mut overlapping = database();
    let leaf = [page(5, 2, 100, &elements), b"k".to_vec(), value].concat();
    overlapping[5 * 4096..5 * 4096 + leaf.len()].copy_from_slice(&leaf);
    assert!(read(&overlapping).unwrap_err().contains("overlap"));
}

#[test]
fn short_names_are_found_and_others_listed() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("io.containerd.metadata.v1.bolt");
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("meta.db"), database()).unwrap();
    for name in ["app:1", "docker.io/library/app:1"] {
        assert_eq!(open(dir.path(), name).unwrap().1[0].digest.to_string(), DIGEST);
    }
    let error = open(dir.path(), "other").unwrap_err().to_string();
    assert_eq!(error, "containerd has no image \"other\"; it has: docker.io/library/app:1");
}
