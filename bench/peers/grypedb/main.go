// Command grypedb writes a database for Grype from facts, by Grype's own module: grypedb FOLDER < FACTS.
//
// A fact is a line `TYPE NAME FIXED ID` with tabs between; the package is affected before FIXED.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"
)

// Ecosystems and the orders of their versions, as Grype names them.
var ecosystems = map[string][2]string{
	"deb":    {"deb", "dpkg"},
	"npm":    {"npm", "semver"},
	"pypi":   {"python", "python"},
	"maven":  {"java-archive", "maven"},
	"golang": {"go-module", "go"},
	"cargo":  {"rust-crate", "semver"},
	"gem":    {"gem", "gem"},
}

// Facts that are written in one transaction.
const batch = 2_000

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(folder string) error {
	store, err := v6.NewWriter(v6.Config{DBDirPath: folder})
	if err != nil {
		return err
	}
	now := time.Now()
	provider := &v6.Provider{ID: "github", Version: "1", Processor: "bench", DateCaptured: &now}
	if err := store.AddProvider(*provider); err != nil {
		return err
	}
	debian := &v6.OperatingSystem{Name: "debian", MajorVersion: "12", Codename: "bookworm"}
	var packages []*v6.AffectedPackageHandle
	flush := func() error {
		defer func() { packages = packages[:0] }()
		var vulnerabilities []*v6.VulnerabilityHandle
		for _, one := range packages {
			vulnerabilities = append(vulnerabilities, one.Vulnerability)
		}
		if err := store.AddVulnerabilities(vulnerabilities...); err != nil {
			return err
		}
		return store.AddAffectedPackages(packages...)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		one, err := affected(strings.Split(lines.Text(), "\t"), provider, debian)
		if err != nil {
			return err
		}
		if packages = append(packages, one); len(packages) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	if err := store.SetDBMetadata(); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	// The writer drops its indexes to publish a small file; Grype makes them again when it imports one, and so do we.
	if err := v6.Hydrater()(folder); err != nil {
		return err
	}
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), folder, "bench")
	return err
}

func affected(fact []string, provider *v6.Provider, debian *v6.OperatingSystem) (*v6.AffectedPackageHandle, error) {
	if len(fact) != 4 {
		return nil, fmt.Errorf("not a fact: %q", fact)
	}
	kind, name, fixed, id := fact[0], fact[1], fact[2], fact[3]
	ecosystem := ecosystems[kind]
	handle := &v6.AffectedPackageHandle{
		Vulnerability: &v6.VulnerabilityHandle{
			Name: id, Status: v6.VulnerabilityActive, Provider: provider, ProviderID: provider.ID,
			BlobValue: &v6.VulnerabilityBlob{ID: id, Description: "A made-up advisory"},
		},
		Package: &v6.Package{Ecosystem: ecosystem[0], Name: name},
		BlobValue: &v6.PackageBlob{Ranges: []v6.Range{{
			Version: v6.Version{Type: ecosystem[1], Constraint: "< " + fixed},
			Fix:     &v6.Fix{Version: fixed, State: v6.FixedStatus},
		}}},
	}
	if kind == "deb" {
		handle.OperatingSystem = debian
	}
	return handle, nil
}
