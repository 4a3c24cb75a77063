//! Importers of advisories: the first byte chooses the format, the rest is the document. What is imported becomes a
//! segment that reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::import::{Sink, csaf, cvrf, debian, enrich, osv, oval, photon, rubysec, secdb, updateinfo};

fuzz_target!(|bytes: &[u8]| {
    let Some((format, document)) = bytes.split_first() else { return };
    let mut collected = Sink::new();
    let sink = &mut collected;
    match format % 14 {
        0 => osv::record(document, "x", "", sink),
        1 => drop(oval::file(document, "x-3.0", sink)),
        2 => csaf::csaf(document, "x", sink),
        3 => csaf::hydra(document, "x", sink),
        4 => cvrf::month(document, "x", sink),
        5 => drop(debian::tracker(document, "x", sink)),
        6 => drop(debian::list(document, "x", sink)),
        7 => secdb::json(document, "x", sink),
        8 => secdb::yaml(&String::from_utf8_lossy(document), "x", sink),
        9 => drop(updateinfo::updateinfo(document, "amazon-2023", sink)),
        10 => updateinfo::amazon_page(&String::from_utf8_lossy(document), "x", sink),
        12 => csaf::repositories(document, "x", sink),
        11 => drop(rubysec::lines(document, "x", sink)),
        _ => {
            enrich::kev(document, "x", sink);
            enrich::nvd(document, "x", sink);
            enrich::lifecycle(document, "x", sink);
            photon::list(document, "cve_data_photon4.0.json", sink);
            drop(enrich::epss(document, "x", sink));
        }
    }
    seawall_fuzz::segment(collected);
});
